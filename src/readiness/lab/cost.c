#include "readiness/lab/cost.h"

#include <math.h>
#include <stdio.h>

static status check(const lab_cost_period *p, const char *which, diag *d) {
    const struct {
        const char *name;
        double value;
    } fields[] = {
        {"gpu_dollars", p->gpu_dollars},
        {"successful_turns", p->successful_turns},
        {"avg_context_tokens", p->avg_context_tokens},
        {"retry_rate", p->retry_rate},
        {"shadow_traffic_fraction", p->shadow_traffic_fraction},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (isfinite(fields[i].value) && fields[i].value >= 0)
            continue;
        char field[64];
        snprintf(field, sizeof field, "%s.%s", which, fields[i].name);
        return diag_field(d, ERR_INVALID, field,
                          "is %g; a finite number, 0 or more, is needed",
                          fields[i].value);
    }
    return OK;
}

static double unit_cost(const lab_cost_period *p) {
    return p->gpu_dollars / (p->successful_turns > 1 ? p->successful_turns : 1);
}

status lab_cost(const lab_cost_period *old_period, const lab_cost_period *new_period,
                double tolerance, lab_cost_result *out, diag *d) {
    status s = check(old_period, "old", d);
    if (s == OK)
        s = check(new_period, "new", d);
    if (s != OK)
        return s;
    if (!isfinite(tolerance))
        return diag_field(d, ERR_INVALID, "tolerance", "is not a finite number");
    lab_cost_result r = {.old_unit_cost = unit_cost(old_period),
                         .new_unit_cost = unit_cost(new_period)};
    if (r.old_unit_cost == 0)
        return diag_field(d, ERR_INVALID, "old.gpu_dollars",
                          "is %g: the old unit cost is 0, so nothing can be compared "
                          "with it",
                          old_period->gpu_dollars);
    r.relative_delta = (r.new_unit_cost - r.old_unit_cost) / r.old_unit_cost;
    if (!isfinite(r.relative_delta))
        return diag_field(d, ERR_INVALID, "old.gpu_dollars",
                          "is %g: the relative change is too large for a number",
                          old_period->gpu_dollars);
    r.regressed = r.relative_delta > tolerance;
    if (new_period->avg_context_tokens > old_period->avg_context_tokens)
        r.drivers[r.n_drivers++] = "avg_context_tokens";
    if (new_period->retry_rate > old_period->retry_rate)
        r.drivers[r.n_drivers++] = "retry_rate";
    if (new_period->shadow_traffic_fraction > old_period->shadow_traffic_fraction)
        r.drivers[r.n_drivers++] = "shadow_traffic_fraction";
    *out = r;
    return OK;
}
