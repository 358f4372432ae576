/* `rostrum score compare`: which of two systems makes fewer word errors. */
#include "cli/score_compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/score.h"

#define PRINT_BYTES (64u << 20)

typedef struct {
    compare_result result;
    transcripts *texts[2];  /* of A and B, each with the references */
    const char *origins[2]; /* the files their references stand in */
    score_pair pairs[2];
    const char *unit; /* --unit, NULL: speaker where every utterance has one */
} compare_run;

static status no_memory(diag *d) {
    return diag_set(d, ERR_MEMORY, "no memory");
}

/* References and hypotheses of A and B, from two .jsonl files or from --ref with
 * --hyp-a and --hyp-b. */
static status read_texts(compare_run *run, const args *a, diag *d) {
    const char *ref = args_text(a, "ref", NULL);
    const char *flags[] = {args_text(a, "hyp-a", NULL), args_text(a, "hyp-b", NULL)};
    bool flagged = ref || flags[0] || flags[1];
    if (flagged ? a->n_positional > 0 || !ref || !flags[0] || !flags[1]
                : a->n_positional != 2)
        return diag_set(d, ERR_INVALID,
                        "give two .jsonl files, or --ref, --hyp-a and --hyp-b");
    for (int k = 0; k < 2; k++) {
        run->result.paths[k] = flagged ? flags[k] : a->positional[k];
        run->origins[k] = flagged ? ref : a->positional[k];
        if (strcmp(run->result.paths[k], "-") == 0 || strcmp(run->origins[k], "-") == 0)
            return diag_field(d, ERR_INVALID, "-",
                              "standard input cannot be read twice; give files");
    }
    status s = score_input_pair(ref, run->result.paths[0], &run->texts[0], d);
    return s == OK ? score_input_pair(ref, run->result.paths[1], &run->texts[1], d) : s;
}

static bool same_reference(const transcript *a, const transcript *b) {
    return a->ref_bytes == b->ref_bytes && memcmp(a->ref, b->ref, a->ref_bytes) == 0;
}

/* The record of B with the id of a; by_place is tried first. */
static status partner(const compare_run *run, const transcript *a,
                      const transcript *by_place, const transcript **out, diag *d) {
    const transcript *b = by_place;
    if (!b || strcmp(b->id, a->id) != 0)
        b = transcripts_find(run->texts[1], a->id);
    if (b && same_reference(a, b)) {
        *out = b;
        return OK;
    }
    diag_at(d, run->origins[1], b ? b->line : 0, 0);
    return b ? diag_field(d, ERR_INVALID, "ref",
                          "%.80s has another reference than in %.80s; both systems must "
                          "be scored against the same",
                          a->id, run->result.paths[0])
             : diag_field(d, ERR_INVALID, "id",
                          "%.80s of %.80s is missing; where nothing was recognised an "
                          "empty hypothesis says so",
                          a->id, run->result.paths[0]);
}

static status align(compare_run *run, int k, const transcript *item, diag *d) {
    const compare_result *r = &run->result;
    score_pair *p = &run->pairs[k];
    status s =
        score_side_set(&p->ref, r->profile, r->characters, item->ref, item->ref_bytes);
    if (s == OK)
        s = score_side_set(&p->hyp, r->profile, r->characters, item->hyp,
                           item->hyp_bytes);
    if (s == OK)
        s = score_pair_align(p, r->costs, true);
    if (s == ERR_LIMIT) {
        diag_at(d, run->origins[k], item->line, 0);
        return diag_field(d, s, "id", "%.80s has more than %d words on one side",
                          item->id, SCORE_WORDS_MAX);
    }
    return s == OK ? OK : no_memory(d);
}

static void add_block(score_block *to, const score_block *more) {
    to->words += more->words;
    to->a += more->a;
    to->b += more->b;
}

/* Counts one utterance in a table: errors into its slice and its block, segments into
 * its slice. */
static status table_add(compare_table *t, const transcript *item,
                        const score_block *errors, const score_pair pairs[2], diag *d) {
    size_t slice = 0, cell = t->n_cells;
    status s = t->by ? slices_of(&t->slices, item, score_input_value, &slice, d) : OK;
    if (s == OK && t->by_speaker)
        s = slices_of(&t->cells, item, score_input_value, &cell, d);
    if (s != OK)
        return s;
    compare_row *rows = score_grown(t->rows, &t->rows_size, slice + 1, sizeof *rows);
    if (!rows)
        return no_memory(d);
    t->rows = rows;
    struct compare_cell *cells =
        score_grown(t->cell, &t->cell_size, cell + 1, sizeof *cells);
    if (!cells)
        return no_memory(d);
    t->cell = cells;
    t->n_rows = slice + 1 > t->n_rows ? slice + 1 : t->n_rows;
    t->n_cells = cell + 1 > t->n_cells ? cell + 1 : t->n_cells;
    cells[cell].slice = slice;
    add_block(&cells[cell].sum, errors);
    add_block(&rows[slice].sum, errors);
    rows[slice].utterances++;
    const char *a = pairs[0].ops, *b = pairs[1].ops;
    score_segment segment;
    while (score_segment_next(&a, &b, SCORE_GOOD_WORDS, &segment))
        score_segments_add(&rows[slice].segments, &segment);
    return OK;
}

