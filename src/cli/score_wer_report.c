#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/score_wer.h"
#include "stats/interval.h"

#define NAME_WIDTH 32

static unsigned long long n_of(uint64_t n) {
    return (unsigned long long)n;
}

/* A WER below nothing is not meant; above 100 % it may well be. */
static stats_interval interval_of(const wer_row *row) {
    stats_interval i = stats_ratio_interval(&row->units, WER_CONFIDENCE);
    i.low = i.low < 0 ? 0 : i.low;
    return i;
}

static const char *costs_text(const wer_result *r) {
    return r->costs.ties == SCORE_DIAGONAL_FIRST ? "sclite (4 3 3)"
                                                 : "levenshtein (1 1 1)";
}

static void add_interval(buf *out, stats_interval i) {
    if (isfinite(i.low) && isfinite(i.high))
        buf_addf(out, "%6.2f .. %.2f", 100 * i.low, 100 * i.high);
    else
        buf_add_text(out, "     - (one unit)");
}

static void add_row(const char *name, const wer_row *row, buf *out) {
    const score_counts *c = &row->counts;
    buf_addf(out, "%-*s %6llu %8llu %8llu %6llu %6llu %6llu %7.2f ", NAME_WIDTH, name,
             n_of(row->utterances), n_of(score_reference_words(c)), n_of(c->correct),
             n_of(c->substitutions), n_of(c->deletions), n_of(c->insertions),
             100 * score_wer(c));
    add_interval(out, interval_of(row));
    buf_add_text(out, "\n");
}

static void add_table(const wer_result *r, const wer_table *t, buf *out) {
    buf_addf(out, "%-*s %6s %8s %8s %6s %6s %6s %7s  95 %% over %s\n", NAME_WIDTH,
             t->by ? t->by : "", "utt", r->characters ? "chars" : "words", "corr", "sub",
             "del", "ins", r->characters ? "CER %" : "WER %",
             t->by_speaker ? "speakers" : "utterances");
    for (size_t i = 0; i < t->n_rows; i++) {
        size_t row = t->order[i];
        add_row(t->by ? t->slices.names[row] : "all", &t->rows[row], out);
    }
}

static void add_entity_row(const char *name, uint64_t said, uint64_t heard, buf *out) {
    buf_addf(out, "%-*s %6llu %8llu %8.2f  ", NAME_WIDTH, name, n_of(said), n_of(heard),
             100 * (double)heard / (double)said);
    add_interval(out, stats_wilson(heard, said, WER_CONFIDENCE));
    buf_add_text(out, "\n");
}

static struct wer_entity entity_total(const wer_entities *e) {
    struct wer_entity all = {0};
    for (size_t i = 0; i < e->types.n; i++) {
        all.said += e->rows[i].said;
        all.heard += e->rows[i].heard;
    }
    return all;
}

static void add_entities(const wer_entities *e, buf *out) {
    if (e->types.n == 0)
        return;
    buf_addf(out, "\n%-*s %6s %8s %8s  %s\n", NAME_WIDTH, "entities", "said", "heard",
             "recall %", "95 % (Wilson)");
    for (size_t i = 0; i < e->types.n; i++)
        add_entity_row(e->types.names[i] + strlen("type="), e->rows[i].said,
                       e->rows[i].heard, out);
    struct wer_entity all = entity_total(e);
    if (e->types.n > 1)
        add_entity_row("all", all.said, all.heard, out);
}

static void add_word(buf *out, const score_word *word, int width) {
    if (word->bytes == 0)
        buf_addf(out, "%*s", width, "-");
    else
        buf_addf(out, "%*.*s", width, (int)word->bytes, word->text);
}

static void add_confusions(const wer_result *r, buf *out) {
    const wer_confusions *c = &r->confusions;
    size_t n = c->n < r->show_confusions ? c->n : r->show_confusions;
    if (r->show_confusions == 0)
        return;
    buf_addf(out, "\nthe %zu most frequent of %zu different errors (- is no word)\n", n,
             c->n);
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "%8llu ", n_of(c->list[i].count));
        add_word(out, &c->list[i].ref, 20);
        buf_add_text(out, " -> ");
        add_word(out, &c->list[i].hyp, 0);
        buf_add_text(out, "\n");
    }
}

void wer_print(const wer_result *r, buf *out) {
    const wer_row *all = &r->tables[0].rows[0];
    buf_addf(out, "profile %s, costs %s%s\n\n", score_profile_name(r->profile),
             costs_text(r), r->compounds ? ", compounds joined" : "");
    for (size_t i = 0; i < r->n_tables; i++) {
        buf_add_text(out, i > 1 ? "\n" : "");
        add_table(r, &r->tables[i], out);
        if (i == 0)
            buf_addf(out,
                     "%-*s match error rate %.2f %%, word information lost %.2f %%\n%s",
                     NAME_WIDTH, "", 100 * score_mer(&all->counts),
                     100 * score_wil(&all->counts), r->n_tables > 1 ? "\n" : "");
    }
    add_entities(&r->entities, out);
    add_confusions(r, out);
}

