/* `rostrum try FILE...`: recordings through a running server, as a client sees it. */
#include "cli/try.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/try_report.h"

#define REPORT_BYTES (256u << 20)
#define CONCURRENCY_MAX 512
#define REFUSALS_MAX 120 /* for want of capacity, before a file is given up */
#define TAIL_MS 1000     /* silence after a file: longer than what ends an utterance */

typedef struct try_run try_run;

/* One connection, one file. */
typedef struct {
    try_run *run;
    client *client;
    try_file *file;
    bool given; /* the recording was handed out */
    unsigned refusals;
    uv_timer_t again; /* after a refusal for want of capacity */
} try_job;

struct try_run {
    uv_loop_t loop;
    client_options options;
    recordings list;
    try_file *files; /* [list.n] */
    try_job jobs[CONCURRENCY_MAX];
    size_t next, done;
    bool live; /* a terminal, one file at a time */
    bool progress;
    bool stop; /* the server is not there: start nothing more */
    unsigned width;
    status failure; /* of the run as a whole */
    score_counts words;
};

static void start_next(try_job *job);
static void on_again(uv_timer_t *timer);

static const recording *on_next(void *owner) {
    try_job *job = owner;
    if (job->given)
        return NULL;
    job->given = true;
    return job->file->played;
}

static void on_partial(void *owner, const recording *played, const char *before,
                       const char *committed, const char *tentative) {
    try_job *job = owner;
    (void)played;
    if (!job->run->live)
        return;
    buf line;
    buf_init(&line, 65536);
    try_live_line(before, committed, tentative, job->run->width, &line);
    fputs(buf_text(&line), stdout);
    fflush(stdout);
    buf_deinit(&line);
}

static void on_result(void *owner, const client_result *result) {
    try_job *job = owner;
    try_file *f = job->file;
    f->result = *result;
    f->result.text = NULL;
    free(f->text);
    f->text = strdup(result->text);
    if (f->text != NULL && f->played->reference != NULL &&
        measure_words(f->played->reference, f->text, &f->words) == OK)
        score_add(&job->run->words, &f->words);
}

static void show_progress(const try_run *run) {
    if (!run->progress)
        return;
    char bar[31] = "..............................";
    memset(bar, '#', run->done * 30 / run->list.n);
    fprintf(stderr, "\r[%s] %zu/%zu", bar, run->done, run->list.n);
    if (score_reference_words(&run->words) > 0)
        fprintf(stderr, "  WER %.2f %%", 100 * score_wer(&run->words));
    fputs(run->done == run->list.n ? "\n" : "", stderr);
}

static void on_closed(void *owner, int http_status, unsigned retry_after_s,
                      const diag *d) {
    try_job *job = owner;
    try_run *run = job->run;
    job->client = NULL;
    bool full = http_status == 429 || http_status == 503;
    if (full && job->refusals++ < REFUSALS_MAX) {
        uint64_t wait_ms = retry_after_s > 0 ? retry_after_s * 1000ull : 1000;
        uv_timer_start(&job->again, on_again, wait_ms, 0);
        return;
    }
    if (d->code != OK) {
        free(job->file->text);
        job->file->text = NULL;
        job->file->why = *d;
        run->failure = d->code;
        run->stop =
            run->stop || (http_status == 0 && d->code == ERR_IO) || http_status == 401;
    }
    run->done++;
    show_progress(run);
    if (run->live) {
        buf text;
        buf_init(&text, 1u << 20);
        buf_add_text(&text, "\r\033[2K");
        if (run->list.n > 1)
            try_print_file(job->file, run->options.paced, true, &text);
        fputs(buf_text(&text), stdout);
        fflush(stdout);
        buf_deinit(&text);
    }
    start_next(job);
}

static const client_events events = {on_next, on_partial, on_result, on_closed};

static void start(try_job *job) {
    try_run *run = job->run;
    job->given = false;
    status s = client_create(&run->loop, &run->options, &events, job, &job->client,
                             &job->file->why);
    if (s != OK) {
        run->failure = s;
        run->stop = true;
        run->done++;
    }
}

