/* `rostrum diagnose slices`: which slices explain a change */
#include "readiness/diagnose/slices.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "records/slice_file.h"

/* What was found, with what it takes to say it. */
typedef struct {
    const slice_file *file;
    slice_answer answer;
    ratio_change change; /* ratios only */
    double *expected;    /* ratios only: [rows] */
    double *spread;
} findings;

static status explain(findings *f, const slice_options *options, diag *d) {
    const slice_file *t = f->file;
    size_t bytes = slices_scratch(t->rows, t->attributes, options->depth);
    ratio_table ratio = {t->rows,       t->attributes,    t->codes,   t->values,
                         t->top_before, t->bottom_before, t->top_now, t->bottom_now};
    size_t ratio_bytes = ratio_scratch(&ratio);
    void *scratch = malloc(bytes > ratio_bytes ? bytes : ratio_bytes);
    f->expected = calloc(t->rows + 1, sizeof *f->expected);
    f->spread = calloc(t->rows + 1, sizeof *f->spread);
    status s = OK;
    if (!scratch || !f->expected || !f->spread)
        s = diag_set(d, ERR_MEMORY,
                     "the table needs %zu MiB; fewer --attributes or a smaller --depth "
                     "need less",
                     bytes >> 20);
    slice_table table = {.rows = t->rows,
                         .attributes = t->attributes,
                         .codes = t->codes,
                         .values = t->values,
                         .expected = t->top_before,
                         .seen = t->top_now};
    if (s == OK && t->ratio) {
        s = ratio_expect(&ratio, scratch, f->expected, f->spread, &f->change, d);
        table.expected = f->expected;
        table.spread = f->spread;
    }
    if (s == OK)
        s = slices_explain(&table, options, scratch, &f->answer, d);
    free(scratch);
    return s;
}

/* Sums of a column over the rows of a cause. */
static double sum_of(const slice_file *t, const slice_cause *c, const double *column) {
    double sum = 0;
    for (size_t r = 0; r < t->rows; r++) {
        bool inside = true;
        for (size_t a = 0; a < t->attributes; a++)
            inside = inside && (!(c->named >> a & 1) ||
                                t->codes[r * t->attributes + a] == c->code[a]);
        if (inside)
            sum += column[r];
    }
    return sum;
}

static void add_slice(const slice_file *t, const slice_cause *c, buf *out) {
    if (c->named == 0)
        buf_add_text(out, "the whole table");
    const char *blank = "";
    for (size_t a = 0; a < t->attributes; a++) {
        if (!(c->named >> a & 1))
            continue;
        buf_addf(out, "%s%s=%s", blank, t->names[a], t->value_names[a][c->code[a]]);
        blank = " ";
    }
}

static void add_factor(double factor, buf *out) {
    if (isinf(factor))
        buf_add_text(out, "   new");
    else
        buf_addf(out, "%6.2f", factor);
}

static double ratio_of(double top, double bottom) {
    return bottom > 0 ? top / bottom : 0;
}

static void write_total(const findings *f, buf *out) {
    const slice_file *t = f->file;
    const slice_answer *a = &f->answer;
    if (!t->ratio) {
        buf_addf(out, "%s: %.6g expected, %.6g seen", t->top, a->expected, a->seen);
        if (a->expected > 0)
            buf_addf(out, " (%+.1f %%)", 100 * (a->seen / a->expected - 1));
    } else {
        const ratio_change *c = &f->change;
        buf_addf(out,
                 "%s / %s: %.4g before, %.4g now (%+.1f %%): %+.4g because slices "
                 "changed, %+.4g because traffic moved between slices",
                 t->top, t->bottom, c->before, c->now,
                 c->before > 0 ? 100 * (c->now / c->before - 1) : 0, c->by_rate,
                 c->by_mix);
    }
    buf_addf(out, "\n%zu rows of", a->rows);
    for (size_t i = 0; i < t->attributes; i++)
        buf_addf(out, "%s %s (%u)", i ? "," : "", t->names[i], t->values[i]);
    buf_addf(out, "; a large row differs by %.1f %% for no reason\n\n",
             100 * a->noise_rel);
}

static void write_text(const findings *f, buf *out) {
    const slice_file *t = f->file;
    const slice_answer *a = &f->answer;
    write_total(f, out);
    if (a->n == 0) {
        buf_add_text(out, "No slice explains the change: nothing differs by more than "
                          "the noise of its rows.\n");
        return;
    }
    buf_addf(out, "     share  factor  %12s  %12s   rows  slice\n",
             t->ratio ? "ratio before" : "expected", t->ratio ? "now" : "seen");
    for (size_t i = 0; i < a->n; i++) {
        const slice_cause *c = &a->causes[i];
        double before = c->expected, now = c->seen;
        if (t->ratio) {
            before =
                ratio_of(sum_of(t, c, t->top_before), sum_of(t, c, t->bottom_before));
            now = ratio_of(c->seen, sum_of(t, c, t->bottom_now));
        }
        buf_addf(out, "%2zu  %5.1f %%  ", i + 1, 100 * c->share);
        add_factor(c->factor, out);
        buf_addf(out, "  %12.5g  %12.5g  %5zu  ", before, now, c->rows);
        add_slice(t, c, out);
        buf_add_text(out, "\n");
    }
    buf_addf(out,
             "\nshare: of what these causes change together. %.0f %% of all differences "
             "between rows are left, noise included.\n",
             100 * a->unexplained);
}

