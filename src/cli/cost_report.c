/* `rostrum cost report`: a ledger by tenant, pool, worker or day, and as FOCUS rows. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "cli/cost.h"
#include "readiness/cost/focus.h"
#include "records/cost_file.h"

#define REPORT_BYTES (64u << 20)

typedef enum { BY_TENANT, BY_POOL, BY_WORKER, BY_DAY } dimension;
static const char *const dimensions[] = {"tenant", "pool", "worker", "day"};
static const char *const policies[] = {"showback", "chargeback"};

/* One line of the report. */
typedef struct {
    const char *name; /* NULL: the platform */
    ledger_total total;
    int64_t turns, successful; /* that the unit cost is for */
} group;

typedef struct {
    const cost_ledger *ledger;
    const ledger_row *rows; /* [n_rows] */
    size_t n_rows;
    dimension by;
    ledger_policy policy;
    double confidence;
    group *groups; /* [n_groups], the platform last */
    size_t n_groups;
    group all;
} report;

static const names *names_by(const cost_ledger *l, dimension by) {
    const names *of[] = {&l->tenants, &l->pools, &l->workers, &l->days};
    return of[by];
}

static size_t group_of(const report *r, const ledger_row *row) {
    const ledger_asset *a = &r->ledger->assets[row->asset];
    const uint32_t of[] = {row->tenant, a->pool, a->worker, a->day};
    return of[r->by] == LEDGER_NOBODY ? r->n_groups - 1 : of[r->by];
}

/* A turn passes many workers and pools, so those have the turns of all. */
static void add_turns(report *r) {
    const cost_ledger *l = r->ledger;
    for (size_t i = 0; i < l->n_turns; i++) {
        const cost_turns *t = &l->turns[i];
        r->all.turns += t->turns;
        r->all.successful += t->successful_turns;
        if (r->by == BY_TENANT || r->by == BY_DAY) {
            group *g = &r->groups[r->by == BY_TENANT ? t->tenant : t->day];
            g->turns += t->turns;
            g->successful += t->successful_turns;
        }
    }
    if (r->by == BY_POOL || r->by == BY_WORKER)
        for (size_t i = 0; i < r->n_groups; i++) {
            r->groups[i].turns = r->all.turns;
            r->groups[i].successful = r->all.successful;
        }
}

/* Fills groups[n_groups] and checks the invariant this command is for. */
static void fill(report *r) {
    const names *n = names_by(r->ledger, r->by);
    for (size_t i = 0; i < n->n; i++)
        r->groups[i].name = n->text[i];
    for (size_t i = 0; i < r->n_rows; i++) {
        ledger_add(&r->groups[group_of(r, &r->rows[i])].total, &r->rows[i]);
        ledger_add(&r->all.total, &r->rows[i]);
    }
    add_turns(r);
    int64_t paid = 0, sum = 0;
    for (size_t i = 0; i < r->ledger->n_assets; i++)
        paid += r->ledger->assets[i].cost_microusd;
    for (size_t i = 0; i < r->n_groups; i++) {
        ASSERT(ledger_conserved(&r->groups[i].total));
        sum += r->groups[i].total.cost_microusd;
    }
    ASSERT(sum == paid && r->all.total.cost_microusd == paid);
}

static bool shown(const group *g) {
    return g->name || g->total.cost_microusd > 0;
}

static void add_dollars(buf *out, int64_t microusd, int width) {
    char text[40];
    snprintf(text, sizeof text, "%.2f", (double)microusd / 1e6);
    buf_addf(out, " %*s", width, text);
}

static void add_unit(buf *out, const group *g, double confidence) {
    ledger_unit_cost u = ledger_unit(g->total.cost_microusd, (uint64_t)g->successful,
                                     (uint64_t)g->turns, confidence);
    if (isfinite(u.value))
        buf_addf(out, "  %.6f (%.6f to %.6f)", u.value / 1e6, u.low / 1e6, u.high / 1e6);
    else
        buf_add_text(out, g->turns > 0 ? "  none succeeded" : "  -");
}

static int name_width(const report *r) {
    size_t width = strlen("(platform)");
    for (size_t i = 0; i < r->n_groups; i++)
        if (r->groups[i].name && strlen(r->groups[i].name) > width)
            width = strlen(r->groups[i].name);
    return (int)width;
}

static void add_line(const report *r, const group *g, const char *name, int width,
                     buf *out) {
    buf_addf(out, "%-*s", width, name);
    add_dollars(out, g->total.cost_microusd, 10);
    for (size_t c = 0; c < LEDGER_CATEGORIES; c++)
        add_dollars(out, g->total.category_microusd[c], 9);
    buf_addf(out, " %11lld", (long long)g->successful);
    add_unit(out, g, r->confidence);
    buf_add_text(out, "\n");
}

