#include "cli/bench_round.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "cli/bench_proc.h"

typedef struct round_state round_state;

typedef struct {
    round_state *round;
    client *client; /* NULL: closed */
    bench_script script;
} stream;

struct round_state {
    uv_loop_t loop;
    uv_timer_t deadline;
    const bench_plan *plan;
    bench_run *run;
    stream *streams; /* [run->streams] */
    unsigned open;
    double started_ms;
    double server_cpu_s, own_cpu_s; /* at the start */
    bool over;
};

static double now_ms(void) {
    return (double)uv_hrtime() / 1e6;
}

static double own_cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static const recording *on_next(void *owner) {
    stream *s = owner;
    return s->round->over ? NULL : bench_script_next(&s->script, s->round->plan->list);
}

static void on_result(void *owner, const client_result *r) {
    stream *s = owner;
    bench_round *sums =
        bench_run_round(s->round->run, (r->started_ms - s->round->started_ms) / 1000);
    score_counts words;
    sums->utterances++;
    sums->empty += r->text[0] == '\0';
    sums->violations += r->violations;
    sums->corrected += r->corrected;
    sums->finals += r->finals;
    sums->degraded += r->degraded;
    if (r->first_partial_ms >= 0)
        measure_add(&sums->first_partial, r->first_partial_ms);
    if (r->final_ms >= 0)
        measure_add(&sums->final, r->final_ms);
    for (unsigned i = 0; i < r->n_lags; i++)
        measure_add(&sums->commit_lag, (double)r->commit_lag_ms[i]);
    if (r->played->reference != NULL &&
        measure_words(r->played->reference, r->text, &words) == OK)
        score_add(&sums->words, &words);
}

static void on_closed(void *owner, int http_status, unsigned retry_after_s,
                      const diag *d) {
    stream *s = owner;
    round_state *round = s->round;
    (void)retry_after_s;
    s->client = NULL;
    if (d->code != OK) {
        round->run->failed++;
        round->run->refused += http_status == 429 || http_status == 503;
        round->run->why = *d;
    }
    if (--round->open == 0 && !uv_is_closing((uv_handle_t *)&round->deadline))
        uv_close((uv_handle_t *)&round->deadline, NULL);
}

static const client_events events = {on_next, NULL, on_result, on_closed};

/* What is measured of the processes ends here; what was played is still answered. */
static void on_deadline(uv_timer_t *timer) {
    round_state *round = timer->data;
    bench_run *run = round->run;
    int pid = round->plan->server_pid;
    round->over = true;
    run->wall_s = (now_ms() - round->started_ms) / 1000;
    run->own_cpu_s = own_cpu_s() - round->own_cpu_s;
    double cpu_s = pid > 0 ? bench_proc_cpu_s(pid) : -1;
    if (cpu_s >= 0 && round->server_cpu_s >= 0)
        run->server_cpu_s = cpu_s - round->server_cpu_s;
    for (unsigned i = 0; i < run->streams; i++)
        if (round->streams[i].client != NULL) {
            run->audio_s += client_sent_s(round->streams[i].client);
            client_finish(round->streams[i].client);
        }
}

static void start_streams(round_state *round) {
    const bench_plan *plan = round->plan;
    for (unsigned i = 0; i < round->run->streams; i++) {
        stream *s = &round->streams[i];
        s->round = round;
        s->script = bench_script_make(plan->seed, i);
        client_options options = plan->client;
        options.paced = true;
        options.gap_ms = BENCH_GAP_MS;
        options.gap_spread_ms = BENCH_GAP_SPREAD_MS;
        options.delay_ms = s->script.delay_ms;
        options.seed = s->script.gap_seed;
        diag d = DIAG_INIT;
        if (client_create(&round->loop, &options, &events, s, &s->client, &d) == OK) {
            round->open++;
        } else {
            round->run->failed++;
            round->run->why = d;
        }
    }
}

status bench_round_play(void *context, bench_run *run, diag *d) {
    const bench_plan *plan = context;
    round_state *round = calloc(1, sizeof *round);
    stream *streams = calloc(run->streams, sizeof *streams);
    if (round == NULL || streams == NULL || uv_loop_init(&round->loop) != 0) {
        free(round);
        free(streams);
        return diag_set(d, ERR_MEMORY, "no memory for %u streams", run->streams);
    }
    round->plan = plan;
    round->run = run;
    round->streams = streams;
    round->started_ms = now_ms();
    round->own_cpu_s = own_cpu_s();
    round->server_cpu_s = plan->server_pid > 0 ? bench_proc_cpu_s(plan->server_pid) : -1;
    run->chunk_ms = plan->client.chunk_ms;
    run->server_cpu_s = -1;
    uv_timer_init(&round->loop, &round->deadline);
    round->deadline.data = round;
    uv_timer_start(&round->deadline, on_deadline,
                   (uint64_t)(run->rounds * run->round_s * 1000), 0);
    start_streams(round);
    if (round->open == 0)
        uv_close((uv_handle_t *)&round->deadline, NULL);
    uv_run(&round->loop, UV_RUN_DEFAULT);
    uv_loop_close(&round->loop);
    free(streams);
    free(round);
    return OK;
}
