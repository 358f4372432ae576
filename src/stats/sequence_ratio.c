#include "stats/sequence_ratio.h"

#include <math.h>
#include "stats/boundary.h"
#include "stats/special.h"

double stats_ratio_concentration(double n_opt, double alpha) {
    return stats_best_rho(n_opt, alpha, false);
}

/* ln of Gamma(a + n) / Gamma(a), the product of n factors; n may be 0. */
static double log_rising(double a, double n) {
    return n > 0 ? stats_log_gamma(n) - stats_log_beta(a, n) : 0;
}

double stats_ratio_log_e(const uint64_t *counts, const double *shares, size_t arms,
                         double concentration) {
    double whole = 0;
    for (size_t i = 0; i < arms; i++) {
        if (!(shares[i] > 0 && shares[i] < INFINITY))
            return NAN;
        whole += shares[i];
    }
    if (arms < 2 || !(concentration > 0 && concentration < INFINITY))
        return NAN;
    double total = 0;
    double result = 0;
    for (size_t i = 0; i < arms; i++) {
        double share = shares[i] / whole;
        double n = (double)counts[i];
        total += n;
        result += log_rising(concentration * share, n) - n * log(share);
    }
    return result - log_rising(concentration, total);
}
