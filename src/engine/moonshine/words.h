/* engine/moonshine/words.h: tokens with times to words with times.
 *
 * A word begins at a token that carries the word mark, and after a token whose
 * `ends_word` is set: what follows such a token may not join its word any more. Text
 * without a letter or digit that would have joined is dropped there.
 *
 *   start  time of the word's first token
 *   end    time of its last token + 120 ms, but not after the next word's start
 *   confidence  mean of its tokens' probabilities
 *
 * Pure beside the caller's memory. */
#ifndef ROSTRUM_MOONSHINE_WORDS_H
#define ROSTRUM_MOONSHINE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "engine/moonshine/tokens.h"
#include "rostrum/engine.h"

typedef struct {
    uint16_t token;
    bool ends_word;
    float probability;
    int32_t at_ms; /* from the first fed sample; never falls */
} timed_token;

#define WORDS_TEXT_BYTES 8192 /* of one utterance; more words are not reported */

typedef struct {
    size_t n;
    rostrum_word words[LIMIT_HYPOTHESIS_WORDS]; /* [n]; text points into `text` */
    size_t used;
    char text[WORDS_TEXT_BYTES];
} words;

/* Replaces times that fall by the nearest ones, in the sum of all differences, that do
 * not, none before least_ms: one token whose attention strayed moves no other. */
#define WORDS_TIMES_MAX 512
void words_order_times(timed_token *spoken, size_t n, int32_t least_ms);

/* Gives tokens that are in `live` as well, in that order, the times they have there, and
 * keeps the others between their neighbours. The large model often looks at one place for
 * a whole phrase, where the small one follows the words. */
void words_borrow_times(timed_token *spoken, size_t n, const timed_token *live,
                        size_t n_live);

/* Rebuilds *out from spoken[n]. Invalid UTF-8 (a character still being spelt in bytes)
 * is left out; a word longer than LIMIT_WORD_BYTES - 1 is cut at a character. */
void words_build(const tokens *vocabulary, const timed_token *spoken, size_t n,
                 words *out);

#endif
