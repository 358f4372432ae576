/* stats/sort.h: numbers in order, without the memory that qsort may take.
 *
 * Heapsort: n log n in the worst case, in place, no allocation. Not stable, which
 * numbers cannot notice. Pure. Safe from any thread. */
#ifndef ROSTRUM_STATS_SORT_H
#define ROSTRUM_STATS_SORT_H

#include <stddef.h>

/* Ascending. x holds no NaN (they have no order). */
void stats_sort(double *x, size_t n);

/* Fills order[n] with 0..n-1 so that key[order[0]] <= key[order[1]] <= ..; equal keys
 * keep their own order. */
void stats_sort_order(const double *key, size_t n, size_t *order);

/* Quantile p in 0..1 of sorted[n], n > 0: linear between the two nearest values, at
 * position p (n - 1) (type 7 of Hyndman and Fan 1996; the default of R and NumPy). */
double stats_sorted_quantile(const double *sorted, size_t n, double p);

/* How many of sorted[n] are below x; how many are at most x. */
size_t stats_count_below(const double *sorted, size_t n, double x);
size_t stats_count_at_most(const double *sorted, size_t n, double x);

#endif
