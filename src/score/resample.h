/* score/resample.h: how far the difference of two word error rates can be trusted.
 *
 * A block is what fails together: a speaker, with all his utterances in sum. Blocks are
 * drawn with replacement, as many as there are, and the difference is computed again
 * (Bisani and Ney 2004, on blocks). With d = errors of B - errors of A of a block,
 *   absolute   sum d / sum words            negative: B is better
 *   relative   sum d / sum errors of A
 *   se         sqrt(sum (d - R y)^2 n / (n - 1)) / sum y, y the denominator, R the ratio
 *   t*         (R* - R) / se* of a replicate;  c: the 95 % point of |t*|
 *   interval   R +- c se;  p: the share of |t*| >= |R| / se. The interval leaves out 0
 *              exactly when p <= 0.05
 * (percentile-t, symmetric: Hall 1992.) A replicate that drew one block only has no
 * spread and counts as infinitely far: with fewer than 4 blocks that is more than one in
 * twenty, and the interval is honestly infinite.
 *
 * Detectable: the true difference that this sample would have called one with the stated
 * power, (c + t(n - 1; 1 - power)) se.
 *
 * Why this interval: coverage in % of 95 % intervals of the absolute / relative
 * difference; 1,500 samples a cell, 999 replicates, speakers lognormal in WER (sigma 0.6)
 * and in what B changes (sigma 0.25):
 *                        percentile   BCa    sd with t  percentile-t  this one
 *   40 equal speakers     93.7/93.3  91.8/92.2  95.3/93.7  93.3/94.5  96.1/95.3
 *   40, sizes sigma 0.8   92.3/91.7  88.3/88.9  94.1/92.1  91.9/92.9  96.1/95.3
 *   40, four utterances   93.6/93.0  92.5/92.9  94.9/94.1  93.7/94.1  95.7/95.0
 *   40, sizes sigma 1.3 and one in ten 1.8 times worse
 *                         89.1/89.8  84.1/85.5  89.9/87.8  89.9/90.9  93.6/91.5
 *   8 equal speakers      87.3/87.1  83.6/84.9  95.7/92.9  92.1/93.1  97.2/94.4
 * Utterances as blocks ignore the speaker: there the same interval covers 70 % (see
 * tests/unit/score/test_compare.c). It is right only where each speaker speaks once.
 *
 * Pure: seed and memory are the caller's. Safe from any thread. Costs about 5 ns a block
 * and replicate. */
#ifndef ROSTRUM_SCORE_RESAMPLE_H
#define ROSTRUM_SCORE_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "stats/interval.h"

/* Sums of one speaker (or utterance): reference words, errors of A, errors of B. */
typedef struct {
    double words, a, b;
} score_block;

typedef struct {
    size_t replicates; /* 1 .. SCORE_REPLICATES_MAX */
    double confidence; /* of the interval; the test's level is 1 - confidence */
    double power;      /* of the detectable difference */
    uint64_t seed, stream;
} score_resampling;

#define SCORE_REPLICATES_MAX 100000
#define SCORE_BLOCKS_LEAST 4 /* below, no interval is finite */

typedef struct {
    double estimate;         /* NaN: the denominator is 0 */
    double se;               /* 0: all blocks alike; NaN: one block or none, no ratio */
    stats_interval interval; /* [-inf, inf]: nothing can be said */
    double p;                /* against no difference; 1: nothing can be said */
    double detectable;       /* size; inf: nothing can be */
} score_difference;

/* Mean and standard deviation of the replicates. mean -+ 1.96 sd is the interval that
 * kaldialign prints. */
typedef struct {
    double mean, sd;
} score_spread;

typedef struct {
    double wer_a, wer_b; /* NaN without words */
    score_spread resampled_a, resampled_b;
    double b_better; /* share of replicates in which B has fewer errors */
    score_difference absolute, relative;
} score_comparison;

/* Bytes of scratch memory. */
size_t score_resample_scratch(size_t replicates);

/*   blocks   [n], n < 2^32, whole numbers; n may be 0
 *   scratch  score_resample_scratch(replicates) bytes, aligned for doubles
 * ERR_INVALID, *out untouched: a block is negative or not finite, or an option is out of
 * range. */
MUST_CHECK status score_resample(const score_block *blocks, size_t n,
                                 const score_resampling *options, void *scratch,
                                 score_comparison *out);

typedef enum {
    SCORE_CANNOT_TELL,   /* too few blocks, no words or no spread */
    SCORE_NO_DIFFERENCE, /* none seen; `detectable` says what would have been */
    SCORE_B_BETTER,
    SCORE_B_WORSE
} score_verdict;

/* p: d's own, or adjusted for the number of slices. */
score_verdict score_judge(const score_difference *d, double p, double alpha);

#endif
