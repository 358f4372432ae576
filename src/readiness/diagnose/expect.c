#include "readiness/diagnose/expect.h"

#include <math.h>

#define SWEEPS 20 /* of iterative scaling; it converges geometrically */

size_t ratio_scratch(const ratio_table *t) {
    size_t values = 0;
    for (size_t a = 0; a < t->attributes; a++)
        values += t->values[a];
    return 3 * values * sizeof(double);
}

/* base * product of the row's factors */
static double main_effect(const ratio_table *t, const double *factor, size_t row) {
    double p = 1;
    for (size_t a = 0; a < t->attributes; a++) {
        p *= factor[t->codes[row * t->attributes + a]];
        factor += t->values[a];
    }
    return p;
}

/* Scales the factors of each attribute in turn until every value's errors are met. */
static void fit_main_effects(const ratio_table *t, double *factor, double *top,
                             double *modelled, double base) {
    size_t values = ratio_scratch(t) / (3 * sizeof(double));
    for (size_t v = 0; v < values; v++)
        factor[v] = 1;
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        size_t first = 0;
        for (size_t a = 0; a < t->attributes; first += t->values[a++]) {
            for (size_t v = 0; v < t->values[a]; v++)
                top[first + v] = modelled[first + v] = 0;
            for (size_t r = 0; r < t->rows; r++) {
                size_t v = first + t->codes[r * t->attributes + a];
                top[v] += t->top_before[r];
                modelled[v] += t->bottom_before[r] * base * main_effect(t, factor, r);
            }
            /* a value without errors keeps a little, one without a past keeps 1 */
            for (size_t v = first; v < first + t->values[a]; v++)
                if (modelled[v] > 0)
                    factor[v] *= fmax(top[v], 0.5) / modelled[v];
        }
    }
}

static bool are_counts(const ratio_table *t) {
    for (size_t r = 0; r < t->rows; r++)
        if (t->top_before[r] != floor(t->top_before[r]) ||
            t->top_now[r] != floor(t->top_now[r]))
            return false;
    return true;
}

/* Log likelihood of the counts before, negative binomial of shape a around the model. */
static double likelihood(const ratio_table *t, const double *factor, double base,
                         double a) {
    int sign;
    double sum = 0, at_a = lgamma_r(a, &sign);
    for (size_t r = 0; r < t->rows; r++) {
        double mean = t->bottom_before[r] * base * main_effect(t, factor, r);
        double n = t->top_before[r];
        if (mean > 0)
            sum += lgamma_r(n + a, &sign) - at_a + a * log(a / (a + mean)) +
                   n * log(mean / (a + mean));
    }
    return sum;
}

static double best_shape(const ratio_table *t, const double *factor, double base) {
    double best = 0.5, most = -INFINITY;
    for (double a = 0.5; a < 1e6; a *= 2) {
        double l = likelihood(t, factor, base, a);
        if (l > most) {
            most = l;
            best = a;
        }
    }
    return best;
}

static status check(const ratio_table *t, double sums[4], diag *d) {
    const double *columns[] = {t->top_before, t->bottom_before, t->top_now,
                               t->bottom_now};
    for (size_t c = 0; c < 4; c++) {
        sums[c] = 0;
        for (size_t r = 0; r < t->rows; r++) {
            double x = columns[c][r];
            if (!(x >= 0) || !isfinite(x)) {
                diag_at(d, NULL, (int)r + 1, 0);
                return diag_set(d, ERR_INVALID, "a value is negative or not finite");
            }
            sums[c] += x;
        }
    }
    if (!(sums[1] > 0) || !(sums[3] > 0))
        return diag_set(d, ERR_INVALID, "the denominator is 0 in all rows %s",
                        sums[1] > 0 ? "now" : "before");
    return OK;
}

status ratio_expect(const ratio_table *t, void *scratch, double *expected, double *spread,
                    ratio_change *out, diag *d) {
    double sums[4];
    status s = check(t, sums, d);
    if (s != OK)
        return s;
    size_t values = ratio_scratch(t) / (3 * sizeof(double));
    double *factor = scratch;
    double base = fmax(sums[0], 0.5) / sums[1];
    fit_main_effects(t, factor, factor + values, factor + 2 * values, base);
    bool counts = are_counts(t);
    double a = counts ? best_shape(t, factor, base) : 0;
    double whole = 0;
    for (size_t r = 0; r < t->rows; r++) {
        double p = base * main_effect(t, factor, r);
        double mean = t->bottom_before[r] * p;
        double rate = mean + a > 0 ? p * (t->top_before[r] + a) / (mean + a) : p;
        expected[r] = t->bottom_now[r] * rate;
        whole += expected[r];
        double now = fmax(expected[r], t->top_now[r]);
        spread[r] = (now > 0 ? 1 / now : 1) + (counts ? 1 / (t->top_before[r] + a) : 0);
    }
    double before = sums[0] / sums[1], now = sums[2] / sums[3];
    *out = (ratio_change){.before = before,
                          .now = now,
                          .by_rate = now - whole / sums[3],
                          .by_mix = whole / sums[3] - before};
    return OK;
}
