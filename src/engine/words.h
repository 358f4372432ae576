/* engine/words.h: the host's copy of what an engine believes, and how beliefs differ.
 *
 * An engine's words live until its next call; the host needs them longer, to see that
 * a partial is news, that the committed prefix was kept, and to fall back on the first
 * pass. Copies are made clean: a word is cut to LIMIT_WORD_BYTES - 1 bytes and at its
 * first byte that is not UTF-8, empty words are left out, words past
 * LIMIT_HYPOTHESIS_WORDS too.
 *
 * Pure over its caller's memory. One thread at a time. */
#ifndef ROSTRUM_ENGINE_WORDS_H
#define ROSTRUM_ENGINE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/proto.h"
#include "rostrum/engine.h"

typedef struct {
    uint32_t text;            /* offset of its NUL-terminated bytes */
    int32_t start_ms, end_ms; /* as the engine said, -1: not known */
    float confidence;
} stored_word;

typedef struct {
    uint32_t n, committed;
    uint32_t text_bytes;
    stored_word words[LIMIT_HYPOTHESIS_WORDS];
    char text[LIMIT_HYPOTHESIS_WORDS * LIMIT_WORD_BYTES];
} word_list;

void words_clear(word_list *w);
void words_copy(word_list *w, const rostrum_hypothesis *hypothesis);
const char *words_text(const word_list *w, uint32_t i);

/* True when both hold the same words (times and confidences aside). */
bool words_same(const word_list *a, const word_list *b);

/* True when b begins with the words a has committed, and commits no fewer. */
bool words_keep_committed(const word_list *a, const word_list *b);

/* How many of the first `committed` words of `live` are not in `final` at their place:
 * replaced or left out in an alignment of all words with fewest changes. Case and ASCII
 * punctuation do not count: they change no word. O(n * m) time, 4 KiB of stack. */
uint32_t words_corrected(const word_list *live, uint32_t committed,
                         const word_list *final);

/* Fills n_words, committed and words of `out` with stream times: origin_ms is where the
 * engine's 0 is. Whatever the engine said, each word starts at least WORDS_LEAST_MS after
 * the one before, lasts as long and ends by the next one's start, all within
 * origin_ms..end_ms (with less for each when so many do not fit). Words that the engine
 * put on one spot, or gave no time, are spread towards the next known one. Texts are
 * borrowed from w. */
#define WORDS_LEAST_MS 40
void words_fill(const word_list *w, uint32_t origin_ms, uint32_t end_ms,
                engine_text *out);

#endif
