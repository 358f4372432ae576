/* readiness/capacity/plan.h: slots and machines for a peak.
 *
 * Three answers to the same question, "how many servers keep the share of requests that
 * wait longer than target_s (or are refused) at most 1 - target_share":
 *
 *   Erlang C        Poisson arrivals, exponential service, steady state
 *   Allen-Cunneen   the measured variability, still a steady state and no batching
 *   simulation      the peak as described; the upper end of a 95 % interval over
 *                   replications has to meet the target. This one is the plan.
 *
 * A batching pool is put to the formulas as servers that work off one request after the
 * other at the speed of full batches.
 *
 *   slots    = ceil(servers x (1 + headroom))
 *   machines = ceil(slots / slots_per_machine) + spare_machines
 *
 * Where formula and simulation disagree about the mean age, the plan says why: what the
 * formula does not know is taken out of the simulation one thing at a time, and the
 * thing whose removal closes most of the gap is named.
 * Pure; the caller owns the memory. */
#ifndef ROSTRUM_READINESS_CAPACITY_PLAN_H
#define ROSTRUM_READINESS_CAPACITY_PLAN_H

#include "base/diag.h"
#include "readiness/capacity/simulate.h"
#include "stats/interval.h"

#define CAPACITY_SERVERS_MAX 100000u
#define CAPACITY_REQUESTS_MAX 5e6 /* of one peak: a replication takes a second then */
#define CAPACITY_REPLICATIONS_MAX 1000u
#define CAPACITY_AGES (1u << 17) /* ages kept for percentiles; replications share it */

typedef struct {
    simulate_load load;
    double target_s;     /* queue age */
    double target_share; /* of requests that must not be older, in (0, 1) */
    double headroom;     /* >= 0 */
    unsigned slots_per_machine, spare_machines;
    int64_t machine_microusd_per_hour;
    unsigned replications; /* >= 2 */
    uint64_t seed;
} capacity_demand;

typedef enum {
    CAPACITY_AGREE,     /* mean ages within chance, or 2 % of the target age */
    CAPACITY_NO_STEADY, /* more offered than servers: the formula waits for ever */
    CAPACITY_BATCHING,
    CAPACITY_AGE_LIMIT, /* requests are refused, which the formula lets wait */
    CAPACITY_SHORT_PEAK,
    CAPACITY_ARRIVALS,    /* not Poisson: two moments do not tell how they cluster */
    CAPACITY_SERVICE,     /* not exponential, alike */
    CAPACITY_APPROXIMATE, /* none of these alone closes the gap */
    CAPACITY_REASONS
} capacity_reason;

const char *capacity_reason_name(capacity_reason r); /* "agree".. */
const char *capacity_reason_text(capacity_reason r); /* a sentence */

typedef struct {
    double offered_erlangs;
    unsigned erlang_c, allen_cunneen; /* servers; 0: the formula knows none */
    unsigned servers;                 /* of the simulation */
    unsigned slots, machines;
    int64_t microusd_per_hour;
    /* at `servers`: */
    double late_share;
    stats_interval late; /* 95 % */
    double refused_share, utilisation, mean_batch;
    double age_p50_s, age_p95_s, age_p99_s;
    double mean_age_s;
    stats_interval mean_age;   /* 95 % */
    double formula_mean_age_s; /* Allen-Cunneen; infinite: no steady state */
    capacity_reason reason;
} capacity_answer;

/* free_at [CAPACITY_SERVERS_MAX] and ages [CAPACITY_AGES] are scratch.
 * ERR_INVALID, *out untouched, d names the field: a value outside what the headers
 * allow. ERR_LIMIT: a peak of too many requests; more than CAPACITY_SERVERS_MAX. */
MUST_CHECK status capacity_plan(const capacity_demand *demand, double *free_at,
                                double *ages, capacity_answer *out, diag *d);

#endif