static void add_idle(const ledger_total *t, buf *out) {
    int64_t idle = t->category_microusd[LEDGER_IDLE];
    if (idle == 0)
        return;
    buf_addf(out, "idle, %.1f %% of the cost, by cause:\n",
             100.0 * (double)idle / (double)t->cost_microusd);
    for (size_t c = 0; c < LEDGER_CAUSES; c++)
        if (t->idle_microusd[c] > 0)
            buf_addf(out, "  %-13s %10.2f  %5.1f %%\n",
                     ledger_cause_name((ledger_cause)c),
                     (double)t->idle_microusd[c] / 1e6,
                     100.0 * (double)t->idle_microusd[c] / (double)idle);
}

static void write_text(const report *r, buf *out) {
    int width = name_width(r);
    buf_addf(out, "US dollars; %s; %g %% interval of the share of turns that succeed\n\n",
             policies[r->policy], 100 * r->confidence);
    buf_addf(out, "%-*s %10s", width, dimensions[r->by], "cost");
    for (size_t c = 0; c < LEDGER_CATEGORIES; c++)
        buf_addf(out, " %9s", ledger_category_name((ledger_category)c));
    buf_addf(out, " %11s  %s\n", "successful", "a successful turn");
    for (size_t i = 0; i < r->n_groups; i++)
        if (shown(&r->groups[i]))
            add_line(r, &r->groups[i],
                     r->groups[i].name ? r->groups[i].name : "(platform)", width, out);
    add_line(r, &r->all, "all", width, out);
    buf_addf(
        out,
        "\ndirect + shared + idle + warm + shadow + eval = asset cost in every line: "
        "%lld micro-dollars in all\n",
        (long long)r->all.total.cost_microusd);
    add_idle(&r->all.total, out);
}

static void json_group(const report *r, const group *g, const char *key, buf *out) {
    const ledger_total *t = &g->total;
    buf_add_text(out, "{");
    if (key) {
        buf_addf(out, "\"%s\":", key);
        if (g->name)
            buf_add_json(out, g->name);
        else
            buf_add_text(out, "null");
        buf_add_text(out, ",");
    }
    buf_addf(out, "\"cost_microusd\":%lld", (long long)t->cost_microusd);
    for (size_t c = 0; c < LEDGER_CATEGORIES; c++)
        buf_addf(out, ",\"%s_microusd\":%lld", ledger_category_name((ledger_category)c),
                 (long long)t->category_microusd[c]);
    buf_add_text(out, ",\"idle_by_cause_microusd\":{");
    const char *comma = "";
    for (size_t c = 1; c < LEDGER_CAUSES; c++)
        if (t->idle_microusd[c] > 0) {
            buf_addf(out, "%s\"%s\":%lld", comma, ledger_cause_name((ledger_cause)c),
                     (long long)t->idle_microusd[c]);
            comma = ",";
        }
    ledger_unit_cost u = ledger_unit(t->cost_microusd, (uint64_t)g->successful,
                                     (uint64_t)g->turns, r->confidence);
    buf_addf(out, "},\"turns\":%lld,\"successful_turns\":%lld,\"unit_cost_usd\":",
             (long long)g->turns, (long long)g->successful);
    buf_add_number(out, u.value / 1e6);
    buf_add_text(out, ",\"unit_cost_usd_low\":");
    buf_add_number(out, u.low / 1e6);
    buf_add_text(out, ",\"unit_cost_usd_high\":");
    buf_add_number(out, u.high / 1e6);
    buf_add_text(out, "}");
}

static void write_json(const report *r, buf *out) {
    buf_addf(out, "{\"by\":\"%s\",\"policy\":\"%s\",\"confidence\":", dimensions[r->by],
             policies[r->policy]);
    buf_add_number(out, r->confidence);
    buf_add_text(out, ",\"groups\":[");
    const char *comma = "";
    for (size_t i = 0; i < r->n_groups; i++) {
        if (!shown(&r->groups[i]))
            continue;
        buf_add_text(out, comma);
        json_group(r, &r->groups[i], dimensions[r->by], out);
        comma = ",";
    }
    buf_add_text(out, "],\"all\":");
    json_group(r, &r->all, NULL, out);
    buf_add_text(out, "}\n");
}

/* All rows as FOCUS into the open file. */
static status write_rows(const report *r, const focus_account *account, FILE *file,
                         diag *d) {
    char text[FOCUS_TEXT_BYTES];
    const cost_ledger *l = r->ledger;
    focus_header(text);
    (void)fputs(text, file);
    for (size_t i = 0; i < r->n_rows; i++) {
        const ledger_row *row = &r->rows[i];
        const ledger_asset *a = &l->assets[row->asset];
        if (row->cost_microusd == 0 && row->slot_ms == 0)
            continue;
        status s = focus_row(
            account, row, l->days.text[a->day], l->pools.text[a->pool],
            l->workers.text[a->worker],
            row->tenant == LEDGER_NOBODY ? NULL : l->tenants.text[row->tenant], text, d);
        if (s != OK)
            return s;
        (void)fputs(text, file);
    }
    return OK;
}

