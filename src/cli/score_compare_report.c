#include <math.h>

#include "cli/score_compare.h"
#include "stats/tests.h"

#define NAME_WIDTH 26

static unsigned long long n_of(uint64_t n) {
    return (unsigned long long)n;
}

static const char *costs_text(const compare_result *r) {
    return r->costs.ties == SCORE_DIAGONAL_FIRST ? "sclite (4 3 3)"
                                                 : "levenshtein (1 1 1)";
}

/* NULL: the blocks are speakers. */
static const char *warning_of(const compare_result *r) {
    if (r->tables[0].by_speaker)
        return NULL;
    return r->speakers_known ? "too narrow: utterances of one speaker fail together; "
                               "--unit speaker knows it"
                             : "too narrow where one speaker has several, which fail "
                               "together; none are named";
}

static const char *blocks_text(const compare_table *t) {
    return t->by_speaker ? "speakers" : "utterances";
}

/* What a verdict says, in a table and in the first lines. */
static const char *verdict_text(score_verdict v) {
    switch (v) {
    case SCORE_B_BETTER:
        return "B is better";
    case SCORE_B_WORSE:
        return "B is worse";
    case SCORE_NO_DIFFERENCE:
        return "no difference seen";
    case SCORE_CANNOT_TELL:
        break;
    }
    return "cannot tell";
}

static const char *verdict_name(score_verdict v) {
    static const char *const names[] = {"cannot_tell", "no_difference", "b_better",
                                        "b_worse"};
    return names[v];
}

/* Why nothing can be told. */
static void add_reason(const compare_table *t, const compare_row *row, buf *out) {
    if (row->sum.words == 0)
        buf_add_text(out, "no words");
    else if (row->blocks < SCORE_BLOCKS_LEAST)
        buf_addf(out, "%zu %s; %d are the least", row->blocks, blocks_text(t),
                 SCORE_BLOCKS_LEAST);
    else if (row->result.absolute.se == 0)
        buf_addf(out, "all %s differ by the same%s: without spread there is no interval",
                 blocks_text(t), row->sum.a == row->sum.b ? ", nothing" : " share");
    else
        buf_addf(out, "the difference is the same for too many of its %s",
                 blocks_text(t));
}

static double relative_detectable(const compare_row *row) {
    return row->result.absolute.detectable / row->result.wer_a;
}

static void add_percent(buf *out, int width, double share) {
    if (isfinite(share))
        buf_addf(out, "%*.2f", width, 100 * share);
    else
        buf_addf(out, "%*s", width, "-");
}

/* -0.84 (-1.20 .. -0.48) */
static void add_difference(buf *out, int width, const score_difference *d) {
    buf cell;
    buf_init(&cell, 128);
    if (!isfinite(d->estimate))
        buf_add_text(&cell, "-");
    else if (!isfinite(d->interval.low))
        buf_addf(&cell, "%+.2f (no interval)", 100 * d->estimate);
    else
        buf_addf(&cell, "%+.2f (%+.2f .. %+.2f)", 100 * d->estimate,
                 100 * d->interval.low, 100 * d->interval.high);
    buf_addf(out, "%-*s", width, buf_text(&cell));
    buf_deinit(&cell);
}

static void add_p(buf *out, double p) {
    if (p < 1e-4)
        buf_add_text(out, "p < 0.0001");
    else
        buf_addf(out, "p %.4f", p);
}

static void add_p_cell(buf *out, double p) {
    if (p < 1e-4)
        buf_add_text(out, "  <0.0001");
    else
        buf_addf(out, "%9.4f", p);
}

/* What the sample can show, and so what it cannot. */
static void add_detectable(const compare_row *row, buf *out) {
    buf_addf(out, "This sample would show a difference of %.2f points",
             100 * row->result.absolute.detectable);
    if (isfinite(relative_detectable(row)))
        buf_addf(out, ", %.1f %% relative,", 100 * relative_detectable(row));
    buf_addf(out, " with %.0f %% probability.\n", 100 * COMPARE_POWER);
}

