#include "stats/multiple.h"

#include <math.h>
#include <stdbool.h>
#include "stats/sort.h"

/* The factor of the p of this rank (0 the smallest) among n. */
static double factor(stats_correction method, size_t rank, size_t n, double harmonic) {
    double count = (double)n;
    switch (method) {
    case STATS_BONFERRONI:
        return count;
    case STATS_HOLM:
    case STATS_HOCHBERG:
        return (double)(n - rank);
    case STATS_BH:
        return count / (double)(rank + 1);
    case STATS_BY:
        return count * harmonic / (double)(rank + 1);
    }
    return NAN;
}

status stats_adjust(stats_correction method, const double *p, size_t n, size_t *order,
                    double *out) {
    double harmonic = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(p[i] >= 0 && p[i] <= 1))
            return ERR_INVALID;
        harmonic += 1 / (double)(i + 1);
    }
    stats_sort_order(p, n, order);
    for (size_t rank = 0; rank < n; rank++) {
        size_t i = order[rank];
        out[i] = fmin(1, p[i] * factor(method, rank, n, harmonic));
    }
    /* an adjusted p is never below that of a smaller p (down) or above that of a larger
     * one (up) */
    bool down = method == STATS_HOLM || method == STATS_BONFERRONI;
    for (size_t step = 1; step < n; step++) {
        size_t at = down ? order[step] : order[n - 1 - step];
        size_t before = down ? order[step - 1] : order[n - step];
        out[at] = down ? fmax(out[at], out[before]) : fmin(out[at], out[before]);
    }
    return OK;
}
