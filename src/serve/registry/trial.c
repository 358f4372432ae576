#include "serve/registry/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"

#define READY_MS 70000 /* a little over LIMIT_WORKER_LOAD_S */
#define HEAR_MS 60000
#define FRAME_MS 20
#define FRAME (LIMIT_SAMPLE_RATE_HZ * FRAME_MS / 1000)
#define SAMPLES_MAX 4096 /* first partials of one level */
#define SETTLE_MS 1500   /* until everybody talks, and what was given at once is heard */
#define BEFORE_MAX (4 * LIMIT_SAMPLE_RATE_HZ) /* samples said before; more must fit */

typedef struct {
    trial *t;
    pool_slot *slot;
    uint64_t start_ms;   /* of its audio, on the loop's clock */
    size_t at;           /* next sample of the recording */
    size_t sent;         /* samples */
    uint32_t utterance;  /* the one begun last */
    uint64_t arrived_ms; /* of its first sample of speech; 0: has its partial */
    bool lost, final;
    status why;
} stream;

struct trial {
    uv_loop_t loop;
    uv_timer_t wake;
    pool *pool;
    const char *model;
    bool stopped;
    stream *streams; /* [n_streams] of the level under way */
    unsigned n_streams;
    uint64_t count_ms; /* first partials of speech from here on are counted */
    double latencies[SAMPLES_MAX];
    unsigned n_latencies;
    char *words; /* of trial_hear */
    size_t words_size;
};

/* ---- the loop ---- */

static void on_wake(uv_timer_t *timer) {
    (void)timer;
}

static uint64_t now_ms(trial *t) {
    return uv_now(&t->loop);
}

void trial_worker(const trial *t, pool_worker_view *out) {
    bool known = pool_get_worker(t->pool, 0, out);
    ASSERT(known);
}

static status wait_ready(trial *t, diag *d) {
    uint64_t end = now_ms(t) + READY_MS;
    pool_worker_view w;
    for (;;) {
        trial_worker(t, &w);
        if (w.ready)
            return OK;
        if (w.failure[0]) /* trying again would say the same */
            return diag_set(d, ERR_ENGINE, "the worker did not start: %s", w.failure);
        if (now_ms(t) > end)
            return diag_set(d, ERR_TIMEOUT, "the worker was not ready in time");
        uv_run(&t->loop, UV_RUN_ONCE);
    }
}

status trial_open(const char *engine_dir, const pool_worker_config *worker, trial **out,
                  diag *d) {
    trial *t = calloc(1, sizeof *t);
    if (!t || uv_loop_init(&t->loop) != 0) {
        free(t);
        return diag_set(d, ERR_MEMORY, "no memory for the event loop");
    }
    t->model = worker->model->name;
    status s = pool_create(&t->loop, engine_dir, worker, 1, &t->pool, d);
    if (s != OK) {
        uv_loop_close(&t->loop);
        free(t);
        return s;
    }
    uv_timer_init(&t->loop, &t->wake);
    uv_timer_start(&t->wake, on_wake, FRAME_MS / 4, FRAME_MS / 4);
    s = wait_ready(t, d);
    if (s == OK)
        *out = t;
    else
        trial_close(t);
    return s;
}

static void on_stopped(void *context) {
    ((trial *)context)->stopped = true;
}

void trial_close(trial *t) {
    if (!t)
        return;
    pool_stop(t->pool, on_stopped, t);
    while (!t->stopped)
        uv_run(&t->loop, UV_RUN_ONCE);
    pool_destroy(t->pool);
    uv_close((uv_handle_t *)&t->wake, NULL);
    uv_run(&t->loop, UV_RUN_DEFAULT);
    uv_loop_close(&t->loop);
    free(t);
}

/* ---- events ---- */

static void on_started(void *session, const engine_mark *mark) {
    stream *s = session;
    s->utterance = mark->utterance;
    s->arrived_ms = s->start_ms + mark->at_ms;
    if (s->arrived_ms < s->t->count_ms)
        s->arrived_ms = 0;
}

static void add_words(trial *t, const engine_text *text) {
    size_t n = strlen(t->words);
    for (uint32_t i = 0; i < text->n_words && n < t->words_size; i++) {
        snprintf(t->words + n, t->words_size - n, "%s%s", n ? " " : "",
                 text->words[i].text);
        n += strlen(t->words + n);
    }
}

