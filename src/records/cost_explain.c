/* Two ledgers as the two periods of readiness/cost/explain.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records/cost_file.h"

/* Sums of the ledger's entries in the pool (ANY_POOL: all), by category. The tenants'
 * figures go where `slot` says. */
#define ANY_POOL UINT32_MAX
static void sum_up(const cost_ledger *l, uint32_t pool, const uint32_t *slot,
                   explain_tenant *tenants, explain_period *out) {
    *out = (explain_period){.tenants = tenants};
    for (size_t i = 0; i < l->n_assets; i++) {
        if (pool != ANY_POOL && l->assets[i].pool != pool)
            continue;
        out->cost_microusd += l->assets[i].cost_microusd;
        out->paid_ms += l->assets[i].capacity_ms;
    }
    for (size_t i = 0; i < l->n_uses; i++) {
        const ledger_use *u = &l->uses[i];
        if (pool != ANY_POOL && l->assets[u->asset].pool != pool)
            continue;
        if (u->category == LEDGER_DIRECT) {
            tenants[slot[u->tenant]].direct_ms += u->slot_ms;
            tenants[slot[u->tenant]].request_ms += u->request_ms;
        }
        out->warm_ms += u->category == LEDGER_WARM ? u->slot_ms : 0;
        out->shared_ms += u->category == LEDGER_SHARED ? u->slot_ms : 0;
        out->shadow_ms += u->category == LEDGER_SHADOW ? u->slot_ms : 0;
        out->eval_ms += u->category == LEDGER_EVAL ? u->slot_ms : 0;
    }
    for (size_t i = 0; i < l->n_turns; i++) {
        explain_tenant *t = &tenants[slot[l->turns[i].tenant]];
        t->turns += l->turns[i].turns;
        t->retries += l->turns[i].retries;
        t->successful_turns += l->turns[i].successful_turns;
        t->context_tokens += l->turns[i].context_tokens;
    }
}

/* Sorted names of both ledgers merged: slot_a[i] is where a's tenant i stands. Returns
 * how many there are. */
static size_t merge(const names *a, const names *b, uint32_t *slot_a, uint32_t *slot_b,
                    const char **text) {
    size_t i = 0, j = 0, n = 0;
    while (i < a->n || j < b->n) {
        int c = i == a->n ? 1 : j == b->n ? -1 : strcmp(a->text[i], b->text[j]);
        text[n] = c <= 0 ? a->text[i] : b->text[j];
        if (c <= 0)
            slot_a[i++] = (uint32_t)n;
        if (c >= 0)
            slot_b[j++] = (uint32_t)n;
        n++;
    }
    return n;
}

typedef struct {
    uint32_t *slot_a, *slot_b;
    const char **text;
    explain_tenant *before, *after;
    explain_values *values;
} scratch;

static bool scratch_init(scratch *m, size_t a, size_t b) {
    size_t n = a + b + 1;
    m->slot_a = calloc(a + 1, sizeof *m->slot_a);
    m->slot_b = calloc(b + 1, sizeof *m->slot_b);
    m->text = calloc(n, sizeof *m->text);
    m->before = calloc(n, sizeof *m->before);
    m->after = calloc(n, sizeof *m->after);
    m->values = calloc(2 * n, sizeof *m->values);
    return m->slot_a && m->slot_b && m->text && m->before && m->after && m->values;
}

static void scratch_deinit(scratch *m) {
    free(m->slot_a);
    free(m->slot_b);
    free(m->text);
    free(m->before);
    free(m->after);
    free(m->values);
}

/* "old.tenant[3]" becomes the tenant's name, which only the ledgers know. */
static void name_tenant(const scratch *m, diag *d) {
    const char *at = d ? strstr(d->field, ".tenant[") : NULL;
    if (!at)
        return;
    size_t i = strtoul(at + 8, NULL, 10);
    char field[sizeof d->field];
    snprintf(field, sizeof field, "%.3s: tenant %.60s", d->field, m->text[i]);
    snprintf(d->field, sizeof d->field, "%s", field);
}

static status find_pool(const cost_ledger *l, const char *pool, const char *which,
                        uint32_t *out, diag *d) {
    *out = ANY_POOL;
    if (!pool || names_find(&l->pools, pool, out))
        return OK;
    const char *nearest =
        diag_nearest(pool, (const char *const *)l->pools.text, l->pools.n);
    return diag_field(d, ERR_INVALID, "pool", "the %s ledger has no pool %s%s%s%s", which,
                      pool, nearest ? "; did you mean " : "", nearest ? nearest : "",
                      nearest ? "?" : "");
}

status cost_ledger_explain(const cost_ledger *before, const cost_ledger *after,
                           const char *pool, double tolerance, explain_result *out,
                           diag *d) {
    uint32_t pool_a, pool_b;
    status s = find_pool(before, pool, "old", &pool_a, d);
    if (s == OK)
        s = find_pool(after, pool, "new", &pool_b, d);
    if (s != OK)
        return s;
    scratch m = {0};
    if (scratch_init(&m, before->tenants.n, after->tenants.n)) {
        size_t n = merge(&before->tenants, &after->tenants, m.slot_a, m.slot_b, m.text);
        explain_period a, b;
        sum_up(before, pool_a, m.slot_a, m.before, &a);
        sum_up(after, pool_b, m.slot_b, m.after, &b);
        a.n_tenants = b.n_tenants = n;
        s = explain_change(&a, &b, tolerance, m.values, out, d);
        name_tenant(&m, d);
    } else {
        s = diag_set(d, ERR_MEMORY, "no memory to compare the ledgers");
    }
    scratch_deinit(&m);
    return s;
}
