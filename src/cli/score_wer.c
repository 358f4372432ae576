/* `rostrum score wer`: word errors of hypotheses against references. */
#include "cli/score_wer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/score.h"
#include "score/compound.h"
#include "score/entity.h"

#define PRINT_BYTES (1u << 30)
#define FLUSH_BYTES (1u << 16)

typedef struct {
    wer_result result;
    score_pair pair;
    score_side entity;
    bool align, json;
    unsigned width;
    buf out; /* alignments on their way to standard output */
    size_t n_printed;
} wer_run;

static status no_memory(diag *d) {
    return diag_set(d, ERR_MEMORY, "no memory");
}

/* A table sliced by speaker has nobody's utterances but one speaker's in a slice: there
 * the utterance stays the unit. */
static status table_init(wer_table *t, const char *by, bool by_speaker, diag *d) {
    char names[SLICES_NAME_BYTES];
    t->by = by;
    t->by_speaker = by_speaker;
    status s = by ? slices_init(&t->slices, by, d) : OK;
    for (size_t i = 0; i < t->slices.n_by; i++)
        t->by_speaker = t->by_speaker && strcmp(t->slices.by[i], "speaker") != 0;
    if (s != OK || !t->by_speaker)
        return s;
    snprintf(names, sizeof names, "speaker%s%s", by ? "," : "", by ? by : "");
    return slices_init(&t->cells, names, d);
}

static void table_deinit(wer_table *t) {
    slices_deinit(&t->slices);
    slices_deinit(&t->cells);
    free(t->rows);
    free(t->cell);
    free(t->order);
}

static status table_add(wer_table *t, const transcript *item, const score_counts *counts,
                        diag *d) {
    size_t slice = 0, cell = 0;
    status s = t->by ? slices_of(&t->slices, item, score_input_value, &slice, d) : OK;
    if (s == OK && t->by_speaker)
        s = slices_of(&t->cells, item, score_input_value, &cell, d);
    if (s != OK)
        return s;
    wer_row *rows = score_grown(t->rows, &t->rows_size, slice + 1, sizeof *rows);
    if (!rows)
        return no_memory(d);
    t->rows = rows;
    t->n_rows = slice + 1 > t->n_rows ? slice + 1 : t->n_rows;
    score_add(&rows[slice].counts, counts);
    rows[slice].utterances++;
    if (!t->by_speaker) {
        stats_pairs_add(&rows[slice].units, (double)score_reference_words(counts),
                        (double)score_errors(counts));
        return OK;
    }
    struct wer_cell *cells = score_grown(t->cell, &t->cell_size, cell + 1, sizeof *cells);
    if (!cells)
        return no_memory(d);
    t->cell = cells;
    cells[cell].slice = slice;
    score_add(&cells[cell].counts, counts);
    return OK;
}

/* Folds the cells into the units of their slices, and orders the slices. */
static status table_end(wer_table *t, diag *d) {
    for (size_t i = 0; i < t->cells.n; i++) {
        const struct wer_cell *c = &t->cell[i];
        stats_pairs_add(&t->rows[c->slice].units,
                        (double)score_reference_words(&c->counts),
                        (double)score_errors(&c->counts));
    }
    t->order = calloc(t->n_rows, sizeof *t->order);
    if (!t->order)
        return no_memory(d);
    slices_sort(&t->slices, t->order);
    return OK;
}

/* For slices of the entities themselves: their type. */
static const char *entity_type(const void *record, const char *attribute) {
    (void)attribute;
    return ((const transcript_entity *)record)->type;
}