static void on_text(void *session, uint8_t type, uint8_t flags, const engine_text *text) {
    stream *s = session;
    trial *t = s->t;
    if (text->n_words > 0 && s->arrived_ms > 0 && text->utterance == s->utterance) {
        uint64_t now = now_ms(t);
        if (t->n_latencies < SAMPLES_MAX)
            t->latencies[t->n_latencies++] =
                now > s->arrived_ms ? (double)(now - s->arrived_ms) : 0;
        s->arrived_ms = 0;
    }
    if (type != FRAME_FINAL || flags & TEXT_FIRST_PASS)
        return;
    if (t->words)
        add_words(t, text);
    s->final = s->final || flags & TEXT_BY_COMMIT;
}

static void on_lost(void *session, status why) {
    stream *s = session;
    s->slot = NULL;
    s->lost = true;
    s->why = why;
}

static const pool_events events = {
    .speech_started = on_started, .text = on_text, .lost = on_lost};

static status open_stream(trial *t, stream *s, diag *d) {
    unsigned retry = 0;
    *s = (stream){.t = t};
    return pool_acquire(t->pool, t->model, &engine_listen_default, &events, s, &s->slot,
                        &retry, d);
}

/* Releases all streams and waits until their slots are free. */
static void close_streams(trial *t) {
    for (unsigned i = 0; i < t->n_streams; i++) {
        pool_slot *slot = t->streams[i].slot;
        t->streams[i].slot = NULL;
        pool_release(slot);
    }
    pool_worker_view w;
    uint64_t end = now_ms(t) + 5000;
    do {
        uv_run(&t->loop, UV_RUN_ONCE);
        trial_worker(t, &w);
    } while (w.closing > 0 && now_ms(t) < end);
    free(t->streams);
    t->streams = NULL;
    t->n_streams = 0;
}

static status open_streams(trial *t, unsigned n, diag *d) {
    t->streams = calloc(n, sizeof *t->streams);
    if (!t->streams)
        return diag_set(d, ERR_MEMORY, "no memory for the streams");
    status result = OK;
    while (t->n_streams < n && result == OK)
        result = open_stream(t, &t->streams[t->n_streams++], d);
    if (result != OK)
        close_streams(t);
    return result;
}

/* ---- hear ---- */

status trial_hear(trial *t, const int16_t *pcm, size_t n, char *out_words, size_t size,
                  diag *d) {
    status result = open_streams(t, 1, d);
    if (result != OK)
        return result;
    stream *s = &t->streams[0];
    t->words = out_words;
    t->words_size = size;
    out_words[0] = '\0';
    uint64_t end = now_ms(t) + HEAR_MS;
    bool asked = false;
    while (!s->final && !s->lost && now_ms(t) < end) {
        size_t piece = s->slot ? pool_room(s->slot) : 0;
        piece = piece < n - s->sent ? piece : n - s->sent;
        if (piece > 0 && pool_audio(s->slot, pcm + s->sent, piece) == OK)
            s->sent += piece;
        if (s->sent == n && !asked && s->slot) {
            pool_commit(s->slot);
            asked = true;
        }
        uv_run(&t->loop, UV_RUN_ONCE);
    }
    if (s->lost)
        result = diag_set(d, s->why, "the session was lost: %s", status_text(s->why));
    else if (!s->final)
        result = diag_set(d, ERR_TIMEOUT, "no final within %d s", HEAR_MS / 1000);
    t->words = NULL;
    close_streams(t);
    return result;
}

/* ---- play ---- */

/* Gives a stream the frames that are due by now. */
static void send_due(trial *t, stream *s, const speech *recording, bool *behind) {
    uint64_t now = now_ms(t);
    while (s->slot && now >= s->start_ms &&
           s->sent / FRAME < (now - s->start_ms) / FRAME_MS) {
        size_t piece = FRAME;
        if (piece > recording->n - s->at)
            piece = recording->n - s->at;
        if (pool_audio(s->slot, recording->pcm + s->at, piece) != OK) {
            *behind = true;
            return;
        }
        s->sent += piece;
        s->at = (s->at + piece) % recording->n;
    }
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* CPU time of the whole machine, s: all that is not idle. 0 where it cannot be read. */
static double machine_busy_s(void) {
    unsigned long long user, nice, system, idle, wait, irq, softirq, steal;
    FILE *f = fopen("/proc/stat", "re");
    int n = f ? fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice,
                       &system, &idle, &wait, &irq, &softirq, &steal)
              : 0;
    if (f)
        fclose(f);
    if (n != 8)
        return 0;
    return (double)(user + nice + system + irq + softirq + steal) /
           (double)sysconf(_SC_CLK_TCK);
}

