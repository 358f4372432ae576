/* score/words.h: text cut into words, without copying it.
 *
 * A word is a maximal run of bytes that are not ASCII white space. Equality is by
 * bytes; a 64-bit hash is compared first. Pure. */
#ifndef ROSTRUM_SCORE_WORDS_H
#define ROSTRUM_SCORE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *text; /* not terminated; borrowed from the caller's text */
    uint32_t bytes;
    uint64_t hash; /* FNV-1a of the bytes */
} score_word;

/* Cuts text[bytes] into at most max words; returns how many there are in the text,
 * which may be more than max. words may be NULL if max == 0. */
size_t score_split(const char *text, size_t bytes, score_word *words, size_t max);

/* One word from bytes that hold no white space. */
score_word score_word_of(const char *text, size_t bytes);

static inline bool score_same(const score_word *a, const score_word *b) {
    if (a->hash != b->hash || a->bytes != b->bytes)
        return false;
    for (uint32_t i = 0; i < a->bytes; i++)
        if (a->text[i] != b->text[i])
            return false;
    return true;
}

#endif