static void add_json_share(const char *name, double value, buf *out) {
    buf_addf(out, "\"%s\":", name);
    buf_add_number(out, value);
}

static void add_json_interval(stats_interval i, buf *out) {
    if (!isfinite(i.low) || !isfinite(i.high)) {
        buf_add_text(out, ",\"interval\":null");
        return;
    }
    buf_add_text(out, ",\"interval\":[");
    buf_add_number(out, i.low);
    buf_add_text(out, ",");
    buf_add_number(out, i.high);
    buf_add_text(out, "]");
}

static void add_json_row(const wer_row *row, buf *out) {
    const score_counts *c = &row->counts;
    buf_addf(out,
             "\"utterances\":%llu,\"words\":%llu,\"correct\":%llu,\"substitutions\":%llu,"
             "\"deletions\":%llu,\"insertions\":%llu,",
             n_of(row->utterances), n_of(score_reference_words(c)), n_of(c->correct),
             n_of(c->substitutions), n_of(c->deletions), n_of(c->insertions));
    add_json_share("wer", score_wer(c), out);
    add_json_interval(interval_of(row), out);
    buf_addf(out, ",\"interval_units\":%.0f", row->units.n);
}

static void add_json_table(const wer_table *t, buf *out) {
    buf_add_text(out, "{\"by\":");
    buf_add_json(out, t->by);
    buf_addf(out, ",\"interval_over\":\"%s\",\"slices\":[",
             t->by_speaker ? "speaker" : "utterance");
    for (size_t i = 0; i < t->n_rows; i++) {
        buf_addf(out, "%s\n{\"slice\":", i ? "," : "");
        buf_add_json(out, t->slices.names[t->order[i]]);
        buf_add_text(out, ",");
        add_json_row(&t->rows[t->order[i]], out);
        buf_add_text(out, "}");
    }
    buf_add_text(out, "]}");
}

static void add_json_entities(const wer_entities *e, buf *out) {
    buf_add_text(out, ",\n\"entities\":[");
    for (size_t i = 0; i < e->types.n; i++) {
        buf_addf(out, "%s\n{", i ? "," : "");
        buf_add_text(out, "\"type\":");
        buf_add_json(out, e->types.names[i] + strlen("type="));
        buf_addf(out, ",\"said\":%llu,\"heard\":%llu,", n_of(e->rows[i].said),
                 n_of(e->rows[i].heard));
        add_json_share("recall", (double)e->rows[i].heard / (double)e->rows[i].said, out);
        add_json_interval(stats_wilson(e->rows[i].heard, e->rows[i].said, WER_CONFIDENCE),
                          out);
        buf_add_text(out, "}");
    }
    buf_add_text(out, "]");
}

static void add_json_confusions(const wer_result *r, buf *out) {
    const wer_confusions *c = &r->confusions;
    size_t n = c->n < r->show_confusions ? c->n : r->show_confusions;
    buf_add_text(out, ",\n\"confusions\":[");
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "%s\n{\"count\":%llu,\"ref\":", i ? "," : "",
                 n_of(c->list[i].count));
        wer_add_json_word(&c->list[i].ref, out);
        buf_add_text(out, ",\"hyp\":");
        wer_add_json_word(&c->list[i].hyp, out);
        buf_add_text(out, "}");
    }
    buf_add_text(out, "]");
}

void wer_print_json(const wer_result *r, buf *out) {
    const wer_row *all = &r->tables[0].rows[0];
    buf_addf(out,
             "\"profile\":\"%s\",\"costs\":[%d,%d,%d],\"unit\":\"%s\","
             "\"compounds\":%s,\"interval_over\":\"%s\",\n\"total\":{",
             score_profile_name(r->profile), r->costs.substitution, r->costs.deletion,
             r->costs.insertion, r->characters ? "character" : "word",
             r->compounds ? "true" : "false",
             r->tables[0].by_speaker ? "speaker" : "utterance");
    add_json_row(all, out);
    buf_add_text(out, ",");
    add_json_share("mer", score_mer(&all->counts), out);
    buf_add_text(out, ",");
    add_json_share("wil", score_wil(&all->counts), out);
    buf_add_text(out, "},\n\"tables\":[");
    for (size_t i = 1; i < r->n_tables; i++) {
        buf_add_text(out, i > 1 ? ",\n" : "\n");
        add_json_table(&r->tables[i], out);
    }
    buf_add_text(out, "]");
    add_json_entities(&r->entities, out);
    add_json_confusions(r, out);
}
