/* `rostrum score churn`: how restless live transcripts are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client_measure.h"
#include "cli/score.h"
#include "cli/score_input.h"
#include "records/partials.h"
#include "score/churn.h"

#define PRINT_BYTES (64u << 20)

/* One slice, or everything. */
typedef struct {
    churn_counts counts;
    uint64_t sessions;
    measure commit_lag, first_partial, to_final;
} churn_row;

/* An utterance under way, or done (state is then NULL). */
typedef struct {
    churn_utterance *state;
    size_t slice;
    double speech_start_ms, speech_end_ms, first_shown_ms; /* negative: not known */
    bool seen;
} churn_open;

typedef struct {
    slices utterances, sessions, by;
    slices cells; /* sessions within slices */
    bool sliced;
    churn_open *open; /* [utterances.n] */
    churn_row *rows;  /* [by.n + 1]; 0 is everything, slice i is i + 1 */
    size_t n_rows, open_size, rows_size;
    score_side words;
    double lags_ms[CHURN_WORDS_MAX];
} churn_run;

static status no_memory(diag *d) {
    return diag_set(d, ERR_MEMORY, "no memory");
}

static status event_failed(status s, const partial_event *e, diag *d) {
    if (s == ERR_STATE)
        return diag_field(d, s, "kind", "utterance %.80s has had its final",
                          e->utterance);
    if (s == ERR_LIMIT)
        return diag_field(d, s, "text", "has more than %d words", CHURN_WORDS_MAX);
    if (s == ERR_INVALID)
        return diag_field(d, s, "time_ms",
                          "goes back within utterance %.80s, or \"committed\" is more "
                          "than the words of the text",
                          e->utterance);
    return s == ERR_MEMORY ? no_memory(d) : diag_set(d, s, "%s", status_text(s));
}

static status row_at(churn_run *run, size_t i, churn_row **out, diag *d) {
    churn_row *rows = score_grown(run->rows, &run->rows_size, i + 1, sizeof *rows);
    if (!rows)
        return no_memory(d);
    run->rows = rows;
    run->n_rows = i + 1 > run->n_rows ? i + 1 : run->n_rows;
    *out = &rows[i];
    return OK;
}

/* The utterance of an event; a new one finds its slice and counts its session. */
static status find_open(churn_run *run, const partial_event *e, churn_open **out,
                        diag *d) {
    size_t at = 0, slice = 0;
    status s = slices_of(&run->utterances, e->record, partials_value, &at, d);
    if (s != OK)
        return s;
    churn_open *open = score_grown(run->open, &run->open_size, at + 1, sizeof *open);
    if (!open)
        return no_memory(d);
    run->open = open;
    *out = &open[at];
    if (open[at].seen)
        return OK;
    if (run->sliced) {
        s = slices_of(&run->by, e->record, partials_value, &slice, d);
        slice++;
    }
    size_t cells = run->cells.n, session;
    if (s == OK)
        s = slices_of(&run->sessions, e->record, partials_value, &session, d);
    if (s == OK)
        s = slices_of(&run->cells, e->record, partials_value, &session, d);
    churn_utterance *state = calloc(1, sizeof *state);
    if (s == OK && !state)
        s = no_memory(d);
    churn_row *row = NULL;
    if (s == OK)
        s = row_at(run, slice, &row, d);
    if (s != OK) {
        free(state);
        return s;
    }
    row->sessions += run->cells.n > cells;
    open[at] = (churn_open){state, slice, -1, -1, -1, true};
    return OK;
}

static void add_times(churn_row *row, const churn_open *o, const partial_event *e) {
    if (o->speech_start_ms >= 0 && o->first_shown_ms >= 0)
        measure_add(&row->first_partial, o->first_shown_ms - o->speech_start_ms);
    if (o->speech_end_ms >= 0)
        measure_add(&row->to_final, e->time_ms - o->speech_end_ms);
}

static status take(churn_run *run, const partial_event *e, diag *d) {
    churn_open *o = NULL;
    churn_row *row = NULL;
    status s = find_open(run, e, &o, d);
    if (s == OK)
        s = row_at(run, o->slice, &row, d);
    if (s != OK)
        return s;
    if (!o->state)
        return event_failed(ERR_STATE, e, d);
    s = score_side_set(&run->words, SCORE_PROFILE_NONE, false, e->text, e->text_bytes);
    if (s != OK)
        return event_failed(s, e, d);
    churn_event event = {e->time_ms, run->words.words, run->words.n, e->committed,
                         e->final};
    size_t lags;
    s = churn_take(o->state, &event, &row->counts, run->lags_ms, &lags);
    if (s != OK)
        return event_failed(s, e, d);
    for (size_t i = 0; i < lags; i++)
        measure_add(&row->commit_lag, run->lags_ms[i]);
    if (o->state->shown)
        o->first_shown_ms = o->state->first_shown_ms;
    o->speech_start_ms =
        e->speech_start_ms >= 0 ? e->speech_start_ms : o->speech_start_ms;
    o->speech_end_ms = e->speech_end_ms >= 0 ? e->speech_end_ms : o->speech_end_ms;
    if (e->final) {
        add_times(row, o, e);
        free(o->state);
        o->state = NULL;
    }
    return OK;
}

