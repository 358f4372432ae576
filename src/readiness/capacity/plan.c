#include "readiness/capacity/plan.h"

#include <math.h>
#include <stdbool.h>

#include "readiness/capacity/erlang.h"
#include "stats/sort.h"

#define CONFIDENCE 0.95
#define LONG_REQUESTS 2e5 /* of a peak that never ends, as near as one can wait for */
#define NEAR 0.02         /* of the target age: closer than anybody plans */

const char *capacity_reason_name(capacity_reason r) {
    static const char *const names[] = {"agree",     "no_steady_state", "batching",
                                        "age_limit", "short_peak",      "arrivals",
                                        "service",   "approximate"};
    return r < CAPACITY_REASONS ? names[r] : "unknown";
}

const char *capacity_reason_text(capacity_reason r) {
    static const char *const texts[] = {
        "formula and simulation agree",
        "more is offered than the servers can take: the formula waits for ever, while "
        "the peak ends and old requests are refused",
        "batching: the formula serves one request after the other, a batch takes its "
        "members together and makes them wait for it",
        "the age limit: the simulation refuses what the formula lets wait",
        "the peak is too short for the steady state of the formula",
        "arrivals are not Poisson, and their first two moments do not tell how they "
        "cluster",
        "service times are not exponential, and their first two moments do not tell "
        "how long the long ones are",
        "no one thing the formula does not know closes half of the gap: several do "
        "together, or it is the approximation itself"};
    return r < CAPACITY_REASONS ? texts[r] : "unknown";
}

/* What one server spends on one request when batches are full. */
static double request_s(const simulate_load *l) {
    return l->base_s / (double)l->batch_max + l->item_s;
}

static double offered(const simulate_load *l) {
    return l->arrivals_per_s * request_s(l);
}

static double variability(const simulate_load *l) {
    return (l->arrival_scv + l->service_scv) / 2;
}

/* Counts of all replications. */
typedef struct {
    stats_moments late, age; /* a value each replication */
    double requests, refused, busy_s, batches;
    size_t n_ages;
} played;

/* ages NULL: not kept. */
static played play(const capacity_demand *c, const simulate_load *load, unsigned servers,
                   double *free_at, double *ages) {
    played p = {0};
    size_t share = ages ? CAPACITY_AGES / c->replications : 0;
    for (unsigned i = 0; i < c->replications; i++) {
        simulate_result r = simulate_peak(load, servers, c->target_s, c->seed, i, free_at,
                                          ages ? ages + p.n_ages : NULL, share);
        double n = (double)r.requests, taken = n - (double)r.refused;
        stats_moments_add(&p.late, n > 0 ? (double)r.late / n : 0);
        stats_moments_add(&p.age, taken > 0 ? r.age_sum_s / taken : 0);
        p.requests += n;
        p.refused += (double)r.refused;
        p.busy_s += r.busy_s;
        p.batches += r.batches;
        p.n_ages += r.n_ages;
    }
    return p;
}

static bool meets(const capacity_demand *c, unsigned servers, double *free_at) {
    played p = play(c, &c->load, servers, free_at, NULL);
    return stats_mean_interval(&p.late, CONFIDENCE).high <= 1 - c->target_share;
}

/* Fewest servers that meet the target, 0: none up to the limit. The arrivals are the same
 * for every count, so that more servers do not make requests older by chance and the
 * interval can be halved. */
static unsigned search(const capacity_demand *c, unsigned guess, double *free_at) {
    unsigned low = 0, high = guess;
    while (!meets(c, high, free_at)) {
        if (high == CAPACITY_SERVERS_MAX)
            return 0;
        low = high;
        high = high > CAPACITY_SERVERS_MAX / 2 ? CAPACITY_SERVERS_MAX : 2 * high;
    }
    for (unsigned step = 1 + high / 16; low == 0 && high > 1; step *= 2) {
        unsigned below = high > step ? high - step : 1;
        if (!meets(c, below, free_at))
            low = below;
        else
            high = below;
    }
    while (high - low > 1) {
        unsigned middle = low + (high - low) / 2;
        if (meets(c, middle, free_at))
            high = middle;
        else
            low = middle;
    }
    return high;
}

static double formula_age(const simulate_load *l, unsigned servers) {
    return queue_mean_wait(servers, offered(l), variability(l)) * request_s(l);
}

