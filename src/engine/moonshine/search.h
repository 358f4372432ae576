/* engine/moonshine/search.h: greedy decoding that starts from what is known already.
 *
 * The tokens of a hypothesis are those the plain greedy search would find, with two
 * liberties: the first `forced` tokens are given, and a runaway repetition ends the
 * text. The draft only saves work: its tokens are checked in one run of the decoder
 * and the first that is wrong is replaced; after that the draft is taken up again
 * where it fits.
 *
 * Worker threads; one decoder state at a time. No allocation. */
#ifndef ROSTRUM_MOONSHINE_SEARCH_H
#define ROSTRUM_MOONSHINE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/moonshine/decoder.h"
#include "rostrum/engine.h"

#define SEARCH_TOKENS_MAX                                                                \
    200 /* of one piece of audio; 30 s of fast speech is about 195 */

typedef struct {
    uint16_t token;
    uint16_t frame;    /* encoder frame it was heard in; never falls along a hypothesis */
    float probability; /* 0..1 */
    bool ends_word;    /* committed up to here: nothing later may join this word */
} heard;

typedef struct {
    size_t n;
    heard tokens[SEARCH_TOKENS_MAX]; /* [n], without the begin and end tokens */
} hypothesis;

typedef struct {
    const hypothesis *draft; /* not NULL; may be the output's old value */
    size_t forced;           /* <= draft->n */
    size_t cached;           /* inputs (the begin token and forced ones) that the state
                                still holds, <= forced: not fed again */
    bool never_empty;        /* the end token is refused at the first position */
    size_t tokens_max;       /* <= SEARCH_TOKENS_MAX; at least `forced` are returned */
    rostrum_stop stop;       /* asked before each run; asked may be NULL */
} search_plan;

typedef struct {
    uint32_t runs;     /* of the decoder */
    uint32_t fed;      /* tokens fed in them */
    uint32_t offered;  /* draft tokens offered */
    uint32_t accepted; /* draft tokens that were right */
} search_counts;

/* The decoder state holds the audio and `cached` inputs. *counts is added to; may be
 * NULL. ERR_CANCELLED: the stop said so; *out unspecified. */
MUST_CHECK status search_run(const moonshine_decoder *m, moonshine_state *s,
                             const search_plan *plan, hypothesis *out,
                             search_counts *counts);

/* Length to which tokens[n] must be cut when its tail repeats itself (a block of 3 to 16
 * tokens, twice if 5 or longer, else three times): one copy stays and nothing below
 * `keep` is cut. n when it does not. Pure. */
size_t search_repeats(const heard *tokens, size_t n, size_t keep);

#endif
