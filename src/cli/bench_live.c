/* `rostrum bench live`: how many paced streams a server carries within a target. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench_round.h"
#include "cli/try.h"

#define CHUNKS_MAX 8
#define RUNS_MAX 256

/* One number of streams at one chunk size. */
typedef struct {
    unsigned chunk_ms, streams, rounds;
    bool good; /* within the target, and no stream failed */
    bench_sums sums;
} bench_run;

typedef struct {
    bench_plan plan;
    recordings list;
    unsigned chunk_ms[CHUNKS_MAX];
    size_t n_chunks;
    unsigned rounds, max_streams, fixed_streams;
    double target_ms;
    bool json;
    bench_run runs[RUNS_MAX];
    size_t n_runs;
} bench;

static void print_measure(const char *name, measure *m) {
    printf("  %-23s p50 %6.0f  p90 %6.0f  p95 %6.0f  p99 %6.0f ms  (%zu)\n", name,
           measure_quantile(m, 0.5), measure_quantile(m, 0.9), measure_quantile(m, 0.95),
           measure_quantile(m, 0.99), m->n);
}

static void print_run(bench_run *r) {
    bench_sums *s = &r->sums;
    printf("%u stream%s, chunks of %u ms, %u round%s: %s\n", r->streams,
           r->streams == 1 ? "" : "s", r->chunk_ms, r->rounds, r->rounds == 1 ? "" : "s",
           r->good ? "within the target" : "over the target");
    if (s->failed > 0)
        printf("  %u streams failed (%u refused): %s\n", s->failed, s->refused,
               s->why.text);
    print_measure("first partial", &s->first_partial);
    print_measure("commit lag", &s->commit_lag);
    print_measure("end of speech -> final", &s->final);
    printf("  WER %.2f %% of %llu words; empty %u, violations %u, corrected %u, without "
           "second pass %u of %u\n",
           100 * score_wer(&s->words),
           (unsigned long long)score_reference_words(&s->words), s->empty, s->violations,
           s->corrected, s->degraded, s->results);
    printf("  RTFX %.2f", s->wall_s > 0 ? s->audio_s / s->wall_s : 0);
    if (s->server_cpu_s > 0)
        printf(", server CPU %.4f core a stream (%.1f s of audio a CPU second)",
               s->server_cpu_s / s->wall_s / r->streams, s->audio_s / s->server_cpu_s);
    printf(", this program %.4f core a stream\n",
           s->wall_s > 0 ? s->own_cpu_s / s->wall_s / r->streams : 0);
    fflush(stdout);
}

/* Plays all rounds of one number of streams. */
static status run_streams(bench *b, unsigned chunk_ms, unsigned streams, bench_run **out,
                          diag *d) {
    if (b->n_runs == RUNS_MAX)
        return diag_set(d, ERR_LIMIT, "more than %d runs", RUNS_MAX);
    bench_run *r = &b->runs[b->n_runs++];
    *r = (bench_run){.chunk_ms = chunk_ms, .streams = streams};
    bench_plan plan = b->plan;
    plan.client.chunk_ms = chunk_ms;
    plan.streams = streams;
    status s = OK;
    while (s == OK && r->rounds < b->rounds && r->sums.failed == 0) {
        plan.seed = b->plan.seed + r->rounds;
        s = bench_round_run(&plan, &r->sums, d);
        r->rounds++;
    }
    double p95 = measure_quantile(&r->sums.first_partial, 0.95);
    r->good = r->sums.failed == 0 && p95 >= 0 && p95 <= b->target_ms;
    *out = r;
    if (s == OK && !b->json)
        print_run(r);
    return s;
}

/* Doubles until the target breaks, then halves the distance. */
static status search(bench *b, unsigned chunk_ms, unsigned *out_best, diag *d) {
    unsigned good = 0, bad = 0, n = b->fixed_streams > 0 ? b->fixed_streams : 1;
    status s = OK;
    while (s == OK && n > 0) {
        bench_run *r = NULL;
        s = run_streams(b, chunk_ms, n, &r, d);
        if (s != OK)
            break;
        if (r->sums.results == 0 && n == 1) {
            *d = r->sums.why;
            return d->code != OK ? d->code : diag_set(d, ERR_STATE, "nothing came back");
        }
        if (r->good)
            good = n;
        else
            bad = n;
        if (b->fixed_streams > 0 || good == b->max_streams)
            break;
        if (bad == 0)
            n = 2 * n < b->max_streams ? 2 * n : b->max_streams;
        else
            n = bad - good > 1 ? good + (bad - good) / 2 : 0;
    }
    *out_best = good;
    return s;
}

