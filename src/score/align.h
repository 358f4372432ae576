/* score/align.h: the cheapest way to turn a reference into a hypothesis, word by word.
 *
 * cost = substitutions * s + deletions * d + insertions * i, minimised by dynamic
 * programming over (n_ref + 1)(n_hyp + 1) cells. Equal words are free. Among equally
 * cheap alignments the one is taken that, read from the end, prefers an insertion,
 * then a deletion, then a match or substitution: the choice of jiwer and kaldialign.
 *
 * Sources: Levenshtein 1966 (costs 1, 1, 1: jiwer, kaldialign); NIST sclite, costs
 * substitution 4, deletion 3, insertion 3. Pure: the caller brings the memory. */
#ifndef ROSTRUM_SCORE_ALIGN_H
#define ROSTRUM_SCORE_ALIGN_H

#include "base/status.h"
#include "score/words.h"

typedef struct {
    uint8_t substitution, deletion, insertion;
} score_costs;

extern const score_costs score_levenshtein; /* 1 1 1 */
extern const score_costs score_sclite;      /* 4 3 3 */

typedef struct {
    uint64_t correct, substitutions, deletions, insertions;
} score_counts;

#define SCORE_WORDS_MAX 20000 /* words of one side: a long read document */

/* Bytes of scratch memory an alignment of this size needs. */
size_t score_align_scratch(size_t n_ref, size_t n_hyp);

/* Aligns ref[n_ref] with hyp[n_hyp]; either may be empty.
 *   scratch   score_align_scratch(n_ref, n_hyp) bytes, any alignment
 *   out_ops   [n_ref + n_hyp + 1] or NULL: 'C' 'S' 'D' 'I' in reading order, terminated
 * ERR_LIMIT, nothing written: a side has more than SCORE_WORDS_MAX words. */
MUST_CHECK status score_align(const score_word *ref, size_t n_ref, const score_word *hyp,
                              size_t n_hyp, score_costs costs, void *scratch,
                              score_counts *out_counts, char *out_ops);

/* to += more, field by field. */
void score_add(score_counts *to, const score_counts *more);

/* Word error rate (S + D + I) / (C + S + D) as a fraction; may exceed 1. With an
 * empty reference: the number of insertions (jiwer's convention). */
double score_wer(const score_counts *c);

/* Words of the reference: C + S + D. */
uint64_t score_reference_words(const score_counts *c);
uint64_t score_errors(const score_counts *c);

#endif
