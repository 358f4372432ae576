#include "readiness/trace/turn.h"

#include <math.h>
#include <string.h>

#include "stats/rng.h"
#include "stats/sort.h"
#include "stats/special.h"

const char *const turn_stage_names[TURN_STAGES] = {
#define X(code, name, what) name,
#include "readiness/trace/stages.def"
#undef X
};

const char *const turn_stage_texts[TURN_STAGES] = {
#define X(code, name, what) what,
#include "readiness/trace/stages.def"
#undef X
};

turn_stage turn_stage_named(const char *name) {
    int s = 0;
    while (s < TURN_STAGES && strcmp(turn_stage_names[s], name) != 0)
        s++;
    return (turn_stage)s;
}

turn_sections turn_of_path(const trace_section *path, size_t n,
                           const turn_stage *stages) {
    turn_sections t = {{0}};
    for (size_t i = 0; i < n; i++)
        t.ms[stages[path[i].span]] += (double)(path[i].end - path[i].start) / 1e3;
    return t;
}

double turn_total_ms(const turn_sections *t) {
    double sum = 0;
    for (int s = 0; s < TURN_STAGES; s++)
        sum += t->ms[s];
    return sum;
}

/* One cohort, ordered by its turns. */
typedef struct {
    const turn_sections *turns;
    size_t n;
    double *total; /* [n] */
    size_t *order; /* [n] ascending total */
} cohort;

size_t turn_scratch(size_t n_before, size_t n_now) {
    size_t larger = n_before > n_now ? n_before : n_now;
    return (n_before + n_now) * (sizeof(double) + sizeof(size_t)) +
           TURN_REPLICATES * (TURN_STAGES + 1) * sizeof(double) + larger;
}

/* Orders turns by one section, or by the whole. */
static cohort make_cohort(const turn_sections *turns, size_t n, turn_stage stage,
                          char **scratch) {
    cohort c = {turns, n, (double *)(void *)*scratch, NULL};
    *scratch += n * sizeof(double);
    c.order = (size_t *)(void *)*scratch;
    *scratch += n * sizeof(size_t);
    for (size_t i = 0; i < n; i++)
        c.total[i] = stage == TURN_STAGES ? turn_total_ms(&turns[i]) : turns[i].ms[stage];
    stats_sort_order(c.total, n, c.order);
    return c;
}

/* Adds up the sections with the weights of Harrell and Davis. times == NULL: each turn
 * counts once; else turn order[i] counts times[i] times (a bootstrap replicate). Outside
 * ten standard deviations of the beta distribution the weights are 0. */
static void weigh(const cohort *c, double p, const uint8_t *times, double n,
                  double out[TURN_STAGES + 1]) {
    memset(out, 0, (TURN_STAGES + 1) * sizeof *out);
    double a = (n + 1) * p, b = (n + 1) * (1 - p);
    double reach = 10 * sqrt(p * (1 - p) / (n + 2));
    double seen = 0, below = 0;
    for (size_t i = 0; i < c->n; i++) {
        seen += times ? times[i] : 1;
        double x = seen / n;
        if (x < p - reach)
            continue;
        double upto = x > p + reach ? 1 : stats_beta_lower(a, b, fmin(1, x));
        double w = upto - below;
        below = upto;
        if (w > 0) {
            const turn_sections *t = &c->turns[c->order[i]];
            for (int s = 0; s < TURN_STAGES; s++)
                out[s] += w * t->ms[s];
            out[TURN_STAGES] += w * c->total[c->order[i]];
        }
        if (x > p + reach)
            break;
    }
}

/* A bootstrap replicate by Poisson counts, which need no second sorting. */
static void replicate(const cohort *c, double p, stats_rng *r, uint8_t *times,
                      double out[TURN_STAGES + 1]) {
    uint64_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        uint64_t k = stats_rng_poisson(r, 1);
        times[i] = (uint8_t)(k < 255 ? k : 255);
        n += times[i];
    }
    if (n == 0)
        n = times[0] = 1;
    weigh(c, p, times, (double)n, out);
}

static status check(size_t n, double p, const char *which, diag *d) {
    double least = ceil(fmax(TURN_LEAST, 5 / fmin(p, 1 - p)));
    if ((double)n >= least)
        return OK;
    return diag_set(d, ERR_INVALID,
                    "the cohort %s has %zu turns; %.0f are needed for this quantile",
                    which, n, least);
}

double turn_quantile(const turn_sections *turns, size_t n, turn_stage stage,
                     double quantile, void *scratch) {
    char *at = scratch;
    cohort c = make_cohort(turns, n, stage, &at);
    double sums[TURN_STAGES + 1];
    weigh(&c, quantile, NULL, (double)n, sums);
    return sums[stage];
}

static void intervals(cohort both[2], double p, uint64_t seed, double *changes,
                      uint8_t *times, turn_comparison *out) {
    for (uint64_t k = 0; k < TURN_REPLICATES; k++) {
        double sums[2][TURN_STAGES + 1];
        for (int c = 0; c < 2; c++) {
            stats_rng r = stats_rng_make(seed, 2 * k + (uint64_t)c);
            replicate(&both[c], p, &r, times, sums[c]);
        }
        for (int s = 0; s <= TURN_STAGES; s++)
            changes[(size_t)s * TURN_REPLICATES + k] = sums[1][s] - sums[0][s];
    }
    size_t tail = TURN_REPLICATES / 40;
    for (int s = 0; s <= TURN_STAGES; s++) {
        double *x = changes + (size_t)s * TURN_REPLICATES;
        stats_sort(x, TURN_REPLICATES);
        turn_change *t = s == TURN_STAGES ? &out->turn : &out->stages[s];
        t->low = x[tail];
        t->high = x[TURN_REPLICATES - 1 - tail];
    }
}

status turn_compare(const turn_sections *before, size_t n_before,
                    const turn_sections *now, size_t n_now, double quantile,
                    uint64_t seed, void *scratch, turn_comparison *out, diag *d) {
    if (!(quantile > 0 && quantile < 1))
        return diag_set(d, ERR_INVALID, "the quantile is %g; between 0 and 1 is needed",
                        quantile);
    status st = check(n_before, quantile, "before", d);
    if (st == OK)
        st = check(n_now, quantile, "now", d);
    if (st != OK)
        return st;
    turn_comparison result = {.quantile = quantile};
    for (int s = 0; s < TURN_STAGES; s++) {
        result.stages[s].own_before =
            turn_quantile(before, n_before, (turn_stage)s, quantile, scratch);
        result.stages[s].own_now =
            turn_quantile(now, n_now, (turn_stage)s, quantile, scratch);
    }
    char *at = scratch;
    cohort both[2];
    both[0] = make_cohort(before, n_before, TURN_STAGES, &at);
    both[1] = make_cohort(now, n_now, TURN_STAGES, &at);
    double sums[2][TURN_STAGES + 1];
    for (int c = 0; c < 2; c++)
        weigh(&both[c], quantile, NULL, (double)both[c].n, sums[c]);
    for (int s = 0; s <= TURN_STAGES; s++) {
        turn_change *t = s == TURN_STAGES ? &result.turn : &result.stages[s];
        t->before = sums[0][s];
        t->now = sums[1][s];
        t->change = t->now - t->before;
    }
    result.turn.own_before = result.turn.before;
    result.turn.own_now = result.turn.now;
    double *changes = (double *)(void *)at;
    uint8_t *times = (uint8_t *)(changes + TURN_REPLICATES * (TURN_STAGES + 1));
    intervals(both, quantile, seed, changes, times, &result);
    *out = result;
    return OK;
}
