#include "cli/bench_run.h"

#include <stdio.h>

#include "base/assert.h"

void bench_round_deinit(bench_round *r) {
    measure_deinit(&r->first_partial);
    measure_deinit(&r->commit_lag);
    measure_deinit(&r->final);
}

void bench_run_deinit(bench_run *r) {
    for (unsigned i = 0; i < BENCH_ROUNDS_MAX; i++)
        bench_round_deinit(&r->round[i]);
}

bench_round *bench_run_round(bench_run *r, double at_s) {
    ASSERT(r->rounds >= 1);
    ASSERT(r->rounds <= BENCH_ROUNDS_MAX);
    unsigned i = at_s > 0 ? (unsigned)(at_s / r->round_s) : 0;
    return &r->round[i < r->rounds ? i : r->rounds - 1];
}

double bench_round_within(const bench_round *r, double target_ms) {
    size_t within = 0;
    for (size_t i = 0; i < r->first_partial.n; i++)
        within += (double)r->first_partial.values[i] <= target_ms;
    return r->utterances > 0 ? (double)within / r->utterances : 0;
}

double bench_round_whole(const bench_round *r) {
    return r->finals > 0 ? 1 - (double)r->degraded / r->finals : 1;
}

bool bench_round_good(const bench_round *r, double target_ms) {
    return bench_round_within(r, target_ms) >= BENCH_SHARE_MIN &&
           bench_round_whole(r) >= BENCH_SHARE_MIN;
}

void bench_run_pool(const bench_run *r, bench_round *out) {
    *out = (bench_round){0};
    for (unsigned i = 0; i < r->rounds; i++) {
        const bench_round *one = &r->round[i];
        measure_add_all(&out->first_partial, &one->first_partial);
        measure_add_all(&out->commit_lag, &one->commit_lag);
        measure_add_all(&out->final, &one->final);
        score_add(&out->words, &one->words);
        out->utterances += one->utterances;
        out->empty += one->empty;
        out->violations += one->violations;
        out->corrected += one->corrected;
        out->finals += one->finals;
        out->degraded += one->degraded;
    }
}

bench_verdict bench_run_judge(const bench_run *r, double target_ms) {
    unsigned utterances = 0, good = 0;
    for (unsigned i = 0; i < r->rounds; i++) {
        utterances += r->round[i].utterances;
        good += bench_round_good(&r->round[i], target_ms);
    }
    if (r->failed > 0)
        return BENCH_BAD;
    if (utterances < BENCH_SAMPLES_MIN)
        return BENCH_TOO_FEW;
    return 2 * good > r->rounds ? BENCH_GOOD : BENCH_BAD;
}

static const char *verdict_name(bench_verdict v) {
    static const char *const names[] = {"good", "over the target", "too few to judge"};
    return names[v];
}

static void print_measure(const char *name, measure *m) {
    if (m->n == 0)
        return;
    printf("  %-23s p50 %6.0f  p90 %6.0f  ", name, measure_quantile(m, 0.5),
           measure_quantile(m, 0.9));
    if (m->n < BENCH_SAMPLES_MIN) /* p95 of few is the slowest one */
        printf("max %6.0f ", measure_quantile(m, 1));
    else
        printf("p95 %6.0f  p99 %6.0f ", measure_quantile(m, 0.95),
               measure_quantile(m, 0.99));
    printf("ms  (%zu)\n", m->n);
}

static void print_rounds(const bench_run *r, double target_ms) {
    printf("  %u round%s of %.0f s, utterances within %.0f ms:", r->rounds,
           r->rounds == 1 ? "" : "s", r->round_s, target_ms);
    for (unsigned i = 0; i < r->rounds; i++) {
        const bench_round *one = &r->round[i];
        printf("%s %.0f of %u", i > 0 ? "," : "",
               bench_round_within(one, target_ms) * one->utterances, one->utterances);
        if (bench_round_whole(one) < BENCH_SHARE_MIN)
            printf(" and second pass of only %.0f %%", 100 * bench_round_whole(one));
        printf(" %s", bench_round_good(one, target_ms) ? "good" : "bad");
    }
    printf("\n");
}

