#include "readiness/cost/explain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "stats/sort.h"

#define SUBSETS (1u << EXPLAIN_DRIVERS)
#define TENANT_DRIVERS 6u /* the last six of the list: mix to success */
#define TENANT_SUBSETS (1u << TENANT_DRIVERS)

const char *explain_driver_name(explain_driver d) {
    static const char *const names[] = {"price",          "warm_floor", "utilisation",
                                        "shared",         "shadow",     "eval",
                                        "tenant_mix",     "retries",    "context_tokens",
                                        "work_per_token", "batch_size", "success"};
    return d < EXPLAIN_DRIVERS ? names[d] : "unknown";
}

const char *explain_driver_unit(explain_driver d) {
    static const char *const units[] = {
        "USD a slot hour", "of paid time",   "of ready time",   "of direct work",
        "of direct work",  "of direct work", "of turns moved",  "a turn",
        "an attempt",      "ms a token",     "requests a slot", "of turns"};
    return d < EXPLAIN_DRIVERS ? units[d] : "";
}

/* Sums over the tenants of one period. */
typedef struct {
    double turns, retries, successful, tokens, direct, request;
} sums;

static sums sum_up(const explain_period *p) {
    sums s = {0};
    for (size_t i = 0; i < p->n_tenants; i++) {
        const explain_tenant *t = &p->tenants[i];
        s.turns += (double)t->turns;
        s.retries += (double)t->retries;
        s.successful += (double)t->successful_turns;
        s.tokens += (double)t->context_tokens;
        s.direct += (double)t->direct_ms;
        s.request += (double)t->request_ms;
    }
    return s;
}

static double busy_ms(const explain_period *p, const sums *s) {
    return s->direct + (double)p->shared_ms + (double)p->shadow_ms + (double)p->eval_ms;
}

static status check_tenant(const explain_tenant *t, const char *which, size_t i,
                           diag *d) {
    char field[64];
    snprintf(field, sizeof field, "%s.tenant[%zu]", which, i);
    if (t->turns < 0 || t->retries < 0 || t->successful_turns < 0 ||
        t->context_tokens < 0 || t->direct_ms < 0)
        return diag_field(d, ERR_INVALID, field, "holds a negative count");
    if (t->successful_turns > t->turns)
        return diag_field(d, ERR_INVALID, field, "%lld of %lld turns succeeded",
                          (long long)t->successful_turns, (long long)t->turns);
    if (t->turns == 0 && (t->direct_ms > 0 || t->retries > 0 || t->context_tokens > 0))
        return diag_field(d, ERR_INVALID, field,
                          "has slot time, retries or tokens, and no turns");
    if (t->request_ms < t->direct_ms || (t->direct_ms == 0 && t->request_ms > 0))
        return diag_field(d, ERR_INVALID, field,
                          "%lld ms of requests in %lld ms of slots: a slot in use serves "
                          "at least one request",
                          (long long)t->request_ms, (long long)t->direct_ms);
    return OK;
}

static status check(const explain_period *p, const char *which, diag *d) {
    for (size_t i = 0; i < p->n_tenants; i++) {
        status s = check_tenant(&p->tenants[i], which, i, d);
        if (s != OK)
            return s;
    }
    if (p->cost_microusd < 0 || p->warm_ms < 0 || p->shared_ms < 0 || p->shadow_ms < 0 ||
        p->eval_ms < 0)
        return diag_field(d, ERR_INVALID, which, "holds a negative cost or time");
    sums s = sum_up(p);
    if (s.direct <= 0)
        return diag_field(d, ERR_INVALID, which,
                          "no slot time of any turn: there is nothing to compare");
    if (s.successful <= 0)
        return diag_field(d, ERR_INVALID, which, "no successful turn, so no cost of one");
    if (busy_ms(p, &s) + (double)p->warm_ms > (double)p->paid_ms)
        return diag_field(d, ERR_INVALID, which, "more slot time used than was paid for");
    return OK;
}

/* Drivers of one tenant; `tokens` says whether both periods know its tokens. */
static explain_values values_of(const explain_tenant *t, double turns, bool tokens) {
    double n = (double)t->turns, attempts = n + (double)t->retries;
    double count = tokens ? (double)t->context_tokens : attempts;
    return (explain_values){
        .mix = n / turns,
        .retries = (double)t->retries / n,
        .tokens = count / attempts,
        .work = (double)t->request_ms / count,
        .batch = t->direct_ms > 0 ? (double)t->request_ms / (double)t->direct_ms : 1,
        .success = (double)t->successful_turns / n,
    };
}