static void add_protected(const compare_result *r, buf *out) {
    for (size_t t = 1; t < r->n_tables; t++)
        for (size_t i = 0; i < r->tables[t].n_rows; i++) {
            const compare_row *row = &r->tables[t].rows[r->tables[t].order[i]];
            if (row->role != COMPARE_PROTECTED || row->verdict == SCORE_NO_DIFFERENCE)
                continue;
            buf_addf(out, "%s on %s, which is protected", verdict_text(row->verdict),
                     r->tables[t].slices.names[r->tables[t].order[i]]);
            if (row->verdict == SCORE_CANNOT_TELL) {
                buf_add_text(out, ": ");
                add_reason(&r->tables[t], row, out);
            }
            buf_add_text(out, ".\n");
        }
}

static void add_overall(const compare_result *r, buf *out) {
    const compare_table *t = &r->tables[0];
    const compare_row *row = compare_overall(r);
    const score_comparison *c = &row->result;
    buf_addf(out, "A %s: WER ", r->paths[0]);
    add_percent(out, 0, c->wer_a);
    buf_addf(out, " %%\nB %s: WER ", r->paths[1]);
    add_percent(out, 0, c->wer_b);
    buf_add_text(out, " %\nB - A: ");
    add_difference(out, 0, &c->absolute);
    buf_add_text(out, " points, ");
    add_difference(out, 0, &c->relative);
    buf_addf(out, " %% relative; 95 %% over %zu %s\n", row->blocks, blocks_text(t));
    if (warning_of(r))
        buf_addf(out, "       (%s)\n", warning_of(r));
    buf_addf(out, "\n%s", verdict_text(row->verdict));
    if (row->verdict == SCORE_CANNOT_TELL) {
        buf_add_text(out, ": ");
        add_reason(t, row, out);
        buf_add_text(out, ".\n");
    } else {
        buf_add_text(out, ", ");
        add_p(out, row->p);
        buf_add_text(out, ". ");
        add_detectable(row, out);
    }
    add_protected(r, out);
}

/* Other tests of the same question. */
static void add_second_opinions(const compare_result *r, buf *out) {
    const compare_row *row = compare_overall(r);
    uint64_t only_a = r->right[1][0], only_b = r->right[0][1];
    buf_addf(out, "\nMAPSSWE    z %.3f, ", row->mapsswe.z);
    add_p(out, row->mapsswe.p);
    buf_addf(out, ": %llu segments, as if independent of each other\n",
             n_of(row->segments.n));
    if (r->tables[0].by_speaker) {
        buf_addf(out, "Wilcoxon   z %.2f, ", r->wilcoxon.z);
        add_p(out, r->wilcoxon.p);
        buf_addf(out, ": B is better for %zu speakers, worse for %zu\n",
                 r->wilcoxon.positive, r->wilcoxon.negative);
    }
    buf_add_text(out, "McNemar    ");
    add_p(out, stats_mcnemar(only_a, only_b).two_sided);
    buf_addf(out, ": %llu utterances only A has right, %llu only B\n", n_of(only_a),
             n_of(only_b));
}

static void add_row(const compare_table *t, size_t i, buf *out) {
    const compare_row *row = &t->rows[i];
    const score_comparison *c = &row->result;
    buf_addf(out, "%-*s %6zu %8.0f", NAME_WIDTH, t->slices.names[i], row->blocks,
             row->sum.words);
    add_percent(out, 8, c->wer_a);
    add_percent(out, 8, c->wer_b);
    buf_add_text(out, "  ");
    add_difference(out, 26, &c->absolute);
    add_percent(out, 8, c->relative.estimate);
    add_percent(out, 8, relative_detectable(row));
    add_p_cell(out, row->mapsswe.p);
    add_p_cell(out, row->p);
    buf_addf(out, "  %s%s", row->role == COMPARE_PROTECTED ? "protected: " : "",
             verdict_text(row->verdict));
    if (row->verdict == SCORE_CANNOT_TELL) {
        buf_add_text(out, ": ");
        add_reason(t, row, out);
    }
    buf_add_text(out, "\n");
}

