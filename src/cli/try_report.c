#include "cli/try_report.h"

#include <stdio.h>
#include <string.h>

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"
#define ID_WIDTH 34

void try_totals_add(try_totals *t, const try_file *files, size_t n, const char *half) {
    for (size_t i = 0; i < n; i++) {
        const try_file *f = &files[i];
        const client_result *r = &f->result;
        if (half[0] != '\0' && strcmp(half, f->played->half) != 0)
            continue;
        t->files++;
        t->seconds += f->played->seconds;
        if (f->text == NULL) {
            t->failed++;
            continue;
        }
        t->empty += f->text[0] == '\0';
        t->violations += r->violations;
        t->corrected += r->corrected;
        t->degraded += r->degraded;
        t->partials += r->partials;
        t->revised += r->revised;
        score_add(&t->words, &f->words);
        if (r->first_partial_ms >= 0)
            measure_add(&t->first_partial, r->first_partial_ms);
        if (r->final_ms >= 0)
            measure_add(&t->final, r->final_ms);
        for (unsigned k = 0; k < r->n_lags; k++)
            measure_add(&t->commit_lag, (double)r->commit_lag_ms[k]);
    }
}

void try_totals_deinit(try_totals *t) {
    measure_deinit(&t->first_partial);
    measure_deinit(&t->final);
    measure_deinit(&t->commit_lag);
}

/* Columns of UTF-8 text, one for each character. */
static size_t columns(const char *text) {
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += (*text & 0xc0) != 0x80;
    return n;
}

/* text without its first `cut` columns. */
static const char *after(const char *text, size_t cut) {
    for (; *text != '\0' && cut > 0; cut--)
        do
            text++;
        while ((*text & 0xc0) == 0x80);
    return text;
}

void try_live_line(const char *before, const char *committed, const char *tentative,
                   unsigned width, buf *out) {
    bool gap_1 = before[0] != '\0' && committed[0] != '\0';
    bool gap_2 = (before[0] != '\0' || committed[0] != '\0') && tentative[0] != '\0';
    size_t room = width > 3 ? width - 3 : 1;
    size_t need =
        columns(before) + gap_1 + columns(committed) + gap_2 + columns(tentative);
    size_t cut = need > room ? need - room : 0;
    buf_add_text(out, "\r\033[2K> " BOLD);
    buf_add_text(out, after(before, cut));
    cut -= cut < columns(before) + gap_1 ? cut : columns(before) + gap_1;
    buf_add_text(out, gap_1 && cut == 0 ? " " : "");
    buf_add_text(out, after(committed, cut));
    cut -= cut < columns(committed) ? cut : columns(committed);
    buf_add_text(out, PLAIN DIM);
    buf_add_text(out, gap_2 && cut == 0 ? " " : "");
    buf_add_text(out, after(tentative, cut > gap_2 ? cut - gap_2 : 0));
    buf_add_text(out, PLAIN);
}

static void add_ms(buf *out, const char *before, double ms, const char *after_it) {
    if (ms >= 0)
        buf_addf(out, "%s%.0f ms%s", before, ms, after_it);
}

void try_print_file(const try_file *f, bool paced, bool colour, buf *out) {
    const client_result *r = &f->result;
    buf_addf(out, "%s%s%s  (%.1f s)\n", colour ? BOLD : "", f->played->id,
             colour ? PLAIN : "", f->played->seconds);
    if (f->text == NULL) {
        buf_addf(out, "  failed: %s\n", f->why.text);
        return;
    }
    buf_addf(out, "  final      %s\n", f->text[0] != '\0' ? f->text : "(no words)");
    if (f->played->reference != NULL)
        buf_addf(out,
                 "  reference  %s\n  WER        %.1f %%  (%llu of %llu words: %llu "
                 "substituted, %llu left out, %llu put in)\n",
                 f->played->reference, 100 * score_wer(&f->words),
                 (unsigned long long)score_errors(&f->words),
                 (unsigned long long)score_reference_words(&f->words),
                 (unsigned long long)f->words.substitutions,
                 (unsigned long long)f->words.deletions,
                 (unsigned long long)f->words.insertions);
    if (paced) {
        buf_add_text(out, "  latency    ");
        if (r->first_partial_ms >= 0)
            buf_addf(out, "speech -> %.0f ms -> first partial | ", r->first_partial_ms);
        add_ms(out, "end of speech -> ", r->final_ms, " -> final");
        add_ms(out, " (first pass ", r->first_pass_ms, " after the end was known)");
        buf_add_text(out, "\n");
    }
    buf_addf(out,
             "  partials   %u, %u revised a word not yet committed; committed words "
             "changed live: %u, by the last pass: %u\n",
             r->partials, r->revised, r->violations, r->corrected);
}

