/* readiness/diagnose/expect.h: what a ratio leads one to expect, row by row.
 *
 * For a ratio such as errors / words, a row is expected to see
 *
 *     words now * rate before,   rate before = p (errors + a) / (words before * p + a)
 *
 * where p = base * product of one factor for each attribute value (a log-linear model of
 * main effects, fitted to the counts before by iterative scaling) and a is the shape of a
 * gamma prior around p, chosen by the likelihood of the counts before (empirical Bayes:
 * negative binomial). A row with few words before thus borrows from its relatives, and a
 * slice that did not exist before is still expected something. So a shift of traffic to a
 * harder slice is not taken for a slice that became harder: ratio_change tells them
 * apart.
 *
 * When a numerator is not a whole number it is no count: rows are then taken as they are
 * and only rows without a past borrow. Pure. Any thread. */
#ifndef ROSTRUM_READINESS_DIAGNOSE_EXPECT_H
#define ROSTRUM_READINESS_DIAGNOSE_EXPECT_H

#include "readiness/diagnose/slices.h"

/* One row a leaf (no two rows with the same codes). All numbers finite and >= 0. */
typedef struct {
    size_t rows, attributes;
    const uint32_t *codes;  /* [rows * attributes] */
    const uint32_t *values; /* [attributes] */
    const double *top_before, *bottom_before, *top_now, *bottom_now; /* [rows] */
} ratio_table;

/* The change of the overall ratio, split exactly:
 * now - before = by_rate (slices became better or worse) + by_mix (traffic moved). */
typedef struct {
    double before, now, by_rate, by_mix;
} ratio_change;

/* Bytes of scratch memory: sum of values[attributes] factors and their sums. */
size_t ratio_scratch(const ratio_table *t);

/* Fills expected[rows] and spread[rows] for slices_explain, where seen = top_now.
 * ERR_INVALID: a number is negative or not finite (d names the row as line), or nothing
 * was counted before or now. */
MUST_CHECK status ratio_expect(const ratio_table *t, void *scratch, double *expected,
                               double *spread, ratio_change *out, diag *d);

#endif