/* Takes one thing out of the load that the formula does not know. false: it is not in. */
static bool take_out(const simulate_load *load, capacity_reason what,
                     simulate_load *out) {
    *out = *load;
    switch (what) {
    case CAPACITY_BATCHING:
        out->base_s = request_s(load);
        out->item_s = 0;
        out->batch_max = 1;
        out->batch_window_s = 0;
        return load->batch_max > 1;
    case CAPACITY_AGE_LIMIT:
        out->max_age_s = INFINITY;
        return isfinite(load->max_age_s);
    case CAPACITY_SHORT_PEAK:
        out->peak_s = fmax(load->peak_s, LONG_REQUESTS / load->arrivals_per_s);
        out->before_per_s = load->arrivals_per_s;
        return true;
    case CAPACITY_ARRIVALS:
        out->arrival_scv = 1;
        return load->arrival_scv != 1;
    case CAPACITY_SERVICE:
        out->service_scv = 1;
        return load->service_scv != 1;
    default:
        return false;
    }
}

/* How far apart two ages are, as a share of the larger; of two that are both short
 * against the target hardly at all. */
static double apart(const capacity_demand *c, double a, double b) {
    return fabs(a - b) / (fmax(a, b) + NEAR * c->target_s);
}

/* Why the formula's mean age is not the simulated one. */
static capacity_reason find_reason(const capacity_demand *c, const capacity_answer *a,
                                   double *free_at) {
    if (isinf(a->formula_mean_age_s))
        return CAPACITY_NO_STEADY;
    double gap = fabs(a->mean_age_s - a->formula_mean_age_s);
    if (gap <= NEAR * c->target_s || (a->formula_mean_age_s >= a->mean_age.low &&
                                      a->formula_mean_age_s <= a->mean_age.high))
        return CAPACITY_AGREE;
    capacity_reason best = CAPACITY_APPROXIMATE;
    /* it has to close at least half of the gap */
    double least = apart(c, a->mean_age_s, a->formula_mean_age_s) / 2;
    for (int r = CAPACITY_BATCHING; r < CAPACITY_APPROXIMATE; r++) {
        simulate_load changed;
        if (!take_out(&c->load, (capacity_reason)r, &changed))
            continue;
        played p = play(c, &changed, a->servers, free_at, NULL);
        double left = apart(c, p.age.mean, formula_age(&changed, a->servers));
        if (left < least) {
            least = left;
            best = (capacity_reason)r;
        }
    }
    return best;
}

