/* `rostrum privacy release`: the rows of a table that may leave the house. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cli/privacy.h"
#include "privacy/release.h"
#include "records/csv.h"
#include "records/lines.h"

typedef struct {
    const char *units;
    uint64_t least;
    bool private; /* differentially: options hold */
    release_options options;
    size_t column, columns;
    uint64_t shown, rows;
    buf out;
    bool json;
    char *header[CSV_FIELDS_MAX]; /* into header_line */
    char *header_line;
} release_run;

/* Uniform in [0, 1) from the system, 53 bits. */
static status draw(double *out, diag *d) {
    uint64_t bits;
    ssize_t n;
    do
        n = getrandom(&bits, sizeof bits, 0);
    while (n < 0 && errno == EINTR);
    if (n != sizeof bits)
        return diag_set(d, ERR_IO, "the system gave no randomness: %s", strerror(errno));
    *out = (double)(bits >> 11) * 0x1p-53;
    return OK;
}

static status read_units(const char *text, const char *column, uint64_t *out, diag *d) {
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno)
        return diag_field(d, ERR_INVALID, column,
                          "is not a whole number of 0 or more people");
    *out = v;
    return OK;
}

static status may_show(const release_run *run, uint64_t units, bool *out, diag *d) {
    double u = 0;
    status s = run->private ? draw(&u, d) : OK;
    if (s == OK)
        *out = run->private ? release_show(&run->options, units, u) : units >= run->least;
    return s;
}

static void add_row(release_run *run, const char *line, char **fields) {
    if (!run->json) {
        buf_addf(&run->out, "%s\n", line);
        return;
    }
    buf_add_text(&run->out, run->shown ? ",\n{" : "\n{");
    for (size_t i = 0; i < run->columns; i++) {
        buf_add_text(&run->out, i ? "," : "");
        buf_add_json(&run->out, run->header[i]);
        buf_add_text(&run->out, ":");
        buf_add_json(&run->out, fields[i]);
    }
    buf_add_text(&run->out, "}");
}