static status write_focus(const report *r, const args *a, diag *d) {
    const char *path = args_text(a, "focus", NULL);
    if (!path)
        return OK;
    focus_account account = {.provider = args_text(a, "provider", "Rostrum"),
                             .billing_account =
                                 args_text(a, "billing-account", "platform"),
                             .policy = r->policy};
    diag_at(d, path, 0, 0);
    FILE *file = fopen(path, "w");
    if (!file)
        return diag_field(d, ERR_IO, "focus", "cannot be written: %s", strerror(errno));
    status s = write_rows(r, &account, file, d);
    bool failed = ferror(file) != 0;
    if ((fclose(file) != 0 || failed) && s == OK)
        s = diag_field(d, ERR_IO, "focus", "writing failed: %s", strerror(errno));
    return s;
}

/* The index of the flag's text in choices[n]. */
static status choose(const args *a, const char *flag, const char *const *choices,
                     size_t n, size_t *out, diag *d) {
    const char *text = args_text(a, flag, choices[0]);
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, choices[i]) == 0) {
            *out = i;
            return OK;
        }
    const char *nearest = diag_nearest(text, choices, n);
    char all[96] = "";
    for (size_t i = 0, at = 0; i < n; i++)
        at += (size_t)snprintf(all + at, sizeof all - at, "%s%s", i ? ", " : "",
                               choices[i]);
    return diag_field(d, ERR_INVALID, flag, "\"%.40s\" is not one of: %s%s%s%s", text,
                      all, nearest ? "; did you mean " : "", nearest ? nearest : "",
                      nearest ? "?" : "");
}

static status print_report(report *r, const args *a, diag *d) {
    r->n_groups = names_by(r->ledger, r->by)->n + 1;
    r->groups = calloc(r->n_groups, sizeof *r->groups);
    if (!r->groups)
        return diag_set(d, ERR_MEMORY, "no memory for the report");
    fill(r);
    status s = write_focus(r, a, d);
    if (s == OK) {
        buf out;
        buf_init(&out, REPORT_BYTES);
        (a->json ? write_json : write_text)(r, &out);
        if (out.failed)
            s = diag_set(d, ERR_LIMIT, "the report is larger than %u MiB",
                         REPORT_BYTES >> 20);
        else
            fputs(buf_text(&out), stdout);
        buf_deinit(&out);
    }
    free(r->groups);
    return s;
}

static status make_report(const args *a, diag *d) {
    size_t by = 0, policy = 0;
    status s = choose(a, "by", dimensions, 4, &by, d);
    if (s == OK)
        s = choose(a, "policy", policies, 2, &policy, d);
    if (s == OK && a->n_positional != 1)
        s = diag_field(d, ERR_INVALID, "LEDGER.jsonl",
                       a->n_positional ? "one file at a time"
                                       : "missing; \"-\" reads standard input");
    if (s != OK)
        return s;
    cost_ledger l;
    s = cost_ledger_read(a->positional[0], &l, d);
    if (s != OK)
        return s;
    report r = {.ledger = &l,
                .by = (dimension)by,
                .policy = (ledger_policy)policy,
                .confidence = args_number(a, "confidence", 0.95)};
    ledger_row *rows = NULL;
    s = cost_ledger_spread(&l, r.policy, &rows, &r.n_rows, d);
    r.rows = rows;
    if (s == OK)
        s = print_report(&r, a, d);
    free(rows);
    cost_ledger_deinit(&l);
    return s;
}

static int run(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    status s = make_report(&a, &d);
    if (s == OK)
        return EXIT_GOOD;
    return args_fail(self, &d, a.json, s == ERR_MEMORY ? EXIT_FAILED : EXIT_USAGE);
}

static const arg_option options[] = {
    {"by", ARG_TEXT, "WHAT", 0, 0, "tenant (default), pool, worker or day"},
    {"policy", ARG_TEXT, "HOW", 0, 0,
     "showback (default): tenants carry everything; chargeback: the platform keeps idle, "
     "warm, shadow and eval that no tenant caused"},
    {"focus", ARG_TEXT, "OUT.csv", 0, 0, "write the entries as FOCUS 1.2 rows too"},
    {"provider", ARG_TEXT, "NAME", 0, 0, "of the FOCUS rows; default Rostrum"},
    {"billing-account", ARG_TEXT, "ID", 0, 0, "of the FOCUS rows; default platform"},
    {"confidence", ARG_NUMBER, "P", 0.5, 0.9999, "of the interval; default 0.95"},
};

const command cost_report_command = {
    .name = "cost report",
    .positional = "LEDGER.jsonl",
    .summary = "who and what the money went to, to the micro-dollar",
    .details =
        "LEDGER.jsonl holds a line for each worker and day (asset), for what its "
        "slots did (use), and for each tenant's turns. In every line of the report "
        "direct + shared + idle + warm + shadow + eval is the asset cost.",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .run = run};
