#include "readiness/kayenta/kayenta.h"

#include <float.h>
#include <math.h>
#include "stats/special.h"

/* Ranks of one distinct value among both arms, sorted. */
typedef struct {
    const double *x, *y;
    size_t n, m, i, k;
    double mu;
} merge;

/* Moves past the next distinct value; how many of x and of y hold it. */
static void next_value(merge *s, size_t *of_x, size_t *of_y) {
    double a = s->i < s->n ? s->x[s->i] - s->mu : INFINITY;
    double b = s->k < s->m ? s->y[s->k] : INFINITY;
    double value = fmin(a, b);
    size_t i = s->i, k = s->k;
    while (s->i < s->n && s->x[s->i] - s->mu == value)
        s->i++;
    while (s->k < s->m && s->y[s->k] == value)
        s->k++;
    *of_x = s->i - i;
    *of_y = s->k - k;
}

double kayenta_rank(double mu, double q, const double *experiment, size_t n_experiment,
                    const double *control, size_t n_control) {
    merge s = {experiment, control, n_experiment, n_control, 0, 0, mu};
    double n = (double)n_experiment;
    double m = (double)n_control;
    double ranks = 0;
    double ties = 0;
    while (s.i < s.n || s.k < s.m) {
        double before = (double)(s.i + s.k);
        size_t of_x, of_y;
        next_value(&s, &of_x, &of_y);
        double t = (double)(of_x + of_y);
        if (t == 0) /* an infinite value: no more order in what follows */
            return NAN;
        ranks += (double)of_x * (before + (t + 1) / 2);
        ties += t * t * t - t;
    }
    double w = ranks - n * (n + 1) / 2 - n * m / 2;
    double sigma = sqrt(n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1))));
    double correction = w > 0 ? 0.5 : w < 0 ? -0.5 : 0;
    return (w - correction) / sigma - q;
}

/* ---- Brent's root search on that step function ---- */

typedef struct {
    const double *x, *y;
    size_t n, m;
    double q;
} question;

static double at(const question *s, double mu) {
    return kayenta_rank(mu, s->q, s->x, s->n, s->y, s->m);
}

/* b is the best point so far, a the one before, c the other end of the bracket. */
typedef struct {
    double a, b, c, fa, fb, fc;
} bracket;

/* By inverse quadratic or linear interpolation where that stays inside, else half way. */
static double step_of(const bracket *s, double before, double tolerance) {
    double half = 0.5 * (s->c - s->b);
    if (fabs(before) < tolerance || fabs(s->fa) <= fabs(s->fb))
        return half;
    double width = s->c - s->b;
    double p, q;
    if (s->a == s->c) {
        double t = s->fb / s->fa;
        p = width * t;
        q = 1 - t;
    } else {
        double r = s->fa / s->fc, t = s->fb / s->fc, u = s->fb / s->fa;
        p = u * (width * r * (r - t) - (s->b - s->a) * (t - 1));
        q = (r - 1) * (t - 1) * (u - 1);
    }
    if (p > 0)
        q = -q;
    else
        p = -p;
    bool inside =
        p < 0.75 * width * q - fabs(tolerance * q) / 2 && p < fabs(before * q / 2);
    return inside ? p / q : half;
}

static double root(const question *of, double low, double high, double at_low,
                   double at_high) {
    bracket s = {low, high, low, at_low, at_high, at_low};
    for (int i = 0; i < 1000; i++) {
        double before = s.b - s.a;
        if (fabs(s.fc) < fabs(s.fb))
            s = (bracket){s.b, s.c, s.b, s.fb, s.fc, s.fb};
        double tolerance = 2 * DBL_EPSILON * fabs(s.b) + 0.5e-4;
        if (fabs(0.5 * (s.c - s.b)) <= tolerance || s.fb == 0)
            break;
        double step = step_of(&s, before, tolerance);
        if (fabs(step) < tolerance)
            step = step > 0 ? tolerance : -tolerance;
        s.a = s.b;
        s.fa = s.fb;
        s.b += step;
        s.fb = at(of, s.b);
        if ((s.fb > 0 && s.fc > 0) || (s.fb < 0 && s.fc < 0)) {
            s.c = s.a;
            s.fc = s.fa;
        }
    }
    return s.b;
}

static double solve(question *s, double q, double low, double high) {
    s->q = q;
    double at_low = at(s, low);
    double at_high = at(s, high);
    if (!(at_low > 0))
        return low;
    return at_high < 0 ? root(s, low, high, at_low, at_high) : high;
}

kayenta_shift kayenta_mann_whitney(const double *experiment, size_t n_experiment,
                                   const double *control, size_t n_control,
                                   double confidence) {
    double low = experiment[0] - control[n_control - 1];
    double high = experiment[n_experiment - 1] - control[0];
    bool constant = experiment[0] == experiment[n_experiment - 1] &&
                    control[0] == control[n_control - 1];
    if (constant) /* the shift is known; there is nothing to rank */
        return (kayenta_shift){{low, low}, low};
    double z = stats_normal_quantile((1 - confidence) / 2);
    question s = {experiment, control, n_experiment, n_control, 0};
    return (kayenta_shift){{solve(&s, -z, low, high), solve(&s, z, low, high)},
                           solve(&s, 0, low, high)};
}
