#include "readiness/slo/budget.h"

#include <math.h>

#include "base/assert.h"

double slo_budget_left(slo_count seen, int64_t observed_s, int64_t period_s,
                       double budget) {
    ASSERT(period_s > 0);
    ASSERT(observed_s >= 0);
    ASSERT(observed_s <= period_s);
    return 1 - slo_burn(seen, budget) * ((double)observed_s / (double)period_s);
}

double slo_exhaustion_s(double left, double burn, int64_t period_s) {
    if (left <= 0)
        return 0;
    return burn > 0 ? left * (double)period_s / burn : INFINITY;
}
