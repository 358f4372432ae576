/* Fuzzes the redactor: any bytes, cut anywhere, come out the same as when whole; what is
 * held is bounded; sources cover the input without a hole; timed words come in order. The
 * first byte says where to cut. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "privacy/redact_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

typedef struct {
    char text[1 << 18];
    size_t n;
    uint64_t source;
} collected;

static void collect(void *to, const redact_piece *piece) {
    collected *out = to;
    ASSERT(out->n + piece->n <= sizeof out->text);
    ASSERT(piece->source >= out->source); /* swallowed text leaves holes */
    ASSERT(piece->class <= ENTITY_COUNT);
    memcpy(out->text + out->n, piece->text, piece->n);
    out->n += piece->n;
    out->source = piece->source + piece->source_bytes;
}

static void check_word(void *to, const redacted_word *word) {
    int64_t *last = to;
    ASSERT(word->n > 0 && word->start_ms <= word->end_ms && word->start_ms >= *last);
    *last = word->start_ms;
}

static void run_words(const redact_policy *policy, const char *text, size_t n) {
    static word_redactor r;
    int64_t last = 0, at = 0;
    redact_words_init(&r, policy, check_word, &last);
    for (size_t from = 0; from < n; at += 10) {
        const char *space = memchr(text + from, ' ', n - from);
        size_t bytes = space ? (size_t)(space - text) - from : n - from;
        timed_word word = {private_text_of(text + from, bytes), at, at + 9};
        redact_words_push(&r, &word);
        from += bytes + 1;
    }
    redact_words_finish(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static redactor r;
    static collected whole, cut;
    if (n < 2 || n > 20000)
        return 0;
    redact_policy policy;
    redact_policy_init(&policy);
    policy.of[ENTITY_DATE].action = REDACT_MASK;
    policy.of[ENTITY_PHONE].action = REDACT_REMOVE;
    const char *text = (const char *)data + 1;
    size_t step = data[0] % 16 + 1u;
    n--;
    redact_init(&r, &policy);
    whole.n = whole.source = 0;
    redact_push(&r, private_text_of(text, n), collect, &whole);
    redact_finish(&r, collect, &whole);
    ASSERT(redact_held(&r) == 0 && r.source == n);
    redact_init(&r, &policy);
    cut.n = cut.source = 0;
    for (size_t i = 0; i < n; i += step) {
        redact_push(&r, private_text_of(text + i, n - i < step ? n - i : step), collect,
                    &cut);
        ASSERT(redact_held(&r) <= REDACT_HELD_BYTES + 4);
    }
    redact_finish(&r, collect, &cut);
    ASSERT(cut.n == whole.n && memcmp(cut.text, whole.text, cut.n) == 0);
    run_words(&policy, text, n);
    return 0;
}
