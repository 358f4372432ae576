/* records/cost_file.h: a cost ledger from JSONL.
 *
 * One object a line, of three kinds; docs/cost-report.md shows each:
 *
 *   {"kind":"asset","day":"2026-05-04","pool":"realtime","worker":"gpu-1",
 *    "cost_microusd":48000000,"capacity_slot_ms":691200000}
 *   {"kind":"use","day":"2026-05-04","worker":"gpu-1","category":"direct",
 *    "tenant":"acme","slot_ms":200000000,"request_ms":410000000}
 *   {"kind":"turns","day":"2026-05-04","tenant":"acme","turns":9000,"retries":120,
 *    "successful_turns":8890,"context_tokens":5100000}
 *
 * A worker's asset line stands before its use lines and once a day; a tenant's turns line
 * once a day. Left out: capacity_slot_ms is what was used (a bill by use has no idle),
 * request_ms is slot_ms (no batching), retries and context_tokens are 0, tenant is
 * nobody. Names are printable ASCII. The order of the lines does not matter otherwise.
 * Allocates; one thread at a time. */
#ifndef ROSTRUM_RECORDS_COST_FILE_H
#define ROSTRUM_RECORDS_COST_FILE_H

#include "readiness/cost/explain.h"
#include "readiness/cost/ledger.h"
#include "records/names.h"

#define COST_LINES_MAX (1u << 20) /* of one kind: what fits in memory at ease */
#define COST_VALUE_MAX                                                                   \
    1e12 /* one number: a million dollars, 31 years of slots; the                        \
            sum of COST_LINES_MAX of them fits in 63 bits */

/* Turns of one tenant on one day. */
typedef struct {
    uint32_t day, tenant;
    int64_t turns, retries, successful_turns, context_tokens;
} cost_turns;

typedef struct {
    names days, pools, workers, tenants; /* sorted */
    ledger_asset *assets;                /* [n_assets] by pool, day, worker */
    ledger_use *uses;                    /* [n_uses] by asset, tenant, category, cause */
    cost_turns *turns;                   /* [n_turns] by day, tenant */
    size_t n_assets, n_uses, n_turns;
    ledger_row *rows; /* [n_rows] from ledger_charge */
    size_t n_rows;
} cost_ledger;

/* ERR_INVALID, ERR_SYNTAX, ERR_LIMIT: d names line and field. ERR_IO, ERR_MEMORY.
 * *out untouched. */
MUST_CHECK status cost_ledger_read(const char *path, cost_ledger *out, diag *d);
void cost_ledger_deinit(cost_ledger *l);

/* The entries under a policy: a new array the caller frees. ERR_LIMIT: more than
 * COST_ROWS_MAX of them. ERR_MEMORY. */
#define COST_ROWS_MAX (1u << 24)
MUST_CHECK status cost_ledger_spread(const cost_ledger *l, ledger_policy policy,
                                     ledger_row **out, size_t *out_n, diag *d);

/* Compares two ledgers, of one pool or (NULL) of all. `tolerance` is that of lab 3.
 * Failures: those of explain_change, and a pool neither ledger has. */
MUST_CHECK status cost_ledger_explain(const cost_ledger *before, const cost_ledger *after,
                                      const char *pool, double tolerance,
                                      explain_result *out, diag *d);

#endif
