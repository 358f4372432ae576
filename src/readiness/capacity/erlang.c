#include "readiness/capacity/erlang.h"

#include <math.h>
#include <stdbool.h>

/* 1/B one server further. The inverse grows where B would underflow. */
static double inverse_step(double inverse, unsigned servers, double offered) {
    return 1 + inverse * (double)servers / offered;
}

double erlang_b(unsigned servers, double offered) {
    if (!(offered >= 0 && isfinite(offered)))
        return NAN;
    if (offered == 0)
        return servers == 0;
    double inverse = 1;
    for (unsigned k = 1; k <= servers; k++)
        inverse = inverse_step(inverse, k, offered);
    return 1 / inverse;
}

/* C from B; 1 without a steady state. */
static double c_of(double b, unsigned servers, double offered) {
    double n = (double)servers;
    return offered < n ? b * n / (n - offered * (1 - b)) : 1;
}

double erlang_c(unsigned servers, double offered) {
    double b = erlang_b(servers, offered);
    return isnan(b) ? b : c_of(b, servers, offered);
}

double queue_mean_wait(unsigned servers, double offered, double variability) {
    double c = erlang_c(servers, offered);
    if (isnan(c) || offered >= (double)servers)
        return isnan(c) ? c : INFINITY;
    return c / ((double)servers - offered) * variability;
}

static double tail(double c, double spare, double variability, double t) {
    if (spare <= 0)
        return 1;
    if (variability == 0)
        return t > 0 ? 0 : c;
    return c * exp(-spare * t / variability);
}

double queue_wait_above(unsigned servers, double offered, double variability, double t) {
    double c = erlang_c(servers, offered);
    return isnan(c) ? c : tail(c, (double)servers - offered, variability, t);
}

double erlang_mean_wait(unsigned servers, double offered) {
    return queue_mean_wait(servers, offered, 1);
}

double erlang_mean_queue(unsigned servers, double offered) {
    return offered == 0 ? 0 : offered * erlang_mean_wait(servers, offered);
}

double erlang_wait_above(unsigned servers, double offered, double t) {
    return queue_wait_above(servers, offered, 1, t);
}

/* One pass over the recurrence instead of one a candidate. */
unsigned erlang_b_servers(double offered, double target) {
    if (!(offered >= 0 && isfinite(offered) && target > 0 && target < 1))
        return 0;
    double inverse = 1;
    for (unsigned k = 1; k <= ERLANG_SERVERS_MAX; k++) {
        if (offered == 0)
            return 1;
        inverse = inverse_step(inverse, k, offered);
        if (1 / inverse <= target)
            return k;
    }
    return 0;
}

unsigned queue_servers(double offered, double variability, double t, double target) {
    if (!(offered >= 0 && isfinite(offered) && target > 0 && target < 1 &&
          variability >= 0 && t >= 0))
        return 0;
    double inverse = 1;
    for (unsigned k = 1; k <= ERLANG_SERVERS_MAX; k++) {
        if (offered == 0)
            return 1;
        inverse = inverse_step(inverse, k, offered);
        double spare = (double)k - offered;
        if (spare > 0 &&
            tail(c_of(1 / inverse, k, offered), spare, variability, t) <= target)
            return k;
    }
    return 0;
}

unsigned erlang_c_servers(double offered, double target) {
    return queue_servers(offered, 1, 0, target);
}