static bool is_shown(const compare_table *t, const compare_row *row) {
    return !t->only_protected || row->role == COMPARE_PROTECTED;
}

static void add_table(const compare_result *r, const compare_table *t, buf *out) {
    buf_addf(out, "\n%-*s %6s %8s%8s%8s  %-26s%8s%8s%9s%9s\n", NAME_WIDTH, t->by,
             t->by_speaker ? "spk" : "utt", r->characters ? "chars" : "words", "A %",
             "B %", "B - A points (95 %)", "rel. %", "shows %", "MAPSSWE", "p adj.");
    for (size_t i = 0; i < t->n_rows; i++)
        if (is_shown(t, &t->rows[t->order[i]]))
            add_row(t, t->order[i], out);
}

void compare_print(const compare_result *r, buf *out) {
    buf_addf(out, "profile %s, costs %s, %zu resamplings, seed %llu\n\n",
             score_profile_name(r->profile), costs_text(r), r->resampling.replicates,
             n_of(r->resampling.seed));
    add_overall(r, out);
    add_second_opinions(r, out);
    for (size_t i = 1; i < r->n_tables; i++)
        add_table(r, &r->tables[i], out);
    if (r->n_tables > 1)
        buf_addf(out,
                 "\nshows: the relative difference this slice would show with %.0f %% "
                 "probability, asked alone.\np adj.: by Holm over protected slices, by "
                 "Benjamini-Hochberg over the others; it decides at %.2f.\n",
                 100 * COMPARE_POWER, 1 - COMPARE_CONFIDENCE);
}

static void add_json(const char *name, double value, buf *out) {
    buf_addf(out, "\"%s\":", name);
    buf_add_number(out, value);
    buf_add_text(out, ",");
}

static void add_json_difference(const char *name, const score_difference *d, buf *out) {
    buf_addf(out, "\"%s\":{", name);
    add_json("estimate", d->estimate, out);
    if (isfinite(d->interval.low)) {
        buf_add_text(out, "\"interval\":[");
        buf_add_number(out, d->interval.low);
        buf_add_text(out, ",");
        buf_add_number(out, d->interval.high);
        buf_add_text(out, "],");
    } else {
        buf_add_text(out, "\"interval\":null,");
    }
    add_json("standard_error", d->se, out);
    add_json("detectable", d->detectable, out);
    buf_add_text(out, "\"p\":");
    buf_add_number(out, d->p);
    buf_add_text(out, "},");
}

static void add_json_spread(const char *name, score_spread s, buf *out) {
    buf_addf(out, "\"%s\":{\"mean\":", name);
    buf_add_number(out, s.mean);
    buf_add_text(out, ",\"sd\":");
    buf_add_number(out, s.sd);
    buf_add_text(out, "},");
}

static void add_json_row(const compare_row *row, buf *out) {
    static const char *const roles[] = {"overall", "protected", "explored"};
    const score_comparison *c = &row->result;
    buf_addf(out,
             "\"role\":\"%s\",\"verdict\":\"%s\",\"utterances\":%llu,\"units\":%zu,"
             "\"words\":%.0f,\"errors_a\":%.0f,\"errors_b\":%.0f,",
             roles[row->role], verdict_name(row->verdict), n_of(row->utterances),
             row->blocks, row->sum.words, row->sum.a, row->sum.b);
    add_json("wer_a", c->wer_a, out);
    add_json("wer_b", c->wer_b, out);
    add_json("p_adjusted", row->p, out);
    add_json_difference("difference", &c->absolute, out);
    add_json_difference("relative", &c->relative, out);
    add_json_spread("resampled_a", c->resampled_a, out);
    add_json_spread("resampled_b", c->resampled_b, out);
    add_json("resampled_b_better", c->b_better, out);
    buf_addf(out, "\"mapsswe\":{\"segments\":%llu,\"errors_a\":%llu,\"errors_b\":%llu,",
             n_of(row->segments.n), n_of(row->segments.errors_a),
             n_of(row->segments.errors_b));
    add_json("mean", row->mapsswe.mean, out);
    add_json("sd", row->mapsswe.sd, out);
    add_json("z", row->mapsswe.z, out);
    buf_add_text(out, "\"p\":");
    buf_add_number(out, row->mapsswe.p);
    buf_add_text(out, "}");
}