static void on_again(uv_timer_t *timer) {
    try_job *job = timer->data;
    if (!job->run->stop)
        start(job);
}

static void start_next(try_job *job) {
    try_run *run = job->run;
    if (run->stop || run->next == run->list.n)
        return;
    job->file = &run->files[run->next++];
    job->refusals = 0;
    start(job);
}

static const arg_option options[] = {
    {"realtime", ARG_FLAG, NULL, 0, 0,
     "send at the pace of speech and measure latencies"},
    {"model", ARG_TEXT, "NAME", 0, 0, "model to ask for; default the server's"},
    {"url", ARG_TEXT, "URL", 0, 0, "server; default " CLIENT_DEFAULT_URL},
    {"key", ARG_TEXT, "KEY", 0, 0, "API key; default $ROSTRUM_API_KEY"},
    {"reference", ARG_TEXT, "TEXT", 0, 0, "what is said in the one file given"},
    {"manifest", ARG_TEXT, "FILE", 0, 0,
     "rows {\"id\":, \"audio\":, \"ref\":, \"half\":}, as rostrum-dataset writes"},
    {"half", ARG_TEXT, "eval|held|all", 0, 0, "rows of the manifest; default all"},
    {"concurrency", ARG_INT, "N", 1, CONCURRENCY_MAX, "sessions at a time; default 1"},
    {"chunk-ms", ARG_INT, "MS", 10, 500, "audio in a message; default 100"},
    {"whole", ARG_FLAG, NULL, 0, 0, "no voice detection: one file is one utterance"},
    {"max-wer", ARG_NUMBER, "PERCENT", 0, 1000, "exit with 1 when the WER is above"},
};

static status collect(try_run *run, const args *a, diag *d) {
    const char *manifest = args_text(a, "manifest", "");
    const char *reference = args_text(a, "reference", NULL);
    const char *half = args_text(a, "half", "all");
    if (strcmp(half, "eval") != 0 && strcmp(half, "held") != 0 &&
        strcmp(half, "all") != 0)
        return diag_field(d, ERR_INVALID, "half", "eval, held or all");
    if (reference != NULL && a->n_positional != 1)
        return diag_field(d, ERR_INVALID, "reference", "goes with one file");
    status s = OK;
    if (manifest[0] != '\0')
        s = recordings_add_manifest(&run->list, manifest, half, d);
    for (size_t i = 0; s == OK && i < a->n_positional; i++)
        s = recordings_add_file(&run->list, a->positional[i], reference, d);
    if (s == OK && run->list.n == 0)
        s = diag_set(d, ERR_INVALID, "name audio files, or a --manifest with rows");
    return s;
}

static void set_options(try_run *run, const args *a) {
    const char *key = getenv("ROSTRUM_API_KEY");
    run->options = (client_options){
        .url = args_text(a, "url", CLIENT_DEFAULT_URL),
        .key = args_text(a, "key", key != NULL ? key : ""),
        .model = args_text(a, "model", ""),
        .chunk_ms = (unsigned)args_number(a, "chunk-ms", 100),
        .paced = args_has(a, "realtime"),
        .whole = args_has(a, "whole"),
        .gap_ms = TAIL_MS,
    };
    struct winsize window = {0};
    bool terminal = isatty(STDOUT_FILENO) != 0 && !a->json;
    run->live = terminal && run->options.paced && args_number(a, "concurrency", 1) < 2;
    run->progress = isatty(STDERR_FILENO) != 0 && !run->live && run->list.n > 1;
    run->width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0
                     ? window.ws_col
                     : 80;
}

