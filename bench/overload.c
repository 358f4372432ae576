/* bench/overload.c: what admitted sessions feel while far more are asking.
 *
 *   bench_overload URL SERVER_PID MANIFEST OFFERED [SECONDS]        default 60 s
 *
 * First two paced streams: the unloaded first partial (two, as `engine calibrate` has it:
 * one would take two minutes for as many utterances). Then OFFERED streams at once for
 * SECONDS: each plays recordings for 20 to 60 s, ends its session and starts the next;
 * one that is refused at the upgrade asks again after its Retry-After. bench/overload
 * starts the server and offers five times its slots.
 *
 * Verdict, also the exit status (0 good, 1 not, 2 usage, 3 nothing to measure):
 *   - first partial p95 of all admitted sessions <= 1.2 times the unloaded p95;
 *   - no admitted session broke, and what was not admitted was refused with 429 or 503;
 *   - memory is flat: a straight line fitted to the resident memory of the server and its
 *     workers, once a second, without the first fifth of the time (of 300 s: the last
 * four minutes), rises by no more than 2 % from its beginning to its end. Sessions whose
 * own p95 is over the bound are counted apart: of ten utterances the p95 is the slowest
 * one, so that some are over it by chance. Prints JSON with every value, then the figures
 * as rows (bench/stages). */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/client_measure.h"

#define BOUND 1.2
#define MEMORY_BOUND 0.02
#define MEMORY_JUDGED_S 300 /* of load; less still holds the first use of every slot */
#define UNLOADED_STREAMS 2
#define UNLOADED_S 50 /* about 25 utterances */
#define SAMPLES_MIN 20
#define SESSION_MIN_MS 20000
#define SESSION_SPREAD_MS 40000
#define SESSION_UTTERANCES_MIN 5 /* fewer say nothing about one session */
#define OFFERED_MAX 4096
#define SAMPLES_MAX 3600

typedef struct load load;

typedef struct {
    load *load;
    client *client; /* NULL: waiting to ask again */
    uv_timer_t again;
    uint64_t random, end_ms;
    measure first_partial; /* of the session now open */
} stream;

struct load {
    uv_loop_t *loop;
    uv_timer_t deadline, sampler;
    const recordings *list;
    client_options client;
    int server_pid;
    unsigned n;
    stream *streams; /* [n] */
    bool over;
    measure first_partial, session_p95;
    unsigned admitted, broken, refused_429, refused_503, refused_other;
    unsigned results;
    double kib[SAMPLES_MAX]; /* [samples] one a second */
    unsigned samples;
    diag why; /* of the last that broke */
};

static uint32_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* --- memory --- */

static int parent_of(int pid) {
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return 0;
    const char *name_end =
        fgets(line, sizeof line, f) != NULL ? strrchr(line, ')') : NULL;
    fclose(f);
    return name_end != NULL ? atoi(name_end + 4) : 0;
}

