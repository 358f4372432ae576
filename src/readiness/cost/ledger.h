/* readiness/cost/ledger.h: every micro-dollar of an asset, given a reason and an owner.
 *
 * An asset is one worker on one day: what it cost and how much slot time that bought.
 * Each use of slot time takes its share of the cost; what nobody used is idle. So
 *
 *     direct + shared + idle + warm + shadow + eval = asset cost
 *
 * to the micro-dollar, for each asset and hence for every sum of assets: by tenant,
 * pool, worker and day. Money is integer, and each division is rounded by largest
 * remainders, which loses and invents nothing.
 *
 * Unit cost = cost / successful turns. Turns are counted once a tenant and day, not once
 * a worker they passed through.
 *
 * Days, pools, workers and tenants are indices into the caller's tables of names.
 * Pure. Safe from any thread. */
#ifndef ROSTRUM_READINESS_COST_LEDGER_H
#define ROSTRUM_READINESS_COST_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

typedef enum {
    LEDGER_DIRECT, /* turns of a tenant */
    LEDGER_SHARED, /* work for all: loading models, health checks, gateways */
    LEDGER_IDLE,   /* paid for, not used, by cause */
    LEDGER_WARM,   /* kept ready by a floor on the number of replicas */
    LEDGER_SHADOW, /* copies of live traffic for a candidate */
    LEDGER_EVAL,   /* evaluation jobs on this pool */
    LEDGER_CATEGORIES
} ledger_category;

typedef enum {
    LEDGER_CAUSE_NONE,         /* the category is not idle */
    LEDGER_CAUSE_NO_DEMAND,    /* ready, and nobody asked */
    LEDGER_CAUSE_HEADROOM,     /* held back for a peak or the loss of a machine */
    LEDGER_CAUSE_FRAGMENTED,   /* free, but too small a piece for what waited */
    LEDGER_CAUSE_BATCH_WINDOW, /* waiting for a batch to fill */
    LEDGER_CAUSE_DRAINING,     /* leaving: finishes its sessions, takes none */
    LEDGER_CAUSE_STARTING,     /* loading or warming */
    LEDGER_CAUSE_FAULT,        /* crashed, hung or throttled */
    LEDGER_CAUSE_UNEXPLAINED,  /* nobody measured why: always shown, never hidden */
    LEDGER_CAUSES
} ledger_cause;

#define LEDGER_NOBODY UINT32_MAX /* the tenant of what no tenant caused: the platform */

const char *ledger_category_name(ledger_category c); /* "direct".. */
const char *ledger_cause_name(ledger_cause c);       /* "no_demand".. */

/* One worker on one day. */
typedef struct {
    uint32_t day, pool, worker;
    int64_t cost_microusd; /* >= 0 */
    int64_t capacity_ms;   /* slot milliseconds it could give, >= what was used */
} ledger_asset;

/* Slot time of an asset used for one reason. */
typedef struct {
    uint32_t asset;  /* index */
    uint32_t tenant; /* LEDGER_NOBODY unless a tenant caused it; direct needs one */
    ledger_category category;
    ledger_cause cause; /* of idle time only */
    int64_t slot_ms;    /* >= 0 */
    int64_t request_ms; /* time of all requests in service; batching shares a slot, so
                           request_ms / slot_ms is the mean batch size */
} ledger_use;

/* One entry: who pays which part of which asset, and why. */
typedef struct {
    uint32_t asset, tenant;
    ledger_category category;
    ledger_cause cause;
    int64_t slot_ms, cost_microusd;
} ledger_row;

typedef struct {
    int64_t cost_microusd;
    int64_t category_microusd[LEDGER_CATEGORIES]; /* they sum to cost_microusd */
    int64_t idle_microusd[LEDGER_CAUSES];         /* they sum to that of idle */
    int64_t slot_ms[LEDGER_CATEGORIES];
} ledger_total;

/* One part of a division. */
typedef struct {
    int64_t weight; /* in: >= 0 */
    int64_t share;  /* out */
    uint64_t remainder;
    size_t index;
} ledger_part;

/* Divides amount over parts[n] in proportion to their weights, by largest remainders:
 * each share is the exact quotient rounded down or up, and they sum to amount. Equal
 * remainders favour the earlier part. amount >= 0; the weights' sum is above 0 and fits
 * in 63 bits. The order of the parts is kept. */
void ledger_divide(int64_t amount, ledger_part *parts, size_t n);

/* The entries of assets[n] with uses[m], which are in ascending order of asset: one a
 * use, in order, and after those of each asset one of its unexplained idle time, if it
 * has any. rows and parts (scratch) have room for m + n. *out_n: entries written.
 * ERR_INVALID, d names the use or asset by index: not in order, no such asset, direct
 * without a tenant, a cause without idle or idle without a cause, more used than there
 * was. ERR_LIMIT: sums past 63 bits. rows may be half written. */
MUST_CHECK status ledger_charge(const ledger_asset *assets, size_t n,
                                const ledger_use *uses, size_t m, ledger_part *parts,
                                ledger_row *rows, size_t *out_n, diag *d);

/* Who pays for what no tenant caused. */
typedef enum {
    LEDGER_SHOWBACK,  /* everything is spread: what a tenant really costs */
    LEDGER_CHARGEBACK /* shared work is spread; idle, warm, shadow and eval that no tenant
                         caused stay with the platform, which alone can lower them */
} ledger_policy;

/* Spreads entries of LEDGER_NOBODY over the n_tenants in proportion to their direct slot
 * time on the same asset; where it has none, in the same pool; then in the whole
 * ledger; then they stay. rows [n] come from ledger_charge, of assets in order of pool.
 * weight [3 n_tenants] and parts [n_tenants] are scratch. out NULL: only counts. Returns
 * the entries written, at most n + n n_tenants. */
size_t ledger_spread(const ledger_asset *assets, const ledger_row *rows, size_t n,
                     ledger_policy policy, size_t n_tenants, int64_t *weight,
                     ledger_part *parts, ledger_row *out);

void ledger_add(ledger_total *t, const ledger_row *row);

/* Does conservation hold: the categories sum to the cost, idle causes to idle? */
bool ledger_conserved(const ledger_total *t);

/* Micro-dollars a successful turn, with what chance leaves open of the share that
 * succeeds: Wilson's interval of successful / turns turned into one of the unit cost.
 * successful 0: value and high are infinite (there is a cost and no outcome). */
typedef struct {
    double value, low, high;
} ledger_unit_cost;
ledger_unit_cost ledger_unit(int64_t cost_microusd, uint64_t successful, uint64_t turns,
                             double confidence);

#endif
