/* engine/moonshine/commit.h: which words are settled, and where a piece may be cut.
 *
 * Agreement: the longest prefix that all given hypotheses share, cut back to a place
 * where each of them begins a new word (so that the last word of a hypothesis, which
 * may still grow or lose its full stop, is never settled), and to words whose last
 * token was heard at or before a frame.
 *
 * Cut: of the gaps between settled words, the one with the quietest 100 ms.
 *
 * Pure. Any thread. */
#ifndef ROSTRUM_MOONSHINE_COMMIT_H
#define ROSTRUM_MOONSHINE_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/moonshine/search.h"
#include "engine/moonshine/tokens.h"

/* Tokens settled after this: >= committed, which all share already.
 *   hyps [n] the newest first, n >= 1 */
size_t commit_agreed(const tokens *vocabulary, const hypothesis *const *hyps, size_t n,
                     size_t committed, uint16_t last_frame);

/* A place to cut. */
typedef struct {
    size_t tokens; /* before the cut */
    size_t sample; /* of the piece */
    float power;   /* mean of the 100 ms around it, full scale 1 */
} commit_cut;

/* Where a word gap lies in a piece. */
typedef struct {
    size_t tokens;     /* before the gap */
    size_t from, stop; /* samples of the piece between the two words' token centres */
} commit_gap;

/* The quietest gap whose middle lies in [earliest, latest] samples; false: there is none.
 *   gaps [n];  pcm [samples] the piece's audio */
bool commit_quietest(const commit_gap *gaps, size_t n, const int16_t *pcm, size_t samples,
                     size_t earliest, size_t latest, commit_cut *out);

#endif