static double resident_kib(int pid) {
    char path[64];
    unsigned long total = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%lu %lu", &total, &resident) != 2)
        resident = 0;
    fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* The server and its direct children. */
static double family_kib(int server_pid) {
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    double sum = 0;
    while (proc != NULL && (entry = readdir(proc)) != NULL) {
        int pid = atoi(entry->d_name);
        if (pid > 0 && (pid == server_pid || parent_of(pid) == server_pid))
            sum += resident_kib(pid);
    }
    if (proc != NULL)
        closedir(proc);
    return sum;
}

static void on_sample(uv_timer_t *timer) {
    load *l = timer->data;
    if (l->samples < SAMPLES_MAX)
        l->kib[l->samples++] = family_kib(l->server_pid);
}

/* Least squares over y[n] at x = 0, 1, ...: the line's value at 0 and its slope. */
static void fit_line(const double *y, unsigned n, double *out_start, double *out_slope) {
    double mean_x = (n - 1) / 2.0, mean_y = 0, xy = 0, xx = 0;
    for (unsigned i = 0; i < n; i++)
        mean_y += y[i] / n;
    for (unsigned i = 0; i < n; i++) {
        xy += (i - mean_x) * (y[i] - mean_y);
        xx += (i - mean_x) * (i - mean_x);
    }
    *out_slope = xx > 0 ? xy / xx : 0;
    *out_start = mean_y - *out_slope * mean_x;
}

/* --- streams --- */

static void start(stream *s);

static void on_again(uv_timer_t *timer) {
    start(timer->data);
}

static void ask_again(stream *s, uint64_t wait_ms) {
    if (!s->load->over)
        uv_timer_start(&s->again, on_again, wait_ms, 0);
}

static const recording *on_next(void *owner) {
    stream *s = owner;
    const recordings *list = s->load->list;
    if (s->load->over || uv_now(s->load->loop) >= s->end_ms)
        return NULL;
    return &list->items[next_random(&s->random) % list->n];
}

static void on_result(void *owner, const client_result *r) {
    stream *s = owner;
    s->load->results++;
    if (r->first_partial_ms >= 0)
        measure_add(&s->first_partial, r->first_partial_ms);
}

static void count_session(stream *s, const diag *d) {
    load *l = s->load;
    l->admitted++;
    if (d->code != OK) {
        l->broken++;
        l->why = *d;
    }
    measure_add_all(&l->first_partial, &s->first_partial);
    if (s->first_partial.n >= SESSION_UTTERANCES_MIN)
        measure_add(&l->session_p95, measure_quantile(&s->first_partial, 0.95));
}

static void on_closed(void *owner, int http_status, unsigned retry_after_s,
                      const diag *d) {
    stream *s = owner;
    load *l = s->load;
    s->client = NULL;
    if (http_status == 0) {
        count_session(s, d);
        ask_again(s, 0);
        return;
    }
    l->refused_429 += http_status == 429;
    l->refused_503 += http_status == 503;
    l->refused_other += http_status != 429 && http_status != 503;
    if (http_status != 429 && http_status != 503)
        l->why = *d;
    /* a crowd that waited equally long comes back spread over half a second */
    ask_again(s, (retry_after_s > 0 ? retry_after_s : 1) * 1000ull +
                     next_random(&s->random) % 500);
}

static const client_events events = {on_next, NULL, on_result, on_closed};

static void start(stream *s) {
    load *l = s->load;
    client_options options = l->client;
    diag d = DIAG_INIT;
    options.seed = next_random(&s->random);
    s->end_ms =
        uv_now(l->loop) + SESSION_MIN_MS + next_random(&s->random) % SESSION_SPREAD_MS;
    measure_clear(&s->first_partial);
    if (client_create(l->loop, &options, &events, s, &s->client, &d) != OK) {
        l->broken++;
        l->why = d;
    }
}

static void on_deadline(uv_timer_t *timer) {
    load *l = timer->data;
    l->over = true;
    for (unsigned i = 0; i < l->n; i++) {
        if (l->streams[i].client != NULL)
            client_finish(l->streams[i].client);
        uv_close((uv_handle_t *)&l->streams[i].again, NULL);
    }
    uv_close((uv_handle_t *)&l->sampler, NULL);
    uv_close((uv_handle_t *)&l->deadline, NULL);
}

/* Plays l->n streams for a while; returns when the last has its answers. */
static bool play(load *l, double seconds) {
    uv_loop_t loop;
    l->streams = calloc(l->n, sizeof *l->streams);
    if (l->streams == NULL || uv_loop_init(&loop) != 0)
        return false;
    l->loop = &loop;
    uv_timer_init(&loop, &l->deadline);
    uv_timer_init(&loop, &l->sampler);
    l->deadline.data = l->sampler.data = l;
    uv_timer_start(&l->deadline, on_deadline, (uint64_t)(seconds * 1000), 0);
    uv_timer_start(&l->sampler, on_sample, 1000, 1000);
    for (unsigned i = 0; i < l->n; i++) {
        stream *s = &l->streams[i];
        *s = (stream){.load = l, .random = ((uint64_t)l->n << 20) + i + 1};
        (void)next_random(&s->random);
        uv_timer_init(&loop, &s->again);
        s->again.data = s;
        ask_again(s, next_random(&s->random) % 2000);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    for (unsigned i = 0; i < l->n; i++)
        measure_deinit(&l->streams[i].first_partial);
    free(l->streams);
    return true;
}

/* --- the answer --- */

static unsigned sessions_over(measure *p95, double bound_ms) {
    unsigned n = 0;
    for (size_t i = 0; i < p95->n; i++)
        n += (double)p95->values[i] > bound_ms;
    return n;
}

typedef struct {
    unsigned seconds; /* of the fitted line */
    double start_kib, kib_per_minute, growth;
} memory_trend;

static memory_trend memory_of(const load *l) {
    unsigned warm = l->samples / 5;
    memory_trend t = {.seconds = l->samples - warm, .growth = 1};
    double slope = 0;
    if (t.seconds < 2)
        return t;
    fit_line(l->kib + warm, t.seconds, &t.start_kib, &slope);
    t.kib_per_minute = 60 * slope;
    if (t.start_kib > 0)
        t.growth = slope * (t.seconds - 1) / t.start_kib;
    return t;
}

static const char *yes_no(bool met) {
    return met ? "yes" : "no";
}

static void print_json(load *one, load *many, const memory_trend *memory, bool good) {
    buf out;
    buf_init(&out, 8u << 20);
    buf_addf(&out,
             "{\"good\":%s,\"offered\":%u,\"admitted_sessions\":%u,\"dropped\":%u,"
             "\"refused_429\":%u,\"refused_503\":%u,\"refused_other\":%u,"
             "\"utterances\":%u,\"sessions_judged\":%zu,\"sessions_over\":%u,"
             "\"rss_fit_s\":%u,\"rss_fit_start_kib\":%.0f,\"rss_kib_per_minute\":%.1f,"
             "\"rss_growth\":%.4f,\"unloaded_first_partial_ms\":",
             good ? "true" : "false", many->n, many->admitted, many->broken,
             many->refused_429, many->refused_503, many->refused_other, many->results,
             many->session_p95.n,
             sessions_over(&many->session_p95,
                           BOUND * measure_quantile(&one->first_partial, 0.95)),
             memory->seconds, memory->start_kib, memory->kib_per_minute, memory->growth);
    measure_json(&one->first_partial, true, &out);
    buf_add_text(&out, ",\"first_partial_ms\":");
    measure_json(&many->first_partial, true, &out);
    buf_add_text(&out, ",\"session_p95_ms\":");
    measure_json(&many->session_p95, true, &out);
    buf_add_text(&out, ",\"rss_kib\":[");
    for (unsigned i = 0; i < many->samples; i++)
        buf_addf(&out, "%s%.0f", i > 0 ? "," : "", many->kib[i]);
    buf_add_text(&out, "]}\n");
    fputs(buf_text(&out), stdout);
    buf_deinit(&out);
}

static bool judge(load *one, load *many, double seconds) {
    memory_trend memory = memory_of(many);
    double unloaded = measure_quantile(&one->first_partial, 0.95);
    double loaded = measure_quantile(&many->first_partial, 0.95);
    unsigned refused = many->refused_429 + many->refused_503;
    bool fast = many->first_partial.n >= SAMPLES_MIN && loaded <= BOUND * unloaded;
    bool kept = many->broken == 0 && many->refused_other == 0 && refused > 0;
    bool judged = seconds >= MEMORY_JUDGED_S;
    bool flat = !judged || memory.growth <= MEMORY_BOUND;
    print_json(one, many, &memory, fast && kept && flat);
    if (many->broken > 0 || many->refused_other > 0)
        fprintf(stderr, "bench_overload: %s\n", many->why.text);
    printf(
        "overload: %u streams asked, %u sessions admitted, %u "
        "dropped, %u refusals\n"
        "  first partial p95 %.0f ms unloaded (%zu utterances), %.0f ms admitted (%zu); "
        "%u of %zu sessions over the bound by themselves\n"
        "  memory %.1f MiB, %+.1f KiB a minute over the last %u s\n",
        many->n, many->admitted, many->broken, refused, unloaded, one->first_partial.n,
        loaded, many->first_partial.n,
        sessions_over(&many->session_p95, BOUND * unloaded), many->session_p95.n,
        memory.start_kib / 1024, memory.kib_per_minute, memory.seconds);
    printf("figure\toverload, first partial p95 of admitted\t%.0f ms\t%.0f ms unloaded\t"
           "%.2f\t<= %.1f times\t%s\n"
           "figure\toverload, sessions dropped of %u\t%u\t%u refusals\t-\t0\t%s\n"
           "figure\toverload, growth of memory in %u s\t%+.2f %%\t-\t-\t<= %.0f %%\t%s\n",
           loaded, unloaded, loaded / unloaded, BOUND, yes_no(fast), many->admitted,
           many->broken, refused, yes_no(kept), memory.seconds, 100 * memory.growth,
           100 * MEMORY_BOUND, judged ? yes_no(flat) : "-");
    return fast && kept && flat;
}

int main(int argc, char **argv) {
    diag d = DIAG_INIT;
    client_url url;
    recordings list = {0};
    int pid = argc > 2 ? atoi(argv[2]) : 0;
    int offered = argc > 4 ? atoi(argv[4]) : 0;
    double seconds = argc > 5 ? atof(argv[5]) : 60;
    if (argc < 5 || client_url_parse(argv[1], &url, &d) != OK || pid <= 0 ||
        offered < 1 || offered > OFFERED_MAX || !(seconds >= 10 && seconds <= 3600)) {
        fprintf(stderr,
                "usage: bench_overload URL SERVER_PID MANIFEST OFFERED [SECONDS]\n");
        return 2;
    }
    if (recordings_add_manifest(&list, argv[3], "all", &d) != OK || list.n == 0) {
        fprintf(stderr, "bench_overload: %s: %s\n", argv[3], d.text);
        return 2;
    }
    static load one, many;
    one.client = (client_options){.url = argv[1],
                                  .key = "",
                                  .model = "",
                                  .chunk_ms = 100,
                                  .paced = true,
                                  .gap_ms = 700,
                                  .gap_spread_ms = 300};
    one.list = &list;
    one.server_pid = pid;
    one.n = UNLOADED_STREAMS;
    many = one;
    many.n = (unsigned)offered;
    fprintf(stderr, "bench_overload: %d streams for %d s\n", UNLOADED_STREAMS,
            UNLOADED_S);
    if (!play(&one, UNLOADED_S) || one.first_partial.n < SAMPLES_MIN) {
        fprintf(stderr, "bench_overload: %zu utterances are too few for a p95 (%d)%s%s\n",
                one.first_partial.n, SAMPLES_MIN, one.broken > 0 ? ": " : "",
                one.why.text);
        return 3;
    }
    fprintf(stderr, "bench_overload: %d streams for %.0f s\n", offered, seconds);
    bool good = play(&many, seconds) && judge(&one, &many, seconds);
    measure_deinit(&one.first_partial);
    measure_deinit(&one.session_p95);
    measure_deinit(&many.first_partial);
    measure_deinit(&many.session_p95);
    recordings_deinit(&list);
    return good ? 0 : 1;
}