static void add_run_json(bench_run *r, buf *out) {
    bench_sums *s = &r->sums;
    buf_addf(out,
             "{\"chunk_ms\":%u,\"streams\":%u,\"rounds\":%u,\"good\":%s,\"failed\":%u,"
             "\"refused\":%u,\"results\":%u,\"empty\":%u,\"violations\":%u,"
             "\"corrected\":%u,\"degraded\":%u,\"wer\":%.5f,\"words\":%llu,"
             "\"audio_s\":%.2f,\"wall_s\":%.2f,\"rtfx\":%.3f,",
             r->chunk_ms, r->streams, r->rounds, r->good ? "true" : "false", s->failed,
             s->refused, s->results, s->empty, s->violations, s->corrected, s->degraded,
             score_wer(&s->words), (unsigned long long)score_reference_words(&s->words),
             s->audio_s, s->wall_s, s->wall_s > 0 ? s->audio_s / s->wall_s : 0);
    if (s->server_cpu_s > 0)
        buf_addf(out, "\"server_cpu_s\":%.3f,\"server_cpu_per_stream\":%.5f,",
                 s->server_cpu_s, s->server_cpu_s / s->wall_s / r->streams);
    buf_addf(out, "\"own_cpu_s\":%.3f,\"first_partial_ms\":", s->own_cpu_s);
    measure_json(&s->first_partial, true, out);
    buf_add_text(out, ",\"commit_lag_ms\":");
    measure_json(&s->commit_lag, true, out);
    buf_add_text(out, ",\"final_ms\":");
    measure_json(&s->final, true, out);
    buf_add_text(out, "}");
}

static void write_json(bench *b, const unsigned *best, buf *out) {
    buf_addf(out, "{\"target_first_partial_p95_ms\":%.0f,\"round_s\":%.0f,\"best\":[",
             b->target_ms, b->plan.seconds);
    for (size_t i = 0; i < b->n_chunks; i++)
        buf_addf(out, "%s{\"chunk_ms\":%u,\"streams\":%u}", i > 0 ? "," : "",
                 b->chunk_ms[i], best[i]);
    buf_add_text(out, "],\n\"runs\":[");
    for (size_t i = 0; i < b->n_runs; i++) {
        buf_add_text(out, i > 0 ? ",\n" : "\n");
        add_run_json(&b->runs[i], out);
    }
    buf_add_text(out, "]}\n");
}

static const arg_option options[] = {
    {"manifest", ARG_TEXT, "FILE", 0, 0, "recordings, as rostrum-dataset writes them"},
    {"half", ARG_TEXT, "eval|held|all", 0, 0, "rows of the manifest; default all"},
    {"url", ARG_TEXT, "URL", 0, 0, "server; default " CLIENT_DEFAULT_URL},
    {"key", ARG_TEXT, "KEY", 0, 0, "API key; default $ROSTRUM_API_KEY"},
    {"model", ARG_TEXT, "NAME", 0, 0, "model to ask for; default the server's"},
    {"target-first-partial-p95", ARG_NUMBER, "MS", 1, 60000, "default 700"},
    {"chunk-ms", ARG_TEXT, "MS,...", 0, 0, "audio in a message; default 100"},
    {"rounds", ARG_INT, "N", 1, 100, "for each number of streams; default 3"},
    {"seconds", ARG_NUMBER, "S", 3, 3600, "length of a round; default 30"},
    {"streams", ARG_INT, "N", 1, BENCH_STREAMS_MAX, "only this many; default: search"},
    {"max-streams", ARG_INT, "N", 1, BENCH_STREAMS_MAX, "of the search; default 256"},
    {"server-pid", ARG_INT, "PID", 1, 4194304, "measure the CPU of it and its children"},
    {"seed", ARG_INT, "N", 0, 1e9, "of order and phase; default 1"},
    {"histograms", ARG_TEXT, "FILE", 0, 0, "write every value as JSON"},
};

static status read_chunks(bench *b, const char *text, diag *d) {
    while (*text != '\0') {
        char *end = NULL;
        unsigned long ms = strtoul(text, &end, 10);
        if (end == text || ms < 10 || ms > 500 || (*end != '\0' && *end != ',') ||
            b->n_chunks == CHUNKS_MAX)
            return diag_field(d, ERR_INVALID, "chunk-ms",
                              "up to %d numbers from 10 to 500, like 20,100,320",
                              CHUNKS_MAX);
        b->chunk_ms[b->n_chunks++] = (unsigned)ms;
        text = *end == ',' ? end + 1 : end;
    }
    return OK;
}