void bench_run_print(const bench_run *r, double target_ms) {
    bench_round all;
    bench_run_pool(r, &all);
    printf("%u stream%s", r->streams, r->streams == 1 ? "" : "s");
    if (r->chunk_ms > 0)
        printf(", chunks of %u ms", r->chunk_ms);
    printf(": %s\n", verdict_name(bench_run_judge(r, target_ms)));
    if (r->failed > 0)
        printf("  %u streams failed (%u refused): %s\n", r->failed, r->refused,
               r->why.text);
    print_rounds(r, target_ms);
    print_measure("first partial", &all.first_partial);
    print_measure("commit lag", &all.commit_lag);
    print_measure("end of speech -> final", &all.final);
    printf("  WER %.2f %% of %llu words; empty %u, violations %u, corrected %u, without "
           "second pass %u of %u\n",
           100 * score_wer(&all.words),
           (unsigned long long)score_reference_words(&all.words), all.empty,
           all.violations, all.corrected, all.degraded, all.finals);
    printf("  RTFX %.2f", r->wall_s > 0 ? r->audio_s / r->wall_s : 0);
    if (r->server_cpu_s > 0 && r->wall_s > 0)
        printf(", server CPU %.4f core a stream (%.1f s of audio a CPU second)",
               r->server_cpu_s / r->wall_s / r->streams, r->audio_s / r->server_cpu_s);
    if (r->own_cpu_s > 0 && r->wall_s > 0)
        printf(", this program %.4f core a stream",
               r->own_cpu_s / r->wall_s / r->streams);
    printf("\n");
    fflush(stdout);
    bench_round_deinit(&all);
}

static void add_round(const bench_round *r, double target_ms, bool values, buf *out) {
    bench_round copy;
    bench_run one = {.rounds = 1, .round = {*r}};
    bench_run_pool(&one, &copy); /* percentiles sort in place */
    buf_addf(out,
             "{\"good\":%s,\"utterances\":%u,\"within_target\":%.4f,\"finals\":%u,"
             "\"degraded\":%u,\"empty\":%u,\"violations\":%u,\"corrected\":%u,"
             "\"wer\":%.5f,\"words\":%llu,\"first_partial_ms\":",
             bench_round_good(r, target_ms) ? "true" : "false", r->utterances,
             bench_round_within(r, target_ms), r->finals, r->degraded, r->empty,
             r->violations, r->corrected, score_wer(&r->words),
             (unsigned long long)score_reference_words(&r->words));
    measure_json(&copy.first_partial, values, out);
    buf_add_text(out, ",\"commit_lag_ms\":");
    measure_json(&copy.commit_lag, values, out);
    buf_add_text(out, ",\"final_ms\":");
    measure_json(&copy.final, values, out);
    buf_add_text(out, "}");
    bench_round_deinit(&copy);
}

void bench_run_json(const bench_run *r, double target_ms, buf *out) {
    bench_round all;
    bench_run_pool(r, &all);
    buf_addf(out,
             "{\"streams\":%u,\"chunk_ms\":%u,\"good\":%s,\"failed\":%u,\"refused\":%u,"
             "\"audio_s\":%.2f,\"wall_s\":%.2f,\"rtfx\":%.3f,",
             r->streams, r->chunk_ms,
             bench_run_judge(r, target_ms) == BENCH_GOOD ? "true" : "false", r->failed,
             r->refused, r->audio_s, r->wall_s,
             r->wall_s > 0 ? r->audio_s / r->wall_s : 0);
    if (r->server_cpu_s > 0 && r->wall_s > 0)
        buf_addf(out, "\"server_cpu_s\":%.3f,\"server_cpu_per_stream\":%.5f,",
                 r->server_cpu_s, r->server_cpu_s / r->wall_s / r->streams);
    if (r->own_cpu_s >= 0)
        buf_addf(out, "\"own_cpu_s\":%.3f,", r->own_cpu_s);
    buf_addf(out, "\"round_s\":%.1f,\"all\":", r->round_s);
    add_round(&all, target_ms, false, out);
    buf_add_text(out, ",\n \"rounds\":[");
    for (unsigned i = 0; i < r->rounds; i++) {
        buf_add_text(out, i > 0 ? ",\n  " : "\n  ");
        add_round(&r->round[i], target_ms, true, out);
    }
    buf_add_text(out, "]}");
    bench_round_deinit(&all);
}