static status add_item(compare_run *run, const transcript *a, const transcript *b,
                       diag *d) {
    compare_result *r = &run->result;
    status s = align(run, 0, a, d);
    if (s == OK)
        s = align(run, 1, b, d);
    if (s != OK)
        return s;
    const score_counts *counts[] = {&run->pairs[0].counts, &run->pairs[1].counts};
    score_block errors = {(double)score_reference_words(counts[0]),
                          (double)score_errors(counts[0]),
                          (double)score_errors(counts[1])};
    r->right[errors.a == 0][errors.b == 0]++;
    for (size_t i = 0; s == OK && i < r->n_tables; i++)
        s = table_add(&r->tables[i], a, &errors, run->pairs, d);
    return s;
}

/* A table sliced by speaker has nobody's utterances but one speaker's in a slice: there
 * the utterance stays the unit. */
static status add_table(compare_result *r, const char *by, bool by_speaker, diag *d) {
    char names[SLICES_NAME_BYTES];
    if (r->n_tables == COMPARE_TABLES_MAX)
        return diag_set(d, ERR_LIMIT, "more than %d tables", COMPARE_TABLES_MAX - 1);
    compare_table *t = &r->tables[r->n_tables++];
    t->by = by;
    status s = by ? slices_init(&t->slices, by, d) : OK;
    t->by_speaker = by_speaker;
    for (size_t i = 0; i < t->slices.n_by; i++)
        t->by_speaker = t->by_speaker && strcmp(t->slices.by[i], "speaker") != 0;
    if (s != OK || !t->by_speaker)
        return s;
    snprintf(names, sizeof names, "speaker%s%s", by ? "," : "", by ? by : "");
    return slices_init(&t->cells, names, d);
}

/* Slices of the attribute of "noise=street", unless a --by has them already. */
static status add_protected_table(compare_result *r, char *protect, bool by_speaker,
                                  diag *d) {
    char *equals = strchr(protect, '=');
    size_t bytes = (size_t)(equals - protect);
    for (size_t i = 1; i < r->n_tables; i++)
        if (strncmp(r->tables[i].by, protect, bytes) == 0 &&
            r->tables[i].by[bytes] == '\0')
            return OK;
    *equals = '\0'; /* the table keeps a name of its own */
    status s = add_table(r, protect, by_speaker, d);
    compare_table *t = &r->tables[r->n_tables - 1];
    if (s == OK) {
        t->by = t->slices.by[0];
        t->only_protected = true;
    }
    *equals = '=';
    return s;
}

static status add_tables(compare_run *run, const args *a, bool by_speaker, diag *d) {
    compare_result *r = &run->result;
    status s = add_table(r, NULL, by_speaker, d);
    for (size_t i = 0; s == OK && i < a->n_values; i++)
        if (strcmp(a->values[i].option->name, "by") == 0) {
            s = add_table(r, a->values[i].text, by_speaker, d);
            if (s != OK)
                snprintf(d->field, sizeof d->field, "--by");
        }
    for (size_t i = 0; s == OK && i < r->n_protect; i++) {
        s = add_protected_table(r, r->protect[i], by_speaker, d);
        if (s != OK)
            snprintf(d->field, sizeof d->field, "--protected");
    }
    return s;
}

static status check_attributes(const compare_result *r, const transcript *items, size_t n,
                               diag *d) {
    for (size_t t = 1; t < r->n_tables; t++)
        for (size_t k = 0; k < r->tables[t].slices.n_by; k++) {
            size_t i = 0;
            while (i < n && !transcript_value(&items[i], r->tables[t].slices.by[k]))
                i++;
            if (i == n)
                return diag_field(d, ERR_INVALID,
                                  r->tables[t].only_protected ? "--protected" : "--by",
                                  "no utterance has the attribute \"%.60s\"",
                                  r->tables[t].slices.by[k]);
        }
    return OK;
}

/* Gives the slice called `name` its role. */
static status protect_slice(compare_result *r, const char *name, diag *d) {
    const char *near = NULL;
    for (size_t t = 1; t < r->n_tables; t++) {
        const slices *s = &r->tables[t].slices;
        for (size_t i = 0; i < s->n; i++)
            if (strcmp(s->names[i], name) == 0) {
                r->tables[t].rows[i].role = COMPARE_PROTECTED;
                return OK;
            }
        if (!near)
            near = diag_nearest(name, (const char *const *)s->names, s->n);
    }
    return diag_field(d, ERR_INVALID, "--protected", "no utterance is in %.80s%s%.80s%s",
                      name, near ? "; did you mean " : "", near ? near : "",
                      near ? "?" : "");
}

