/* What the tests of the redactor share: redaction of a C string, whole or in pieces. */
#ifndef REDACT_HELP_H
#define REDACT_HELP_H

#include <stdlib.h>
#include <string.h>

#include "privacy/redact.h"

typedef struct {
    char text[16384];
    size_t n;
} redacted;

static inline void redact_collect(void *to, const redact_piece *piece) {
    redacted *out = to;
    if (out->n + piece->n >= sizeof out->text)
        abort();
    memcpy(out->text + out->n, piece->text, piece->n);
    out->n += piece->n;
    out->text[out->n] = '\0';
}

/* text, given in pieces of `step` bytes. */
static inline void redact_in_steps(const redact_policy *policy, const char *text,
                                   size_t step, redacted *out) {
    static redactor r;
    redact_init(&r, policy);
    out->n = 0;
    out->text[0] = '\0';
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i += step)
        redact_push(&r, private_text_of(text + i, n - i < step ? n - i : step),
                    redact_collect, out);
    redact_finish(&r, redact_collect, out);
}

#endif