static void add_json_table(const compare_table *t, buf *out) {
    buf_add_text(out, "{\"by\":");
    buf_add_json(out, t->by);
    buf_addf(out, ",\"interval_over\":\"%s\",\"slices\":[",
             t->by_speaker ? "speaker" : "utterance");
    const char *comma = "";
    for (size_t i = 0; i < t->n_rows; i++) {
        const compare_row *row = &t->rows[t->order[i]];
        if (!is_shown(t, row))
            continue;
        buf_addf(out, "%s\n{\"slice\":", comma);
        buf_add_json(out, t->slices.names[t->order[i]]);
        buf_add_text(out, ",");
        add_json_row(row, out);
        buf_add_text(out, "}");
        comma = ",";
    }
    buf_add_text(out, "]}");
}

static void add_json_opinions(const compare_result *r, buf *out) {
    uint64_t only_a = r->right[1][0], only_b = r->right[0][1];
    buf_addf(out,
             ",\n\"mcnemar\":{\"both_right\":%llu,\"only_a_right\":%llu,"
             "\"only_b_right\":%llu,\"both_wrong\":%llu,\"p\":",
             n_of(r->right[1][1]), n_of(only_a), n_of(only_b), n_of(r->right[0][0]));
    buf_add_number(out, stats_mcnemar(only_a, only_b).two_sided);
    if (!r->tables[0].by_speaker) {
        buf_add_text(out, "},\n\"wilcoxon\":null");
        return;
    }
    const score_wilcoxon_result *w = &r->wilcoxon;
    buf_addf(out, "},\n\"wilcoxon\":{\"b_better\":%zu,\"b_worse\":%zu,", w->positive,
             w->negative);
    add_json("b_better_ranks", w->positive_ranks, out);
    add_json("b_worse_ranks", w->negative_ranks, out);
    add_json("z", w->z, out);
    buf_add_text(out, "\"p\":");
    buf_add_number(out, w->p);
    buf_add_text(out, "}");
}

void compare_print_json(const compare_result *r, buf *out) {
    buf_add_text(out, "{\"a\":");
    buf_add_json(out, r->paths[0]);
    buf_add_text(out, ",\"b\":");
    buf_add_json(out, r->paths[1]);
    buf_addf(out,
             ",\"profile\":\"%s\",\"costs\":[%d,%d,%d],\"unit\":\"%s\","
             "\"interval_over\":\"%s\",\"interval_warning\":",
             score_profile_name(r->profile), r->costs.substitution, r->costs.deletion,
             r->costs.insertion, r->characters ? "character" : "word",
             r->tables[0].by_speaker ? "speaker" : "utterance");
    if (warning_of(r))
        buf_add_json(out, warning_of(r));
    else
        buf_add_text(out, "null");
    buf_addf(out,
             ",\"confidence\":%g,\"power\":%g,\"replicates\":%zu,\"seed\":%llu,"
             "\"worse\":%s,\n\"total\":{",
             COMPARE_CONFIDENCE, COMPARE_POWER, r->resampling.replicates,
             n_of(r->resampling.seed), compare_is_worse(r) ? "true" : "false");
    add_json_row(compare_overall(r), out);
    buf_add_text(out, "}");
    add_json_opinions(r, out);
    buf_add_text(out, ",\n\"tables\":[");
    for (size_t i = 1; i < r->n_tables; i++) {
        buf_add_text(out, i > 1 ? ",\n" : "\n");
        add_json_table(&r->tables[i], out);
    }
    buf_add_text(out, "]}\n");
}
