#include "records/capacity_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "records/json.h"

static const char *const keys[] = {"pool",
                                   "arrivals_per_s",
                                   "before_per_s",
                                   "arrival_scv",
                                   "peak_s",
                                   "service_s",
                                   "service_scv",
                                   "batch_max",
                                   "batch_base_ms",
                                   "batch_item_ms",
                                   "batch_window_ms",
                                   "max_age_ms",
                                   "target_age_ms",
                                   "target_share",
                                   "headroom",
                                   "slots_per_machine",
                                   "spare_machines",
                                   "machine_microusd_per_hour"};

static bool has(const cJSON *o, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(o, key) != NULL;
}

static status number(const cJSON *o, const char *key, double min, double *out, diag *d) {
    return json_number(o, key, min, 1e12, out, d);
}

static status number_or(const cJSON *o, const char *key, double otherwise, double *out,
                        diag *d) {
    return json_number_or(o, key, 0, 1e12, otherwise, out, d);
}

static status milliseconds(const cJSON *o, const char *key, double *out_s, diag *d) {
    double ms;
    status s = number(o, key, 0, &ms, d);
    if (s == OK)
        *out_s = ms / 1e3;
    return s;
}

static status count(const cJSON *o, const char *key, int64_t min, int64_t max,
                    unsigned *out, diag *d) {
    int64_t x = 0;
    status s = json_integer(o, key, min, max, &x, d);
    if (s == OK)
        *out = (unsigned)x;
    return s;
}

/* A streaming slot has service_s; a batching server the batch_ keys. */
static status read_server(const cJSON *o, simulate_load *l, diag *d) {
    l->batch_max = 1;
    if (has(o, "service_s")) {
        static const char *const others[] = {"batch_max", "batch_base_ms",
                                             "batch_item_ms", "batch_window_ms"};
        for (size_t i = 0; i < 4; i++)
            if (has(o, others[i]))
                return diag_field(d, ERR_INVALID, others[i],
                                  "with service_s: a pool is slots or batches");
        return number(o, "service_s", 0, &l->base_s, d);
    }
    if (!has(o, "batch_max"))
        return diag_field(d, ERR_INVALID, "service_s",
                          "missing; seconds a slot is held, or batch_max and its keys, "
                          "are needed");
    status s = count(o, "batch_max", 1, SIMULATE_BATCH_MAX, &l->batch_max, d);
    if (s == OK)
        s = milliseconds(o, "batch_base_ms", &l->base_s, d);
    if (s == OK)
        s = milliseconds(o, "batch_item_ms", &l->item_s, d);
    if (s == OK && has(o, "batch_window_ms"))
        s = milliseconds(o, "batch_window_ms", &l->batch_window_s, d);
    return s;
}

static status read_load(const cJSON *o, simulate_load *l, diag *d) {
    status s = number(o, "arrivals_per_s", 0, &l->arrivals_per_s, d);
    if (s == OK)
        s = number_or(o, "before_per_s", l->arrivals_per_s, &l->before_per_s, d);
    if (s == OK)
        s = number_or(o, "arrival_scv", 1, &l->arrival_scv, d);
    if (s == OK)
        s = number(o, "peak_s", 0, &l->peak_s, d);
    if (s == OK)
        s = read_server(o, l, d);
    if (s == OK)
        s = number_or(o, "service_scv", 1, &l->service_scv, d);
    l->max_age_s = INFINITY;
    if (s == OK && has(o, "max_age_ms"))
        s = milliseconds(o, "max_age_ms", &l->max_age_s, d);
    return s;
}

static status read_machines(const cJSON *o, capacity_demand *c, diag *d) {
    int64_t spare = 0;
    status s = number_or(o, "headroom", 0, &c->headroom, d);
    if (s == OK)
        s = count(o, "slots_per_machine", 1, 100000, &c->slots_per_machine, d);
    if (s == OK)
        s = json_integer_or(o, "spare_machines", 0, 100000, 0, &spare, d);
    c->spare_machines = (unsigned)spare;
    if (s == OK)
        s = json_integer(o, "machine_microusd_per_hour", 0, 1000000000000,
                         &c->machine_microusd_per_hour, d);
    return s;
}

static status read_pool(const cJSON *o, capacity_pool *p, diag *d) {
    const char *name;
    capacity_demand *c = &p->demand;
    status s = json_only_keys(o, keys, sizeof keys / sizeof keys[0], d);
    if (s == OK)
        s = json_text(o, "pool", &name, d);
    if (s != OK)
        return s;
    if (strlen(name) >= CAPACITY_NAME_BYTES)
        return diag_field(d, ERR_INVALID, "pool", "is longer than %d bytes",
                          CAPACITY_NAME_BYTES - 1);
    snprintf(p->name, sizeof p->name, "%s", name);
    s = read_load(o, &c->load, d);
    if (s == OK)
        s = milliseconds(o, "target_age_ms", &c->target_s, d);
    if (s == OK)
        s = json_number_or(o, "target_share", 0, 1, 0.95, &c->target_share, d);
    return s == OK ? read_machines(o, c, d) : s;
}

/* "peak_s" -> "pools[1].peak_s". */
static void name_pool(size_t i, diag *d) {
    if (!d)
        return;
    char field[sizeof d->field];
    snprintf(field, sizeof field, "pools[%zu].%.64s", i, d->field);
    snprintf(d->field, sizeof d->field, "%s", field);
}

static status read_pools(const cJSON *root, capacity_file *out, diag *d) {
    int64_t seed = 0, replications = 0;
    const cJSON *list, *item;
    static const char *const top[] = {"seed", "replications", "pools"};
    status s = json_only_keys(root, top, 3, d);
    if (s == OK)
        s = json_integer_or(root, "seed", 0, INT64_MAX, 1, &seed, d);
    if (s == OK)
        s = json_integer_or(root, "replications", 2, CAPACITY_REPLICATIONS_MAX, 20,
                            &replications, d);
    if (s == OK)
        s = json_list(root, "pools", &list, d);
    if (s != OK)
        return s;
    int n = cJSON_GetArraySize(list);
    if (n < 1 || n > (int)CAPACITY_POOLS_MAX)
        return diag_field(d, ERR_INVALID, "pools", "has %d entries; 1 to %u are needed",
                          n, CAPACITY_POOLS_MAX);
    cJSON_ArrayForEach(item, list) {
        capacity_pool *p = &out->pools[out->n];
        *p = (capacity_pool){
            .demand = {.seed = (uint64_t)seed, .replications = (unsigned)replications}};
        s = read_pool(item, p, d);
        if (s != OK) {
            name_pool(out->n, d);
            return s;
        }
        out->n++;
    }
    return OK;
}

static status read_root(cJSON *root, status s, capacity_file *out, diag *d) {
    capacity_file f = {.n = 0};
    if (s == OK)
        s = read_pools(root, &f, d);
    if (s == OK)
        *out = f;
    cJSON_Delete(root);
    return s;
}

status capacity_file_read(const char *path, capacity_file *out, diag *d) {
    cJSON *root = NULL;
    status s = json_read_file(path, CAPACITY_FILE_BYTES, &root, d);
    return read_root(root, s, out, d);
}

status capacity_file_parse(const char *text, size_t n, capacity_file *out, diag *d) {
    cJSON *root = NULL;
    status s = json_parse(text, n, &root, d);
    return read_root(root, s, out, d);
}
