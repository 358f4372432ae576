/* stats/multiple.h: p-values adjusted for having asked many questions.
 *
 * An adjusted p is compared with alpha itself.
 *   BONFERRONI  min(1, n p): chance of one error, under any dependence
 *   HOLM        the same promise, rejects at least as much: for protected slices
 *   HOCHBERG    step up; needs independent or positively dependent tests
 *   BH          false discovery rate, independent or positively dependent tests
 *   BY          false discovery rate, any dependence: BH times 1 + 1/2 + .. + 1/n
 *
 * Sources: Holm 1979; Hochberg 1988; Benjamini and Hochberg 1995; Benjamini and
 * Yekutieli 2001. Pure. The caller brings the memory. Safe from any thread. */
#ifndef ROSTRUM_STATS_MULTIPLE_H
#define ROSTRUM_STATS_MULTIPLE_H

#include <stddef.h>
#include "base/status.h"

typedef enum {
    STATS_BONFERRONI,
    STATS_HOLM,
    STATS_HOCHBERG,
    STATS_BH,
    STATS_BY
} stats_correction;

/*   p      [n], each in 0..1, any order
 *   order  [n] scratch
 *   out    [n] adjusted, in the order of p; may be p itself
 * ERR_INVALID, out untouched: a p is NaN or outside 0..1. */
MUST_CHECK status stats_adjust(stats_correction method, const double *p, size_t n,
                               size_t *order, double *out);

#endif