static void add_cell(buf *out, double ms) {
    if (ms >= 0)
        buf_addf(out, " %8.0f", ms);
    else
        buf_addf(out, " %8s", "-");
}

static void add_row(const try_file *f, buf *out) {
    buf_addf(out, "%-*.*s %7.1f", ID_WIDTH, ID_WIDTH, f->played->id, f->played->seconds);
    if (f->text == NULL) {
        buf_addf(out, "  failed: %s\n", f->why.text);
        return;
    }
    if (f->played->reference != NULL)
        buf_addf(out, " %7.1f", 100 * score_wer(&f->words));
    else
        buf_addf(out, " %7s", "-");
    add_cell(out, f->result.first_partial_ms);
    add_cell(out, f->result.final_ms);
    buf_addf(out, " %5u %5u\n", f->result.corrected, f->result.violations);
}

static void add_latency(const char *name, measure *m, buf *out) {
    if (m->n > 0)
        buf_addf(out, "  %-24s p50 %.0f  p90 %.0f  p95 %.0f  p99 %.0f ms\n", name,
                 measure_quantile(m, 0.5), measure_quantile(m, 0.9),
                 measure_quantile(m, 0.95), measure_quantile(m, 0.99));
}

static void add_totals(const char *name, const try_file *files, size_t n,
                       const char *half, buf *out) {
    try_totals t = {0};
    try_totals_add(&t, files, n, half);
    buf_addf(out, "%s: %zu files, %.0f s", name, t.files, t.seconds);
    if (score_reference_words(&t.words) > 0)
        buf_addf(out, ", WER %.2f %% (%llu of %llu words)", 100 * score_wer(&t.words),
                 (unsigned long long)score_errors(&t.words),
                 (unsigned long long)score_reference_words(&t.words));
    buf_addf(out,
             "\n  empty finals %zu, committed-prefix violations %u, corrected words "
             "%u, failed %zu\n",
             t.empty, t.violations, t.corrected, t.failed);
    if (t.degraded > 0)
        buf_addf(out, "  finals without their second pass %u\n", t.degraded);
    add_latency("first partial", &t.first_partial, out);
    add_latency("commit lag", &t.commit_lag, out);
    add_latency("end of speech -> final", &t.final, out);
    try_totals_deinit(&t);
}

/* Files carry halves. */
static bool has_half(const try_file *files, size_t n, const char *half) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(files[i].played->half, half) == 0)
            return true;
    return false;
}

void try_print_table(const try_file *files, size_t n, bool paced, buf *out) {
    buf_addf(out, "%-*s %7s %7s %8s %8s %5s %5s\n", ID_WIDTH, "file", "s", "WER %",
             "first ms", "final ms", "corr", "viol");
    for (size_t i = 0; i < n; i++)
        add_row(&files[i], out);
    if (!paced)
        buf_add_text(out, "(sent faster than speech: no latencies; add --realtime)\n");
    buf_add_text(out, "\n");
    static const char *const halves[] = {"eval", "held"};
    for (int i = 0; i < 2; i++)
        if (has_half(files, n, halves[i]))
            add_totals(halves[i], files, n, halves[i], out);
    add_totals("all", files, n, "", out);
}

