/* score/compound.h: "white paper" and "whitepaper" are the same words.
 *
 * Looks at each run of errors of an alignment for words of one side that, written
 * together, are one word of the other, and makes them that one word on both sides. Align
 * again to score; a joined compound then counts as one word. Takes joins from left to
 * right, the first that fits; words that already match are left alone.
 *
 * Pure. */
#ifndef ROSTRUM_SCORE_COMPOUND_H
#define ROSTRUM_SCORE_COMPOUND_H

#include "score/words.h"

/* ref[*n_ref] and hyp[*n_hyp] are rewritten in place and shortened; ops is the alignment
 * of what they were, as score_align writes it. Returns how many compounds were joined. */
size_t score_join_compounds(score_word *ref, size_t *n_ref, score_word *hyp,
                            size_t *n_hyp, const char *ops);

#endif
