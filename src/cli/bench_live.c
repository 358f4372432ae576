/* `rostrum bench live`: how many paced streams a server carries within a target. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench_round.h"
#include "cli/try.h"

#define CHUNKS_MAX 4
#define REPORT_BYTES (256u << 20)

typedef struct {
    bench_plan plan;
    bench_goal goal;
    recordings list;
    unsigned chunk_ms[CHUNKS_MAX];
    bench_found found[CHUNKS_MAX];
    size_t n_chunks;
    bool json;
} bench;

static void write_json(const bench *b, buf *out) {
    buf_addf(out, "{\"target_first_partial_p95_ms\":%.0f,\"searches\":[",
             b->goal.target_ms);
    for (size_t i = 0; i < b->n_chunks; i++) {
        buf_addf(out, "%s\n{\"chunk_ms\":%u,\"streams\":%u,\"runs\":", i > 0 ? "," : "",
                 b->chunk_ms[i], b->found[i].best);
        bench_found_json(&b->found[i], b->goal.target_ms, out);
        buf_add_text(out, "}");
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
    {"rounds", ARG_INT, "N", 1, BENCH_ROUNDS_MAX,
     "for each number of streams; default 3"},
    {"seconds", ARG_NUMBER, "S", 3, 3600, "shortest round; default 10"},
    {"samples", ARG_INT, "N", BENCH_SAMPLES_MIN, 100000,
     "utterances wanted at each number of streams: few streams get longer rounds; "
     "default 42"},
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
        .seed = (uint32_t)args_number(a, "seed", 1),
        .server_pid = (int)args_number(a, "server-pid", 0),
    };
    b->json = a->json;
    b->goal = (bench_goal){
        .target_ms = args_number(a, "target-first-partial-p95", 700),
        .most = (unsigned)args_number(a, "max-streams", 256),
        .fixed = (unsigned)args_number(a, "streams", 0),
        .rounds = (unsigned)args_number(a, "rounds", 3),
        .seconds = args_number(a, "seconds", 10),
        .samples = (unsigned)args_number(a, "samples", 42),
        .quiet = b->json,
    };
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

static status measure_all(bench *b, const args *a, diag *d) {
    status s = OK;
    for (size_t i = 0; i < b->n_chunks && s == OK; i++) {
        b->plan.client.chunk_ms = b->chunk_ms[i];
        s = bench_search(&b->goal, &b->list, bench_round_play, &b->plan, &b->found[i], d);
        if (s == OK && !b->json)
            printf("live_streams %u chunk_ms %u target_ms %.0f\n", b->found[i].best,
                   b->chunk_ms[i], b->goal.target_ms);
    }
    const char *path = args_text(a, "histograms", "");
    if (s != OK || (!b->json && path[0] == '\0'))
        return s;
    buf text;
    buf_init(&text, REPORT_BYTES);
    write_json(b, &text);
    if (text.failed)
        s = diag_set(d, ERR_MEMORY, "no memory for the report");
    if (s == OK && b->json)
        fputs(buf_text(&text), stdout);
    if (s == OK && path[0] != '\0')
        s = bench_write_file(path, &text, d);
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
        for (size_t i = 0; i < b->n_chunks; i++)
            bench_found_deinit(&b->found[i]);
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
        "...,\nuntil N is over the target, then halves the distance between the last "
        "good and the\nfirst bad N. Each N plays for three rounds without a pause. A "
        "round is good when 95 %\nof its utterances showed their first word within the "
        "target and 95 % of its finals had\ntheir second pass; N is good when more than "
        "half of its rounds are and no session was\nrefused or broke. Fewer than 20 "
        "utterances are not judged.\n\nTimes run from when a sample is spoken to the "
        "arrival of its event here, so they hold\nthe chunk. First partial: true onset "
        "of "
        "speech to the first word shown. Commit lag: a\nword's end to the event that "
        "commits it. RTFX: seconds of audio a second of wall time.\n\nExit status: 0 "
        "measured, 2 usage, 3 the server failed, is not there, or too few to judge.",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .run = run_live,
};