static status read_events(churn_run *run, const char *path, diag *d) {
    partials *p = NULL;
    bool more = true;
    uint64_t events = 0;
    status s = partials_open(path, &p, d);
    while (s == OK) {
        partial_event e;
        s = partials_next(p, &e, &more, d);
        if (s != OK || !more)
            break;
        s = take(run, &e, d);
        events++;
    }
    partials_close(p);
    if (s == OK && events == 0) {
        diag_at(d, NULL, 0, 0);
        return diag_set(d, ERR_INVALID, "no events in it");
    }
    return s;
}

/* Row 0 holds what has no slice; with --by it becomes the sum of all. */
static void sum_rows(churn_run *run) {
    churn_row *all = &run->rows[0];
    for (size_t i = 1; i < run->n_rows; i++) {
        churn_row *row = &run->rows[i];
        churn_add(&all->counts, &row->counts);
        measure_add_all(&all->commit_lag, &row->commit_lag);
        measure_add_all(&all->first_partial, &row->first_partial);
        measure_add_all(&all->to_final, &row->to_final);
    }
    all->sessions = run->sessions.n;
}

static double rewrites_a_session(const churn_row *row) {
    return row->sessions ? (double)row->counts.rewrites / (double)row->sessions : 0;
}

static void add_p50_p95(measure *m, buf *out) {
    char text[32] = "-";
    if (m->n > 0)
        snprintf(text, sizeof text, "%.0f / %.0f", measure_quantile(m, 0.5),
                 measure_quantile(m, 0.95));
    buf_addf(out, " %13s", text);
}

static void add_row(const char *name, churn_row *row, buf *out) {
    const churn_counts *c = &row->counts;
    buf_addf(out, "%-28s %6llu %6llu %8.3f %7.2f %7.2f %6llu %6llu", name,
             (unsigned long long)row->sessions, (unsigned long long)c->utterances,
             churn_unstable_ratio(c), churn_rewrites_a_second(c), rewrites_a_session(row),
             (unsigned long long)c->violations, (unsigned long long)c->corrected);
    add_p50_p95(&row->commit_lag, out);
    add_p50_p95(&row->first_partial, out);
    add_p50_p95(&row->to_final, out);
    buf_add_text(out, "\n");
}

static void print(churn_run *run, const size_t *order, buf *out) {
    const churn_counts *c = &run->rows[0].counts;
    buf_addf(
        out,
        "%llu partials and %llu finals of %llu utterances; times in ms, p50 / p95\n\n",
        (unsigned long long)c->partials, (unsigned long long)c->finals,
        (unsigned long long)c->utterances);
    buf_addf(out, "%-28s %6s %6s %8s %7s %7s %6s %6s %13s %13s %13s\n", "", "sess", "utt",
             "unstable", "rewr/s", "a sess", "viol", "corr", "commit lag",
             "first partial", "to final");
    add_row("all", &run->rows[0], out);
    for (size_t i = 0; i < run->by.n; i++)
        add_row(run->by.names[order[i]], &run->rows[order[i] + 1], out);
    if (c->finals < c->utterances)
        buf_addf(out, "\n%llu utterances have no final\n",
                 (unsigned long long)(c->utterances - c->finals));
}

static void add_row_json(churn_row *row, buf *out) {
    const churn_counts *c = &row->counts;
    buf_addf(out,
             "\"sessions\":%llu,\"utterances\":%llu,\"finals\":%llu,\"partials\":%llu,"
             "\"rewrites\":%llu,\"unstable_words\":%llu,\"final_words\":%llu,"
             "\"committed_prefix_violations\":%llu,\"corrected_finals\":%llu",
             (unsigned long long)row->sessions, (unsigned long long)c->utterances,
             (unsigned long long)c->finals, (unsigned long long)c->partials,
             (unsigned long long)c->rewrites, (unsigned long long)c->unstable_words,
             (unsigned long long)c->final_words, (unsigned long long)c->violations,
             (unsigned long long)c->corrected);
    buf_add_text(out, ",\"unstable_partial_word_ratio\":");
    buf_add_number(out, churn_unstable_ratio(c));
    buf_add_text(out, ",\"rewrites_a_second\":");
    buf_add_number(out, churn_rewrites_a_second(c));
    buf_add_text(out, ",\"rewrites_a_session\":");
    buf_add_number(out, rewrites_a_session(row));
    buf_add_text(out, ",\"commit_lag_ms\":");
    measure_json(&row->commit_lag, false, out);
    buf_add_text(out, ",\"first_partial_ms\":");
    measure_json(&row->first_partial, false, out);
    buf_add_text(out, ",\"time_to_final_ms\":");
    measure_json(&row->to_final, false, out);
}

