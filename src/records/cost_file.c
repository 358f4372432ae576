#include "records/cost_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "readiness/cost/focus.h"
#include "records/json.h"
#include "records/lines.h"

/* What is only needed while reading. */
typedef struct {
    cost_ledger *l;
    names asset_keys, turn_keys; /* "day worker", "day tenant" */
    size_t cap_assets, cap_uses, cap_turns;
} reader;

/* Room for one more item in the array; false: ERR_LIMIT or no memory, in d. */
static status room(void **items, size_t n, size_t *capacity, size_t size, diag *d) {
    if (n < *capacity)
        return OK;
    if (n >= COST_LINES_MAX)
        return diag_set(d, ERR_LIMIT, "more than %u lines of this kind", COST_LINES_MAX);
    size_t wanted = *capacity ? 2 * *capacity : 256;
    void *grown = realloc(*items, wanted * size);
    if (!grown)
        return diag_set(d, ERR_MEMORY, "no memory for the ledger");
    *items = grown;
    *capacity = wanted;
    return OK;
}

/* A name that can stand in a table and in FOCUS rows. */
static status read_name(const cJSON *o, const char *key, const char **out, diag *d) {
    status s = json_text(o, key, out, d);
    if (s != OK)
        return s;
    if (strlen(*out) >= FOCUS_NAME_BYTES)
        return diag_field(d, ERR_INVALID, key, "is longer than %d bytes",
                          FOCUS_NAME_BYTES - 1);
    for (const char *c = *out; *c; c++)
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
            return diag_field(d, ERR_INVALID, key,
                              "holds a byte that is not printable ASCII, or \" or \\");
    return OK;
}

static status read_day(const cJSON *o, const char **out, diag *d) {
    status s = json_text(o, "day", out, d);
    if (s == OK && !focus_is_day(*out))
        return diag_field(d, ERR_INVALID, "day", "is no date; as 2026-05-04 is needed");
    return s;
}

static status count(const cJSON *o, const char *key, int64_t *out, diag *d) {
    return json_integer(o, key, 0, (int64_t)COST_VALUE_MAX, out, d);
}

static status count_or(const cJSON *o, const char *key, int64_t otherwise, int64_t *out,
                       diag *d) {
    return json_integer_or(o, key, 0, (int64_t)COST_VALUE_MAX, otherwise, out, d);
}

static void join(const char *day, const char *name, char out[2 * FOCUS_NAME_BYTES]) {
    snprintf(out, 2 * FOCUS_NAME_BYTES, "%s %s", day, name);
}

#define ONLY(o, d, ...)                                                                  \
    json_only_keys(o, (const char *const[]){__VA_ARGS__},                                \
                   sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), d)

static status read_asset(reader *r, const cJSON *o, diag *d) {
    const char *day, *pool, *worker;
    ledger_asset a = {0};
    char key[2 * FOCUS_NAME_BYTES];
    uint32_t number;
    bool is_new = true;
    status s =
        ONLY(o, d, "kind", "day", "pool", "worker", "cost_microusd", "capacity_slot_ms");
    if (s != OK || (s = read_day(o, &day, d)) != OK ||
        (s = read_name(o, "pool", &pool, d)) != OK ||
        (s = read_name(o, "worker", &worker, d)) != OK ||
        (s = count(o, "cost_microusd", &a.cost_microusd, d)) != OK ||
        (s = count_or(o, "capacity_slot_ms", -1, &a.capacity_ms, d)) != OK)
        return s;
    join(day, worker, key);
    if ((s = names_add(&r->asset_keys, key, &number, &is_new, d)) != OK)
        return s;
    if (!is_new)
        return diag_field(d, ERR_INVALID, "worker",
                          "%s has an asset line of %s already; one a day", worker, day);
    cost_ledger *l = r->l;
    if ((s = names_add(&l->days, day, &a.day, NULL, d)) != OK ||
        (s = names_add(&l->pools, pool, &a.pool, NULL, d)) != OK ||
        (s = names_add(&l->workers, worker, &a.worker, NULL, d)) != OK ||
        (s = room((void **)&l->assets, l->n_assets, &r->cap_assets, sizeof a, d)) != OK)
        return s;
    l->assets[l->n_assets++] = a; /* its index is `number` */
    return OK;
}

/* The value of an enumeration from its name. */
static status read_choice(const cJSON *o, const char *key, const char *const *choices,
                          size_t n, size_t *out, diag *d) {
    const char *text;
    status s = json_text(o, key, &text, d);
    if (s != OK)
        return s;
    char all[256] = "";
    for (size_t i = 0, at = 0; i < n; i++) {
        if (strcmp(choices[i], text) == 0) {
            *out = i;
            return OK;
        }
        at += (size_t)snprintf(all + at, sizeof all - at, "%s%s", i ? ", " : "",
                               choices[i]);
    }
    return diag_field(d, ERR_INVALID, key, "is not one of: %s", all);
}