static status add_entity(wer_run *run, const transcript *item, size_t which,
                         size_t *from_word, diag *d) {
    const transcript_entity *entity = &item->entities[which];
    const wer_result *r = &run->result;
    wer_entities *e = &run->result.entities;
    if (score_side_set(&run->entity, r->profile, r->characters, entity->text,
                       strlen(entity->text)) != OK)
        return no_memory(d);
    const score_side *ref = &run->pair.ref, *what = &run->entity;
    size_t at = score_entity_find(ref->words, ref->n, *from_word, what->words, what->n);
    if (at == SCORE_NOWHERE) /* listed in another order than said */
        at = score_entity_find(ref->words, ref->n, 0, what->words, what->n);
    if (at == SCORE_NOWHERE) {
        diag_at(d, NULL, item->line, 0);
        return diag_field(d, ERR_INVALID, "entities",
                          "entity %zu (%.40s) of %.80s is not in the reference",
                          which + 1, entity->type, item->id);
    }
    *from_word = at + what->n;
    size_t type = 0;
    status s = slices_of(&e->types, entity, entity_type, &type, d);
    if (s != OK)
        return s;
    struct wer_entity *rows = score_grown(e->rows, &e->rows_size, type + 1, sizeof *rows);
    if (!rows)
        return no_memory(d);
    e->rows = rows;
    rows[type].said++;
    rows[type].heard += score_entity_heard(run->pair.ops, at, what->n);
    return OK;
}

/* The words of list[n] move into a block of their own. */
static bool keep_words(wer_confusions *c, score_confusion *list, size_t n) {
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += list[i].ref.bytes + list[i].hyp.bytes;
    char **texts =
        score_grown(c->texts, &c->texts_capacity, c->n_texts + 1, sizeof *c->texts);
    char *text = malloc(bytes + 1);
    if (texts)
        c->texts = texts;
    if (!texts || !text) {
        free(text);
        return false;
    }
    c->texts[c->n_texts++] = text;
    for (size_t i = 0; i < n; i++) {
        score_word *words[] = {&list[i].ref, &list[i].hyp};
        for (int k = 0; k < 2; k++) {
            if (words[k]->bytes == 0)
                continue;
            memcpy(text, words[k]->text, words[k]->bytes);
            words[k]->text = text;
            text += words[k]->bytes;
        }
    }
    return true;
}

static status add_confusions(wer_confusions *c, const score_pair *pair, diag *d) {
    size_t errors = (size_t)score_errors(&pair->counts);
    if (errors == 0)
        return OK;
    score_confusion *list =
        score_grown(c->list, &c->capacity, c->n + errors, sizeof *list);
    if (!list)
        return no_memory(d);
    c->list = list;
    (void)score_confusions_of(pair->ref.words, pair->hyp.words, pair->ops, list + c->n,
                              errors);
    if (!keep_words(c, list + c->n, errors))
        return no_memory(d);
    c->n += errors;
    return OK;
}

static void flush(wer_run *run) {
    fwrite(buf_text(&run->out), 1, run->out.size, stdout);
    buf_clear(&run->out);
}

static void show_alignment(wer_run *run, const transcript *item) {
    if (run->json) {
        buf_add_text(&run->out, run->n_printed ? ",\n" : "{\"alignments\":[\n");
        wer_print_alignment_json(item->id, &run->pair, &run->out);
    } else {
        wer_print_alignment(item->id, &run->pair, run->width, &run->out);
    }
    run->n_printed++;
    if (run->out.size > FLUSH_BYTES)
        flush(run);
}

static status align_item(wer_run *run, const transcript *item, diag *d) {
    const wer_result *r = &run->result;
    score_pair *p = &run->pair;
    bool want_ops =
        run->align || r->compounds || r->show_confusions > 0 || item->n_entities > 0;
    status s =
        score_side_set(&p->ref, r->profile, r->characters, item->ref, item->ref_bytes);
    if (s == OK)
        s = score_side_set(&p->hyp, r->profile, r->characters, item->hyp,
                           item->hyp_bytes);
    if (s == OK)
        s = score_pair_align(p, r->costs, want_ops);
    if (s == OK && r->compounds &&
        score_join_compounds(p->ref.words, &p->ref.n, p->hyp.words, &p->hyp.n, p->ops))
        s = score_pair_align(p, r->costs, want_ops);
    if (s == ERR_LIMIT) {
        diag_at(d, NULL, item->line, 0);
        return diag_field(d, s, "id", "%.80s has more than %d words on one side",
                          item->id, SCORE_WORDS_MAX);
    }
    return s == OK ? OK : no_memory(d);
}

