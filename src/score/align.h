/* score/align.h: the cheapest way to turn a reference into a hypothesis, word by word.
 *
 * cost = substitutions * s + deletions * d + insertions * i, minimised by dynamic
 * programming over (n_ref + 1)(n_hyp + 1) cells, of which only a diagonal band is
 * visited: it grows until no path that leaves it can be as cheap, so the answer, ties
 * included, is the answer of the whole table. Equal words are free.
 *
 * Several alignments can be equally cheap and still count differently. Read from the end,
 *   insertion first   prefers an insertion, then a deletion, then a match or
 *                     substitution: the choice of jiwer and kaldialign
 *   diagonal first    prefers a match or substitution, then an insertion, then a
 *                     deletion: the choice of NIST sclite, found by comparing with it
 *
 * Sources: Levenshtein 1966 (costs 1, 1, 1); NIST sclite, costs substitution 4,
 * deletion 3, insertion 3; the band after Ukkonen 1985. Pure: the caller brings the
 * memory. */
#ifndef ROSTRUM_SCORE_ALIGN_H
#define ROSTRUM_SCORE_ALIGN_H

#include "base/status.h"
#include "score/words.h"

typedef enum { SCORE_INSERTION_FIRST, SCORE_DIAGONAL_FIRST } score_ties;

typedef struct {
    uint8_t substitution, deletion, insertion; /* each at least 1 */
    score_ties ties;
} score_costs;

extern const score_costs score_levenshtein; /* 1 1 1, insertion first */
extern const score_costs score_sclite;      /* 4 3 3, diagonal first */

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

/* Match error rate (S + D + I) / (C + S + D + I), 0 to 1: the share of aligned places
 * that are wrong. 0 when both sides are empty. Source: Morris, Maier, Green 2004. */
double score_mer(const score_counts *c);

/* Word information lost 1 - (C / reference words)(C / hypothesis words), 0 to 1.
 * Source: the same. 0 when both sides are empty, 1 when one is. */
double score_wil(const score_counts *c);

/* Words of the reference: C + S + D; and of the hypothesis: C + S + I. */
uint64_t score_reference_words(const score_counts *c);
uint64_t score_hypothesis_words(const score_counts *c);
uint64_t score_errors(const score_counts *c);

#endif