static status set_roles(compare_result *r, diag *d) {
    for (size_t t = 1; t < r->n_tables; t++)
        for (size_t i = 0; i < r->tables[t].n_rows; i++)
            r->tables[t].rows[i].role = COMPARE_EXPLORED;
    status s = OK;
    for (size_t i = 0; s == OK && i < r->n_protect; i++)
        s = protect_slice(r, r->protect[i], d);
    return s;
}

static const transcript *first_without_speaker(const transcript *items, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!*items[i].speaker)
            return &items[i];
    return NULL;
}

static status choose_unit(compare_run *run, const transcript *items, size_t n,
                          bool *by_speaker, diag *d) {
    const transcript *nobody = first_without_speaker(items, n);
    run->result.speakers_known = !nobody;
    *by_speaker = run->unit ? strcmp(run->unit, "speaker") == 0 : !nobody;
    if (!*by_speaker || !nobody)
        return OK;
    diag_at(d, run->origins[0], nobody->line, 0);
    return diag_field(d, ERR_INVALID, "speaker",
                      "%.80s has none; --unit utterance does without, and is too narrow "
                      "where one speaker has several",
                      nobody->id);
}

static status count(compare_run *run, const args *a, diag *d) {
    compare_result *r = &run->result;
    size_t n, n_b;
    const transcript *items = transcripts_all(run->texts[0], &n);
    const transcript *others = transcripts_all(run->texts[1], &n_b);
    bool by_speaker;
    status s = choose_unit(run, items, n, &by_speaker, d);
    if (s != OK)
        return s;
    s = add_tables(run, a, by_speaker, d);
    if (s == OK)
        s = check_attributes(r, items, n, d);
    if (s != OK)
        d->file[0] = '\0'; /* a flag is wrong, not a file */
    for (size_t i = 0; s == OK && i < n; i++) {
        const transcript *b = NULL;
        s = partner(run, &items[i], i < n_b ? &others[i] : NULL, &b, d);
        if (s == OK)
            s = add_item(run, &items[i], b, d);
    }
    for (size_t i = 0; s == OK && n_b > n && i < n_b; i++)
        if (!transcripts_find(run->texts[0], others[i].id)) {
            diag_at(d, run->origins[1], others[i].line, 0);
            s = diag_field(d, ERR_INVALID, "id", "%.80s is not in %.80s", others[i].id,
                           r->paths[0]);
        }
    if (s != OK)
        return s;
    d->file[0] = '\0';
    d->line = 0;
    return set_roles(r, d);
}

static status judge(compare_result *r, diag *d) {
    status s = OK;
    for (size_t i = 0; s == OK && i < r->n_tables; i++) {
        compare_table *t = &r->tables[i];
        t->order = calloc(t->n_rows, sizeof *t->order);
        if (!t->order)
            return no_memory(d);
        slices_sort(&t->slices, t->order);
        s = compare_table_judge(r, i);
    }
    if (s == OK)
        s = compare_adjust(r);
    return s == OK ? OK : no_memory(d);
}

/* "noise=street,accent=scots" into r->protect. */
static status add_protected(compare_result *r, const char *list, diag *d) {
    for (const char *at = list;; at++) {
        size_t n = strcspn(at, ",");
        const char *equals = memchr(at, '=', n);
        if (!equals || equals == at || equals + 1 == at + n)
            return diag_field(d, ERR_INVALID, "--protected",
                              "\"%.*s\" is not ATTR=VALUE, e.g. noise=street",
                              (int)(n < 60 ? n : 60), at);
        if (r->n_protect == COMPARE_PROTECTED_MAX)
            return diag_field(d, ERR_LIMIT, "--protected", "more than %d slices",
                              COMPARE_PROTECTED_MAX);
        char *name = strndup(at, n);
        if (!name)
            return no_memory(d);
        r->protect[r->n_protect++] = name;
        at += n;
        if (!*at)
            return OK;
    }
}

