/* readiness/capacity/erlang.h: closed forms for a queue in front of slots.
 *
 * Offered load a = arrivals a second x mean service time, in erlangs; n slots. Waits are
 * in mean service times.
 *
 *   Erlang B   chance that all slots are busy when nobody may wait (blocked, M/M/n/n)
 *              1/B(0) = 1, 1/B(k) = 1 + k/a 1/B(k-1)
 *   Erlang C   chance to wait when all may (M/M/n): B / (1 - a/n (1 - B))
 *   mean wait  C / (n - a);  P(wait > t) = C exp(-(n - a) t)
 *   Allen-Cunneen, for arrivals and service times of any variability (G/G/n): the mean
 *              wait times (ca2 + cs2) / 2, with the squared coefficients of variation of
 *              the times between arrivals and of service; the tail keeps C and decays
 *              slower by the same factor
 *
 * Exact for Poisson arrivals and exponential service (both 1), else approximations; all
 * of a steady state that a short peak may never reach. With a >= n there is none:
 * everybody waits, for ever (C = 1, waits infinite).
 * Sources: Erlang 1917; Allen, Probability, Statistics and Queueing Theory, 1990.
 * Pure. Safe from any thread. */
#ifndef ROSTRUM_READINESS_CAPACITY_ERLANG_H
#define ROSTRUM_READINESS_CAPACITY_ERLANG_H

/* offered finite and >= 0, else NaN. */
double erlang_b(unsigned servers, double offered);
double erlang_c(unsigned servers, double offered);

double erlang_mean_wait(unsigned servers, double offered);
double erlang_mean_queue(unsigned servers, double offered); /* requests waiting */
double erlang_wait_above(unsigned servers, double offered, double t); /* P(wait > t) */

/* Allen-Cunneen; variability = (ca2 + cs2) / 2, >= 0. */
double queue_mean_wait(unsigned servers, double offered, double variability);
double queue_wait_above(unsigned servers, double offered, double variability, double t);

/* Fewest servers for which the chance is at most target in (0, 1); at least 1. 0: more
 * than ERLANG_SERVERS_MAX, or broken input. */
#define ERLANG_SERVERS_MAX 1000000u
unsigned erlang_b_servers(double offered, double target);
unsigned erlang_c_servers(double offered, double target);
unsigned queue_servers(double offered, double variability, double t, double target);

#endif
