/* `rostrum score audit`: are the labels fit to be scored against? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/score.h"
#include "cli/score_input.h"
#include "score/audit.h"

#define PRINT_BYTES (256u << 20)

typedef enum {
    FINDING_EMPTY,
    FINDING_NON_SPEECH,
    FINDING_DUPLICATE,
    FINDING_DISAGREE,
    FINDING_SCRIPT,
    FINDING_LENGTH,
    FINDING_COUNT
} finding;

static const struct {
    const char *key, *column, *text;
} findings[FINDING_COUNT] = {
    {"empty", "empty", "the label has no words"},
    {"non_speech", "marks", "the label is only a mark such as [noise] or <unk>"},
    {"duplicate", "twice", "other utterances carry the same label"},
    {"disagree", "disagree", "the second transcriber heard something else"},
    {"script", "script", "label and hypothesis are written in different scripts"},
    {"length", "length", "label and hypothesis differ in length three times or more"},
};

typedef struct {
    uint64_t utterances, flagged, found[FINDING_COUNT];
} audit_row;

/* One utterance with something wrong. */
typedef struct {
    const transcript *item;
    unsigned found;         /* bit by bit */
    const transcript *twin; /* the first with the same label */
    audit_script ref_script, hyp_script;
} audit_flag;

typedef struct {
    uint64_t hash;
    size_t item;
} label_hash;

typedef struct {
    transcripts *first, *second; /* second may be NULL */
    const transcript *items;     /* [n] */
    size_t n;
    audit_flag *flags; /* [n] */
    score_profile profile;
    size_t duplicate_words;
    slices by;
    bool sliced, show_text;
    audit_row total, *rows; /* [n_rows] by slice */
    size_t rows_size, shown_ids;
    uint64_t compared; /* with the second transcriber */
    score_pair pair;
    score_counts disagreement;
} audit_run;

static status no_memory(diag *d) {
    return diag_set(d, ERR_MEMORY, "no memory");
}

static void flag(audit_run *run, size_t i, finding what) {
    run->flags[i].found |= 1u << what;
}

static void look_at_texts(audit_run *run, size_t i) {
    const transcript *t = &run->items[i];
    if (audit_is_empty(t->ref, t->ref_bytes))
        flag(run, i, FINDING_EMPTY);
    else if (audit_is_non_speech(t->ref, t->ref_bytes))
        flag(run, i, FINDING_NON_SPEECH);
    if (!t->hyp || run->flags[i].found)
        return;
    audit_script ref = audit_script_of(t->ref, t->ref_bytes);
    audit_script hyp = audit_script_of(t->hyp, t->hyp_bytes);
    run->flags[i].ref_script = ref;
    run->flags[i].hyp_script = hyp;
    if (ref != hyp && ref != AUDIT_SCRIPT_NONE && hyp != AUDIT_SCRIPT_NONE)
        flag(run, i, FINDING_SCRIPT);
    else if (audit_is_unlike_in_length(t->ref, t->ref_bytes, t->hyp, t->hyp_bytes))
        flag(run, i, FINDING_LENGTH);
}

static status compare_second(audit_run *run, size_t i, diag *d) {
    const transcript *t = &run->items[i];
    const transcript *other = run->second ? transcripts_find(run->second, t->id) : NULL;
    if (!other)
        return OK;
    score_pair *p = &run->pair;
    status s = score_side_set(&p->ref, run->profile, false, t->ref, t->ref_bytes);
    if (s == OK)
        s = score_side_set(&p->hyp, run->profile, false, other->ref, other->ref_bytes);
    if (s == OK)
        s = score_pair_align(p, score_levenshtein, false);
    if (s == ERR_LIMIT)
        return diag_field(d, s, "id", "%.80s has more than %d words", t->id,
                          SCORE_WORDS_MAX);
    if (s != OK)
        return no_memory(d);
    run->compared++;
    score_add(&run->disagreement, &p->counts);
    if (score_errors(&p->counts) > 0)
        flag(run, i, FINDING_DISAGREE);
    return OK;
}

