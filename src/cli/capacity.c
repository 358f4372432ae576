/* `rostrum capacity plan`: slots, machines and cost for each pool's peak. */
#include "cli/capacity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records/capacity_file.h"

/* Everything one run needs; large, so on the heap. */
typedef struct {
    capacity_file file;
    capacity_answer answers[CAPACITY_POOLS_MAX];
    double free_at[CAPACITY_SERVERS_MAX];
    double ages[CAPACITY_AGES];
} work;

static void add_servers(buf *out, unsigned servers, const char *what) {
    if (servers)
        buf_addf(out, "%7u %s", servers, what);
    else
        buf_addf(out, "%7s %s", "none", what);
}

static void add_ages(buf *out, const capacity_answer *a) {
    buf_addf(out, "  queue age      p50 %.0f ms, p95 %.0f ms, p99 %.0f ms",
             1e3 * a->age_p50_s, 1e3 * a->age_p95_s, 1e3 * a->age_p99_s);
    if (a->refused_share > 0)
        buf_addf(out, "; %.2f %% refused", 100 * a->refused_share);
    buf_addf(out, "\n  in use         %.1f %% of %u at the peak", 100 * a->utilisation,
             a->servers);
}

static void add_agreement(buf *out, const capacity_answer *a) {
    buf_addf(out,
             "  formula        mean age %.3g ms, simulated %.3g ms (%.3g to %.3g):\n     "
             "            %s\n",
             1e3 * a->formula_mean_age_s, 1e3 * a->mean_age_s, 1e3 * a->mean_age.low,
             1e3 * a->mean_age.high, capacity_reason_text(a->reason));
}

static void add_pool(const capacity_pool *p, const capacity_answer *a, buf *out) {
    const capacity_demand *c = &p->demand;
    bool batches = c->load.batch_max > 1;
    const char *what = batches ? "batching servers" : "slots";
    buf_addf(out, "%s: %g a second, %.4g erlangs; at most %.3g %% older than %g ms\n",
             p->name, c->load.arrivals_per_s, a->offered_erlangs,
             100 * (1 - c->target_share), 1e3 * c->target_s);
    buf_add_text(out, "  Erlang C       ");
    add_servers(out, a->erlang_c, what);
    buf_add_text(out, "\n  Allen-Cunneen  ");
    add_servers(out, a->allen_cunneen, what);
    buf_add_text(out, "\n  simulation     ");
    add_servers(out, a->servers, what);
    buf_addf(out, ": %.2f %% older (%.2f to %.2f)\n", 100 * a->late_share,
             100 * a->late.low, 100 * a->late.high);
    add_ages(out, a);
    if (batches)
        buf_addf(out, ", %.3g requests a batch", a->mean_batch);
    buf_add_text(out, "\n");
    add_agreement(out, a);
    buf_addf(out,
             "  plan           %7u %s with %g %% headroom on %u machines of %u%s: "
             "$%.2f an hour\n",
             a->slots, what, 100 * c->headroom, a->machines, c->slots_per_machine,
             c->spare_machines ? ", spares among them" : "",
             (double)a->microusd_per_hour / 1e6);
}

static void write_text(const work *w, buf *out) {
    int64_t total = 0;
    for (size_t i = 0; i < w->file.n; i++) {
        buf_add_text(out, i ? "\n" : "");
        add_pool(&w->file.pools[i], &w->answers[i], out);
        total += w->answers[i].microusd_per_hour;
    }
    if (w->file.n > 1)
        buf_addf(out, "\nall pools: $%.2f an hour\n", (double)total / 1e6);
}

static void field(buf *out, const char *key, double value) {
    buf_addf(out, ",\"%s\":", key);
    buf_add_number(out, value);
}

static void count(buf *out, const char *key, unsigned value) {
    if (value)
        buf_addf(out, ",\"%s\":%u", key, value);
    else
        buf_addf(out, ",\"%s\":null", key);
}

static void json_pool(const capacity_pool *p, const capacity_answer *a, buf *out) {
    buf_add_text(out, "{\"pool\":");
    buf_add_json(out, p->name);
    field(out, "offered_erlangs", a->offered_erlangs);
    count(out, "servers_erlang_c", a->erlang_c);
    count(out, "servers_allen_cunneen", a->allen_cunneen);
    count(out, "servers", a->servers);
    count(out, "slots", a->slots);
    count(out, "machines", a->machines);
    buf_addf(out, ",\"microusd_per_hour\":%lld", (long long)a->microusd_per_hour);
    field(out, "late_share", a->late_share);
    field(out, "late_share_low", a->late.low);
    field(out, "late_share_high", a->late.high);
    field(out, "refused_share", a->refused_share);
    field(out, "utilisation", a->utilisation);
    field(out, "mean_batch", a->mean_batch);
    field(out, "age_p50_ms", 1e3 * a->age_p50_s);
    field(out, "age_p95_ms", 1e3 * a->age_p95_s);
    field(out, "age_p99_ms", 1e3 * a->age_p99_s);
    field(out, "mean_age_ms", 1e3 * a->mean_age_s);
    field(out, "mean_age_ms_low", 1e3 * a->mean_age.low);
    field(out, "mean_age_ms_high", 1e3 * a->mean_age.high);
    field(out, "formula_mean_age_ms", 1e3 * a->formula_mean_age_s);
    buf_addf(out, ",\"disagreement\":\"%s\"}", capacity_reason_name(a->reason));
}

static void write_json(const work *w, buf *out) {
    buf_add_text(out, "{\"pools\":[");
    for (size_t i = 0; i < w->file.n; i++) {
        buf_add_text(out, i ? "," : "");
        json_pool(&w->file.pools[i], &w->answers[i], out);
    }
    buf_add_text(out, "]}\n");
}

static status plan(const args *a, work *w, diag *d) {
    if (a->n_positional != 1)
        return diag_field(d, ERR_INVALID, "FILE.json",
                          a->n_positional ? "one file at a time"
                                          : "missing; \"-\" reads standard input");
    status s = capacity_file_read(a->positional[0], &w->file, d);
    for (size_t i = 0; s == OK && i < w->file.n; i++) {
        s = capacity_plan(&w->file.pools[i].demand, w->free_at, w->ages, &w->answers[i],
                          d);
        if (s != OK) {
            char name[sizeof d->field];
            snprintf(name, sizeof name, "pools[%zu].%.64s", i, d->field);
            snprintf(d->field, sizeof d->field, "%s", name);
        }
    }
    return s;
}

static int run(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    work *w = malloc(sizeof *w);
    status s = w ? plan(&a, w, &d) : diag_set(&d, ERR_MEMORY, "no memory for the plan");
    if (s == OK) {
        buf out;
        buf_init(&out, 256u << 10);
        (a.json ? write_json : write_text)(w, &out);
        fputs(buf_text(&out), stdout);
        buf_deinit(&out);
    }
    free(w);
    if (s == OK)
        return EXIT_GOOD;
    return args_fail(self, &d, a.json, s == ERR_MEMORY ? EXIT_FAILED : EXIT_USAGE);
}

const command capacity_plan_command = {
    .name = "capacity plan",
    .positional = "FILE.json",
    .summary = "slots, machines and cost for a peak and a target queue age",
    .details =
        "For each pool of FILE.json: servers by Erlang C, by Allen-Cunneen and by a "
        "seeded simulation of the peak, which is the plan; where formula and "
        "simulation disagree, why. docs/capacity.md explains the file.",
    .run = run};
