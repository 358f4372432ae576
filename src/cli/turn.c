/* `rostrum turn waterfall` and `rostrum turn compare` */
#include "readiness/trace/turn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "records/turn_file.h"

#define TURNS_MAX 2000000
#define BAR 40 /* columns of a waterfall's bar */
#define SEED 1 /* of the bootstrap: the same turns give the same intervals */

/* Turns of one cohort. */
typedef struct {
    turn_sections *turns; /* [n] */
    size_t n, capacity;
} turn_list;

static status keep(turn_list *list, const turn_sections *t, diag *d) {
    if (list->n == TURNS_MAX)
        return diag_set(d, ERR_LIMIT, "more than %d turns", TURNS_MAX);
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 256;
        turn_sections *grown = realloc(list->turns, capacity * sizeof *grown);
        if (!grown)
            return diag_set(d, ERR_MEMORY, "no memory for the turns");
        list->turns = grown;
        list->capacity = capacity;
    }
    list->turns[list->n++] = *t;
    return OK;
}

/* A turn drawn as text, and which one it is. */
typedef struct {
    const char *wanted; /* NULL: the slowest */
    bool found, json;
    double total_ms;
    buf text;
    turn_list all;
} waterfall;

static void draw_bar(const turn_trace *t, const trace_section *s, buf *out) {
    double start = (double)t->spans[0].start, length = (double)t->spans[0].end - start;
    int from = (int)(BAR * ((double)s->start - start) / length);
    int to = (int)ceil(BAR * ((double)s->end - start) / length);
    buf_add_text(out, "|");
    for (int i = 0; i < BAR; i++)
        buf_add_text(out, i >= from && i < to ? "=" : " ");
    buf_add_text(out, "|");
}

static void draw_text(const turn_trace *t, double total_ms, buf *out) {
    buf_addf(out, "turn %s: %.1f ms from the end of speech to the first sound\n\n", t->id,
             total_ms);
    for (size_t i = t->n_path; i-- > 0;) {
        const trace_section *s = &t->path[i];
        double ms = (double)(s->end - s->start) / 1e3;
        const char *stage = turn_stage_names[t->stages[s->span]];
        buf_addf(out, "  %-14s", stage);
        draw_bar(t, s, out);
        buf_addf(out, "%9.1f ms %5.1f %%", ms, 100 * ms / total_ms);
        if (s->span > 0 && strcmp(t->names[s->span], stage) != 0)
            buf_addf(out, "  %.40s", t->names[s->span]);
        buf_add_text(out, "\n");
    }
    buf_addf(out, "  %-14s%*s%9.1f ms\n", "sum", BAR + 2, "", total_ms);
}

static void draw_json(const turn_trace *t, double total_ms, buf *out) {
    buf_add_text(out, "{\"turn\":");
    buf_add_json(out, t->id);
    buf_add_text(out, ",\"total_ms\":");
    buf_add_number(out, total_ms);
    buf_add_text(out, ",\"sections\":[");
    for (size_t i = t->n_path; i-- > 0;) {
        const trace_section *s = &t->path[i];
        buf_addf(out, "%s{\"stage\":\"%s\",\"name\":", i + 1 < t->n_path ? "," : "",
                 turn_stage_names[t->stages[s->span]]);
        buf_add_json(out, t->names[s->span]);
        buf_add_text(out, ",\"start_ms\":");
        buf_add_number(out, (double)(s->start - t->spans[0].start) / 1e3);
        buf_add_text(out, ",\"ms\":");
        buf_add_number(out, (double)(s->end - s->start) / 1e3);
        buf_add_text(out, "}");
    }
    buf_add_text(out, "]}");
}

static status visit_waterfall(void *context, const turn_trace *t, diag *d) {
    waterfall *w = context;
    double total_ms = turn_total_ms(&t->sections);
    bool better =
        w->wanted ? strcmp(w->wanted, t->id) == 0 : !w->found || total_ms > w->total_ms;
    if (better && total_ms > 0) {
        w->found = true;
        w->total_ms = total_ms;
        buf_clear(&w->text);
        if (w->json)
            draw_json(t, total_ms, &w->text);
        else
            draw_text(t, total_ms, &w->text);
    }
    return keep(&w->all, &t->sections, d);
}

