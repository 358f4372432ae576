/* Fuzzes the readers of money: any bytes are refused with a place, or give a ledger that
 * conserves, explains itself with 0 and writes FOCUS rows; a capacity file; a lab's
 * input. The first byte chooses which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "memory_file.h"
#include "readiness/cost/focus.h"
#include "records/capacity_file.h"
#include "records/cost_file.h"
#include "records/lab_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void write_focus(const cost_ledger *l, const ledger_row *row) {
    const focus_account account = {"p", "b", LEDGER_CHARGEBACK};
    const ledger_asset *a = &l->assets[row->asset];
    char text[FOCUS_TEXT_BYTES];
    diag d = DIAG_INIT;
    status s = focus_row(
        &account, row, l->days.text[a->day], l->pools.text[a->pool],
        l->workers.text[a->worker],
        row->tenant == LEDGER_NOBODY ? NULL : l->tenants.text[row->tenant], text, &d);
    ASSERT(s == OK);
}

static void check_ledger(const cost_ledger *l) {
    int64_t paid = 0;
    for (size_t i = 0; i < l->n_assets; i++)
        paid += l->assets[i].cost_microusd;
    for (int policy = 0; policy < 2; policy++) {
        ledger_row *rows;
        size_t n;
        ledger_total all = {0};
        diag d = DIAG_INIT;
        status s = cost_ledger_spread(l, (ledger_policy)policy, &rows, &n, &d);
        ASSERT(s == OK);
        for (size_t i = 0; i < n; i++) {
            ledger_add(&all, &rows[i]);
            write_focus(l, &rows[i]);
        }
        ASSERT(ledger_conserved(&all));
        ASSERT(all.cost_microusd == paid);
        free(rows);
    }
    explain_result r;
    diag d = DIAG_INIT;
    if (cost_ledger_explain(l, l, NULL, 0.1, &r, &d) == OK)
        for (size_t i = 0; i < EXPLAIN_DRIVERS; i++)
            ASSERT(r.parts[i].nanousd == 0);
}

static void read_ledger(const uint8_t *data, size_t n) {
    cost_ledger l;
    diag d = DIAG_INIT;
    if (cost_ledger_read(memory_file(data, n), &l, &d) == OK) {
        check_ledger(&l);
        cost_ledger_deinit(&l);
    } else {
        ASSERT(d.text[0] != '\0');
    }
}

static void read_lab(const char *text, size_t n) {
    diag d = DIAG_INIT;
    lab_gate_metrics m;
    lab_gate_result gate;
    if (lab_gate_parse(text, n, &m, &d) == OK && lab_gate(&m, &gate, &d) == OK)
        ASSERT(gate.n_reasons >= 1 && gate.n_reasons <= 3);
    lab_burn_input b;
    lab_burn_result burn;
    if (lab_burn_parse(text, n, &b, &d) == OK) {
        if (lab_burn(b.latencies_ms, b.n, b.threshold_ms, b.allowed_bad_fraction, &burn,
                     &d) == OK)
            ASSERT(burn.burn_rate >= 0 && burn.bad <= b.n);
        lab_burn_input_deinit(&b);
    }
    lab_cost_input c;
    lab_cost_result cost;
    if (lab_cost_parse(text, n, &c, &d) == OK &&
        lab_cost(&c.old_period, &c.new_period, c.tolerance, &cost, &d) == OK)
        ASSERT(cost.relative_delta >= -1 && cost.n_drivers <= 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n == 0)
        return 0;
    static capacity_file capacity;
    diag d = DIAG_INIT;
    char *text = malloc(n); /* its own, so that a byte past the end is noticed */
    ASSERT(text != NULL);
    memcpy(text, data + 1, n - 1);
    if (data[0] == 'l')
        read_lab(text, n - 1);
    else if (data[0] == 'c')
        (void)!(capacity_file_parse(text, n - 1, &capacity, &d) == OK);
    else
        read_ledger(data, n);
    free(text);
    return 0;
}