static status add_item(wer_run *run, const transcript *item, diag *d) {
    wer_result *r = &run->result;
    status s = align_item(run, item, d);
    for (size_t i = 0; s == OK && i < r->n_tables; i++)
        s = table_add(&r->tables[i], item, &run->pair.counts, d);
    size_t from_word = 0;
    for (size_t i = 0; s == OK && i < item->n_entities; i++)
        s = add_entity(run, item, i, &from_word, d);
    if (s == OK && r->show_confusions > 0)
        s = add_confusions(&r->confusions, &run->pair, d);
    if (s == OK && run->align)
        show_alignment(run, item);
    return s;
}

static bool all_have_speakers(const transcript *items, size_t n) {
    const char *first = items[0].speaker;
    bool several = false;
    for (size_t i = 0; i < n; i++) {
        if (!*items[i].speaker)
            return false;
        several = several || strcmp(items[i].speaker, first) != 0;
    }
    return several;
}

/* The values of all --by flags become tables. */
static status set_tables(wer_result *r, const args *a, bool by_speaker, diag *d) {
    status s = table_init(&r->tables[r->n_tables++], NULL, by_speaker, d);
    for (size_t i = 0; s == OK && i < a->n_values; i++) {
        if (strcmp(a->values[i].option->name, "by") != 0)
            continue;
        if (r->n_tables == WER_TABLES_MAX)
            return diag_field(d, ERR_LIMIT, "--by", "more than %d of them",
                              WER_TABLES_MAX - 1);
        s = table_init(&r->tables[r->n_tables++], a->values[i].text, by_speaker, d);
        if (s != OK)
            snprintf(d->field, sizeof d->field, "--by");
    }
    return s;
}

static status check_tables(const wer_result *r, const transcript *items, size_t n,
                           diag *d) {
    for (size_t t = 1; t < r->n_tables; t++)
        for (size_t k = 0; k < r->tables[t].slices.n_by; k++) {
            size_t i = 0;
            while (i < n && !transcript_value(&items[i], r->tables[t].slices.by[k]))
                i++;
            if (i == n)
                return diag_field(d, ERR_INVALID, "--by",
                                  "no utterance has the attribute \"%.60s\"",
                                  r->tables[t].slices.by[k]);
        }
    return OK;
}

static unsigned terminal_width(void) {
    struct winsize window = {0};
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col >= 20;
    return known ? window.ws_col : 80;
}

static status set_options(wer_run *run, const args *a, diag *d) {
    wer_result *r = &run->result;
    const char *costs = args_text(a, "costs", "levenshtein");
    run->align = args_has(a, "align");
    run->json = a->json;
    run->width = terminal_width();
    r->characters = args_has(a, "chars");
    r->compounds = args_has(a, "compounds");
    r->show_confusions = (size_t)args_number(a, "confusions", 0);
    if (r->characters && r->compounds)
        return diag_field(d, ERR_INVALID, "--compounds", "does not go with --chars");
    if (strcmp(costs, "levenshtein") == 0)
        r->costs = score_levenshtein;
    else if (strcmp(costs, "sclite") == 0)
        r->costs = score_sclite;
    else
        return diag_field(d, ERR_INVALID, "--costs",
                          "\"%.40s\" is neither levenshtein nor sclite", costs);
    status s = slices_init(&r->entities.types, "type", d);
    return s == OK ? score_input_profile(a, &r->profile, d) : s;
}

static status count(wer_run *run, const args *a, const transcripts *t, diag *d) {
    wer_result *r = &run->result;
    size_t n;
    const transcript *items = transcripts_all(t, &n);
    bool by_speaker = all_have_speakers(items, n);
    diag_at(d, NULL, 0, 0);
    status s = set_tables(r, a, by_speaker, d);
    if (s == OK)
        s = check_tables(r, items, n, d);
    if (s != OK)
        d->file[0] = '\0'; /* a flag is wrong, not a file */
    for (size_t i = 0; s == OK && i < n; i++)
        s = add_item(run, &items[i], d);
    for (size_t i = 0; s == OK && i < r->n_tables; i++)
        s = table_end(&r->tables[i], d);
    if (s == OK)
        r->confusions.n = score_confusions_merge(r->confusions.list, r->confusions.n);
    return s;
}