static double mean_of(const turn_list *list, int stage) {
    double sum = 0;
    for (size_t i = 0; i < list->n; i++)
        sum += stage == TURN_STAGES ? turn_total_ms(&list->turns[i])
                                    : list->turns[i].ms[stage];
    return sum / (double)list->n;
}

/* Mean and own quantiles of every section that occurs. */
static status write_summary(const turn_list *list, bool json, buf *out, diag *d) {
    void *scratch = malloc(turn_scratch(list->n, 0));
    if (!scratch)
        return diag_set(d, ERR_MEMORY, "no memory for the turns");
    if (json)
        buf_addf(out, "{\"turns\":%zu,\"stages\":[", list->n);
    else
        buf_addf(out, "%zu turns\n\n  %-14s %9s %9s %9s\n", list->n, "section", "mean",
                 "p50", "p95");
    const char *comma = "";
    for (int s = 0; s <= TURN_STAGES; s++) {
        double mean = mean_of(list, s);
        if (!(mean > 0) && s < TURN_STAGES)
            continue;
        double p50 = turn_quantile(list->turns, list->n, (turn_stage)s, 0.5, scratch);
        double p95 = turn_quantile(list->turns, list->n, (turn_stage)s, 0.95, scratch);
        const char *name = s < TURN_STAGES ? turn_stage_names[s] : "turn";
        if (!json) {
            buf_addf(out, "  %-14s %6.1f ms %6.1f ms %6.1f ms\n", name, mean, p50, p95);
            continue;
        }
        buf_addf(out, "%s{\"stage\":\"%s\",\"mean_ms\":", comma, name);
        buf_add_number(out, mean);
        buf_add_text(out, ",\"p50_ms\":");
        buf_add_number(out, p50);
        buf_add_text(out, ",\"p95_ms\":");
        buf_add_number(out, p95);
        buf_add_text(out, "}");
        comma = ",";
    }
    if (json)
        buf_add_text(out, "],\"waterfall\":");
    else
        buf_add_text(out, "\n");
    free(scratch);
    return OK;
}

static int run_waterfall(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    waterfall w = {.wanted = args_text(&a, "turn", NULL), .json = a.json};
    buf out;
    buf_init(&out, 8u << 20);
    buf_init(&w.text, 4u << 20);
    status s = a.n_positional == 1
                   ? turn_file_read(a.positional[0], NULL, visit_waterfall, &w, &d)
                   : diag_set(&d, ERR_INVALID,
                              "one FILE is needed, \"-\" for standard "
                              "input");
    if (s == OK && !w.found)
        s = w.wanted ? diag_field(&d, ERR_NOT_FOUND, "--turn", "no turn \"%.60s\" in it",
                                  w.wanted)
                     : diag_set(&d, ERR_INVALID, "no turn in it");
    bool summary = !w.wanted && w.all.n > 1;
    if (s == OK && summary)
        s = write_summary(&w.all, a.json, &out, &d);
    if (s == OK) {
        fputs(buf_text(&out), stdout);
        fputs(buf_text(&w.text), stdout);
        fputs(a.json ? summary ? "}\n" : "\n" : "", stdout);
        exit_status = EXIT_GOOD;
    } else {
        exit_status =
            args_fail(self, &d, a.json, s == ERR_MEMORY ? EXIT_FAILED : EXIT_USAGE);
    }
    buf_deinit(&out);
    buf_deinit(&w.text);
    free(w.all.turns);
    return exit_status;
}

static const arg_option waterfall_options[] = {
    {"turn", ARG_TEXT, "ID", 0, 0, "show this turn; without it, the slowest"},
};

const command turn_waterfall_command = {
    .name = "turn waterfall",
    .positional = "FILE",
    .summary = "account for every millisecond a caller waited",
    .details =
        "Reads turn records or OTLP/JSON traces, one object a line. Prints where the "
        "time of all turns went, and the critical path of one turn: sections that "
        "sum to what the caller heard. Time no span covers is its own section.",
    .options = waterfall_options,
    .n_options = sizeof waterfall_options / sizeof waterfall_options[0],
    .run = run_waterfall};

