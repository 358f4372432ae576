#include "privacy/release.h"

#include <math.h>

status release_check(const release_options *o, diag *d) {
    if (!(o->epsilon > 0) || !isfinite(o->epsilon))
        return diag_field(d, ERR_INVALID, "epsilon", "is %g; more than 0 is needed",
                          o->epsilon);
    if (!(o->delta > 0 && o->delta < 1))
        return diag_field(d, ERR_INVALID, "delta",
                          "is %g; more than 0 and less than 1 is needed", o->delta);
    if (o->touches == 0)
        return diag_field(d, ERR_INVALID, "touches",
                          "is 0; say how many slices one person may be in");
    return OK;
}

double release_power_sum(double epsilon, int64_t first, uint64_t terms) {
    double n = (double)terms, lead = exp(epsilon * (double)first);
    if (terms == 0 || lead == 0)
        return 0;
    if (terms == 1)
        return lead;
    /* the geometric series; expm1 keeps it exact for a tiny epsilon */
    double ratio = epsilon * n < 1e-17 ? n : expm1(epsilon * n) / expm1(epsilon);
    return isnan(ratio) ? INFINITY : lead * ratio;
}

/* The two places where the recurrence changes its branch. */
typedef struct {
    double epsilon, delta;
    double crossover; /* the largest n of the first branch */
    double at_crossover;
    double certain; /* the largest n of the second */
} selection;

static selection select_of(const release_options *o) {
    selection s = {.epsilon = o->epsilon / o->touches, .delta = o->delta / o->touches};
    double e = expm1(s.epsilon), d = s.delta;
    /* ln((e^eps - 1 + 2 delta) / ((e^eps + 1) delta)) / eps, without overflow */
    double inside = isfinite(e) ? log((e + 2 * d) / ((e + 2) * d)) : -log(d);
    s.crossover = 1 + floor(fmax(0, inside / s.epsilon));
    s.at_crossover = fmin(1, d * release_power_sum(s.epsilon, 0, (uint64_t)s.crossover));
    double left = e / d * (1 - s.at_crossover);
    s.certain = s.crossover + floor(log1p(left) / s.epsilon);
    return s;
}

/* Units counted above the floor. */
static uint64_t counted(const release_options *o, uint64_t n) {
    if (o->floor <= 1)
        return n;
    return n < o->floor ? 0 : n - o->floor + 1;
}

double release_probability(const release_options *o, uint64_t n) {
    selection s = select_of(o);
    n = counted(o, n);
    if ((double)n <= s.crossover)
        return fmin(1, s.delta * release_power_sum(s.epsilon, 0, n));
    if ((double)n > s.certain)
        return 1;
    double m = (double)n - s.crossover;
    double p = -expm1(-m * s.epsilon) * (1 + s.delta / expm1(s.epsilon)) +
               exp(-m * s.epsilon) * s.at_crossover;
    return fmin(1, p);
}

uint64_t release_certain(const release_options *o) {
    selection s = select_of(o);
    uint64_t n = s.at_crossover >= 1 ? (uint64_t)s.crossover : (uint64_t)s.certain + 1;
    n += o->floor > 1 ? o->floor - 1 : 0;
    return release_probability(o, n - 1) >= 1 ? n - 1 : n; /* the floors above may meet */
}

bool release_show(const release_options *o, uint64_t n, double u) {
    return u < release_probability(o, n);
}
