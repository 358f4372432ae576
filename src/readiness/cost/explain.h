/* readiness/cost/explain.h: why a successful turn costs more than it did, exactly.
 *
 * The unit cost of a period is a product of things that can be measured. With t a
 * tenant:
 *
 *              P        1                      sum_t m_t (1 + r_t) c_t k_t / b_t
 *   unit = --------- * --- * (1 + g + h + e) * ---------------------------------
 *            1 - f      u                              sum_t m_t s_t
 *
 *   P    price            micro-dollars a paid slot millisecond   cost / paid
 *   f    warm floor       share of paid time held ready           warm / paid
 *   u    utilisation      of the rest, the share that worked      busy / (paid - warm)
 *   g    shared           shared work per direct work             shared / direct
 *   h    shadow           shadow traffic per direct work          shadow / direct
 *   e    eval             evaluation on this pool, alike          eval / direct
 *   m_t  tenant mix       t's share of turns
 *   r_t  retries          a turn
 *   c_t  context tokens   an attempt
 *   k_t  work per token   request milliseconds a context token (model, quantization)
 *   b_t  batch size       requests that share a slot              request / direct ms
 *   s_t  success          share of turns that succeed
 *
 * with busy = direct + shared + shadow + eval, attempts = turns + retries. Put together
 * from one period's counts, everything cancels to cost / successful turns: the model
 * is an identity, not a fit. A tenant without turns in one period is given its own values
 * of the other, so that its coming or going is mix and nothing else. Where a tenant has
 * no context tokens in one period, an attempt counts as one token in both.
 *
 * The change is divided by Shapley values: each driver gets the mean of what moving it
 * from old to new changes, over all orders in which the twelve can be moved. That
 * depends on no order, names a driver that did not change with 0, and sums to the whole
 * change. In integer nano-dollars the residual is 0, by largest remainders.
 *
 * Source: Shapley 1953; Shorrocks 2013 for the decomposition.
 * Pure. Safe from any thread. */
#ifndef ROSTRUM_READINESS_COST_EXPLAIN_H
#define ROSTRUM_READINESS_COST_EXPLAIN_H

#include "readiness/cost/ledger.h"
#include "readiness/lab/cost.h"

/* One tenant in one period. All 0: it was not there. */
typedef struct {
    int64_t turns, retries, successful_turns;
    int64_t context_tokens; /* of all attempts; 0: not measured */
    int64_t direct_ms;      /* slot time of its turns */
    int64_t request_ms;     /* time of its requests in service, >= direct_ms */
} explain_tenant;

/* One period. The tenants of two periods that are compared stand in the same order. */
typedef struct {
    int64_t cost_microusd;
    int64_t paid_ms, warm_ms, shared_ms, shadow_ms, eval_ms;
    const explain_tenant *tenants; /* [n_tenants] */
    size_t n_tenants;
} explain_period;

typedef enum {
    EXPLAIN_PRICE,
    EXPLAIN_WARM_FLOOR,
    EXPLAIN_UTILISATION,
    EXPLAIN_SHARED,
    EXPLAIN_SHADOW,
    EXPLAIN_EVAL,
    EXPLAIN_TENANT_MIX,
    EXPLAIN_RETRIES,
    EXPLAIN_CONTEXT_TOKENS,
    EXPLAIN_WORK_PER_TOKEN,
    EXPLAIN_BATCH_SIZE,
    EXPLAIN_SUCCESS,
    EXPLAIN_DRIVERS
} explain_driver;

const char *explain_driver_name(explain_driver d); /* "price".. */
const char *explain_driver_unit(explain_driver d); /* of its values, for a table */

typedef struct {
    explain_driver driver;
    double old_value, new_value; /* over all tenants; tenant mix: 0 and the share of
                                    turns that moved between tenants */
    int64_t nanousd;             /* its part of the change */
} explain_part;

typedef struct {
    int64_t old_nanousd, new_nanousd;    /* unit costs */
    explain_part parts[EXPLAIN_DRIVERS]; /* largest first; they sum to new - old */
    lab_cost_result lab;                 /* what the lesson's lab 3 says of it */
} explain_result;

/* values [2 n_tenants] is scratch: see explain_values. tolerance: of the lab.
 * ERR_INVALID, *out untouched, d.field names the period (old, new) and what is wrong: a
 * negative count, more successful turns than turns, slot time without turns, no direct
 * work, no successful turns, more busy than paid. */
typedef struct {
    double mix, retries, tokens, work, batch, success;
} explain_values;
MUST_CHECK status explain_change(const explain_period *old_period,
                                 const explain_period *new_period, double tolerance,
                                 explain_values *values, explain_result *out, diag *d);

#endif
