/* stats/moments.h: count, mean and squared deviations, one value at a time or merged.
 *
 * What a mean interval, a t test or a confidence sequence needs to know of a sample.
 * Updates are Welford's (1962), merges Chan, Golub and LeVeque's (1979): no
 * cancellation, and folding minutes into hours gives what folding values gives.
 * Start from all zeros ({0}). Pure. The caller owns the state. */
#ifndef ROSTRUM_STATS_MOMENTS_H
#define ROSTRUM_STATS_MOMENTS_H

#include <stddef.h>

/* One variable. Invariant: n >= 0 and whole, m2 = sum (x - mean)^2 >= 0. */
typedef struct {
    double n, mean, m2;
} stats_moments;

void stats_moments_add(stats_moments *m, double x); /* x finite */
void stats_moments_merge(stats_moments *m, const stats_moments *more);
stats_moments stats_moments_of(const double *x, size_t n);
double stats_variance(const stats_moments *m); /* m2 / (n - 1); 0 when n < 2 */

/* Two variables measured on the same unit, e.g. errors y and words x of a speaker.
 * c_xx = sum (x - mean_x)^2, c_xy and c_yy alike. */
typedef struct {
    double n, mean_x, mean_y, c_xx, c_xy, c_yy;
} stats_pairs;

void stats_pairs_add(stats_pairs *p, double x, double y); /* both finite */
void stats_pairs_merge(stats_pairs *p, const stats_pairs *more);

#endif
