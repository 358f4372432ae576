#include "readiness/capacity/simulate.h"

#include <math.h>
#include <stdbool.h>

#include "base/assert.h"
#include "stats/rng.h"

#define LEAD_IN_SERVICES 10.0

/* Requests not yet taken, in order; only as far ahead as a batch can look. */
typedef struct {
    const simulate_load *load;
    stats_rng rng;
    double clock_s, lead_s, end_s;
    double arrival_s[SIMULATE_BATCH_MAX]; /* a ring of n from `first` on */
    size_t first, n;
} arrivals;

static double gap(arrivals *a) {
    double scv = a->load->arrival_scv;
    if (scv == 0)
        return 1;
    return scv == 1 ? stats_rng_exponential(&a->rng)
                    : stats_rng_gamma(&a->rng, 1 / scv) * scv;
}

/* The time of the next request; a gap that begins in the lead-in and ends behind it is
 * continued at the rate of the peak. */
static double next_arrival(arrivals *a) {
    double work = gap(a), before = a->load->before_per_s;
    if (a->clock_s < a->lead_s) {
        double possible = (a->lead_s - a->clock_s) * before;
        if (work < possible)
            return a->clock_s += work / before;
        work -= possible;
        a->clock_s = a->lead_s;
    }
    return a->clock_s += work / a->load->arrivals_per_s;
}

static void fill(arrivals *a) {
    while (a->n < a->load->batch_max && a->clock_s < a->end_s) {
        double t = next_arrival(a);
        if (t < a->end_s)
            a->arrival_s[(a->first + a->n++) % SIMULATE_BATCH_MAX] = t;
    }
}

static double at(const arrivals *a, size_t i) {
    return a->arrival_s[(a->first + i) % SIMULATE_BATCH_MAX];
}

static void take(arrivals *a, size_t n) {
    a->first = (a->first + n) % SIMULATE_BATCH_MAX;
    a->n -= n;
}

/* Replaces the smallest of the heap. */
static void replace_least(double *heap, unsigned n, double value) {
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n)
            break;
        if (child + 1 < n && heap[child + 1] < heap[child])
            child++;
        if (heap[child] >= value)
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = value;
}

static double service_s(const simulate_load *load, size_t batch, stats_rng *rng) {
    double mean = load->base_s + load->item_s * (double)batch;
    if (load->service_scv == 0)
        return mean;
    double variance = log1p(load->service_scv);
    return mean * exp(sqrt(variance) * stats_rng_normal(rng) - variance / 2);
}

/* When the batch that the oldest request opens starts, given a server from open_s on. */
static double start_of_batch(const arrivals *a, double open_s) {
    size_t full = a->load->batch_max;
    double latest = fmax(open_s, at(a, 0) + a->load->batch_window_s);
    if (a->n == full)
        return fmin(fmax(open_s, at(a, full - 1)), latest);
    return latest;
}

static size_t waiting_at(const arrivals *a, double start_s) {
    size_t n = 0;
    while (n < a->n && at(a, n) <= start_s)
        n++;
    return n;
}

simulate_result simulate_peak(const simulate_load *load, unsigned servers,
                              double target_s, uint64_t seed, uint64_t replication,
                              double *free_at, double *ages, size_t ages_max) {
    ASSERT(servers > 0 && load->batch_max >= 1 && load->batch_max <= SIMULATE_BATCH_MAX);
    double full_s = load->base_s + load->item_s * (double)load->batch_max;
    arrivals a = {.load = load,
                  .rng = stats_rng_make(seed, 2 * replication),
                  .lead_s = LEAD_IN_SERVICES * full_s,
                  .end_s = LEAD_IN_SERVICES * full_s + load->peak_s};
    stats_rng noise = stats_rng_make(seed, 2 * replication + 1);
    for (unsigned i = 0; i < servers; i++)
        free_at[i] = 0;
    simulate_result r = {0};
    for (fill(&a); a.n > 0; fill(&a)) {
        double oldest = at(&a, 0), open_s = fmax(free_at[0], oldest);
        if (open_s - oldest > load->max_age_s) {
            if (oldest >= a.lead_s) {
                r.requests++;
                r.refused++;
                r.late++;
            }
            take(&a, 1);
            continue;
        }
        double start = start_of_batch(&a, open_s);
        size_t n = waiting_at(&a, start);
        double held = service_s(load, n, &noise);
        replace_least(free_at, servers, start + held);
        if (start >= a.lead_s && start < a.end_s) {
            r.busy_s += held;
            r.batches++;
        }
        for (size_t i = 0; i < n; i++) {
            double age = start - at(&a, i);
            if (at(&a, i) < a.lead_s)
                continue;
            r.requests++;
            r.late += age > target_s;
            r.age_sum_s += age;
            if (r.n_ages < ages_max)
                ages[r.n_ages++] = age;
        }
        take(&a, n);
    }
    return r;
}