static status set_up(bench *b, const args *a, diag *d) {
    const char *key = getenv("ROSTRUM_API_KEY");
    const char *half = args_text(a, "half", "all");
    const char *manifest = args_text(a, "manifest", "");
    b->plan = (bench_plan){
        .client = {.url = args_text(a, "url", CLIENT_DEFAULT_URL),
                   .key = args_text(a, "key", key != NULL ? key : ""),
                   .model = args_text(a, "model", "")},
        .list = &b->list,
        .seconds = args_number(a, "seconds", 30),
        .seed = (uint32_t)args_number(a, "seed", 1),
        .server_pid = (int)args_number(a, "server-pid", 0),
    };
    b->rounds = (unsigned)args_number(a, "rounds", 3);
    b->max_streams = (unsigned)args_number(a, "max-streams", 256);
    b->fixed_streams = (unsigned)args_number(a, "streams", 0);
    b->target_ms = args_number(a, "target-first-partial-p95", 700);
    b->json = a->json;
    if (manifest[0] == '\0' || a->n_positional > 0)
        return diag_field(d, ERR_INVALID, "manifest",
                          "name a manifest.jsonl, as `rostrum-dataset prompts` writes");
    if (strcmp(half, "eval") != 0 && strcmp(half, "held") != 0 &&
        strcmp(half, "all") != 0)
        return diag_field(d, ERR_INVALID, "half", "eval, held or all");
    client_url url;
    status s = client_url_parse(b->plan.client.url, &url, d);
    if (s == OK)
        s = read_chunks(b, args_text(a, "chunk-ms", "100"), d);
    if (s == OK)
        s = recordings_add_manifest(&b->list, manifest, half, d);
    if (s == OK && b->list.n == 0)
        s = diag_field(d, ERR_INVALID, "manifest", "it has no rows of that half");
    return s;
}

static status write_file(const char *path, buf *text, diag *d) {
    FILE *f = fopen(path, "w");
    bool good = f != NULL && fwrite(text->data, 1, text->size, f) == text->size;
    good = (f == NULL || fclose(f) == 0) && good;
    return good ? OK : diag_field(d, ERR_IO, "histograms", "cannot write %s", path);
}

static status measure_all(bench *b, const args *a, diag *d) {
    unsigned best[CHUNKS_MAX] = {0};
    status s = OK;
    for (size_t i = 0; i < b->n_chunks && s == OK; i++) {
        s = search(b, b->chunk_ms[i], &best[i], d);
        if (s == OK && !b->json)
            printf("live_streams %u chunk_ms %u target_ms %.0f\n", best[i],
                   b->chunk_ms[i], b->target_ms);
    }
    const char *path = args_text(a, "histograms", "");
    if (s != OK || (!b->json && path[0] == '\0'))
        return s;
    buf text;
    buf_init(&text, 256u << 20);
    write_json(b, best, &text);
    if (text.failed)
        s = diag_set(d, ERR_MEMORY, "no memory for the report");
    if (s == OK && b->json)
        fputs(buf_text(&text), stdout);
    if (s == OK && path[0] != '\0')
        s = write_file(path, &text, d);
    buf_deinit(&text);
    return s;
}

static int run_live(int argc, char **argv, const command *self) {
    args a;
    int exit_status = EXIT_GOOD;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    bench *b = calloc(1, sizeof *b);
    status s = b != NULL ? set_up(b, &a, &d) : diag_set(&d, ERR_MEMORY, "no memory");
    if (s != OK) {
        exit_status = args_fail(self, &d, a.json, EXIT_USAGE);
    } else if (measure_all(b, &a, &d) != OK) {
        exit_status = args_fail(self, &d, a.json, EXIT_FAILED);
    }
    if (b != NULL) {
        for (size_t i = 0; i < b->n_runs; i++)
            bench_sums_deinit(&b->runs[i].sums);
        recordings_deinit(&b->list);
    }
    free(b);
    return exit_status;
}

const command bench_live_command = {
    .name = "bench live",
    .positional = "",
    .summary = "find how many paced live streams a server carries within a target",
    .details =
        "Plays recordings at the pace of speech over N Realtime sessions, N = 1, 2, 4, "
        "..., "
        "until\nthe first partial's p95 is over the target or a session is refused, then "
        "halves the\ndistance. Times run from when a sample is spoken to the arrival of "
        "its event here, so\nthey hold the chunk. First partial: onset of speech to the "
        "first word shown. Commit lag:\na word's end to the event that commits it. RTFX: "
        "seconds of audio a second of wall time.\n\nExit status: 0 measured, 2 usage, 3 "
        "the server failed or is not there.",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .run = run_live,
};