static void write_cause(const findings *f, const slice_cause *c, buf *out) {
    const slice_file *t = f->file;
    buf_add_text(out, "{\"slice\":{");
    const char *comma = "";
    for (size_t a = 0; a < t->attributes; a++) {
        if (!(c->named >> a & 1))
            continue;
        buf_add_text(out, comma);
        buf_add_json(out, t->names[a]);
        buf_add_text(out, ":");
        buf_add_json(out, t->value_names[a][c->code[a]]);
        comma = ",";
    }
    buf_add_text(out, "},\"share\":");
    buf_add_number(out, c->share);
    buf_add_text(out, ",\"factor\":");
    buf_add_number(out, c->factor); /* null: it was not there before */
    buf_add_text(out, ",\"evidence_nats\":");
    buf_add_number(out, c->evidence);
    buf_addf(out, ",\"rows\":%zu,\"expected\":", c->rows);
    buf_add_number(out, c->expected);
    buf_add_text(out, ",\"seen\":");
    buf_add_number(out, c->seen);
    if (t->ratio) {
        buf_add_text(out, ",\"ratio_before\":");
        buf_add_number(
            out, ratio_of(sum_of(t, c, t->top_before), sum_of(t, c, t->bottom_before)));
        buf_add_text(out, ",\"ratio_now\":");
        buf_add_number(out, ratio_of(c->seen, sum_of(t, c, t->bottom_now)));
    }
    buf_add_text(out, "}");
}

static void write_json(const findings *f, buf *out) {
    const slice_answer *a = &f->answer;
    buf_addf(out, "{\"rows\":%zu,\"expected\":", a->rows);
    buf_add_number(out, a->expected);
    buf_add_text(out, ",\"seen\":");
    buf_add_number(out, a->seen);
    if (f->file->ratio) {
        const struct {
            const char *name;
            double value;
        } fields[] = {{"before", f->change.before},
                      {"now", f->change.now},
                      {"by_rate", f->change.by_rate},
                      {"by_mix", f->change.by_mix}};
        for (size_t i = 0; i < 4; i++) {
            buf_addf(out, "%s\"%s\":", i ? "," : ",\"ratio\":{", fields[i].name);
            buf_add_number(out, fields[i].value);
        }
        buf_add_text(out, "}");
    }
    buf_add_text(out, ",\"noise_rel\":");
    buf_add_number(out, a->noise_rel);
    buf_add_text(out, ",\"unexplained\":");
    buf_add_number(out, a->unexplained);
    buf_add_text(out, ",\"causes\":[");
    for (size_t i = 0; i < a->n; i++) {
        if (i)
            buf_add_text(out, ",");
        write_cause(f, &a->causes[i], out);
    }
    buf_add_text(out, "]}\n");
}

static int run_slices(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    if (a.n_positional != 1) {
        (void)diag_set(&d, ERR_INVALID,
                       "one TABLE.csv is needed, \"-\" for standard input");
        return args_fail(self, &d, a.json, EXIT_USAGE);
    }
    const slice_columns columns = {.before = args_text(&a, "before", NULL),
                                   .now = args_text(&a, "now", NULL),
                                   .cohort = args_text(&a, "cohort", NULL),
                                   .measure = args_text(&a, "measure", NULL),
                                   .attributes = args_text(&a, "attributes", NULL)};
    slice_options options = slice_defaults;
    options.depth = (unsigned)args_number(&a, "depth", 0);
    options.least_share = args_number(&a, "least_share", 100 * options.least_share) / 100;
    slice_file *file = NULL;
    findings f = {0};
    status s = slice_file_read(a.positional[0], &columns, &file, &d);
    f.file = file;
    if (s == OK)
        s = explain(&f, &options, &d);
    if (s == OK) {
        buf text;
        buf_init(&text, 1u << 20);
        if (a.json)
            write_json(&f, &text);
        else
            write_text(&f, &text);
        fputs(buf_text(&text), stdout);
        buf_deinit(&text);
        exit_status = f.answer.n > 0 ? EXIT_GOOD : EXIT_NO;
    } else {
        exit_status = args_fail(
            self, &d, a.json, s == ERR_MEMORY || s == ERR_IO ? EXIT_FAILED : EXIT_USAGE);
    }
    free(f.expected);
    free(f.spread);
    slice_file_free(file);
    return exit_status;
}

static const arg_option slices_options[] = {
    {"before", ARG_TEXT, "COLUMN", 0, 0,
     "column of what was before or expected, TOP/BOTTOM for a ratio; with --cohort the "
     "name of that cohort"},
    {"now", ARG_TEXT, "COLUMN", 0, 0, "the same for what is seen now"},
    {"cohort", ARG_TEXT, "COLUMN", 0, 0, "column that says which cohort a row is of"},
    {"measure", ARG_TEXT, "COLUMN", 0, 0,
     "with --cohort: the column to explain, TOP/BOTTOM for a ratio"},
    {"attributes", ARG_TEXT, "A,B,C", 0, 0,
     "columns that name slices; without it, all that are no measure"},
    {"depth", ARG_INT, "N", 1, SLICES_ATTRIBUTES_MAX,
     "most attributes a cause may name; without it, all"},
    {"least_share", ARG_NUMBER, "PERCENT", 0, 100,
     "leave out causes of a smaller part of the change (default 1)"},
};

const command diagnose_slices_command = {
    .name = "diagnose slices",
    .positional = "TABLE.csv",
    .summary = "find the slices that explain a change",
    .details =
        "Reads a table of one row for each combination of attributes (region, client, "
        "model, ...) with a measure before and now, or with a cohort column. Prints the "
        "few "
        "slices whose change explains the table, the largest share first. A ratio such "
        "as "
        "errors/words is judged against what each row's own past leads one to expect, so "
        "that a shift of traffic to a harder slice is not mistaken for a slice that "
        "became "
        "worse.\n\n"
        "Exit status 0: causes were found. 1: no slice explains the change.",
    .options = slices_options,
    .n_options = sizeof slices_options / sizeof slices_options[0],
    .run = run_slices};
