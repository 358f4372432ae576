/* `rostrum gate kayenta`: the answers of a Mann-Whitney canary judge. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "cli/gate.h"
#include "records/kayenta_file.h"

typedef struct {
    const kayenta_file *file;
    kayenta_result *results; /* [n] */
    double score;
    double groups[KAYENTA_GROUPS_MAX];
} judged;

/* Values without the arm's outliers; returns how many are left. */
static size_t drop_outliers(const kayenta_series *m, double *x, size_t n, double *scratch,
                            bool *out) {
    n = m->options.replace_nan ? kayenta_replace_nan(x, n, 0) : kayenta_remove_nan(x, n);
    kayenta_outliers(m->detector, m->factor, x, n, scratch, out);
    for (size_t i = 0; i < n; i++)
        x[i] = out[i] ? NAN : x[i];
    return kayenta_remove_nan(x, n);
}

static status judge_series(const kayenta_series *m, kayenta_result *out, diag *d) {
    size_t n = m->n_experiment, c = m->n_control;
    if (m->has_outliers) {
        double *scratch = calloc(n + c + 1, sizeof *scratch);
        bool *is_out = calloc(n + c + 1, sizeof *is_out);
        if (scratch && is_out) {
            n = drop_outliers(m, m->experiment, n, scratch, is_out);
            c = drop_outliers(m, m->control, c, scratch, is_out);
        }
        bool failed = !scratch || !is_out;
        free(scratch);
        free(is_out);
        if (failed)
            return diag_set(d, ERR_MEMORY, "no memory for the values");
    }
    *out = kayenta_classify(m->experiment, n, m->control, c, &m->options);
    return OK;
}

static status judge(judged *j, diag *d) {
    const kayenta_file *f = j->file;
    kayenta_metric metrics[KAYENTA_METRICS_MAX];
    j->results = calloc(f->n, sizeof *j->results);
    if (!j->results)
        return diag_set(d, ERR_MEMORY, "no memory for the results");
    for (size_t i = 0; i < f->n; i++) {
        status s = judge_series(&f->metrics[i], &j->results[i], d);
        if (s != OK)
            return s;
        metrics[i] = (kayenta_metric){j->results[i].label, j->results[i].critical,
                                      f->metrics[i].groups};
    }
    j->score = kayenta_score(metrics, f->n, f->weights, f->n_groups, j->groups);
    return OK;
}

static const char *word_of(const judged *j) {
    return j->score >= j->file->pass       ? "pass"
           : j->score >= j->file->marginal ? "marginal"
                                           : "fail";
}

static void write_text(const judged *j, buf *out) {
    buf_addf(out, "score %.2f: %s (pass from %.4g, marginal from %.4g)\n\n", j->score,
             word_of(j), j->file->pass, j->file->marginal);
    buf_addf(out, "%-24s  %-16s  %10s  %12s  %12s\n", "metric", "label", "effect",
             "shift from", "to");
    for (size_t i = 0; i < j->file->n; i++) {
        const kayenta_result *r = &j->results[i];
        buf_addf(out, "%-24s  %-16s  %10.4g  %12.5g  %12.5g%s\n",
                 j->file->metrics[i].name, kayenta_label_names[r->label], r->deviation,
                 r->shift.interval.low, r->shift.interval.high,
                 r->critical ? "  critical" : "");
    }
    buf_add_text(out, "\n");
    for (size_t g = 0; g < j->file->n_groups; g++)
        buf_addf(out, "group %-18s  %6.2f\n", j->file->groups[g], j->groups[g]);
    buf_add_text(out, "\nThis mode answers as Kayenta does: one look, one shift of the "
                      "whole series. A change of\nspread, sparse errors or a small "
                      "sample it does not see; `rostrum gate judge` does.\n");
}

static void add_field(buf *out, const char *key, double value) {
    buf_addf(out, ",\"%s\":", key);
    buf_add_number(out, value);
}

static void write_json(const judged *j, buf *out) {
    buf_addf(out, "{\"verdict\":\"%s\"", word_of(j));
    add_field(out, "score", j->score);
    buf_add_text(out, ",\"metrics\":[");
    for (size_t i = 0; i < j->file->n; i++) {
        const kayenta_result *r = &j->results[i];
        buf_add_text(out, i ? ",{\"name\":" : "{\"name\":");
        buf_add_json(out, j->file->metrics[i].name);
        buf_addf(out, ",\"label\":\"%s\",\"critical\":%s", kayenta_label_names[r->label],
                 r->critical ? "true" : "false");
        add_field(out, "deviation", r->deviation);
        add_field(out, "low", r->shift.interval.low);
        add_field(out, "high", r->shift.interval.high);
        add_field(out, "estimate", r->shift.estimate);
        buf_addf(out, ",\"reason\":\"%s\"}", r->reason);
    }
    buf_add_text(out, "],\"groups\":[");
    for (size_t g = 0; g < j->file->n_groups; g++) {
        buf_add_text(out, g ? ",{\"name\":" : "{\"name\":");
        buf_add_json(out, j->file->groups[g]);
        add_field(out, "score", j->groups[g]);
        buf_add_text(out, "}");
    }
    buf_add_text(out, "]}\n");
}

static int run_kayenta(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    if (a.n_positional != 1) {
        (void)diag_field(&d, ERR_INVALID, "FILE.json", "one file is needed");
        return args_fail(self, &d, a.json, EXIT_USAGE);
    }
    kayenta_file file = {.n = 0};
    judged j = {.file = &file};
    status s = kayenta_file_read(a.positional[0], &file, &d);
    if (s == OK)
        s = judge(&j, &d);
    if (s == OK) {
        buf out;
        buf_init(&out, 4u << 20);
        (a.json ? write_json : write_text)(&j, &out);
        fputs(buf_text(&out), stdout);
        buf_deinit(&out);
        exit_status = j.score >= file.pass ? EXIT_GOOD : EXIT_NO;
    } else {
        exit_status =
            args_fail(self, &d, a.json, s == ERR_MEMORY ? EXIT_FAILED : EXIT_USAGE);
    }
    free(j.results);
    kayenta_file_deinit(&file);
    return exit_status;
}

const command gate_kayenta_command = {
    .name = "gate kayenta",
    .positional = "FILE.json",
    .summary = "judge time series the way Kayenta does",
    .details =
        "For those who move from it and want to see its answers beside ours: "
        "Mann-Whitney interval of the shift, labels, effect sizes, weighted group "
        "scores, "
        "equal to its own test vectors. The file holds series of both arms; null is a "
        "missing value.\n\n"
        "  rostrum gate kayenta examples/gate/kayenta.json\n\n"
        "Exit status 0: the score reaches \"pass\" (95 unless the file says otherwise). "
        "1: it does not. 2: the file is wrong.",
    .run = run_kayenta};