/* Which list a turn goes to. */
typedef struct {
    const char *name[2]; /* cohorts; NULL: all turns go to lists[into] */
    int into;
    turn_list lists[2];
    size_t others;
} cohorts;

static status visit_cohort(void *context, const turn_trace *t, diag *d) {
    cohorts *c = context;
    int into = c->into;
    if (c->name[0]) {
        into = strcmp(t->cohort, c->name[0]) == 0   ? 0
               : strcmp(t->cohort, c->name[1]) == 0 ? 1
                                                    : -1;
        if (into < 0) {
            c->others++;
            return OK;
        }
    }
    return keep(&c->lists[into], &t->sections, d);
}

static status read_cohorts(const args *a, cohorts *c, diag *d) {
    const char *attribute = args_text(a, "cohort", NULL);
    c->name[0] = args_text(a, "before", NULL);
    c->name[1] = args_text(a, "now", NULL);
    if (a->n_positional == 2 && !attribute && !c->name[0] && !c->name[1]) {
        status s = turn_file_read(a->positional[0], NULL, visit_cohort, c, d);
        c->into = 1;
        return s == OK ? turn_file_read(a->positional[1], NULL, visit_cohort, c, d) : s;
    }
    if (a->n_positional != 1 || !c->name[0] || !c->name[1])
        return diag_set(d, ERR_INVALID,
                        "two files are needed, or one with --before COHORT --now COHORT");
    if (!attribute)
        attribute = "cohort";
    status s = turn_file_read(a->positional[0], attribute, visit_cohort, c, d);
    if (s == OK && (c->lists[0].n == 0 || c->lists[1].n == 0))
        s = diag_field(d, ERR_INVALID, c->lists[0].n == 0 ? "--before" : "--now",
                       "no turn whose %s is \"%.60s\" (%zu turns of other cohorts)",
                       attribute, c->name[c->lists[0].n != 0], c->others);
    return s;
}

static bool occurs(const turn_change *c) {
    return c->before > 0 || c->now > 0 || c->own_before > 0 || c->own_now > 0;
}

/* Stages by how much slower they made the turn, the worst first. */
static size_t ranked(const turn_comparison *c, int order[TURN_STAGES]) {
    size_t n = 0;
    for (int s = 0; s < TURN_STAGES; s++) {
        if (!occurs(&c->stages[s]))
            continue;
        size_t at = n++;
        for (; at > 0 && c->stages[order[at - 1]].change < c->stages[s].change; at--)
            order[at] = order[at - 1];
        order[at] = s;
    }
    return n;
}

static void add_change_json(const turn_change *t, buf *out) {
    const struct {
        const char *name;
        double value;
    } fields[] = {{"before_ms", t->before},  {"now_ms", t->now},
                  {"change_ms", t->change},  {"low_ms", t->low},
                  {"high_ms", t->high},      {"own_before_ms", t->own_before},
                  {"own_now_ms", t->own_now}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        buf_addf(out, "%s\"%s\":", i ? "," : "", fields[i].name);
        buf_add_number(out, fields[i].value);
    }
}

static void write_comparison_json(const turn_comparison *c, const cohorts *k, bool slower,
                                  buf *out) {
    buf_add_text(out, "{\"quantile\":");
    buf_add_number(out, c->quantile);
    buf_addf(out, ",\"turns_before\":%zu,\"turns_now\":%zu,\"slower\":%s,\"turn\":{",
             k->lists[0].n, k->lists[1].n, slower ? "true" : "false");
    add_change_json(&c->turn, out);
    buf_add_text(out, "},\"stages\":[");
    int order[TURN_STAGES];
    size_t n = ranked(c, order);
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "%s{\"stage\":\"%s\",", i ? "," : "", turn_stage_names[order[i]]);
        add_change_json(&c->stages[order[i]], out);
        buf_add_text(out, "}");
    }
    buf_add_text(out, "]}\n");
}