/* The drivers of all tenants in both periods: out[2 i] old, out[2 i + 1] new. */
static void fill_values(const explain_period *before, const explain_period *after,
                        double old_turns, double new_turns, explain_values *out) {
    for (size_t i = 0; i < before->n_tenants; i++) {
        const explain_tenant *a = &before->tenants[i], *b = &after->tenants[i];
        explain_values *x = &out[2 * i], *y = &out[2 * i + 1];
        *x = *y = (explain_values){.batch = 1};
        if (a->turns == 0 && b->turns == 0)
            continue;
        bool tokens = (a->context_tokens > 0 || a->turns == 0) &&
                      (b->context_tokens > 0 || b->turns == 0);
        if (a->turns > 0)
            *x = values_of(a, old_turns, tokens);
        if (b->turns > 0)
            *y = values_of(b, new_turns, tokens);
        if (a->turns == 0) {
            *x = *y;
            x->mix = 0;
        }
        if (b->turns == 0) {
            *y = *x;
            y->mix = 0;
        }
    }
}

/* Slot milliseconds a successful turn when the tenants' drivers in the set are new. */
static double work_a_turn(const explain_values *v, size_t n, unsigned set) {
    double work = 0, successes = 0;
    for (size_t i = 0; i < n; i++) {
        const explain_values *x = &v[2 * i];
        double share = x[set & 1].mix;
        work += share * (1 + x[set >> 1 & 1].retries) * x[set >> 2 & 1].tokens *
                x[set >> 3 & 1].work / x[set >> 4 & 1].batch;
        successes += share * x[set >> 5 & 1].success;
    }
    return work / successes;
}

/* The part of the model that knows no tenants. */
typedef struct {
    double price, warm, utilisation, extra[3]; /* shared, shadow, eval */
} common;

static common common_of(const explain_period *p, const sums *s) {
    double paid = (double)p->paid_ms, warm = (double)p->warm_ms;
    return (common){
        .price = (double)p->cost_microusd / paid,
        .warm = warm / paid,
        .utilisation = busy_ms(p, s) / (paid - warm),
        .extra = {(double)p->shared_ms / s->direct, (double)p->shadow_ms / s->direct,
                  (double)p->eval_ms / s->direct},
    };
}

static double price_of_work(const common c[2], unsigned set) {
    double extra = 1;
    for (unsigned i = 0; i < 3; i++)
        extra += c[set >> (EXPLAIN_SHARED + i) & 1].extra[i];
    return c[set & 1].price / (1 - c[set >> 1 & 1].warm) / c[set >> 2 & 1].utilisation *
           extra;
}

/* Each driver's mean change over all orders, from the unit cost of every subset. */
static void shapley(const double unit[SUBSETS], double out[EXPLAIN_DRIVERS]) {
    double weight[EXPLAIN_DRIVERS]; /* |S|! (n - |S| - 1)! / n! by |S| */
    uint8_t size[SUBSETS] = {0};    /* |S| */
    for (unsigned set = 1; set < SUBSETS; set++)
        size[set] = (uint8_t)(size[set >> 1] + (set & 1));
    weight[0] = 1.0 / EXPLAIN_DRIVERS;
    for (unsigned k = 1; k < EXPLAIN_DRIVERS; k++)
        weight[k] = weight[k - 1] * k / (EXPLAIN_DRIVERS - k);
    for (unsigned i = 0; i < EXPLAIN_DRIVERS; i++) {
        out[i] = 0;
        for (unsigned set = 0; set < SUBSETS; set++)
            if (!(set >> i & 1))
                out[i] += weight[size[set]] * (unit[set | 1u << i] - unit[set]);
    }
}

/* Rounds x[n] to integers that sum to total, which is within a few units of their sum:
 * down first, then up by largest fraction. */
static void round_to(const double *x, size_t n, int64_t total, int64_t *out) {
    double fraction[EXPLAIN_DRIVERS];
    size_t order[EXPLAIN_DRIVERS];
    for (size_t i = 0; i < n; i++) {
        out[i] = (int64_t)floor(x[i]);
        fraction[i] = floor(x[i]) - x[i]; /* ascending order: largest fraction first */
        total -= out[i];
    }
    stats_sort_order(fraction, n, order);
    for (size_t i = 0; total > 0; i = (i + 1) % n, total--)
        out[order[i]]++;
    for (size_t i = n; total < 0; total++) {
        i = i > 0 ? i - 1 : n - 1;
        out[order[i]]--;
    }
}

static double moved(const explain_values *v, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs(v[2 * i].mix - v[2 * i + 1].mix);
    return sum / 2;
}