static status read_header(release_run *run, const char *line, size_t n, diag *d) {
    run->header_line = strndup(line, n);
    if (!run->header_line)
        return diag_set(d, ERR_MEMORY, "no memory");
    status s = csv_split(run->header_line, n, run->header, &run->columns, d);
    if (s != OK)
        return s;
    for (run->column = 0; run->column < run->columns; run->column++)
        if (strcmp(run->header[run->column], run->units) == 0)
            break;
    if (run->column == run->columns) {
        const char *near =
            diag_nearest(run->units, (const char *const *)run->header, run->columns);
        return diag_field(
            d, ERR_INVALID, "--units", "the table has no column %.64s%s%s%s", run->units,
            near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
    if (!run->json)
        buf_addf(&run->out, "%s\n", line);
    return OK;
}

static status read_row(release_run *run, const char *line, size_t n, diag *d) {
    char *fields[CSV_FIELDS_MAX], *copy = strndup(line, n);
    size_t columns;
    uint64_t units = 0;
    bool show = false;
    if (!copy)
        return diag_set(d, ERR_MEMORY, "no memory");
    status s = csv_split(copy, n, fields, &columns, d);
    if (s == OK && columns != run->columns)
        s = diag_set(d, ERR_SYNTAX, "has %zu columns; the first line has %zu", columns,
                     run->columns);
    if (s == OK)
        s = read_units(fields[run->column], run->units, &units, d);
    if (s == OK)
        s = may_show(run, units, &show, d);
    if (s == OK && show) {
        add_row(run, line, fields);
        run->shown++;
    }
    run->rows++;
    free(copy);
    return s;
}

static status read_table(release_run *run, const char *path, diag *d) {
    lines *in = NULL;
    status s = lines_open(path, &in, d);
    while (s == OK) {
        const char *line;
        size_t n;
        s = lines_next(in, &line, &n, d);
        if (s != OK || !line)
            break;
        if (n > 0)
            s = run->header_line ? read_row(run, line, n, d)
                                 : read_header(run, line, n, d);
    }
    lines_close(in);
    if (s == OK && !run->header_line)
        s = diag_set(d, ERR_INVALID,
                     "is empty; a first line that names columns is needed");
    return s == OK && run->out.failed ? diag_set(d, ERR_MEMORY, "no memory") : s;
}

static status set_up(release_run *run, const args *a, diag *d) {
    run->json = a->json;
    run->units = args_text(a, "units", NULL);
    run->least = (uint64_t)args_number(a, "least", 20);
    run->private = args_has(a, "epsilon") || args_has(a, "delta");
    if (a->n_positional != 1)
        return diag_set(d, ERR_INVALID, "one TABLE.csv is needed, - for standard input");
    if (!run->units)
        return diag_field(d, ERR_INVALID, "--units",
                          "missing; name the column that counts the people of a row");
    if (args_has(a, "touches") && !run->private)
        return diag_field(d, ERR_INVALID, "--touches", "needs --epsilon and --delta");
    if (!run->private)
        return OK;
    run->options = (release_options){
        args_number(a, "epsilon", NAN), args_number(a, "delta", NAN),
        (uint32_t)args_number(a, "touches", 1), (uint64_t)args_number(a, "least", 0)};
    if (!args_has(a, "epsilon") || !args_has(a, "delta"))
        return diag_field(d, ERR_INVALID,
                          args_has(a, "epsilon") ? "--delta" : "--epsilon",
                          "missing; --epsilon and --delta go together");
    return release_check(&run->options, d);
}

/* What rule was kept; the number of rows held back would tell of them. */
static void report(const release_run *run) {
    if (run->private)
        fprintf(stderr,
                "shown: %llu rows; epsilon %g, delta %g, at most %u rows a person; rows "
                "of %llu or more are certain\n",
                (unsigned long long)run->shown, run->options.epsilon, run->options.delta,
                run->options.touches, (unsigned long long)release_certain(&run->options));
    else
        fprintf(stderr, "shown: %llu rows of %llu or more %s\n",
                (unsigned long long)run->shown, (unsigned long long)run->least,
                run->units);
}

static int run_release(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    release_run run = {0};
    buf_init(&run.out, 256u << 20);
    status s = set_up(&run, &a, &d);
    if (s == OK)
        s = read_table(&run, a.positional[0], &d);
    if (s == OK) {
        printf("%s%s%s", run.json ? "{\"rows\":[" : "", buf_text(&run.out),
               run.json ? "]}\n" : "");
        report(&run);
        exit_status = run.shown ? EXIT_GOOD : EXIT_NO;
    } else {
        exit_status = args_fail(
            self, &d, a.json, s == ERR_MEMORY || s == ERR_IO ? EXIT_FAILED : EXIT_USAGE);
    }
    buf_deinit(&run.out);
    free(run.header_line);
    return exit_status;
}

static const arg_option options[] = {
    {"units", ARG_TEXT, "COLUMN", 0, 0, "column that counts the people of a row"},
    {"least", ARG_INT, "K", 1, 1e15,
     "show no row of fewer people; default 20, with --epsilon none"},
    {"epsilon", ARG_NUMBER, "E", 0, 1000, "differentially private selection instead"},
    {"delta", ARG_NUMBER, "D", 0, 1, "with --epsilon: such as 1e-6"},
    {"touches", ARG_INT, "N", 1, 1e9, "rows one person may be counted in; default 1"},
};

const command privacy_release_command = {
    .name = "privacy release",
    .positional = "TABLE.csv",
    .summary = "print only the rows of a table that may be shown outside",
    .details =
        "By k-minimum, or with --epsilon and --delta by differentially private "
        "selection: "
        "then the presence of one person changes what is seen no more than that allows, "
        "but only while a table is released once; each release spends epsilon again. The "
        "figures in a row are shown as they are: selection protects who is in a small "
        "row, not the figures of a large one.\n\n"
        "Exit status: 0 rows were shown, 1 none may be, 2 usage or bad input.",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .run = run_release,
};