static void show(wer_run *run) {
    buf *out = &run->out;
    if (run->json) {
        if (run->align)
            buf_add_text(out, "\n],\n");
        else
            buf_add_text(out, "{");
        wer_print_json(&run->result, out);
        buf_add_text(out, "}\n");
    } else {
        wer_print(&run->result, out);
    }
    flush(run);
}

static void run_deinit(wer_run *run) {
    wer_result *r = &run->result;
    for (size_t i = 0; i < r->n_tables; i++)
        table_deinit(&r->tables[i]);
    slices_deinit(&r->entities.types);
    free(r->entities.rows);
    for (size_t i = 0; i < r->confusions.n_texts; i++)
        free(r->confusions.texts[i]);
    free(r->confusions.texts);
    free(r->confusions.list);
    score_pair_deinit(&run->pair);
    score_side_deinit(&run->entity);
    buf_deinit(&run->out);
}

static int run_wer(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    transcripts *t = NULL;
    wer_run run = {0};
    buf_init(&run.out, PRINT_BYTES);
    status s = set_options(&run, &a, &d);
    if (s == OK)
        s = score_input_read(&a, &t, &d);
    if (s == OK)
        s = count(&run, &a, t, &d);
    if (s == OK) {
        show(&run);
        double limit = args_number(&a, "fail-over", -1);
        const score_counts *all = &run.result.tables[0].rows[0].counts;
        exit_status =
            limit >= 0 && !(100 * score_wer(all) <= limit) ? EXIT_NO : EXIT_GOOD;
    } else {
        exit_status =
            args_fail(self, &d, a.json, s == ERR_MEMORY ? EXIT_FAILED : EXIT_USAGE);
    }
    run_deinit(&run);
    transcripts_destroy(t);
    return exit_status;
}

static const arg_option options[] = {
    SCORE_INPUT_OPTIONS,
    {"profile", ARG_TEXT, "NAME", 0, 0,
     "what is no error: none, lower, basic, spoken, english; default basic"},
    {"costs", ARG_TEXT, "NAME", 0, 0,
     "levenshtein (1 1 1, the default) or sclite (4 3 3 and its choice among equals)"},
    {"by", ARG_TEXT, "ATTR[,ATTR]", 0, 0,
     "a table of these slices; \"speaker\" is one; may be repeated"},
    {"align", ARG_FLAG, NULL, 0, 0, "show every alignment (this prints the texts)"},
    {"confusions", ARG_INT, "N", 1, 100000, "the N most frequent wrong words"},
    {"chars", ARG_FLAG, NULL, 0, 0, "count characters instead of words"},
    {"compounds", ARG_FLAG, NULL, 0, 0,
     "\"white paper\" and \"whitepaper\" are the same"},
    {"fail-over", ARG_NUMBER, "PERCENT", 0, 100000, "exit with 1 when the WER is above"},
};

const command score_wer_command = {
    .name = "score wer",
    .positional = "[FILE.jsonl]",
    .summary = "word error rate of hypotheses, in all, by slice and by entity",
    .details =
        "Give one .jsonl file with \"id\", \"ref\" and \"hyp\" a line (and \"speaker\", "
        "\"entities\", slice attributes), or --ref and --hyp: .trn with .trn, .stm with "
        ".ctm, .jsonl with .jsonl. The profile decides what counts as the same word and "
        "is part of the figure.\n\n"
        "Intervals are 95 %, with speakers as the unit where every utterance names one "
        "(utterances of one speaker fail together), else utterances.\n\n"
        "With --costs sclite and --profile lower the counts are those of NIST sclite.\n\n"
        "Exit status: 0 good, 1 WER above --fail-over, 2 usage or bad input, 3 failure.",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .run = run_wer,
};