/* What a person reads beside the driver: its value over all tenants. */
static double shown(explain_driver driver, const common *c, const sums *s) {
    double attempts = s->turns + s->retries;
    switch (driver) {
    case EXPLAIN_PRICE:
        return c->price * 3.6; /* micro-dollars a ms -> dollars an hour */
    case EXPLAIN_WARM_FLOOR:
        return c->warm;
    case EXPLAIN_UTILISATION:
        return c->utilisation;
    case EXPLAIN_SHARED:
    case EXPLAIN_SHADOW:
    case EXPLAIN_EVAL:
        return c->extra[driver - EXPLAIN_SHARED];
    case EXPLAIN_RETRIES:
        return s->retries / s->turns;
    case EXPLAIN_CONTEXT_TOKENS:
        return s->tokens / attempts;
    case EXPLAIN_WORK_PER_TOKEN:
        return s->request / (s->tokens > 0 ? s->tokens : attempts);
    case EXPLAIN_BATCH_SIZE:
        return s->request / s->direct;
    case EXPLAIN_SUCCESS:
        return s->successful / s->turns;
    default:
        return 0;
    }
}

static lab_cost_period lab_period(const explain_period *p, const sums *s) {
    return (lab_cost_period){
        .gpu_dollars = (double)p->cost_microusd / 1e6,
        .successful_turns = s->successful,
        .avg_context_tokens = s->tokens / (s->turns + s->retries),
        .retry_rate = s->retries / s->turns,
        .shadow_traffic_fraction = (double)p->shadow_ms / s->direct,
    };
}

/* Largest change first; equal ones in the order of the list. */
static void rank(const int64_t nanousd[EXPLAIN_DRIVERS], size_t order[EXPLAIN_DRIVERS]) {
    double key[EXPLAIN_DRIVERS];
    for (size_t i = 0; i < EXPLAIN_DRIVERS; i++)
        key[i] = -fabs((double)nanousd[i]);
    stats_sort_order(key, EXPLAIN_DRIVERS, order);
}

status explain_change(const explain_period *old_period, const explain_period *new_period,
                      double tolerance, explain_values *values, explain_result *out,
                      diag *d) {
    status s = old_period->n_tenants == new_period->n_tenants
                   ? check(old_period, "old", d)
                   : diag_set(d, ERR_INVALID, "the periods differ in their tenants");
    if (s == OK)
        s = check(new_period, "new", d);
    if (s != OK)
        return s;
    sums sum[2] = {sum_up(old_period), sum_up(new_period)};
    common c[2] = {common_of(old_period, &sum[0]), common_of(new_period, &sum[1])};
    size_t n = old_period->n_tenants;
    fill_values(old_period, new_period, sum[0].turns, sum[1].turns, values);

    double work[TENANT_SUBSETS], unit[SUBSETS], part[EXPLAIN_DRIVERS];
    for (unsigned set = 0; set < TENANT_SUBSETS; set++)
        work[set] = work_a_turn(values, n, set);
    for (unsigned set = 0; set < SUBSETS; set++) {
        unit[set] = 1e3 * price_of_work(c, set) * work[set >> EXPLAIN_TENANT_MIX];
        if (!(unit[set] < 9e15))
            return diag_field(d, ERR_INVALID, "successful_turns",
                              "no tenant that succeeded in one period had turns in the "
                              "other: the change cannot be divided");
    }
    shapley(unit, part);

    explain_result r = {.old_nanousd = llround(unit[0]),
                        .new_nanousd = llround(unit[SUBSETS - 1])};
    lab_cost_period lab_old = lab_period(old_period, &sum[0]);
    lab_cost_period lab_new = lab_period(new_period, &sum[1]);
    s = lab_cost(&lab_old, &lab_new, tolerance, &r.lab, d);
    if (s != OK)
        return s;
    int64_t nanousd[EXPLAIN_DRIVERS];
    size_t order[EXPLAIN_DRIVERS];
    round_to(part, EXPLAIN_DRIVERS, r.new_nanousd - r.old_nanousd, nanousd);
    rank(nanousd, order);
    for (size_t i = 0; i < EXPLAIN_DRIVERS; i++) {
        explain_driver driver = (explain_driver)order[i];
        bool mix = driver == EXPLAIN_TENANT_MIX;
        r.parts[i] = (explain_part){
            driver, mix ? 0 : shown(driver, &c[0], &sum[0]),
            mix ? moved(values, n) : shown(driver, &c[1], &sum[1]), nanousd[driver]};
    }
    *out = r;
    return OK;
}