static void add_counts(const score_counts *c, buf *out) {
    buf_addf(out,
             "\"wer\":%.5f,\"words\":%llu,\"substitutions\":%llu,"
             "\"deletions\":%llu,\"insertions\":%llu",
             score_wer(c), (unsigned long long)score_reference_words(c),
             (unsigned long long)c->substitutions, (unsigned long long)c->deletions,
             (unsigned long long)c->insertions);
}

static void add_number(const char *name, double ms, buf *out) {
    if (ms >= 0)
        buf_addf(out, ",\"%s\":%.1f", name, ms);
    else
        buf_addf(out, ",\"%s\":null", name);
}

static void add_file_json(const try_file *f, buf *out) {
    const client_result *r = &f->result;
    buf_add_text(out, "{\"id\":");
    buf_add_json(out, f->played->id);
    buf_addf(out, ",\"half\":\"%s\",\"seconds\":%.3f", f->played->half,
             f->played->seconds);
    if (f->text == NULL) {
        buf_addf(out,
                 ",\"error\":{\"code\":\"%s\",\"message\":", status_name(f->why.code));
        buf_add_json(out, f->why.text);
        buf_add_text(out, "}}");
        return;
    }
    buf_add_text(out, ",\"text\":");
    buf_add_json(out, f->text);
    if (f->played->reference != NULL) {
        buf_add_text(out, ",\"reference\":");
        buf_add_json(out, f->played->reference);
        buf_add_text(out, ",");
        add_counts(&f->words, out);
    }
    buf_addf(out,
             ",\"finals\":%u,\"partials\":%u,\"revised\":%u,\"violations\":%u,"
             "\"corrected\":%u,\"degraded\":%u",
             r->finals, r->partials, r->revised, r->violations, r->corrected,
             r->degraded);
    add_number("first_partial_ms", r->first_partial_ms, out);
    add_number("final_ms", r->final_ms, out);
    add_number("server_first_pass_ms", r->first_pass_ms, out);
    add_number("server_finalise_ms", r->server_final_ms, out);
    buf_add_text(out, "}");
}

static void add_totals_json(const char *name, const try_file *files, size_t n,
                            const char *half, buf *out) {
    try_totals t = {0};
    try_totals_add(&t, files, n, half);
    buf_addf(out,
             "\"%s\":{\"files\":%zu,\"failed\":%zu,\"seconds\":%.1f,\"empty\":%zu,"
             "\"violations\":%u,\"corrected\":%u,\"degraded\":%u,\"partials\":%u,"
             "\"revised\":%u,",
             name, t.files, t.failed, t.seconds, t.empty, t.violations, t.corrected,
             t.degraded, t.partials, t.revised);
    add_counts(&t.words, out);
    buf_add_text(out, ",\"first_partial_ms\":");
    measure_json(&t.first_partial, false, out);
    buf_add_text(out, ",\"commit_lag_ms\":");
    measure_json(&t.commit_lag, false, out);
    buf_add_text(out, ",\"final_ms\":");
    measure_json(&t.final, false, out);
    buf_add_text(out, "}");
    try_totals_deinit(&t);
}

void try_print_json(const try_file *files, size_t n, bool paced, buf *out) {
    buf_addf(out, "{\"realtime\":%s,\"profile\":\"spoken\",\"files\":[",
             paced ? "true" : "false");
    for (size_t i = 0; i < n; i++) {
        buf_add_text(out, i > 0 ? ",\n" : "\n");
        add_file_json(&files[i], out);
    }
    buf_add_text(out, "],\n\"totals\":{");
    static const char *const halves[] = {"eval", "held"};
    for (int i = 0; i < 2; i++)
        if (has_half(files, n, halves[i])) {
            add_totals_json(halves[i], files, n, halves[i], out);
            buf_add_text(out, ",\n");
        }
    add_totals_json("all", files, n, "", out);
    buf_add_text(out, "}}\n");
}
