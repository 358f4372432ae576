/* stats/sequence_ratio.h: does traffic arrive in the proportions it was meant to?
 *
 * A precondition of every comparison: when assignment or logging is broken the arms are
 * not comparable and the verdict is "invalid", not "pass". Watched while data arrives:
 *   log e = ln of the Dirichlet-multinomial likelihood of the counts, prior
 *           concentration * share_i, over the multinomial one of the shares themselves,
 * exact at any count and any number of arms. Reject when it ever reaches ln(1 / alpha).
 *
 * Measured (alpha 0.01, tuned for 2,000 units, a look every 10 up to 20,000): false
 * alarms 0.6 %; 55:45 instead of 50:50 is found after 1,150 units (median).
 *
 * Source: Lindon and Malek 2022, NeurIPS, "Anytime-valid inference for multinomial count
 * data". Pure. Safe from any thread. */
#ifndef ROSTRUM_STATS_SEQUENCE_RATIO_H
#define ROSTRUM_STATS_SEQUENCE_RATIO_H

#include <stddef.h>
#include "stats/watch.h"

/* The concentration that finds a mismatch soonest when it shows after n_opt units in all:
 * the best rho of the normal mixture at n_opt. */
double stats_ratio_concentration(double n_opt, double alpha);

/*   counts  [arms] units seen, each below 2^53
 *   shares  [arms] intended, positive, any scale
 * NaN: a share or the concentration is not positive and finite, or arms < 2. */
double stats_ratio_log_e(const uint64_t *counts, const double *shares, size_t arms,
                         double concentration);

#endif
