/* stats/tests.h: fixed-sample tests of two arms.
 *
 * Every p-value is for a sample looked at once. "greater" is the evidence that x (or
 * the candidate) is the larger one. Where the data says nothing (an empty arm, no
 * variance at all) p is 1; broken input (NaN) is ERR_INVALID or, in functions without
 * a status, NaN. Pure. The caller brings the memory. Safe from any thread. */
#ifndef ROSTRUM_STATS_TESTS_H
#define ROSTRUM_STATS_TESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"
#include "stats/moments.h"

typedef struct {
    double less, greater, two_sided;
} stats_p;

/* Mann-Whitney U of x against y: u_x = pairs with x > y, plus half the ties.
 * Exact where no value is tied and n_x n_y <= STATS_EXACT_PAIRS_MAX; otherwise normal,
 * variance corrected for ties, continuity correction 1/2. */
typedef struct {
    double u_x;
    stats_p exact;  /* NaN unless has_exact */
    stats_p normal; /* always */
    stats_p p;      /* exact if there is one, else normal: the one to use */
    bool has_exact, has_ties;
    double superiority; /* u_x / (n_x n_y): chance that x > y, 1/2 when alike */
} stats_mann_whitney_result;

#define STATS_EXACT_PAIRS_MAX 400 /* 20 against 20: all counts below 2^53 */

/*   x, y     [n_x], [n_y] finite values, any order; NULL when empty
 *   scratch  [n_x + n_y]
 * ERR_INVALID, *out untouched: a value is not finite. */
MUST_CHECK status stats_mann_whitney(const double *x, size_t n_x, const double *y,
                                     size_t n_y, double *scratch,
                                     stats_mann_whitney_result *out);

/* Welch's t test, unequal variances: t = (mean_x - mean_y) / se. Two constant arms of
 * different means: t = +-inf, p = 0 on that side; an arm with n < 2: p = 1. */
typedef struct {
    double t, df;
    stats_p p;
} stats_welch_result;

stats_welch_result stats_welch(const stats_moments *x, const stats_moments *y);

/* Fisher's exact test of the table [[a, b], [c, d]] (rows: arms; columns: bad, good).
 * greater: odds ratio a d / (b c) above 1. Two-sided: all tables no likelier than this
 * one (within 1e-7 relative, against rounding). Costs one step per possible table. */
stats_p stats_fisher(uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/* Pearson's chi-square. */
typedef struct {
    double chi_square, df, p;
} stats_chi_square_result;

/* Of counts[n] against shares[n] (positive, any scale). Nothing counted: p 1. */
stats_chi_square_result stats_chi_square_fit(const uint64_t *counts, const double *shares,
                                             size_t n);

/* Of independence in counts[rows][columns], row-major. Empty rows and columns do not
 * count. No continuity correction. */
stats_chi_square_result stats_chi_square_table(const uint64_t *counts, size_t rows,
                                               size_t columns);

/* Sample ratio mismatch of two arms, looked at once: chi-square against the expected
 * control share in (0, 1). A p below 0.001 says that assignment or logging is broken
 * and that no comparison of the arms means anything (Fabijan et al. 2019). For looks
 * while traffic arrives use stats/sequence_ratio.h. */
stats_chi_square_result stats_sample_ratio(uint64_t control, uint64_t candidate,
                                           double control_share);

/* McNemar, exact: of n = only_x + only_y items that one side got wrong, only_x are
 * wrong in x alone; under no difference that is binomial(n, 1/2). */
stats_p stats_mcnemar(uint64_t only_x, uint64_t only_y);

#endif