static int by_hash(const void *a, const void *b) {
    const label_hash *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* The words of two labels are the same; the hashes already are. */
static status same_words(audit_run *run, size_t a, size_t b, bool *out) {
    const transcript *x = &run->items[a], *y = &run->items[b];
    score_pair *p = &run->pair;
    status s = score_side_set(&p->ref, run->profile, false, x->ref, x->ref_bytes);
    if (s == OK)
        s = score_side_set(&p->hyp, run->profile, false, y->ref, y->ref_bytes);
    if (s != OK)
        return s;
    *out = p->ref.n == p->hyp.n;
    for (size_t i = 0; *out && i < p->ref.n; i++)
        *out = score_same(&p->ref.words[i], &p->hyp.words[i]);
    return OK;
}

/* Labels of enough words, by hash, so that equal ones stand together. */
static status find_duplicates(audit_run *run, diag *d) {
    label_hash *list = malloc((run->n + 1) * sizeof *list);
    size_t n = 0;
    status s = list ? OK : no_memory(d);
    for (size_t i = 0; s == OK && i < run->n; i++) {
        const transcript *t = &run->items[i];
        const score_side *ref = &run->pair.ref;
        if (score_side_set(&run->pair.ref, run->profile, false, t->ref, t->ref_bytes) !=
            OK)
            s = no_memory(d);
        else if (ref->n >= run->duplicate_words) {
            uint64_t hash = ref->n;
            for (size_t k = 0; k < ref->n; k++)
                hash = (hash ^ ref->words[k].hash) * 0x9e3779b97f4a7c15u;
            list[n++] = (label_hash){hash, i};
        }
    }
    if (s == OK && n > 0)
        qsort(list, n, sizeof *list, by_hash);
    for (size_t i = 1, first = 0; s == OK && i < n; i++) {
        bool same = false;
        if (list[i].hash == list[first].hash &&
            same_words(run, list[first].item, list[i].item, &same) != OK)
            s = no_memory(d);
        if (!same) {
            first = i;
            continue;
        }
        flag(run, list[first].item, FINDING_DUPLICATE);
        flag(run, list[i].item, FINDING_DUPLICATE);
        run->flags[list[i].item].twin = &run->items[list[first].item];
    }
    free(list);
    return s;
}

static void count_row(audit_row *row, unsigned found) {
    row->utterances++;
    row->flagged += found != 0;
    for (int f = 0; f < FINDING_COUNT; f++)
        row->found[f] += found >> f & 1;
}

static status look(audit_run *run, diag *d) {
    status s = find_duplicates(run, d);
    for (size_t i = 0; s == OK && i < run->n; i++) {
        run->flags[i].item = &run->items[i];
        look_at_texts(run, i);
        s = compare_second(run, i, d);
        count_row(&run->total, run->flags[i].found);
        size_t slice;
        if (s != OK || !run->sliced)
            continue;
        s = slices_of(&run->by, &run->items[i], score_input_value, &slice, d);
        if (s != OK)
            break;
        audit_row *rows =
            score_grown(run->rows, &run->rows_size, slice + 1, sizeof *rows);
        if (!rows)
            return no_memory(d);
        run->rows = rows;
        count_row(&rows[slice], run->flags[i].found);
    }
    return s;
}

static void add_row(const char *name, const audit_row *row, buf *out) {
    buf_addf(out, "%-32s %7llu %7llu", name, (unsigned long long)row->utterances,
             (unsigned long long)row->flagged);
    for (int f = 0; f < FINDING_COUNT; f++)
        buf_addf(out, " %8llu", (unsigned long long)row->found[f]);
    buf_add_text(out, "\n");
}

static void add_text(const char *name, const char *text, buf *out) {
    if (text)
        buf_addf(out, "      %s: %s\n", name, text);
}

static void add_flag(const audit_run *run, const audit_flag *f, finding what, buf *out) {
    buf_addf(out, "  %s", f->item->id);
    if (what == FINDING_DUPLICATE && f->twin)
        buf_addf(out, " (as %s)", f->twin->id);
    if (what == FINDING_SCRIPT)
        buf_addf(out, " (%s label, %s hypothesis)", audit_script_name(f->ref_script),
                 audit_script_name(f->hyp_script));
    buf_add_text(out, "\n");
    if (!run->show_text)
        return;
    add_text("label", f->item->ref, out);
    if (what == FINDING_DISAGREE)
        add_text("second", transcripts_find(run->second, f->item->id)->ref, out);
    if (what == FINDING_SCRIPT || what == FINDING_LENGTH)
        add_text("heard", f->item->hyp, out);
}

static void add_findings(const audit_run *run, finding what, buf *out) {
    uint64_t all = run->total.found[what];
    size_t shown = 0;
    if (all == 0)
        return;
    buf_addf(out, "\n%s: %s (%llu)\n", findings[what].column, findings[what].text,
             (unsigned long long)all);
    for (size_t i = 0; i < run->n && shown < run->shown_ids; i++)
        if (run->flags[i].found >> what & 1) {
            add_flag(run, &run->flags[i], what, out);
            shown++;
        }
    if (shown < all)
        buf_addf(out, "  ... and %llu more (--ids N)\n",
                 (unsigned long long)(all - shown));
}

static void print(const audit_run *run, const size_t *order, buf *out) {
    buf_addf(out, "profile %s; the same label counts from %zu words on\n",
             score_profile_name(run->profile), run->duplicate_words);
    if (run->second)
        buf_addf(out,
                 "second transcriber: %llu of %zu utterances, %.2f %% of their words "
                 "differ\n",
                 (unsigned long long)run->compared, run->n,
                 100 * score_wer(&run->disagreement));
    buf_addf(out, "\n%-32s %7s %7s", "", "utt", "flagged");
    for (int f = 0; f < FINDING_COUNT; f++)
        buf_addf(out, " %8s", findings[f].column);
    buf_add_text(out, "\n");
    add_row("all", &run->total, out);
    for (size_t i = 0; i < run->by.n; i++)
        add_row(run->by.names[order[i]], &run->rows[order[i]], out);
    for (int f = 0; f < FINDING_COUNT; f++)
        add_findings(run, (finding)f, out);
}

static void add_row_json(const audit_row *row, buf *out) {
    buf_addf(out, "\"utterances\":%llu,\"flagged\":%llu",
             (unsigned long long)row->utterances, (unsigned long long)row->flagged);
    for (int f = 0; f < FINDING_COUNT; f++)
        buf_addf(out, ",\"%s\":%llu", findings[f].key, (unsigned long long)row->found[f]);
}

static void add_pair_json(const char *key, const char *text, buf *out) {
    if (!text)
        return;
    buf_addf(out, ",\"%s\":", key);
    buf_add_json(out, text);
}

static void add_flag_json(const audit_run *run, const audit_flag *f, buf *out) {
    buf_add_text(out, "{\"id\":");
    buf_add_json(out, f->item->id);
    buf_add_text(out, ",\"findings\":[");
    const char *comma = "";
    for (int k = 0; k < FINDING_COUNT; k++)
        if (f->found >> k & 1) {
            buf_addf(out, "%s\"%s\"", comma, findings[k].key);
            comma = ",";
        }
    buf_add_text(out, "]");
    add_pair_json("same_as", f->twin ? f->twin->id : NULL, out);
    if (f->found >> FINDING_SCRIPT & 1) {
        add_pair_json("label_script", audit_script_name(f->ref_script), out);
        add_pair_json("hypothesis_script", audit_script_name(f->hyp_script), out);
    }
    if (run->show_text) {
        const transcript *other =
            run->second ? transcripts_find(run->second, f->item->id) : NULL;
        add_pair_json("label", f->item->ref, out);
        add_pair_json("second", other ? other->ref : NULL, out);
        add_pair_json("hypothesis", f->item->hyp, out);
    }
    buf_add_text(out, "}");
}

static void print_json(const audit_run *run, const size_t *order, buf *out) {
    buf_addf(out, "{\"profile\":\"%s\",\"duplicate_words\":%zu,\"total\":{",
             score_profile_name(run->profile), run->duplicate_words);
    add_row_json(&run->total, out);
    buf_addf(out, "},\n\"compared_with_second\":%llu,\"second_word_difference\":",
             (unsigned long long)run->compared);
    if (run->compared)
        buf_add_number(out, score_wer(&run->disagreement));
    else
        buf_add_text(out, "null");
    buf_add_text(out, ",\n\"slices\":[");
    for (size_t i = 0; i < run->by.n; i++) {
        buf_addf(out, "%s\n{\"slice\":", i ? "," : "");
        buf_add_json(out, run->by.names[order[i]]);
        buf_add_text(out, ",");
        add_row_json(&run->rows[order[i]], out);
        buf_add_text(out, "}");
    }
    buf_add_text(out, "],\n\"flagged\":[");
    const char *comma = "";
    for (size_t i = 0; i < run->n; i++) {
        if (!run->flags[i].found)
            continue;
        buf_addf(out, "%s\n", comma);
        add_flag_json(run, &run->flags[i], out);
        comma = ",";
    }
    buf_add_text(out, "]}\n");
}

static status show(const audit_run *run, bool json, diag *d) {
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

/* Labels from one file, hypotheses from the same or another, or none. */
static status read_labels(audit_run *run, const args *a, diag *d) {
    const char *path = args_text(a, "ref", NULL), *hyp = args_text(a, "hyp", NULL);
    const char *second = args_text(a, "second", NULL);
    if ((a->n_positional == 1) == (path != NULL) || a->n_positional > 1)
        return diag_set(d, ERR_INVALID, "give one file of labels, by name or as --ref");
    status s =
        transcripts_read(path ? path : a->positional[0], TRANSCRIPTS_REF, &run->first, d);
    if (s == OK && hyp)
        s = transcripts_add_hypotheses(run->first, hyp, d);
    if (s == OK && second)
        s = transcripts_read(second, TRANSCRIPTS_REF, &run->second, d);
    if (s != OK)
        return s;
    run->items = transcripts_all(run->first, &run->n);
    run->flags = calloc(run->n, sizeof *run->flags);
    return run->flags ? OK : no_memory(d);
}

static status set_up(audit_run *run, const args *a, diag *d) {
    const char *by = args_text(a, "by", NULL);
    run->sliced = by != NULL;
    run->show_text = args_has(a, "show-text");
    run->shown_ids = (size_t)args_number(a, "ids", 10);
    run->duplicate_words = (size_t)args_number(a, "duplicate-words", 5);
    status s = by ? slices_init(&run->by, by, d) : OK;
    if (s != OK)
        snprintf(d->field, sizeof d->field, "--by");
    return s == OK ? score_input_profile(a, &run->profile, d) : s;
}

static int run_audit(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    audit_run run = {0};
    status s = set_up(&run, &a, &d);
    if (s == OK)
        s = read_labels(&run, &a, &d);
    if (s == OK)
        s = look(&run, &d);
    if (s == OK)
        s = show(&run, a.json, &d);
    if (s == OK) {
        double limit = args_number(&a, "fail-over", 100);
        double share = 100 * (double)run.total.flagged / (double)run.total.utterances;
        exit_status = share > limit ? EXIT_NO : EXIT_GOOD;
    } else {
        exit_status =
            args_fail(self, &d, a.json, s == ERR_MEMORY ? EXIT_FAILED : EXIT_USAGE);
    }
    transcripts_destroy(run.first);
    transcripts_destroy(run.second);
    slices_deinit(&run.by);
    score_pair_deinit(&run.pair);
    free(run.flags);
    free(run.rows);
    return exit_status;
}

static const arg_option options[] = {
    SCORE_INPUT_OPTIONS,
    {"second", ARG_TEXT, "FILE", 0, 0,
     "the same utterances by a second transcriber, as references; some are enough"},
    {"profile", ARG_TEXT, "NAME", 0, 0,
     "when two labels are the same: none, lower, basic, spoken, english; default basic"},
    {"by", ARG_TEXT, "ATTR[,ATTR]", 0, 0, "a row for each of these slices"},
    {"duplicate-words", ARG_INT, "N", 1, 1000,
     "shorter labels may repeat: people say yes more than once; default 5"},
    {"ids", ARG_INT, "N", 0, 10000000, "ids listed for a finding; default 10"},
    {"show-text", ARG_FLAG, NULL, 0, 0, "show the texts, not only their ids"},
    {"fail-over", ARG_NUMBER, "PERCENT", 0, 100,
     "exit with 1 when more utterances than this are flagged"},
};

const command score_audit_command = {
    .name = "score audit",
    .positional = "[FILE]",
    .summary = "labels that should be listened to before anybody is scored against them",
    .details =
        "FILE or --ref: .jsonl, .trn or .stm. Hypotheses, in the same .jsonl or by "
        "--hyp, "
        "also allow to compare script and length.\n\n"
        "Ids are shown, texts only with --show-text.\n\n"
        "Exit status: 0 good, 1 more flagged than --fail-over, 2 usage or bad input, "
        "3 failure.",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .run = run_audit,
};