static void print_json(churn_run *run, const size_t *order, buf *out) {
    buf_add_text(out, "{\"total\":{");
    add_row_json(&run->rows[0], out);
    buf_add_text(out, "},\n\"slices\":[");
    for (size_t i = 0; i < run->by.n; i++) {
        buf_addf(out, "%s\n{\"slice\":", i ? "," : "");
        buf_add_json(out, run->by.names[order[i]]);
        buf_add_text(out, ",");
        add_row_json(&run->rows[order[i] + 1], out);
        buf_add_text(out, "}");
    }
    buf_add_text(out, "]}\n");
}

static status show(churn_run *run, bool json, diag *d) {
    size_t *order = calloc(run->by.n + 1, sizeof *order);
    if (!order)
        return no_memory(d);
    slices_sort(&run->by, order);
    buf out;
    buf_init(&out, PRINT_BYTES);
    if (json)
        print_json(run, order, &out);
    else
        print(run, order, &out);
    fputs(buf_text(&out), stdout);
    buf_deinit(&out);
    free(order);
    return OK;
}

static void run_deinit(churn_run *run) {
    for (size_t i = 0; i < run->utterances.n && i < run->open_size; i++)
        free(run->open[i].state);
    for (size_t i = 0; i < run->n_rows; i++) {
        measure_deinit(&run->rows[i].commit_lag);
        measure_deinit(&run->rows[i].first_partial);
        measure_deinit(&run->rows[i].to_final);
    }
    free(run->open);
    free(run->rows);
    slices_deinit(&run->utterances);
    slices_deinit(&run->sessions);
    slices_deinit(&run->cells);
    slices_deinit(&run->by);
    score_side_deinit(&run->words);
    free(run);
}

static status set_up(churn_run *run, const args *a, diag *d) {
    const char *by = args_text(a, "by", NULL);
    if (a->n_positional != 1)
        return diag_set(d, ERR_INVALID, "name one file of events (- is standard input)");
    run->sliced = by != NULL;
    status s = by ? slices_init(&run->by, by, d) : OK;
    if (s != OK)
        snprintf(d->field, sizeof d->field, "--by");
    if (s == OK)
        s = slices_init(&run->utterances, "session,utterance", d);
    if (s == OK)
        s = slices_init(&run->sessions, "session", d);
    char names[SLICES_NAME_BYTES];
    snprintf(names, sizeof names, "session%s%s", by ? "," : "", by ? by : "");
    return s == OK ? slices_init(&run->cells, names, d) : s;
}

static int run_churn(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    churn_run *run = calloc(1, sizeof *run);
    status s = run ? set_up(run, &a, &d) : no_memory(&d);
    if (s == OK)
        s = read_events(run, a.positional[0], &d);
    if (s == OK) {
        sum_rows(run);
        s = show(run, a.json, &d);
    }
    if (run)
        run_deinit(run);
    if (s == OK)
        return EXIT_GOOD;
    return args_fail(self, &d, a.json, s == ERR_MEMORY ? EXIT_FAILED : EXIT_USAGE);
}

static const arg_option options[] = {
    {"by", ARG_TEXT, "ATTR[,ATTR]", 0, 0, "a row for each of these slices"},
};

const command score_churn_command = {
    .name = "score churn",
    .positional = "EVENTS.jsonl",
    .summary = "how often live transcripts change what they showed",
    .details =
        "A line is an event: {\"session\":, \"utterance\":, \"time_ms\":, \"kind\": "
        "\"partial\"|\"final\", \"text\":}, and if known \"committed\" (words), "
        "\"speech_start_ms\", \"speech_end_ms\" and slice attributes.\n\n"
        "unstable: shown words that changed, for each word of the finals. rewr/s and a "
        "sess: changes of shown words a second and a session. viol: partials that "
        "changed "
        "a committed word. corr: finals that did. commit lag: from showing a word to "
        "committing it.\n\n"
        "Exit status: 0 good, 2 usage or bad input, 3 failure.",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .run = run_churn,
};
