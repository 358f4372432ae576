#include "readiness/cost/ledger.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "stats/interval.h"

__extension__ typedef unsigned __int128 wide; /* 63 bits of money times 63 of time */

const char *ledger_category_name(ledger_category c) {
    static const char *const names[] = {"direct", "shared", "idle",
                                        "warm",   "shadow", "eval"};
    return c < LEDGER_CATEGORIES ? names[c] : "unknown";
}

const char *ledger_cause_name(ledger_cause c) {
    static const char *const names[] = {"none",       "no_demand",    "headroom",
                                        "fragmented", "batch_window", "draining",
                                        "starting",   "fault",        "unexplained"};
    return c < LEDGER_CAUSES ? names[c] : "unknown";
}

static int by_remainder(const void *a, const void *b) {
    const ledger_part *x = a, *y = b;
    if (x->remainder != y->remainder)
        return x->remainder > y->remainder ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static int by_index(const void *a, const void *b) {
    const ledger_part *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

void ledger_divide(int64_t amount, ledger_part *parts, size_t n) {
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += (uint64_t)parts[i].weight;
    ASSERT(total > 0);
    int64_t left = amount;
    for (size_t i = 0; i < n; i++) {
        wide product = (wide)(uint64_t)amount * (uint64_t)parts[i].weight;
        parts[i].share = (int64_t)(product / total);
        parts[i].remainder = (uint64_t)(product % total);
        parts[i].index = i;
        left -= parts[i].share;
    }
    if (left == 0)
        return;
    qsort(parts, n, sizeof *parts, by_remainder);
    for (size_t i = 0; left > 0; i++, left--)
        parts[i].share++;
    qsort(parts, n, sizeof *parts, by_index);
}

static status check_use(const ledger_use *u, size_t at, diag *d) {
    if (u->slot_ms < 0 || u->request_ms < 0)
        return diag_set(d, ERR_INVALID, "use %zu: time is 0 or more", at);
    if (u->category == LEDGER_DIRECT && u->tenant == LEDGER_NOBODY)
        return diag_set(d, ERR_INVALID, "use %zu: direct use needs a tenant", at);
    if ((u->category == LEDGER_IDLE) != (u->cause != LEDGER_CAUSE_NONE))
        return diag_set(d, ERR_INVALID, "use %zu: idle time, and only that, has a cause",
                        at);
    return OK;
}

/* The entries of one asset: rows[n] hold its uses, with room for one more. */
static status charge_asset(const ledger_asset *a, size_t at, ledger_row *rows, size_t n,
                           ledger_part *parts, size_t *out_n, diag *d) {
    int64_t used = 0;
    for (size_t i = 0; i < n; i++)
        if (__builtin_add_overflow(used, rows[i].slot_ms, &used))
            return diag_set(d, ERR_LIMIT, "asset %zu: slot time past 63 bits", at);
    if (a->cost_microusd < 0 || used > a->capacity_ms)
        return diag_set(d, ERR_INVALID,
                        "asset %zu: %lld ms of slot time used, it had %lld ms", at,
                        (long long)used, (long long)a->capacity_ms);
    if (used < a->capacity_ms || (used == 0 && a->cost_microusd > 0))
        rows[n++] = (ledger_row){.asset = (uint32_t)at,
                                 .tenant = LEDGER_NOBODY,
                                 .category = LEDGER_IDLE,
                                 .cause = LEDGER_CAUSE_UNEXPLAINED,
                                 .slot_ms = a->capacity_ms - used};
    *out_n = n;
    if (n == 0)
        return OK;
    for (size_t i = 0; i < n; i++)
        parts[i].weight = rows[i].slot_ms;
    if (a->capacity_ms == 0) /* paid for, and it gave nothing: the last entry is idle */
        parts[n - 1].weight = 1;
    ledger_divide(a->cost_microusd, parts, n);
    for (size_t i = 0; i < n; i++)
        rows[i].cost_microusd = parts[i].share;
    return OK;
}

status ledger_charge(const ledger_asset *assets, size_t n, const ledger_use *uses,
                     size_t m, ledger_part *parts, ledger_row *rows, size_t *out_n,
                     diag *d) {
    size_t next = 0, written = 0;
    int64_t cost = 0, time = 0; /* sums over all assets stay within 63 bits too */
    for (size_t at = 0; at < n; at++) {
        if (__builtin_add_overflow(cost, assets[at].cost_microusd, &cost) ||
            __builtin_add_overflow(time, assets[at].capacity_ms, &time))
            return diag_set(d, ERR_LIMIT, "asset %zu: the sums exceed 63 bits", at);
        size_t first = next;
        for (; next < m && uses[next].asset == at; next++) {
            const ledger_use *u = &uses[next];
            status s = check_use(u, next, d);
            if (s != OK)
                return s;
            rows[written + next - first] = (ledger_row){.asset = u->asset,
                                                        .tenant = u->tenant,
                                                        .category = u->category,
                                                        .cause = u->cause,
                                                        .slot_ms = u->slot_ms};
        }
        size_t made = 0;
        status s =
            charge_asset(&assets[at], at, rows + written, next - first, parts, &made, d);
        if (s != OK)
            return s;
        written += made;
    }
    if (next < m)
        return diag_set(d, ERR_INVALID, "use %zu: not in order, or no such asset", next);
    *out_n = written;
    return OK;
}

/* Adds the direct slot time of rows[n] to weight by tenant. */
static void add_direct(const ledger_row *rows, size_t n, int64_t *weight) {
    for (size_t i = 0; i < n; i++)
        if (rows[i].category == LEDGER_DIRECT)
            weight[rows[i].tenant] += rows[i].slot_ms;
}

static bool any(const int64_t *weight, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (weight[i] > 0)
            return true;
    return false;
}

/* One entry, divided over the tenants by weight. */
static size_t spread_row(const ledger_row *row, const int64_t *weight, size_t n_tenants,
                         ledger_part *parts, ledger_row *out) {
    size_t written = 0;
    for (size_t t = 0; t < n_tenants; t++)
        written += weight[t] > 0;
    if (!out)
        return written;
    size_t at = 0;
    for (size_t t = 0; t < n_tenants; t++) {
        if (weight[t] == 0)
            continue;
        out[at] = *row;
        out[at].tenant = (uint32_t)t;
        parts[at++].weight = weight[t];
    }
    ledger_divide(row->slot_ms, parts, written);
    for (size_t i = 0; i < written; i++)
        out[i].slot_ms = parts[i].share;
    ledger_divide(row->cost_microusd, parts, written);
    for (size_t i = 0; i < written; i++)
        out[i].cost_microusd = parts[i].share;
    return written;
}

static size_t end_of_asset(const ledger_row *rows, size_t n, size_t from) {
    size_t i = from;
    while (i < n && rows[i].asset == rows[from].asset)
        i++;
    return i;
}

static size_t end_of_pool(const ledger_asset *assets, const ledger_row *rows, size_t n,
                          size_t from) {
    size_t i = from;
    while (i < n && assets[rows[i].asset].pool == assets[rows[from].asset].pool)
        i++;
    return i;
}

size_t ledger_spread(const ledger_asset *assets, const ledger_row *rows, size_t n,
                     ledger_policy policy, size_t n_tenants, int64_t *weight,
                     ledger_part *parts, ledger_row *out) {
    int64_t *of_all = weight, *of_pool = weight + n_tenants;
    int64_t *of_asset = weight + 2 * n_tenants;
    memset(weight, 0, 3 * n_tenants * sizeof *weight);
    add_direct(rows, n, of_all);
    size_t written = 0, pool_end = 0, asset_end = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == pool_end) {
            pool_end = end_of_pool(assets, rows, n, i);
            memset(of_pool, 0, n_tenants * sizeof *weight);
            add_direct(rows + i, pool_end - i, of_pool);
        }
        if (i == asset_end) {
            asset_end = end_of_asset(rows, n, i);
            memset(of_asset, 0, n_tenants * sizeof *weight);
            add_direct(rows + i, asset_end - i, of_asset);
        }
        const int64_t *by = any(of_asset, n_tenants)  ? of_asset
                            : any(of_pool, n_tenants) ? of_pool
                                                      : of_all;
        bool spread = rows[i].tenant == LEDGER_NOBODY && any(by, n_tenants) &&
                      (policy == LEDGER_SHOWBACK || rows[i].category == LEDGER_SHARED);
        ledger_row *to = out ? out + written : NULL;
        if (spread)
            written += spread_row(&rows[i], by, n_tenants, parts, to);
        else {
            if (to)
                *to = rows[i];
            written++;
        }
    }
    return written;
}

