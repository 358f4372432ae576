/* `rostrum cost explain`: which drivers changed the cost of a successful turn. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/cost.h"
#include "cli/lab.h"
#include "records/cost_file.h"

static double dollars(int64_t nanousd) {
    return (double)nanousd / 1e9;
}

static double percent(int64_t part, int64_t whole) {
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* The part of the change that the lab's drivers stand for. */
static int64_t lab_part(const explain_result *r) {
    static const struct {
        const char *name;
        explain_driver driver;
    } same[] = {{"avg_context_tokens", EXPLAIN_CONTEXT_TOKENS},
                {"retry_rate", EXPLAIN_RETRIES},
                {"shadow_traffic_fraction", EXPLAIN_SHADOW}};
    int64_t sum = 0;
    for (size_t i = 0; i < r->lab.n_drivers; i++)
        for (size_t j = 0; j < sizeof same / sizeof same[0]; j++)
            for (size_t k = 0; k < EXPLAIN_DRIVERS; k++)
                if (strcmp(r->lab.drivers[i], same[j].name) == 0 &&
                    r->parts[k].driver == same[j].driver)
                    sum += r->parts[k].nanousd;
    return sum;
}

static void add_lab(const explain_result *r, int64_t change, buf *out) {
    const lab_cost_result *lab = &r->lab;
    buf_addf(out, "\nlab 3 says: %s (%+.2f %%); ",
             lab->regressed ? "regressed" : "not regressed", 100 * lab->relative_delta);
    if (lab->n_drivers == 0) {
        buf_add_text(out, "it sees none of its three drivers rise\n");
        return;
    }
    buf_add_text(out, "look at ");
    for (size_t i = 0; i < lab->n_drivers; i++)
        buf_addf(out, "%s%s", i ? ", " : "", lab->drivers[i]);
    buf_addf(out, ", which explain%s %.1f %% of the change\n",
             lab->n_drivers == 1 ? "s" : "", percent(lab_part(r), change));
}

static void write_text(const explain_result *r, buf *out) {
    int64_t change = r->new_nanousd - r->old_nanousd;
    buf_addf(out, "a successful turn: $%.6f -> $%.6f (%+.6f, %+.2f %%)\n\n",
             dollars(r->old_nanousd), dollars(r->new_nanousd), dollars(change),
             percent(change, r->old_nanousd));
    buf_addf(out, "%-15s %12s %12s  %-16s %12s %9s\n", "driver", "old", "new", "",
             "change, $", "share");
    for (size_t i = 0; i < EXPLAIN_DRIVERS; i++) {
        const explain_part *p = &r->parts[i];
        buf_addf(out, "%-15s", explain_driver_name(p->driver));
        if (p->driver == EXPLAIN_TENANT_MIX)
            buf_addf(out, " %12s", "");
        else
            buf_addf(out, " %12.5g", p->old_value);
        buf_addf(out, " %12.5g  %-16s %+12.6f %7.1f %%\n", p->new_value,
                 explain_driver_unit(p->driver), dollars(p->nanousd),
                 percent(p->nanousd, change));
    }
    buf_addf(out, "%-15s %12s %12s  %-16s %+12.6f, residual 0\n", "all", "", "", "",
             dollars(change));
    add_lab(r, change, out);
}

static void write_json(const explain_result *r, buf *out) {
    int64_t sum = 0;
    for (size_t i = 0; i < EXPLAIN_DRIVERS; i++)
        sum += r->parts[i].nanousd;
    int64_t change = r->new_nanousd - r->old_nanousd;
    buf_addf(out, "{\"old_nanousd\":%lld,\"new_nanousd\":%lld,\"change_nanousd\":%lld,",
             (long long)r->old_nanousd, (long long)r->new_nanousd, (long long)change);
    buf_addf(out, "\"residual_nanousd\":%lld,\"drivers\":[", (long long)(change - sum));
    for (size_t i = 0; i < EXPLAIN_DRIVERS; i++) {
        const explain_part *p = &r->parts[i];
        buf_addf(out, "%s{\"driver\":\"%s\",\"unit\":\"%s\",\"old\":", i ? "," : "",
                 explain_driver_name(p->driver), explain_driver_unit(p->driver));
        buf_add_number(out, p->old_value);
        buf_add_text(out, ",\"new\":");
        buf_add_number(out, p->new_value);
        buf_addf(out, ",\"change_nanousd\":%lld}", (long long)p->nanousd);
    }
    buf_add_text(out, "],\"lab\":");
    lab_cost_write(&r->lab, out);
    buf_add_text(out, "}\n");
}

static status explain(const args *a, explain_result *out, diag *d) {
    if (a->n_positional != 2)
        return diag_field(d, ERR_INVALID, "OLD.jsonl NEW.jsonl",
                          "two ledgers are needed");
    cost_ledger before, after;
    status s = cost_ledger_read(a->positional[0], &before, d);
    if (s != OK)
        return s;
    s = cost_ledger_read(a->positional[1], &after, d);
    if (s == OK) {
        d->file[0] = '\0'; /* what follows is about both */
        s = cost_ledger_explain(&before, &after, args_text(a, "pool", NULL),
                                args_number(a, "tolerance", LAB_COST_TOLERANCE), out, d);
        cost_ledger_deinit(&after);
    }
    cost_ledger_deinit(&before);
    return s;
}

static int run(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    explain_result r;
    status s = explain(&a, &r, &d);
    if (s != OK)
        return args_fail(self, &d, a.json, s == ERR_MEMORY ? EXIT_FAILED : EXIT_USAGE);
    buf out;
    buf_init(&out, 64u << 10);
    (a.json ? write_json : write_text)(&r, &out);
    fputs(buf_text(&out), stdout);
    buf_deinit(&out);
    return r.lab.regressed ? EXIT_NO : EXIT_GOOD;
}

static const arg_option options[] = {
    {"pool", ARG_TEXT, "NAME", 0, 0, "of this pool only; its cost over all turns"},
    {"tolerance", ARG_NUMBER, "T", 0, 1000,
     "relative rise that is no regression; "
     "default 0.10"},
};

const command cost_explain_command = {
    .name = "cost explain",
    .positional = "OLD.jsonl NEW.jsonl",
    .summary = "why a successful turn costs more than it did, exactly",
    .details = "Divides the change of the unit cost between two ledgers over twelve "
               "measured drivers (Shapley values: no order, residual 0), largest first, "
               "with the answer of lab 3 beside it. Exit status 1: the unit cost rose by "
               "more than the tolerance.",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .run = run};
