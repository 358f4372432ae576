/* readiness/capacity/simulate.h: a peak, played request by request.
 *
 * n servers take requests in order of arrival. A server takes up to batch_max at once and
 * holds them for base_s + item_s x requests, times a lognormal noise of mean 1. A
 * streaming slot is batch_max 1 with base_s the time a session holds it. A batch starts
 * when a server is free and batch_max requests wait, or the oldest has waited
 * batch_window_s. A request that no server took within max_age_s is refused.
 *
 * The peak begins after a lead-in at before_per_s (ten services long), which is played
 * and not counted. Times between arrivals are gamma distributed with the given squared
 * coefficient of variation (1: Poisson; above 1: bursts).
 *
 * Same seed, same arrivals: they and the service noise come from streams of their own, so
 * two plans differ by the plan and not by chance. Pure; the caller owns the memory. */
#ifndef ROSTRUM_READINESS_CAPACITY_SIMULATE_H
#define ROSTRUM_READINESS_CAPACITY_SIMULATE_H

#include <stddef.h>
#include <stdint.h>

#define SIMULATE_BATCH_MAX 1024u

typedef struct {
    double arrivals_per_s; /* > 0, during the peak */
    double before_per_s;   /* >= 0, in the lead-in */
    double arrival_scv;    /* >= 0 */
    double peak_s;         /* > 0 */
    unsigned batch_max;    /* 1..SIMULATE_BATCH_MAX */
    double batch_window_s; /* >= 0, <= max_age_s */
    double base_s, item_s; /* >= 0, one of them > 0 */
    double service_scv;    /* >= 0 */
    double max_age_s;      /* INFINITY: nobody is refused */
} simulate_load;

/* What happened to the requests of the peak. */
typedef struct {
    uint64_t requests;
    uint64_t refused; /* older than max_age_s */
    uint64_t late;    /* older than target_s when taken, or refused */
    double age_sum_s; /* of those that were taken */
    double busy_s;    /* server time spent on batches that start in the peak */
    double batches;
    size_t n_ages; /* ages written */
} simulate_result;

/* free_at [servers] is scratch. ages [ages_max], may be NULL when 0: the ages in seconds
 * of the first requests that were taken. servers > 0. */
simulate_result simulate_peak(const simulate_load *load, unsigned servers,
                              double target_s, uint64_t seed, uint64_t replication,
                              double *free_at, double *ages, size_t ages_max);

#endif
