/* `rostrum lab gate|burn|cost`: the lesson's formulas on a file. */
#include "cli/lab.h"

#include <stdio.h>

#include "records/lab_file.h"

static int finish(buf *text, int exit_status) {
    bool failed = text->failed;
    fputs(buf_text(text), stdout);
    buf_deinit(text);
    return failed ? EXIT_FAILED : exit_status;
}

/* Parses the flags and the one FILE. false: *out_exit is the exit status. */
static bool begin(const command *self, int argc, char **argv, args *a, int *out_exit) {
    if (!args_begin(self, argc, argv, a, out_exit))
        return false;
    if (a->n_positional == 1)
        return true;
    diag d = DIAG_INIT;
    (void)diag_field(&d, ERR_INVALID, "FILE.json",
                     a->n_positional == 0 ? "missing; \"-\" reads standard input"
                                          : "one file at a time");
    *out_exit = args_fail(self, &d, a->json, EXIT_USAGE);
    return false;
}

static void add_list(buf *out, const char *const *items, size_t n) {
    buf_add_text(out, "[");
    for (size_t i = 0; i < n; i++) {
        buf_add_text(out, i ? "," : "");
        buf_add_json(out, items[i]);
    }
    buf_add_text(out, "]");
}

static void add_words(buf *out, const char *const *items, size_t n) {
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%s%s", i ? ", " : "", items[i]);
}

static int run_gate(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    lab_gate_metrics m;
    lab_gate_result r;
    status s = lab_gate_read(a.positional[0], &m, &d);
    if (s == OK)
        s = lab_gate(&m, &r, &d);
    if (s != OK)
        return args_fail(self, &d, a.json, EXIT_USAGE);
    buf out;
    buf_init(&out, 4096);
    if (a.json) {
        buf_add_text(&out, "{\"decision\":");
        buf_add_json(&out, r.decision);
        buf_add_text(&out, ",\"reasons\":");
        add_list(&out, r.reasons, r.n_reasons);
        buf_add_text(&out, "}\n");
    } else {
        buf_addf(&out, "%s: ", r.decision);
        add_words(&out, r.reasons, r.n_reasons);
        buf_add_text(&out, "\n");
    }
    return finish(&out, r.decision[0] == 'c' ? EXIT_GOOD : EXIT_NO);
}

static int run_burn(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    lab_burn_input in = {0};
    lab_burn_result r;
    status s = lab_burn_read(a.positional[0], &in, &d);
    if (s == OK)
        s = lab_burn(in.latencies_ms, in.n, in.threshold_ms, in.allowed_bad_fraction, &r,
                     &d);
    if (s != OK) {
        lab_burn_input_deinit(&in);
        return args_fail(self, &d, a.json, EXIT_USAGE);
    }
    buf out;
    buf_init(&out, 4096);
    if (a.json) {
        buf_add_text(&out, "{\"burn_rate\":");
        buf_add_number(&out, r.burn_rate);
        buf_add_text(&out, "}\n");
    } else {
        buf_add_text(&out, "burn rate ");
        buf_add_number(&out, r.burn_rate);
        buf_addf(&out, ": %zu of %zu requests above %g ms, %g %% allowed\n", r.bad, in.n,
                 in.threshold_ms, 100 * in.allowed_bad_fraction);
    }
    lab_burn_input_deinit(&in);
    return finish(&out, EXIT_GOOD);
}

void lab_cost_write(const lab_cost_result *r, buf *out) {
    buf_add_text(out, "{\"old_unit_cost\":");
    buf_add_number(out, r->old_unit_cost);
    buf_add_text(out, ",\"new_unit_cost\":");
    buf_add_number(out, r->new_unit_cost);
    buf_add_text(out, ",\"relative_delta\":");
    buf_add_number(out, r->relative_delta);
    buf_addf(out, ",\"regressed\":%s,\"drivers\":", r->regressed ? "true" : "false");
    add_list(out, r->drivers, r->n_drivers);
    buf_add_text(out, "}");
}

static int run_cost(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    lab_cost_input in;
    lab_cost_result r;
    status s = lab_cost_read(a.positional[0], &in, &d);
    if (s == OK)
        s = lab_cost(&in.old_period, &in.new_period, in.tolerance, &r, &d);
    if (s != OK)
        return args_fail(self, &d, a.json, EXIT_USAGE);
    buf out;
    buf_init(&out, 4096);
    if (a.json) {
        lab_cost_write(&r, &out);
        buf_add_text(&out, "\n");
    } else {
        buf_addf(&out,
                 "%s: $%.6g a successful turn, was $%.6g (%+.2f %%, %g %% allowed)\n",
                 r.regressed ? "regressed" : "within tolerance", r.new_unit_cost,
                 r.old_unit_cost, 100 * r.relative_delta, 100 * in.tolerance);
        buf_add_text(&out, r.n_drivers ? "rose: " : "none of the three drivers rose");
        add_words(&out, r.drivers, r.n_drivers);
        buf_add_text(&out, "\n");
    }
    return finish(&out, r.regressed ? EXIT_NO : EXIT_GOOD);
}

const command lab_gate_command = {
    .name = "lab gate",
    .positional = "FILE.json",
    .summary = "continue, pause or roll back, from four deltas (lab 1)",
    .details =
        "FILE.json: {\"p95_latency_ms_delta\": 12, \"far_field_wer_relative_delta\": "
        "0.01, "
        "\"privacy_error_count\": 0, \"overall_wer_relative_delta\": -0.04}. Exit status "
        "0: continue; 1: pause or rollback. `rostrum gate judge` weighs samples as well.",
    .run = run_gate};

const command lab_burn_command = {
    .name = "lab burn",
    .positional = "FILE.json",
    .summary = "the burn rate of a queue latency objective (lab 2)",
    .details =
        "FILE.json: {\"latencies_ms\": [120, 260], \"threshold_ms\": 250, "
        "\"allowed_bad_fraction\": 0.01}; the last two may be left out. A rate above 1 "
        "spends the error budget faster than planned.",
    .run = run_burn};

const command lab_cost_command = {
    .name = "lab cost",
    .positional = "FILE.json",
    .summary = "did a successful turn become dearer (lab 3)",
    .details =
        "FILE.json: {\"old\": {...}, \"new\": {...}, \"tolerance\": 0.10}, each period "
        "with gpu_dollars, successful_turns, avg_context_tokens, retry_rate and "
        "shadow_traffic_fraction. Exit status 1: regressed.",
    .run = run_cost};