static void write_comparison(const turn_comparison *c, const cohorts *k, bool slower,
                             double tolerance, buf *out) {
    const turn_change *t = &c->turn;
    buf_addf(
        out,
        "p%g of the turn: %.1f ms before (%zu turns), %.1f ms now (%zu turns): %+.1f "
        "ms, %+.1f %% (95 %% interval %+.1f to %+.1f ms)\n\n",
        100 * c->quantile, t->before, k->lists[0].n, t->now, k->lists[1].n, t->change,
        100 * (t->now / t->before - 1), t->low, t->high);
    buf_addf(out, "  %-14s %9s %9s %9s  %-18s  its own p%g\n", "section", "before", "now",
             "change", "95 % interval", 100 * c->quantile);
    int order[TURN_STAGES];
    size_t n = ranked(c, order);
    for (size_t i = 0; i < n; i++) {
        const turn_change *s = &c->stages[order[i]];
        buf_addf(out, "  %-14s %9.1f %9.1f %+9.1f  %+8.1f %+8.1f%s   %.1f -> %.1f\n",
                 turn_stage_names[order[i]], s->before, s->now, s->change, s->low,
                 s->high, s->low > 0 ? " *" : "  ", s->own_before, s->own_now);
    }
    buf_addf(out, "  %-14s %9.1f %9.1f %+9.1f\n\n", "sum", t->before, t->now, t->change);
    if (!slower) {
        buf_addf(out, "Not slower by more than the tolerance of %g %%.\n",
                 100 * tolerance);
        return;
    }
    const turn_change *worst = &c->stages[order[0]];
    buf_addf(out, "Slower. Most of it, %+.1f ms, is %s: %s.\n", worst->change,
             turn_stage_names[order[0]], turn_stage_texts[order[0]]);
}

static int run_compare(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    cohorts c = {.into = 0};
    double tolerance = args_number(&a, "tolerance", 5) / 100;
    status s = read_cohorts(&a, &c, &d);
    turn_comparison result;
    void *scratch = malloc(turn_scratch(c.lists[0].n, c.lists[1].n));
    if (s == OK && !scratch)
        s = diag_set(&d, ERR_MEMORY, "no memory for the turns");
    if (s == OK)
        s = turn_compare(c.lists[0].turns, c.lists[0].n, c.lists[1].turns, c.lists[1].n,
                         args_number(&a, "quantile", 0.95), SEED, scratch, &result, &d);
    if (s == OK) {
        bool slower = result.turn.low > tolerance * result.turn.before;
        buf out;
        buf_init(&out, 1u << 20);
        if (a.json)
            write_comparison_json(&result, &c, slower, &out);
        else
            write_comparison(&result, &c, slower, tolerance, &out);
        fputs(buf_text(&out), stdout);
        buf_deinit(&out);
        exit_status = slower ? EXIT_NO : EXIT_GOOD;
    } else {
        exit_status =
            args_fail(self, &d, a.json, s == ERR_MEMORY ? EXIT_FAILED : EXIT_USAGE);
    }
    free(scratch);
    free(c.lists[0].turns);
    free(c.lists[1].turns);
    return exit_status;
}

static const arg_option compare_options[] = {
    {"cohort", ARG_TEXT, "ATTRIBUTE", 0, 0,
     "with one file: the attribute that names a turn's cohort (default cohort)"},
    {"before", ARG_TEXT, "COHORT", 0, 0, "with one file: the cohort to compare with"},
    {"now", ARG_TEXT, "COHORT", 0, 0, "with one file: the cohort in question"},
    {"quantile", ARG_NUMBER, "P", 0.01, 0.999, "which quantile (default 0.95)"},
    {"tolerance", ARG_NUMBER, "PERCENT", 0, 1000,
     "how much slower is no regression (default 5)"},
};

const command turn_compare_command = {
    .name = "turn compare",
    .positional = "BEFORE NOW | FILE",
    .summary = "say which section made the turn slower",
    .details =
        "Compares a quantile of the whole turn between two files of traces, or two "
        "cohorts "
        "of one file, and attributes the difference exactly over the sections of the "
        "critical path: the sections' changes sum to the turn's, even when each "
        "component's own quantile is healthy. Intervals are from a bootstrap over "
        "turns.\n\n"
        "Exit status 0: not slower. 1: slower by more than the tolerance, beyond the 95 "
        "% "
        "interval.",
    .options = compare_options,
    .n_options = sizeof compare_options / sizeof compare_options[0],
    .run = run_compare};
