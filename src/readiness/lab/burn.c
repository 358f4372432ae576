#include "readiness/lab/burn.h"

#include <math.h>
#include <stdio.h>

status lab_burn(const double *latencies_ms, size_t n, double threshold_ms,
                double allowed_bad_fraction, lab_burn_result *out, diag *d) {
    if (!isfinite(threshold_ms))
        return diag_field(d, ERR_INVALID, "threshold_ms", "is not a finite number");
    if (!(allowed_bad_fraction > 0 && isfinite(allowed_bad_fraction)))
        return diag_field(d, ERR_INVALID, "allowed_bad_fraction",
                          "is %g; a finite number above 0 is needed",
                          allowed_bad_fraction);
    size_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(latencies_ms[i])) {
            char field[40];
            snprintf(field, sizeof field, "latencies_ms[%zu]", i);
            return diag_field(d, ERR_INVALID, field, "is not a finite number");
        }
        bad += latencies_ms[i] > threshold_ms;
    }
    double observed_bad_fraction = n > 0 ? (double)bad / (double)n : 0.0;
    double burn_rate = observed_bad_fraction / allowed_bad_fraction;
    if (!isfinite(burn_rate))
        return diag_field(d, ERR_INVALID, "allowed_bad_fraction",
                          "is %g: the burn rate is too large for a number",
                          allowed_bad_fraction);
    *out = (lab_burn_result){.burn_rate = burn_rate, .bad = bad};
    return OK;
}
