/* privacy/redact_words.h: redaction of words that carry times.
 *
 * Words in, in order; words out, each as soon as it is decided. Words that make up one
 * entity come out as one, from the start of the first to the end of the last; marks glued
 * to it stay ("[CARD],"). A word that was removed, or blank, does not come out. Pure. One
 * thread at a time. */
#ifndef ROSTRUM_PRIVACY_REDACT_WORDS_H
#define ROSTRUM_PRIVACY_REDACT_WORDS_H

#include "privacy/redact.h"

#define REDACT_WORD_BYTES                                                                \
    512 /* a longer word comes out in pieces; a label or mask is cut */

typedef struct {
    private_text text;
    int64_t start_ms, end_ms;
} timed_word;

typedef struct {
    const char *text; /* [n], n > 0; borrowed for the call */
    size_t n;
    int64_t start_ms, end_ms;
} redacted_word;

typedef void redact_put_word(void *to, const redacted_word *word);

typedef struct {
    redactor redactor;
    redact_put_word *put;
    void *to;
    struct {
        uint64_t at, end; /* bytes of the input */
        int64_t start_ms, end_ms;
    } held[REDACT_HELD_ATOMS + 1]; /* words whose text is not all out: a ring */
    size_t first, n;
    uint64_t pushed; /* bytes */
    char text[REDACT_WORD_BYTES];
    size_t bytes; /* of the word that is being put together */
    int64_t start_ms, end_ms;
    bool timed; /* start_ms and end_ms are of that word */
} word_redactor;

void redact_words_init(word_redactor *r, const redact_policy *policy,
                       redact_put_word *put, void *to);
void redact_words_push(word_redactor *r, const timed_word *word);
void redact_words_finish(word_redactor *r);

#endif
