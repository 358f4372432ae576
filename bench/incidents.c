#include "bench/incidents.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

bool incident_holds(const incident *i, uint32_t named, const uint32_t *code, size_t row) {
    for (size_t a = 0; a < i->attributes; a++)
        if ((named >> a & 1) && i->codes[row * i->attributes + a] != code[a])
            return false;
    return true;
}

void incident_free(incident *i) {
    free(i->codes);
    free(i->top_before);
    free(i->bottom_before);
    free(i->top_now);
    free(i->bottom_now);
    free(i);
}

/* Attributes of 2 to 15 values, 300 to 20,000 combinations, of which a part occurs. */
static void make_rows(incident *i, stats_rng *r) {
    size_t cells;
    do {
        i->attributes = 4 + stats_rng_below(r, 3);
        cells = 1;
        for (size_t a = 0; a < i->attributes; a++) {
            i->values[a] = 2 + (uint32_t)stats_rng_below(r, 14);
            cells *= i->values[a];
        }
    } while (cells < 300 || cells > 20000);
    i->codes = calloc(cells * i->attributes, sizeof *i->codes);
    double **columns[] = {&i->top_before, &i->bottom_before, &i->top_now, &i->bottom_now};
    for (size_t c = 0; c < 4; c++) {
        *columns[c] = calloc(cells, sizeof(double));
        ASSERT(*columns[c] != NULL);
    }
    ASSERT(i->codes != NULL);
    double present = 0.5 + 0.5 * stats_rng_uniform(r);
    for (size_t cell = 0; cell < cells; cell++) {
        if (stats_rng_uniform(r) > present)
            continue;
        size_t rest = cell;
        for (size_t a = 0; a < i->attributes; rest /= i->values[a++])
            i->codes[i->rows * i->attributes + a] = (uint32_t)(rest % i->values[a]);
        i->rows++;
    }
}

/* Log-normal weights of every value of every attribute, multiplied along the row. */
static void make_sizes(const incident *i, stats_rng *r, double spread, double *out) {
    double weight[SLICES_ATTRIBUTES_MAX][16];
    for (size_t a = 0; a < i->attributes; a++)
        for (size_t v = 0; v < i->values[a]; v++)
            weight[a][v] = exp(spread * stats_rng_normal(r));
    for (size_t row = 0; row < i->rows; row++) {
        out[row] = exp(0.5 * spread * stats_rng_normal(r));
        for (size_t a = 0; a < i->attributes; a++)
            out[row] *= weight[a][i->codes[row * i->attributes + a]];
    }
}

/* Scales a column to a mean. */
static void scale(const incident *i, double *column, double mean) {
    double sum = 0;
    for (size_t row = 0; row < i->rows; row++)
        sum += column[row];
    for (size_t row = 0; row < i->rows; row++)
        column[row] *= mean * (double)i->rows / sum;
}

/* A cause of enough weight to matter and that is not the same as an earlier one. */
static bool acceptable(const incident *i, const incident_cause *c, const double *size) {
    double whole = 0, own = 0;
    size_t rows = 0;
    for (size_t row = 0; row < i->rows; row++) {
        whole += size[row];
        if (incident_holds(i, c->named, c->code, row)) {
            own += size[row];
            rows++;
        }
    }
    for (size_t k = 0; k < i->n_causes; k++)
        if (i->causes[k].named == c->named &&
            memcmp(i->causes[k].code, c->code, sizeof c->code) == 0)
            return false;
    return rows >= 4 && own > 0.01 * whole && own < 0.6 * whole;
}

static void make_causes(incident *i, stats_rng *r, size_t n, const double *size) {
    for (int tries = 0; i->n_causes < n && tries < 2000; tries++) {
        incident_cause c = {0};
        size_t wanted = 1 + stats_rng_below(r, 3);
        while ((size_t)__builtin_popcount(c.named) < wanted)
            c.named |= 1u << stats_rng_below(r, i->attributes);
        size_t row = stats_rng_below(r, i->rows);
        for (size_t a = 0; a < i->attributes; a++)
            if (c.named >> a & 1)
                c.code[a] = i->codes[row * i->attributes + a];
        c.factor = stats_rng_below(r, 2) ? 1.3 + 1.7 * stats_rng_uniform(r)
                                         : 0.1 + 0.65 * stats_rng_uniform(r);
        if (i->kind == INCIDENT_RATIO && c.factor < 1)
            c.factor = 1 / c.factor > 3 ? 2 : 1 / c.factor; /* errors go up */
        if (acceptable(i, &c, size))
            i->causes[i->n_causes++] = c;
    }
}

static double factor_of(const incident *i, size_t row) {
    double f = 1;
    for (size_t k = 0; k < i->n_causes; k++)
        if (incident_holds(i, i->causes[k].named, i->causes[k].code, row))
            f *= i->causes[k].factor;
    return f;
}

/* A count of mean m, normal beyond what the generator takes. */
static double count(stats_rng *r, double m) {
    return m <= 1e6 ? (double)stats_rng_poisson(r, m)
                    : floor(m + sqrt(m) * stats_rng_normal(r));
}

static void make_ratio(incident *i, stats_rng *r, double noise_rel) {
    double *rate = calloc(i->rows, sizeof *rate);
    ASSERT(rate != NULL);
    make_sizes(i, r, 0.3, rate);
    scale(i, rate, 0.05 + 0.1 * stats_rng_uniform(r));
    for (size_t row = 0; row < i->rows; row++) {
        double p = fmin(0.6, rate[row]);
        double drift = exp(noise_rel * stats_rng_normal(r));
        i->bottom_now[row] = ceil(i->bottom_before[row] * exp(0.2 * stats_rng_normal(r)));
        i->bottom_before[row] = ceil(i->bottom_before[row]);
        i->top_before[row] =
            fmin(count(r, p * i->bottom_before[row]), i->bottom_before[row]);
        i->top_now[row] =
            fmin(count(r, fmin(0.9, p * drift * factor_of(i, row)) * i->bottom_now[row]),
                 i->bottom_now[row]);
    }
    free(rate);
}

incident *incident_make(incident_kind kind, size_t n_causes, double noise_rel,
                        uint64_t seed) {
    stats_rng r = stats_rng_make(seed, kind);
    incident *i = calloc(1, sizeof *i);
    ASSERT(i != NULL);
    i->kind = kind;
    make_rows(i, &r);
    double *size = kind == INCIDENT_RATIO ? i->bottom_before : i->top_before;
    make_sizes(i, &r, 0.4 + 0.6 * stats_rng_uniform(&r), size);
    scale(i, size,
          kind == INCIDENT_RATIO ? 300 + 700 * stats_rng_uniform(&r)
                                 : 20 + 200 * stats_rng_uniform(&r));
    make_causes(i, &r, n_causes, size);
    if (kind == INCIDENT_RATIO) {
        make_ratio(i, &r, noise_rel);
        return i;
    }
    for (size_t row = 0; row < i->rows; row++) {
        double factor = factor_of(i, row) * exp(noise_rel * stats_rng_normal(&r));
        double size_here = i->top_before[row];
        bool counts = kind == INCIDENT_COUNTS;
        i->top_before[row] = counts ? count(&r, size_here) : size_here;
        i->top_now[row] = counts ? count(&r, size_here * factor) : size_here * factor;
    }
    return i;
}
