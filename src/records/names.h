/* records/names.h: names to numbers while a file is read, in sorted order at the end.
 *
 * A number is given at first sight; names_rank then says where it stands among the
 * sorted names, so that what is made of a file does not depend on the order of its
 * lines. At most NAMES_MAX, since a new one moves those that sort behind it: names that
 * come in order cost nothing, 262,144 in the worst order some seconds.
 * Allocates; one thread at a time. Start from all zeros. */
#ifndef ROSTRUM_RECORDS_NAMES_H
#define ROSTRUM_RECORDS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define NAMES_MAX 262144

typedef struct {
    char **text;     /* [n] by number, owned */
    uint32_t *order; /* [n] numbers in order of their texts */
    size_t n, capacity;
} names;

void names_deinit(names *t);

/* The number of text; *out_new (may be NULL) says whether it was given just now.
 * ERR_LIMIT: too many. ERR_MEMORY. */
MUST_CHECK status names_add(names *t, const char *text, uint32_t *out, bool *out_new,
                            diag *d);

/* The number of text; false: never added. */
bool names_find(const names *t, const char *text, uint32_t *out);

/* Sorts: text[] becomes ascending and rank[n] (the caller's) says which number became
 * which. */
void names_rank(names *t, uint32_t *rank);

#endif
