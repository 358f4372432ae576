#include "score/resample.h"

#include <math.h>
#include <stdbool.h>

#include "stats/rng.h"
#include "stats/sort.h"
#include "stats/special.h"

/* Sums over the blocks of one replicate. */
typedef struct {
    double x, a, d;            /* words, errors of A, difference */
    double xx, aa, dd, dx, da; /* products */
} sums;

static inline void add(sums *s, const score_block *k) {
    double d = k->b - k->a;
    s->x += k->words;
    s->a += k->a;
    s->d += d;
    s->xx += k->words * k->words;
    s->aa += k->a * k->a;
    s->dd += d * d;
    s->dx += d * k->words;
    s->da += d * k->a;
}

/* R = sum d / sum y and its standard error. */
typedef struct {
    double value, se;
} ratio;

#define ROUNDING 1e-12 /* of sums of products: a spread below this is none */

static ratio ratio_of(const sums *s, bool relative, size_t n) {
    double y = relative ? s->a : s->x;
    double yy = relative ? s->aa : s->xx;
    double dy = relative ? s->da : s->dx;
    double value = s->d / y;
    double squares = s->dd - 2 * value * dy + value * value * yy;
    if (!(squares > ROUNDING * (s->dd + value * value * yy)))
        squares = 0;
    double count = (double)n;
    return (ratio){value, sqrt(squares * count / (count - 1)) / y};
}

/* A block's number takes 32 of the 64 random bits: its bias, n / 2^32, is below what
 * any number of replicates could show. */
static sums draw(const score_block *blocks, size_t n, stats_rng *r) {
    sums s = {0};
    uint64_t bits = 0;
    for (size_t i = 0; i < n; i++) {
        bits = i % 2 == 0 ? stats_rng_next(r) : bits << 32;
        add(&s, &blocks[(bits >> 32) * n >> 32]);
    }
    return s;
}

/* |t*|; infinite where the replicate has no spread of its own, or no words. */
static double distance(ratio replicate, ratio sample) {
    double gap = fabs(replicate.value - sample.value);
    if (gap <= ROUNDING * fabs(sample.value))
        return 0;
    double t = gap / replicate.se;
    return t >= 0 ? t : INFINITY;
}

static score_difference unknown(double estimate, double se) {
    return (score_difference){estimate, se, {-INFINITY, INFINITY}, 1, INFINITY};
}

/* t[replicates] is put in order. The k-th largest, k = alpha (replicates + 1), makes
 * interval and p agree. */
static score_difference difference_of(ratio sample, size_t n, double *t,
                                      const score_resampling *o) {
    if (!(sample.se > 0)) /* NaN with one block, or without a denominator */
        return unknown(sample.value, sample.se);
    stats_sort(t, o->replicates);
    double seen = fabs(sample.value) / sample.se, all = (double)o->replicates + 1;
    size_t beyond = o->replicates - stats_count_below(t, o->replicates, seen);
    double places = floor((1 - o->confidence) * all * (1 + ROUNDING));
    double c = places < 1 ? INFINITY : t[o->replicates - (size_t)places];
    double half = c * sample.se;
    double more = stats_student_upper_quantile((double)n - 1, 1 - o->power);
    return (score_difference){.estimate = sample.value,
                              .se = sample.se,
                              .interval = {sample.value - half, sample.value + half},
                              .p = ((double)beyond + 1) / all,
                              .detectable = half + more * sample.se};
}

static score_spread spread_of(const stats_moments *m) {
    return (score_spread){m->mean, sqrt(stats_variance(m))};
}

static bool valid(const score_block *blocks, size_t n, const score_resampling *o) {
    for (size_t i = 0; i < n; i++) {
        double least = fmin(blocks[i].words, fmin(blocks[i].a, blocks[i].b));
        double sum = blocks[i].words + blocks[i].a + blocks[i].b;
        if (!(least >= 0) || !isfinite(sum))
            return false;
    }
    return n <= UINT32_MAX && o->replicates >= 1 &&
           o->replicates <= SCORE_REPLICATES_MAX && o->confidence > 0 &&
           o->confidence < 1 && o->power > 0 && o->power < 1;
}

size_t score_resample_scratch(size_t replicates) {
    return 2 * replicates * sizeof(double);
}

status score_resample(const score_block *blocks, size_t n,
                      const score_resampling *options, void *scratch,
                      score_comparison *out) {
    if (!valid(blocks, n, options))
        return ERR_INVALID;
    sums all = {0};
    for (size_t i = 0; i < n; i++)
        add(&all, &blocks[i]);
    ratio sample[] = {ratio_of(&all, false, n), ratio_of(&all, true, n)};
    double *t[] = {scratch, (double *)scratch + options->replicates};
    stats_rng r = stats_rng_make(options->seed, options->stream);
    stats_moments a = {0}, b = {0};
    size_t better = 0;
    for (size_t i = 0; i < options->replicates; i++) {
        sums s = draw(blocks, n, &r);
        for (int k = 0; k < 2; k++)
            t[k][i] = distance(ratio_of(&s, k == 1, n), sample[k]);
        better += s.d < 0;
        if (s.x > 0) {
            stats_moments_add(&a, s.a / s.x);
            stats_moments_add(&b, (s.a + s.d) / s.x);
        }
    }
    out->wer_a = all.a / all.x;
    out->wer_b = (all.a + all.d) / all.x;
    out->resampled_a = spread_of(&a);
    out->resampled_b = spread_of(&b);
    out->b_better = (double)better / (double)options->replicates;
    out->absolute = difference_of(sample[0], n, t[0], options);
    out->relative = difference_of(sample[1], n, t[1], options);
    return OK;
}

score_verdict score_judge(const score_difference *d, double p, double alpha) {
    if (!isfinite(d->detectable))
        return SCORE_CANNOT_TELL;
    if (!(p <= alpha))
        return SCORE_NO_DIFFERENCE;
    return d->estimate < 0 ? SCORE_B_BETTER : SCORE_B_WORSE;
}