void ledger_add(ledger_total *t, const ledger_row *row) {
    t->cost_microusd += row->cost_microusd;
    t->category_microusd[row->category] += row->cost_microusd;
    t->slot_ms[row->category] += row->slot_ms;
    if (row->category == LEDGER_IDLE)
        t->idle_microusd[row->cause] += row->cost_microusd;
}

bool ledger_conserved(const ledger_total *t) {
    int64_t sum = 0, idle = 0;
    for (size_t i = 0; i < LEDGER_CATEGORIES; i++)
        sum += t->category_microusd[i];
    for (size_t i = 0; i < LEDGER_CAUSES; i++)
        idle += t->idle_microusd[i];
    return sum == t->cost_microusd && idle == t->category_microusd[LEDGER_IDLE];
}

ledger_unit_cost ledger_unit(int64_t cost_microusd, uint64_t successful, uint64_t turns,
                             double confidence) {
    double cost = (double)cost_microusd, n = (double)turns;
    stats_interval share = stats_wilson(successful, turns, confidence);
    if (turns == 0)
        return (ledger_unit_cost){INFINITY, INFINITY, INFINITY};
    return (ledger_unit_cost){
        .value = successful > 0 ? cost / (double)successful : INFINITY,
        .low = cost / (n * share.high),
        .high = successful > 0 ? cost / (n * share.low) : INFINITY,
    };
}
