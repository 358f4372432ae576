/* base/buf.h: a growing byte buffer with a ceiling.
 *
 * The only growing buffer in the tree, so that each one has a stated maximum. An
 * append past the ceiling (or past memory) sets `failed` and changes nothing; every
 * later append fails as well, so a writer checks once, at the end.
 * No locks; one thread at a time. Allocates; not for the pure folders. */
#ifndef ROSTRUM_BASE_BUF_H
#define ROSTRUM_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
    uint8_t *data; /* [size], capacity bytes allocated; NULL while empty */
    size_t size;   /* bytes in use */
    size_t capacity;
    size_t ceiling; /* bytes it may ever hold */
    bool failed;    /* an append did not fit or memory was short */
} buf;

void buf_init(buf *b, size_t ceiling);
void buf_deinit(buf *b);

/* Empties it and clears `failed`; keeps the memory. */
void buf_clear(buf *b);

void buf_add(buf *b, const void *data, size_t n);
void buf_add_text(buf *b, const char *text);
void buf_addf(buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends text as a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD. */
void buf_add_json(buf *b, const char *text);

/* Appends the shortest decimal that reads back as the same double; null when it is not
 * finite. */
void buf_add_number(buf *b, double value);

/* Removes the first n bytes. n <= size. */
void buf_drop(buf *b, size_t n);

/* Terminates with a NUL that is not counted and returns the text; "" if failed. */
const char *buf_text(buf *b);

#endif