static status read_category(const cJSON *o, ledger_use *u, diag *d) {
    const char *categories[LEDGER_CATEGORIES], *causes[LEDGER_CAUSES - 1];
    for (size_t i = 0; i < LEDGER_CATEGORIES; i++)
        categories[i] = ledger_category_name((ledger_category)i);
    for (size_t i = 1; i < LEDGER_CAUSES; i++)
        causes[i - 1] = ledger_cause_name((ledger_cause)i);
    size_t category = 0, cause = 0;
    status s = read_choice(o, "category", categories, LEDGER_CATEGORIES, &category, d);
    if (s != OK)
        return s;
    u->category = (ledger_category)category;
    u->cause = LEDGER_CAUSE_NONE;
    if (u->category != LEDGER_IDLE) {
        if (cJSON_GetObjectItemCaseSensitive(o, "cause"))
            return diag_field(d, ERR_INVALID, "cause", "only idle time has one");
        return OK;
    }
    s = read_choice(o, "cause", causes, LEDGER_CAUSES - 1, &cause, d);
    if (s == OK)
        u->cause = (ledger_cause)(cause + 1);
    return s;
}

static status read_use(reader *r, const cJSON *o, diag *d) {
    const char *day, *worker, *tenant = NULL;
    ledger_use u = {.tenant = LEDGER_NOBODY};
    status s = ONLY(o, d, "kind", "day", "worker", "category", "cause", "tenant",
                    "slot_ms", "request_ms");
    if (s != OK || (s = read_day(o, &day, d)) != OK ||
        (s = read_name(o, "worker", &worker, d)) != OK ||
        (s = read_category(o, &u, d)) != OK ||
        (s = count(o, "slot_ms", &u.slot_ms, d)) != OK ||
        (s = count_or(o, "request_ms", u.slot_ms, &u.request_ms, d)) != OK)
        return s;
    if (u.request_ms < u.slot_ms || (u.slot_ms == 0 && u.request_ms > 0))
        return diag_field(d, ERR_INVALID, "request_ms",
                          "is %lld with %lld ms of slots: a slot in use serves at least "
                          "one request",
                          (long long)u.request_ms, (long long)u.slot_ms);
    bool named = cJSON_GetObjectItemCaseSensitive(o, "tenant") != NULL;
    if ((named || u.category == LEDGER_DIRECT) &&
        ((s = read_name(o, "tenant", &tenant, d)) != OK ||
         (s = names_add(&r->l->tenants, tenant, &u.tenant, NULL, d)) != OK))
        return s;
    char key[2 * FOCUS_NAME_BYTES];
    join(day, worker, key);
    if (!names_find(&r->asset_keys, key, &u.asset))
        return diag_field(d, ERR_INVALID, "worker", "%s has no asset line of %s above",
                          worker, day);
    cost_ledger *l = r->l;
    if ((s = room((void **)&l->uses, l->n_uses, &r->cap_uses, sizeof u, d)) != OK)
        return s;
    l->uses[l->n_uses++] = u;
    return OK;
}

static status read_turns(reader *r, const cJSON *o, diag *d) {
    const char *day, *tenant;
    cost_turns t = {0};
    char key[2 * FOCUS_NAME_BYTES];
    uint32_t number;
    bool is_new = true;
    status s = ONLY(o, d, "kind", "day", "tenant", "turns", "retries", "successful_turns",
                    "context_tokens");
    if (s != OK || (s = read_day(o, &day, d)) != OK ||
        (s = read_name(o, "tenant", &tenant, d)) != OK ||
        (s = count(o, "turns", &t.turns, d)) != OK ||
        (s = count_or(o, "retries", 0, &t.retries, d)) != OK ||
        (s = count(o, "successful_turns", &t.successful_turns, d)) != OK ||
        (s = count_or(o, "context_tokens", 0, &t.context_tokens, d)) != OK)
        return s;
    if (t.successful_turns > t.turns)
        return diag_field(d, ERR_INVALID, "successful_turns", "is %lld of %lld turns",
                          (long long)t.successful_turns, (long long)t.turns);
    if (t.turns == 0 && (t.retries > 0 || t.context_tokens > 0))
        return diag_field(d, ERR_INVALID, "turns",
                          "is 0, and there are retries or tokens");
    join(day, tenant, key);
    if ((s = names_add(&r->turn_keys, key, &number, &is_new, d)) != OK)
        return s;
    if (!is_new)
        return diag_field(d, ERR_INVALID, "tenant",
                          "%s has a turns line of %s already; one a day", tenant, day);
    cost_ledger *l = r->l;
    if ((s = names_add(&l->days, day, &t.day, NULL, d)) != OK ||
        (s = names_add(&l->tenants, tenant, &t.tenant, NULL, d)) != OK ||
        (s = room((void **)&l->turns, l->n_turns, &r->cap_turns, sizeof t, d)) != OK)
        return s;
    l->turns[l->n_turns++] = t;
    return OK;
}

