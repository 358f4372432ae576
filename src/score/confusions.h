/* score/confusions.h: which words were taken for which, and how often.
 *
 * Pure: the caller brings the memory. */
#ifndef ROSTRUM_SCORE_CONFUSIONS_H
#define ROSTRUM_SCORE_CONFUSIONS_H

#include "score/words.h"

/* A substitution; ref without text: an insertion; hyp without text: a deletion. */
typedef struct {
    score_word ref, hyp;
    uint64_t count;
} score_confusion;

/* The errors of one alignment, count 1 each, into out[max]. Returns how many there are,
 * which may be more than max. */
size_t score_confusions_of(const score_word *ref, const score_word *hyp, const char *ops,
                           score_confusion *out, size_t max);

/* Merges equal pairs of list[n], the most frequent first, equals by their bytes. Returns
 * how many are left. In place, n log n. */
size_t score_confusions_merge(score_confusion *list, size_t n);

#endif
