/* score/matched.h: do two systems differ on the same utterances? Tests that pair them.
 *
 * Matched-pairs sentence-segment word error test (MAPSSWE): both alignments are walked
 * together over the reference words. Errors of either system, an insertion at its place,
 * open a segment; it closes behind `good_words` reference words in a row that both have
 * right with nothing inserted between, and at the end of the utterance. What a segment
 * holds then depends little on its neighbours. With d = errors of A - errors of B,
 *   z = mean(d) / (sd(d) / sqrt(n)),   p = 2 (1 - Phi(|z|))
 * z > 0: A has more errors, B is better. With sclite's costs and 2 good words that is
 * sc_stats' figure. Segments of one speaker still fail together: see score/resample.h
 * for the interval that knows it.
 *
 * Sources: Gillick and Cox 1989, "Some statistical issues in the comparison of speech
 * recognition algorithms"; NIST sc_stats for the two good words; Wilcoxon 1945; McNemar
 * is stats_mcnemar. Pure. Safe from any thread. */
#ifndef ROSTRUM_SCORE_MATCHED_H
#define ROSTRUM_SCORE_MATCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCORE_GOOD_WORDS 2 /* sc_stats' default */

typedef struct {
    uint32_t a, b; /* errors of each system; not both 0 */
} score_segment;

/* Takes the next segment off two alignments of one reference (as score_align writes
 * them); good_words >= 1. false: there is none, *out untouched. */
bool score_segment_next(const char **ops_a, const char **ops_b, unsigned good_words,
                        score_segment *out);

/* Segments in sum: exact, mergeable field by field. */
typedef struct {
    uint64_t n, errors_a, errors_b;
    uint64_t squares; /* sum of d^2 */
} score_segments;

void score_segments_add(score_segments *to, const score_segment *more);

/* Where all d are alike sd is 0: z is then +-inf and p the exact 2 / 2^n of the signs.
 * Fewer than 2 segments, or all d 0: z 0, p 1. */
typedef struct {
    double mean, sd, z, p;
} score_mapsswe_result;

score_mapsswe_result score_mapsswe(const score_segments *s);

/* Wilcoxon's signed ranks: do speakers tend to one side? Differences of 0 are left out,
 * equal ones share their ranks. z is sc_stats': from the smaller rank sum, so never
 * positive, without correction for ties; 0 where nothing differs. */
typedef struct {
    size_t positive, negative;
    double positive_ranks, negative_ranks; /* sums */
    double z, p;                           /* two-sided, normal */
} score_wilcoxon_result;

/*   differences  [n] WER of A - WER of B, a speaker each, finite
 *   scratch      [n], order [n] */
score_wilcoxon_result score_wilcoxon(const double *differences, size_t n, double *scratch,
                                     size_t *order);

#endif
