#include "cli/bench_round.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "cli/bench_proc.h"

#define GAP_MS 700
#define GAP_SPREAD_MS 300
#define STAGGER_MS 2000

typedef struct round_state round_state;

typedef struct {
    round_state *round;
    client *client; /* NULL: closed */
    uint64_t random;
} stream;

struct round_state {
    uv_loop_t loop;
    uv_timer_t deadline;
    const bench_plan *plan;
    bench_sums *sums;
    stream *streams; /* [plan->streams] */
    unsigned open;
    uint64_t started_ns;
    double server_cpu_s, own_cpu_s; /* at the start */
    bool over;
};

void bench_sums_deinit(bench_sums *s) {
    measure_deinit(&s->first_partial);
    measure_deinit(&s->commit_lag);
    measure_deinit(&s->final);
}

static uint32_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static double own_cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static const recording *on_next(void *owner) {
    stream *s = owner;
    if (s->round->over)
        return NULL;
    const recordings *list = s->round->plan->list;
    return &list->items[next_random(&s->random) % list->n];
}

static void on_result(void *owner, const client_result *r) {
    stream *s = owner;
    bench_sums *sums = s->round->sums;
    score_counts words;
    sums->results++;
    sums->empty += r->text[0] == '\0';
    sums->violations += r->violations;
    sums->corrected += r->corrected;
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
        round->sums->failed++;
        round->sums->refused += http_status == 429 || http_status == 503;
        round->sums->why = *d;
    }
    if (--round->open == 0 && !uv_is_closing((uv_handle_t *)&round->deadline))
        uv_close((uv_handle_t *)&round->deadline, NULL);
}

static const client_events events = {on_next, NULL, on_result, on_closed};

/* What is measured of the processes ends here; what was played is still answered. */
static void on_deadline(uv_timer_t *timer) {
    round_state *round = timer->data;
    bench_sums *sums = round->sums;
    const bench_plan *plan = round->plan;
    round->over = true;
    sums->wall_s += (double)(uv_hrtime() - round->started_ns) / 1e9;
    sums->own_cpu_s += own_cpu_s() - round->own_cpu_s;
    double cpu_s = plan->server_pid > 0 ? bench_proc_cpu_s(plan->server_pid) : -1;
    if (cpu_s >= 0 && round->server_cpu_s >= 0 && sums->server_cpu_s >= 0)
        sums->server_cpu_s += cpu_s - round->server_cpu_s;
    else
        sums->server_cpu_s = -1;
    for (unsigned i = 0; i < plan->streams; i++)
        if (round->streams[i].client != NULL) {
            sums->audio_s += client_sent_s(round->streams[i].client);
            client_finish(round->streams[i].client);
        }
}

static void start_streams(round_state *round) {
    const bench_plan *plan = round->plan;
    for (unsigned i = 0; i < plan->streams; i++) {
        stream *s = &round->streams[i];
        s->round = round;
        s->random = ((uint64_t)plan->seed << 20) + i + 1;
        (void)next_random(&s->random);
        client_options options = plan->client;
        options.paced = true;
        options.gap_ms = GAP_MS;
        options.gap_spread_ms = GAP_SPREAD_MS;
        options.delay_ms = next_random(&s->random) % STAGGER_MS;
        options.seed = next_random(&s->random);
        diag d = DIAG_INIT;
        if (client_create(&round->loop, &options, &events, s, &s->client, &d) == OK) {
            round->open++;
        } else {
            round->sums->failed++;
            round->sums->why = d;
        }
    }
}

status bench_round_run(const bench_plan *plan, bench_sums *sums, diag *d) {
    round_state *round = calloc(1, sizeof *round);
    stream *streams = calloc(plan->streams, sizeof *streams);
    if (round == NULL || streams == NULL || uv_loop_init(&round->loop) != 0) {
        free(round);
        free(streams);
        return diag_set(d, ERR_MEMORY, "no memory for %u streams", plan->streams);
    }
    round->plan = plan;
    round->sums = sums;
    round->streams = streams;
    round->started_ns = uv_hrtime();
    round->own_cpu_s = own_cpu_s();
    round->server_cpu_s = plan->server_pid > 0 ? bench_proc_cpu_s(plan->server_pid) : -1;
    uv_timer_init(&round->loop, &round->deadline);
    round->deadline.data = round;
    uv_timer_start(&round->deadline, on_deadline, (uint64_t)(plan->seconds * 1000), 0);
    start_streams(round);
    if (round->open == 0)
        uv_close((uv_handle_t *)&round->deadline, NULL);
    uv_run(&round->loop, UV_RUN_DEFAULT);
    uv_loop_close(&round->loop);
    free(streams);
    free(round);
    return OK;
}
