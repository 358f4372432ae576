/* readiness/diagnose/slices.h: which slices explain a change.
 *
 * A table has one row for each combination of attribute values (a leaf), with what was
 * expected of it and what was seen. A slice fixes some attributes and leaves the others
 * open. The answer is a short list of slices, each with one factor, such that
 *
 *     seen(row) ~ expected(row) * product of the factors of the slices that hold the row
 *
 * describes the table: the likelihood gained by a slice must pay for naming it. A row
 * disagrees with its expectation by d = 2 (seen - expected) / (seen + expected), in
 * [-2, 2], and the noise of d is variance s2 + phi * spread(row), with s2 and phi read
 * off the table's own quiet rows. Rows weigh by 1 / variance and have heavy tails, so
 * neither a thousand tiny rows nor one wild one carries a verdict.
 *
 * Search: every slice of every combination of attributes is a candidate; its factor is
 * the weighted median of its rows. The best one is taken unless its own parts refute it,
 * the expectation is rescaled, all factors are fitted again, and so on until no slice
 * pays. Then slices that stand for parts of a wider one give way to it where that is
 * cheaper to say, and those that change next to nothing are left out.
 *
 * Works on additive measures (requests, dollars) and, through expect.h, on ratios
 * (errors / words). The idea that all parts of a cause change by one factor is the
 * "generalised ripple effect" of Li et al., Squeeze (ISSRE 2019).
 *
 * Pure: the caller brings the memory. Any thread. */
#ifndef ROSTRUM_READINESS_DIAGNOSE_SLICES_H
#define ROSTRUM_READINESS_DIAGNOSE_SLICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define SLICES_ATTRIBUTES_MAX 10
#define SLICES_CAUSES_MAX 16
#define SLICES_ROWS_MAX 2000000 /* leaves of one table */

typedef struct {
    size_t rows, attributes;
    const uint32_t
        *codes; /* [rows * attributes]: value of attribute a in row r, < values[a] */
    const uint32_t *values; /* [attributes]: how many values each attribute has */
    const double *expected; /* [rows] >= 0 */
    const double *seen;     /* [rows] >= 0 */
    const double *spread;   /* [rows] > 0: relative variance a count of this size would
                             * have; NULL: 1 / the larger of expected and seen */
} slice_table;

typedef struct {
    unsigned depth;     /* most attributes a cause may name; 0: all */
    double least_share; /* of the explained change; a smaller cause is not reported */
} slice_options;

/* Depth 0, least_share 0.01. */
extern const slice_options slice_defaults;

typedef struct {
    uint32_t named;                       /* bit a: attribute a is fixed */
    uint32_t code[SLICES_ATTRIBUTES_MAX]; /* its value, where the bit is set */
    size_t rows;                          /* leaves it holds */
    double expected, seen;                /* their sums */
    double factor;   /* fitted: seen / expected of its rows; may be INFINITY */
    double share;    /* of all changes, the part attributed to it; 0 .. 1 */
    double evidence; /* log likelihood lost without it, in nats */
} slice_cause;

typedef struct {
    slice_cause causes[SLICES_CAUSES_MAX]; /* [n], largest share first */
    size_t n;
    size_t rows;           /* with anything expected or seen */
    double expected, seen; /* totals */
    double unexplained;    /* part of the absolute change no cause explains, 0 .. 1 */
    double noise_rel;      /* what a large row differs by for no reason: sqrt(s2) */
} slice_answer;

/* Bytes of scratch memory for a table of this shape; 0: more than SIZE_MAX / 2. */
size_t slices_scratch(size_t rows, size_t attributes, unsigned depth);

/* Judges the table.
 *   scratch   slices_scratch(rows, attributes, depth) bytes, aligned for any type
 * ERR_INVALID: d names the row (as line) and what is wrong: a number that is negative or
 * not finite, a code outside values[a]. ERR_LIMIT: too many rows or attributes. */
MUST_CHECK status slices_explain(const slice_table *table, const slice_options *options,
                                 void *scratch, slice_answer *out, diag *d);

#endif