/* Means of the load reports that arrive while playing. */
typedef struct {
    uint64_t seen;
    unsigned n;
    double cpu, pressure, late;
} load_sum;

static void watch_load(trial *t, load_sum *sum) {
    pool_worker_view w;
    trial_worker(t, &w);
    if (w.loads == sum->seen)
        return;
    sum->seen = w.loads;
    sum->n++;
    sum->cpu += w.load.cpu_permille / 1000.0;
    sum->pressure += (double)w.load.pressure;
    sum->late += w.load.late_permille / 1000.0;
}

static void summarise(trial *t, const load_sum *sum, trial_level *out) {
    unsigned n = sum->n ? sum->n : 1;
    out->cpu = sum->cpu / n;
    out->pressure = sum->pressure / n;
    out->late = sum->late / n;
    pool_worker_view w;
    trial_worker(t, &w);
    out->rss_kib = w.load.rss_kib;
    out->partials = t->n_latencies;
    qsort(t->latencies, t->n_latencies, sizeof *t->latencies, compare);
    if (t->n_latencies > 0)
        out->first_partial_ms = t->latencies[(t->n_latencies * 95 + 99) / 100 - 1];
}

/* Where stream i of n begins, and when: spread over a second, so that not all are due at
 * once. */
static void place(stream *s, const speech *recording, unsigned i, unsigned n,
                  trial_start how, uint64_t start_ms) {
    s->start_ms = start_ms + 1 + 1000 * i / n;
    s->at = recording->starts[i % recording->n_clips];
    if (how == TRIAL_FRESH)
        return;
    size_t now = (size_t)((2 * i + 1) * (double)recording->n / (2 * n)), clip = 0;
    while (clip + 1 < recording->n_clips && recording->starts[clip + 1] <= now)
        clip++;
    s->at = recording->starts[clip];
    if (now - s->at > BEFORE_MAX)
        s->at = now - BEFORE_MAX;
    s->start_ms -= (now - s->at) * 1000 / LIMIT_SAMPLE_RATE_HZ;
}

status trial_play(trial *t, const speech *recording, unsigned streams, double seconds,
                  trial_start how, trial_level *out, diag *d) {
    pool_worker_view w;
    trial_worker(t, &w);
    if (!w.ready || streams > w.slots)
        return diag_set(d, ERR_STATE, "the worker has %u slots, not %u", w.slots,
                        streams);
    status result = open_streams(t, streams, d);
    if (result != OK)
        return result;
    *out = (trial_level){.streams = streams};
    t->n_latencies = 0;
    uv_update_time(&t->loop);
    uint64_t start = now_ms(t), end = start + (uint64_t)(seconds * 1000);
    t->count_ms = how == TRIAL_FLOWING ? start + SETTLE_MS : start;
    for (unsigned i = 0; i < streams; i++)
        place(&t->streams[i], recording, i, streams, how, start);
    double busy_s = machine_busy_s();
    load_sum sum = {0};
    trial_worker(t, &w);
    sum.seen = w.loads;
    while (now_ms(t) < end && !out->behind) {
        for (unsigned i = 0; i < streams; i++) {
            send_due(t, &t->streams[i], recording, &out->behind);
            out->behind = out->behind || t->streams[i].lost;
        }
        uv_run(&t->loop, UV_RUN_ONCE);
        if (now_ms(t) > start + SETTLE_MS)
            watch_load(t, &sum);
    }
    summarise(t, &sum, out);
    double played_s = (double)(now_ms(t) - start) / 1000;
    double others = (machine_busy_s() - busy_s) / played_s - out->cpu;
    out->others = others > 0 ? others : 0;
    close_streams(t);
    return OK;
}