static status read_line(reader *r, const char *text, size_t n, diag *d) {
    static const char *const kinds[] = {"asset", "use", "turns"};
    static status (*const readers[])(reader *, const cJSON *,
                                     diag *) = {read_asset, read_use, read_turns};
    cJSON *o = NULL;
    size_t kind = 0;
    status s = json_parse(text, n, &o, d);
    if (s == OK && !cJSON_IsObject(o))
        s = diag_set(d, ERR_INVALID, "an object is needed, {\"kind\": ...}");
    if (s == OK)
        s = read_choice(o, "kind", kinds, 3, &kind, d);
    if (s == OK)
        s = readers[kind](r, o, d);
    cJSON_Delete(o);
    return s;
}

static status read_lines(const char *path, reader *r, diag *d) {
    lines *file;
    status s = lines_open(path, &file, d);
    if (s != OK)
        return s;
    const char *text;
    size_t n;
    while ((s = lines_next(file, &text, &n, d)) == OK && text) {
        if (text[strspn(text, " \t")] == '\0')
            continue;
        if ((s = read_line(r, text, n, d)) != OK)
            break;
    }
    lines_close(file);
    return s;
}

static int order_of(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

/* An asset with the index it was read under. */
typedef struct {
    ledger_asset asset;
    uint32_t was;
} moved_asset;

static int by_pool(const void *a, const void *b) {
    const ledger_asset *x = &((const moved_asset *)a)->asset;
    const ledger_asset *y = &((const moved_asset *)b)->asset;
    int c = order_of(x->pool, y->pool);
    c = c ? c : order_of(x->day, y->day);
    return c ? c : order_of(x->worker, y->worker);
}

static int by_asset(const void *a, const void *b) {
    const ledger_use *x = a, *y = b;
    int c = order_of(x->asset, y->asset);
    c = c ? c : order_of(x->tenant, y->tenant);
    c = c ? c : order_of(x->category, y->category);
    c = c ? c : order_of(x->cause, y->cause);
    c = c ? c : order_of((uint64_t)x->slot_ms, (uint64_t)y->slot_ms);
    return c ? c : order_of((uint64_t)x->request_ms, (uint64_t)y->request_ms);
}

static int by_day(const void *a, const void *b) {
    const cost_turns *x = a, *y = b;
    int c = order_of(x->day, y->day);
    return c ? c : order_of(x->tenant, y->tenant);
}

static void renumber(cost_ledger *l, const uint32_t *day, const uint32_t *pool,
                     const uint32_t *worker, const uint32_t *tenant) {
    for (size_t i = 0; i < l->n_assets; i++) {
        ledger_asset *a = &l->assets[i];
        a->day = day[a->day];
        a->pool = pool[a->pool];
        a->worker = worker[a->worker];
    }
    for (size_t i = 0; i < l->n_uses; i++)
        if (l->uses[i].tenant != LEDGER_NOBODY)
            l->uses[i].tenant = tenant[l->uses[i].tenant];
    for (size_t i = 0; i < l->n_turns; i++) {
        l->turns[i].day = day[l->turns[i].day];
        l->turns[i].tenant = tenant[l->turns[i].tenant];
    }
}

/* Numbers of names become their ranks. */
static status sort_names(cost_ledger *l, diag *d) {
    names *tables[] = {&l->days, &l->pools, &l->workers, &l->tenants};
    uint32_t *rank[4] = {NULL};
    status s = OK;
    for (size_t i = 0; i < 4; i++) {
        rank[i] = malloc((tables[i]->n + 1) * sizeof **rank);
        if (!rank[i])
            s = diag_set(d, ERR_MEMORY, "no memory for the ledger");
    }
    if (s == OK) {
        for (size_t i = 0; i < 4; i++)
            names_rank(tables[i], rank[i]);
        renumber(l, rank[0], rank[1], rank[2], rank[3]);
    }
    for (size_t i = 0; i < 4; i++)
        free(rank[i]);
    return s;
}

/* Assets and uses in the order that ledger_charge and ledger_spread need. */
static status sort_all(cost_ledger *l, diag *d) {
    moved_asset *moved = malloc((l->n_assets + 1) * sizeof *moved);
    uint32_t *now = malloc((l->n_assets + 1) * sizeof *now);
    if (!moved || !now) {
        free(moved);
        free(now);
        return diag_set(d, ERR_MEMORY, "no memory for the ledger");
    }
    for (size_t i = 0; i < l->n_assets; i++)
        moved[i] = (moved_asset){l->assets[i], (uint32_t)i};
    qsort(moved, l->n_assets, sizeof *moved, by_pool);
    for (size_t i = 0; i < l->n_assets; i++) {
        l->assets[i] = moved[i].asset;
        now[moved[i].was] = (uint32_t)i;
    }
    for (size_t i = 0; i < l->n_uses; i++)
        l->uses[i].asset = now[l->uses[i].asset];
    free(moved);
    free(now);
    if (l->n_uses > 0)
        qsort(l->uses, l->n_uses, sizeof *l->uses, by_asset);
    if (l->n_turns > 0)
        qsort(l->turns, l->n_turns, sizeof *l->turns, by_day);
    return OK;
}

/* Where no capacity was given it is what was used. Names the worker that was used for
 * longer than it was there. */
static status check_capacity(cost_ledger *l, diag *d) {
    size_t next = 0;
    for (size_t i = 0; i < l->n_assets; i++) {
        ledger_asset *a = &l->assets[i];
        int64_t used = 0;
        for (; next < l->n_uses && l->uses[next].asset == i; next++)
            if (__builtin_add_overflow(used, l->uses[next].slot_ms, &used))
                return diag_field(d, ERR_LIMIT, "slot_ms", "the sum exceeds 63 bits");
        if (a->capacity_ms < 0)
            a->capacity_ms = used;
        if (used > a->capacity_ms)
            return diag_field(d, ERR_INVALID, "slot_ms",
                              "worker %s on %s used %lld ms of a capacity_slot_ms of "
                              "%lld",
                              l->workers.text[a->worker], l->days.text[a->day],
                              (long long)used, (long long)a->capacity_ms);
    }
    return OK;
}

static status charge(cost_ledger *l, diag *d) {
    size_t most = l->n_uses + l->n_assets;
    ledger_part *parts = malloc((most + 1) * sizeof *parts);
    l->rows = malloc((most + 1) * sizeof *l->rows);
    status s = parts && l->rows ? ledger_charge(l->assets, l->n_assets, l->uses,
                                                l->n_uses, parts, l->rows, &l->n_rows, d)
                                : diag_set(d, ERR_MEMORY, "no memory for the ledger");
    free(parts);
    return s;
}

status cost_ledger_read(const char *path, cost_ledger *out, diag *d) {
    cost_ledger l = {0};
    reader r = {.l = &l};
    status s = read_lines(path, &r, d);
    names_deinit(&r.asset_keys);
    names_deinit(&r.turn_keys);
    if (s == OK)
        diag_at(d, NULL, 0, 0);
    if (s == OK && l.n_assets == 0)
        s = diag_set(d, ERR_INVALID, "no line of kind \"asset\": nothing was paid for");
    if (s == OK)
        s = sort_names(&l, d);
    if (s == OK)
        s = sort_all(&l, d);
    if (s == OK)
        s = check_capacity(&l, d);
    if (s == OK)
        s = charge(&l, d);
    if (s != OK) {
        cost_ledger_deinit(&l);
        return s;
    }
    *out = l;
    return OK;
}

void cost_ledger_deinit(cost_ledger *l) {
    names_deinit(&l->days);
    names_deinit(&l->pools);
    names_deinit(&l->workers);
    names_deinit(&l->tenants);
    free(l->assets);
    free(l->uses);
    free(l->turns);
    free(l->rows);
    *l = (cost_ledger){0};
}

status cost_ledger_spread(const cost_ledger *l, ledger_policy policy, ledger_row **out,
                          size_t *out_n, diag *d) {
    size_t tenants = l->tenants.n;
    int64_t *weight = malloc((3 * tenants + 1) * sizeof *weight);
    ledger_part *parts = malloc((tenants + 1) * sizeof *parts);
    ledger_row *rows = NULL;
    size_t n = 0;
    status s = OK;
    if (weight && parts) {
        n = ledger_spread(l->assets, l->rows, l->n_rows, policy, tenants, weight, parts,
                          NULL);
        if (n > COST_ROWS_MAX)
            s = diag_set(d, ERR_LIMIT, "%zu entries; at most %u can be made", n,
                         COST_ROWS_MAX);
        else
            rows = malloc((n + 1) * sizeof *rows);
    }
    if (s == OK && !rows)
        s = diag_set(d, ERR_MEMORY, "no memory for %zu entries", n);
    if (s == OK) {
        (void)ledger_spread(l->assets, l->rows, l->n_rows, policy, tenants, weight, parts,
                            rows);
        *out = rows;
        *out_n = n;
    }
    free(weight);
    free(parts);
    return s;
}