static int report(try_run *run, const args *a, const command *self) {
    for (size_t i = 0; i < run->list.n; i++) {
        diag *why = &run->files[i].why;
        if (run->files[i].text == NULL && why->code == OK)
            (void)diag_set(why, ERR_CANCELLED, "not tried");
    }
    if (run->stop) {
        diag d = DIAG_INIT;
        const diag *why = &run->files[0].why;
        for (size_t i = 0; why->code == OK && i < run->list.n; i++)
            why = &run->files[i].why;
        (void)diag_set(&d, why->code != OK ? why->code : run->failure,
                       "%s (%s). Start a server with `rostrum serve` or `make run`, or "
                       "name one with --url",
                       why->text, run->options.url);
        return args_fail(self, &d, a->json, EXIT_FAILED);
    }
    buf text;
    buf_init(&text, REPORT_BYTES);
    bool paced = run->options.paced;
    if (a->json)
        try_print_json(run->files, run->list.n, paced, &text);
    else if (run->list.n == 1)
        try_print_file(&run->files[0], paced, run->live, &text);
    else
        try_print_table(run->files, run->list.n, paced, &text);
    fputs(buf_text(&text), stdout);
    buf_deinit(&text);
    if (run->failure != OK)
        return EXIT_FAILED;
    double limit = args_number(a, "max-wer", -1);
    bool bad = limit >= 0 && (score_reference_words(&run->words) == 0 ||
                              100 * score_wer(&run->words) > limit);
    return bad ? EXIT_NO : EXIT_GOOD;
}

static int play(try_run *run, const args *a, const command *self) {
    if (uv_loop_init(&run->loop) != 0) {
        diag d = DIAG_INIT;
        (void)diag_set(&d, ERR_MEMORY, "no memory for an event loop");
        return args_fail(self, &d, a->json, EXIT_FAILED);
    }
    size_t jobs = (size_t)args_number(a, "concurrency", 1);
    for (size_t i = 0; i < run->list.n; i++)
        run->files[i].played = &run->list.items[i];
    for (size_t i = 0; i < jobs; i++) {
        run->jobs[i].run = run;
        uv_timer_init(&run->loop, &run->jobs[i].again);
        run->jobs[i].again.data = &run->jobs[i];
        start_next(&run->jobs[i]);
    }
    uv_run(&run->loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < jobs; i++)
        uv_close((uv_handle_t *)&run->jobs[i].again, NULL);
    uv_run(&run->loop, UV_RUN_DEFAULT);
    uv_loop_close(&run->loop);
    return report(run, a, self);
}

static int run_try(int argc, char **argv, const command *self) {
    args a;
    int exit_status = EXIT_GOOD;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    try_run *run = calloc(1, sizeof *run);
    status s = run != NULL ? collect(run, &a, &d) : diag_set(&d, ERR_MEMORY, "no memory");
    if (s == OK) {
        run->files = calloc(run->list.n, sizeof *run->files);
        if (run->files == NULL)
            s = diag_set(&d, ERR_MEMORY, "no memory");
    }
    client_url url;
    if (s == OK)
        d = (diag)DIAG_INIT; /* a file that was read well left its name */
    if (s == OK)
        s = client_url_parse(args_text(&a, "url", CLIENT_DEFAULT_URL), &url, &d);
    if (s == OK) {
        set_options(run, &a);
        exit_status = play(run, &a, self);
    } else {
        exit_status = args_fail(self, &d, a.json, EXIT_USAGE);
    }
    for (size_t i = 0; run != NULL && run->files != NULL && i < run->list.n; i++)
        free(run->files[i].text);
    if (run != NULL) {
        free(run->files);
        recordings_deinit(&run->list);
    }
    free(run);
    return exit_status;
}

const command try_command = {
    .name = "try",
    .positional = "FILE...",
    .summary = "play recordings to a running server and show what comes back",
    .details =
        "Each file is one session over the Realtime WebSocket. With --realtime it is "
        "sent "
        "at the\npace of speech, and on a terminal the words appear as they come: "
        "committed ones bold,\ntentative ones dim. References are compared after "
        "normalisation (profile \"spoken\":\ncase, punctuation, numbers spelt). A server "
        "that is full is asked again for two minutes.\n\n"
        "Exit status: 0 good, 1 WER above --max-wer, 2 usage or a file that cannot be "
        "read,\n3 the server failed or is not there.",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .run = run_try,
};
