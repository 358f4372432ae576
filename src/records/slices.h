/* records/slices.h: a number for every combination of attribute values that occurs.
 *
 * "noise,device" makes one slice of each pair of values, called "noise=street,
 * device=phone"; a record without the attribute is "noise=-". Numbers count from 0 in the
 * order of first appearance. Allocates; one thread at a time. */
#ifndef ROSTRUM_RECORDS_SLICES_H
#define ROSTRUM_RECORDS_SLICES_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define SLICES_BY_MAX 6       /* attributes of one combination */
#define SLICES_MAX 1000000u   /* combinations: speakers or sessions of a large set */
#define SLICES_NAME_BYTES 512 /* one name, terminator included */

/* The value of an attribute of a record, or NULL. */
typedef const char *slices_value(const void *record, const char *attribute);

typedef struct {
    char *by[SLICES_BY_MAX]; /* [n_by] */
    size_t n_by;
    char **names; /* [n] */
    size_t n, capacity;
    uint32_t *slots; /* [n_slots] open addressing by name: slice + 1, 0 free */
    size_t n_slots;
} slices;

/* by: attributes separated by commas. ERR_INVALID: an empty or repeated one; ERR_LIMIT:
 * more than SLICES_BY_MAX. */
MUST_CHECK status slices_init(slices *s, const char *by, diag *d);
void slices_deinit(slices *s); /* takes all zeros */

/* The slice of a record. ERR_LIMIT: more than SLICES_MAX, or a name that is too long. */
MUST_CHECK status slices_of(slices *s, const void *record, slices_value *value,
                            size_t *out, diag *d);

/* Order of the names, bytewise: order[n]. */
void slices_sort(const slices *s, size_t *order);

#endif
