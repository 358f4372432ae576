/* score/words.h: text cut into words or characters, without copying it.
 *
 * A word is a maximal run of bytes that are not ASCII white space; a character is one
 * UTF-8 sequence (or one stray byte), a run of white space counts as one blank. Equality
 * is by bytes. Words of up to eight bytes are equal exactly when hash and length are, so
 * that the aligner seldom reads text. Pure. */
#ifndef ROSTRUM_SCORE_WORDS_H
#define ROSTRUM_SCORE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SCORE_HASH_EXACT_BYTES 8

typedef struct {
    const char *text; /* not terminated; borrowed from the caller's text */
    uint32_t bytes;
    uint64_t hash; /* the bytes themselves up to eight of them, else mixed */
} score_word;

/* Cuts text[bytes] into at most max words; returns how many there are in the text,
 * which may be more than max. words may be NULL if max == 0. */
size_t score_split(const char *text, size_t bytes, score_word *words, size_t max);

/* The same for characters, for a character error rate. White space at the ends is left
 * out. */
size_t score_split_characters(const char *text, size_t bytes, score_word *characters,
                              size_t max);

/* One word from bytes that hold no white space. */
score_word score_word_of(const char *text, size_t bytes);

static inline bool score_same(const score_word *a, const score_word *b) {
    return a->hash == b->hash && a->bytes == b->bytes &&
           (a->bytes <= SCORE_HASH_EXACT_BYTES ||
            memcmp(a->text, b->text, a->bytes) == 0);
}

/* For order in lists: by bytes, a prefix first. Negative, 0 or positive. */
int score_compare_words(const score_word *a, const score_word *b);

#endif