static status set_options(compare_run *run, const args *a, diag *d) {
    compare_result *r = &run->result;
    const char *costs = args_text(a, "costs", "levenshtein");
    run->unit = args_text(a, "unit", NULL);
    r->characters = args_has(a, "chars");
    r->resampling =
        (score_resampling){.replicates = (size_t)args_number(a, "replicates", 2000),
                           .confidence = COMPARE_CONFIDENCE,
                           .power = COMPARE_POWER,
                           .seed = (uint64_t)args_number(a, "seed", 1)};
    if (run->unit && strcmp(run->unit, "speaker") != 0 &&
        strcmp(run->unit, "utterance") != 0)
        return diag_field(d, ERR_INVALID, "--unit",
                          "\"%.40s\" is neither speaker nor utterance", run->unit);
    if (strcmp(costs, "levenshtein") == 0)
        r->costs = score_levenshtein;
    else if (strcmp(costs, "sclite") == 0)
        r->costs = score_sclite;
    else
        return diag_field(d, ERR_INVALID, "--costs",
                          "\"%.40s\" is neither levenshtein nor sclite", costs);
    status s = score_input_profile(a, &r->profile, d);
    for (size_t i = 0; s == OK && i < a->n_values; i++)
        if (strcmp(a->values[i].option->name, "protected") == 0)
            s = add_protected(r, a->values[i].text, d);
    return s;
}

static void run_deinit(compare_run *run) {
    compare_result *r = &run->result;
    for (size_t i = 0; i < r->n_tables; i++) {
        compare_table *t = &r->tables[i];
        slices_deinit(&t->slices);
        slices_deinit(&t->cells);
        free(t->rows);
        free(t->order);
        free(t->cell);
        free(t->blocks);
    }
    for (size_t i = 0; i < r->n_protect; i++)
        free(r->protect[i]);
    for (int k = 0; k < 2; k++) {
        score_pair_deinit(&run->pairs[k]);
        transcripts_destroy(run->texts[k]);
    }
}

static int run_compare(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    compare_run run = {0};
    status s = set_options(&run, &a, &d);
    if (s == OK)
        s = read_texts(&run, &a, &d);
    if (s == OK)
        s = count(&run, &a, &d);
    if (s == OK)
        s = judge(&run.result, &d);
    if (s == OK) {
        buf out;
        buf_init(&out, PRINT_BYTES);
        if (a.json)
            compare_print_json(&run.result, &out);
        else
            compare_print(&run.result, &out);
        fputs(buf_text(&out), stdout);
        buf_deinit(&out);
        exit_status = compare_is_worse(&run.result) ? EXIT_NO : EXIT_GOOD;
    } else {
        exit_status =
            args_fail(self, &d, a.json, s == ERR_MEMORY ? EXIT_FAILED : EXIT_USAGE);
    }
    run_deinit(&run);
    return exit_status;
}

static const arg_option options[] = {
    {"ref", ARG_TEXT, "FILE", 0, 0, "references: .trn, .stm or .jsonl"},
    {"hyp-a", ARG_TEXT, "FILE", 0, 0,
     "hypotheses of A, the system in use: .trn, .ctm (with an .stm) or .jsonl"},
    {"hyp-b", ARG_TEXT, "FILE", 0, 0, "hypotheses of B, the candidate"},
    {"profile", ARG_TEXT, "NAME", 0, 0,
     "what is no error: none, lower, basic, spoken, english; default basic"},
    {"costs", ARG_TEXT, "NAME", 0, 0,
     "levenshtein (1 1 1, the default) or sclite (4 3 3 and its choice among equals)"},
    {"by", ARG_TEXT, "ATTR[,ATTR]", 0, 0, "a table of these slices; may be repeated"},
    {"protected", ARG_TEXT, "ATTR=VALUE,...", 0, 0,
     "slices that must not become worse; may be repeated"},
    {"unit", ARG_TEXT, "NAME", 0, 0,
     "what fails together: speaker (the default where every utterance names one) or "
     "utterance (too narrow when speakers have several)"},
    {"replicates", ARG_INT, "N", 100, SCORE_REPLICATES_MAX,
     "resamplings behind an interval; default 2000"},
    {"seed", ARG_INT, "N", 0, 9007199254740992.0, "of the resamplings; default 1"},
    {"chars", ARG_FLAG, NULL, 0, 0, "count characters instead of words"},
};

const command score_compare_command = {
    .name = "score compare",
    .positional = "[A.jsonl B.jsonl]",
    .summary = "two systems on the same utterances: which makes fewer word errors",
    .details =
        "Give two .jsonl files as `rostrum score wer` takes them, with the same ids and "
        "references, or --ref, --hyp-a and --hyp-b. Slice attributes and speakers are "
        "those of A's file (or of --ref).\n\n"
        "Intervals are 95 %, from resampled speakers. What decides is their p-value: "
        "alone for the whole, adjusted by Holm over the protected slices, by Benjamini "
        "and Hochberg over the others. Beside it stand MAPSSWE (with --costs sclite and "
        "--profile lower that of NIST sc_stats) and the difference that this sample "
        "would have seen with 80 % probability.\n\n"
        "Exit status: 0 B is not seen to be worse, 1 B is worse overall or on a "
        "protected slice, 2 usage or bad input, 3 failure.",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .run = run_compare,
};