static status check(const capacity_demand *c, diag *d) {
    const simulate_load *l = &c->load;
    const struct {
        const char *field;
        bool good;
        const char *needed;
    } rows[] = {
        {"arrivals_per_s", l->arrivals_per_s > 0 && isfinite(l->arrivals_per_s),
         "above 0"},
        {"before_per_s", l->before_per_s >= 0 && isfinite(l->before_per_s), "0 or more"},
        {"arrival_scv", l->arrival_scv >= 0 && l->arrival_scv <= 100, "0 to 100"},
        {"service_scv", l->service_scv >= 0 && l->service_scv <= 100, "0 to 100"},
        {"peak_s", l->peak_s > 0 && isfinite(l->peak_s), "above 0"},
        {"batch_max", l->batch_max >= 1 && l->batch_max <= SIMULATE_BATCH_MAX,
         "1 to 1024"},
        {"batch_window_ms", l->batch_window_s >= 0 && l->batch_window_s <= l->max_age_s,
         "0 or more, and not above max_age_ms"},
        {"service_s",
         l->base_s >= 0 && l->item_s >= 0 && l->base_s + l->item_s > 0 &&
             isfinite(l->base_s + l->item_s),
         "above 0"},
        {"max_age_ms", l->max_age_s >= 0, "0 or more"},
        {"target_age_ms", c->target_s > 0 && isfinite(c->target_s), "above 0"},
        {"target_share", c->target_share > 0 && c->target_share < 1,
         "above 0 and below 1"},
        {"headroom", c->headroom >= 0 && c->headroom <= 100, "0 to 100"},
        {"slots_per_machine", c->slots_per_machine >= 1, "1 or more"},
        {"machine_microusd_per_hour", c->machine_microusd_per_hour >= 0, "0 or more"},
        {"replications",
         c->replications >= 2 && c->replications <= CAPACITY_REPLICATIONS_MAX,
         "2 to 1000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!rows[i].good)
            return diag_field(d, ERR_INVALID, rows[i].field, "%s is needed",
                              rows[i].needed);
    if (l->arrivals_per_s * l->peak_s > CAPACITY_REQUESTS_MAX)
        return diag_field(d, ERR_LIMIT, "peak_s",
                          "%.3g requests in the peak; at most %g are simulated: a "
                          "shorter peak answers the same question",
                          l->arrivals_per_s * l->peak_s, CAPACITY_REQUESTS_MAX);
    double lead = 10 * (l->base_s + l->item_s * (double)l->batch_max);
    if (l->before_per_s * lead > CAPACITY_REQUESTS_MAX)
        return diag_field(d, ERR_LIMIT, "before_per_s",
                          "%.3g requests in the lead-in of ten services; at most %g",
                          l->before_per_s * lead, CAPACITY_REQUESTS_MAX);
    return OK;
}

/* What the formulas say, and from where the search starts. */
static unsigned ask_formulas(const capacity_demand *c, capacity_answer *a) {
    double load = a->offered_erlangs, t = c->target_s / request_s(&c->load);
    double share = 1 - c->target_share;
    a->erlang_c = queue_servers(load, 1, t, share);
    a->allen_cunneen = queue_servers(load, variability(&c->load), t, share);
    return a->allen_cunneen ? a->allen_cunneen : 1 + (unsigned)load;
}

static void describe(const capacity_demand *c, const played *p, double *ages,
                     capacity_answer *a) {
    a->late_share = p->late.mean;
    a->late = stats_mean_interval(&p->late, CONFIDENCE);
    a->late.low = fmax(a->late.low, 0);
    a->mean_age_s = p->age.mean;
    a->mean_age = stats_mean_interval(&p->age, CONFIDENCE);
    a->mean_age.low = fmax(a->mean_age.low, 0);
    a->refused_share = p->requests > 0 ? p->refused / p->requests : 0;
    a->utilisation =
        p->busy_s / ((double)c->replications * c->load.peak_s * (double)a->servers);
    a->mean_batch = p->batches > 0 ? (p->requests - p->refused) / p->batches : 0;
    stats_sort(ages, p->n_ages);
    if (p->n_ages > 0) {
        a->age_p50_s = stats_sorted_quantile(ages, p->n_ages, 0.50);
        a->age_p95_s = stats_sorted_quantile(ages, p->n_ages, 0.95);
        a->age_p99_s = stats_sorted_quantile(ages, p->n_ages, 0.99);
    }
}

status capacity_plan(const capacity_demand *demand, double *free_at, double *ages,
                     capacity_answer *out, diag *d) {
    status s = check(demand, d);
    if (s != OK)
        return s;
    capacity_answer a = {.offered_erlangs = offered(&demand->load)};
    if (a.offered_erlangs > CAPACITY_SERVERS_MAX)
        return diag_field(d, ERR_LIMIT, "arrivals_per_s",
                          "%.3g erlangs; at most %u servers are planned",
                          a.offered_erlangs, CAPACITY_SERVERS_MAX);
    unsigned guess = ask_formulas(demand, &a);
    if (guess > CAPACITY_SERVERS_MAX)
        guess = CAPACITY_SERVERS_MAX;
    a.servers = search(demand, guess, free_at);
    if (a.servers == 0)
        return diag_field(d, ERR_LIMIT, "target_age_ms",
                          "no number of servers up to %u meets it: a batch window or a "
                          "service alone may be longer than the target",
                          CAPACITY_SERVERS_MAX);
    played p = play(demand, &demand->load, a.servers, free_at, ages);
    describe(demand, &p, ages, &a);
    a.formula_mean_age_s = formula_age(&demand->load, a.servers);
    a.reason = find_reason(demand, &a, free_at);
    a.slots = (unsigned)ceil((double)a.servers * (1 + demand->headroom) - 1e-9);
    a.machines = (a.slots + demand->slots_per_machine - 1) / demand->slots_per_machine +
                 demand->spare_machines;
    a.microusd_per_hour = (int64_t)a.machines * demand->machine_microusd_per_hour;
    *out = a;
    return OK;
}
