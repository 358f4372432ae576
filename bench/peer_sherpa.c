/* bench/peer_sherpa.c: the peer of `rostrum bench live`: the plain way to caption live
 * speech with an offline recogniser. Every 320 ms the whole growing segment is decoded
 * again by sherpa-onnx (Moonshine tiny, its C API, one thread a decode). N streams
 * really run at the pace of speech, on a stated number of decoding threads with one
 * first-in first-out queue between them.
 *
 *   bench_peer_sherpa --manifest FILE --cache DIR [--threads 1] [--target-ms 700]
 *       [--rounds 3] [--seconds 10] [--samples 42] [--streams N] [--max-streams 256]
 *       [--histograms FILE]
 *
 * Recordings, their order, the gaps between them, the rounds, what is good and the search
 * are those of `rostrum bench live` (cli/bench_search.h, cli/bench_run.h). So are the
 * times: first partial is from the true onset of speech to the first words, end of
 * speech -> final from its last sound. The speaker does not wait for the decoder: the
 * next recording starts when it starts.
 *
 * The peer is treated generously: it has no sockets, no messages and no voice detector,
 * it knows where speech starts and ends, and a stream whose decode is waiting never
 * queues a second one.
 *
 * Of one utterance in ten the first decode holds no word yet, and the second comes at
 * 640 ms at the earliest: by that alone the p95 is near 700 ms however idle the core is.
 * So two counts are made of the same runs, and the search follows the kinder one:
 *   peer_streams        the first decode counts as the first partial, even an empty one
 *   peer_streams_words  the first words do, as with the server; of the N that were played
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/bench_search.h"
#include "peer/c-api.h"

enum {
    RATE = CLIENT_RATE_HZ,
    HOP = 320 * RATE / 1000,
    PADDING = 300 * RATE / 1000, /* audio before speech that the segment starts with */
    SILENCE = 500 * RATE / 1000, /* after speech until the segment is final */
    LEAST = RATE / 10,           /* of audio, to decode at all */
    UTTERANCES = 16,             /* of one stream, spoken and not yet final */
    ANSWER_S = 60,               /* after the last round */
    THREADS_MAX = 64,
    WORDS_BYTES = 4096,
    REPORT_BYTES = 256 << 20
};

static struct {
    const SherpaOnnxOfflineRecognizer *recognizer;
    const SherpaOnnxOfflineStream *(*stream_create)(const SherpaOnnxOfflineRecognizer *);
    void (*stream_destroy)(const SherpaOnnxOfflineStream *);
    void (*accept)(const SherpaOnnxOfflineStream *, int32_t, const float *, int32_t);
    void (*decode)(const SherpaOnnxOfflineRecognizer *, const SherpaOnnxOfflineStream *);
    const SherpaOnnxOfflineRecognizerResult *(*result)(const SherpaOnnxOfflineStream *);
    void (*result_destroy)(const SherpaOnnxOfflineRecognizerResult *);
} peer;

typedef struct {
    const recording *of;
    double start_s; /* wall time at which its first sample is spoken */
    size_t decoded; /* samples of it at the last decode that was queued */
    bool decoded_once, has_words;
    double first_decode_ms, first_words_ms; /* when it has been, when it has */
} utterance;

typedef struct {
    bench_script script;
    uint64_t gap_random;
    double next_s;                /* wall time at which its next recording starts */
    utterance spoken[UTTERANCES]; /* ring of those that are not final */
    unsigned first, n;
    bool waiting; /* a decode is queued or running */
    bool lost;    /* too far behind */
} session;

typedef struct {
    session *of;
    size_t samples; /* of the recording */
    bool final;
} job;

typedef struct {
    const recordings *list;
    unsigned threads;
    bench_run *run;                  /* first partial: the first decode */
    bench_run words[BENCH_RUNS_MAX]; /* [n_words] the same runs; the first words */
    unsigned n_words;
    double started_s, end_s; /* wall time; no recording starts after the end */
    pthread_mutex_t lock;
    pthread_cond_t ready;
    session *sessions; /* [run->streams] */
    job *queue;        /* [run->streams] ring: one a session at most */
    size_t head, count;
    bool stop;
} play;

static double seconds_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *symbol(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (!found) {
        fprintf(stderr, "bench_peer_sherpa: %s is missing from the library\n", name);
        exit(3);
    }
    return found;
}

static void load_peer(const char *cache) {
    char path[4][1024];
    snprintf(path[0], 1024, "%s/peer/libsherpa-onnx-c-api.so", cache);
    void *library = dlopen(path[0], RTLD_NOW);
    if (!library) {
        fprintf(stderr, "bench_peer_sherpa: %s\nfetch it with tools/fetch --all\n",
                dlerror());
        exit(3);
    }
    snprintf(path[1], 1024, "%s/models/moonshine-tiny/encoder_model.onnx", cache);
    snprintf(path[2], 1024, "%s/models/moonshine-tiny/decoder_model_merged.onnx", cache);
    snprintf(path[3], 1024, "%s/models/moonshine-tiny/tokens.txt", cache);
    /* The header and the library are of two releases: zeros behind the config keep a
     * longer struct of the library's well defined. */
    static union {
        SherpaOnnxOfflineRecognizerConfig config;
        char room[8192];
    } c;
    c.config.feat_config.sample_rate = RATE;
    c.config.feat_config.feature_dim = 80;
    c.config.model_config.moonshine.encoder = path[1];
    c.config.model_config.moonshine.merged_decoder = path[2];
    c.config.model_config.tokens = path[3];
    c.config.model_config.num_threads = 1;
    c.config.model_config.provider = "cpu";
    c.config.decoding_method = "greedy_search";
    const SherpaOnnxOfflineRecognizer *(*create)(
        const SherpaOnnxOfflineRecognizerConfig *);
    *(void **)&create = symbol(library, "SherpaOnnxCreateOfflineRecognizer");
    *(void **)&peer.stream_create = symbol(library, "SherpaOnnxCreateOfflineStream");
    *(void **)&peer.stream_destroy = symbol(library, "SherpaOnnxDestroyOfflineStream");
    *(void **)&peer.accept = symbol(library, "SherpaOnnxAcceptWaveformOffline");
    *(void **)&peer.decode = symbol(library, "SherpaOnnxDecodeOfflineStream");
    *(void **)&peer.result = symbol(library, "SherpaOnnxGetOfflineStreamResult");
    *(void **)&peer.result_destroy =
        symbol(library, "SherpaOnnxDestroyOfflineRecognizerResult");
    peer.recognizer = create(&c.config);
    if (!peer.recognizer) {
        fprintf(stderr, "bench_peer_sherpa: sherpa-onnx could not load the model\n");
        exit(3);
    }
}

/* --- decoding --- */

/* Words of the first `samples` of a recording, from a little before its speech. */
static void transcribe(const recording *r, size_t samples, char *out) {
    const SherpaOnnxOfflineStream *stream = peer.stream_create(peer.recognizer);
    size_t onset = (size_t)(r->onset_s * RATE);
    size_t from = onset > PADDING ? onset - PADDING : 0;
    size_t spoken = samples < r->n ? samples : r->n;
    size_t n = spoken > from ? spoken - from : 0;
    float *pcm = n > LEAST ? malloc(n * sizeof *pcm) : NULL;
    out[0] = '\0';
    if (pcm) {
        for (size_t i = 0; i < n; i++)
            pcm[i] = r->pcm[from + i] / 32768.0f;
        peer.accept(stream, RATE, pcm, (int32_t)n);
        peer.decode(peer.recognizer, stream);
        const SherpaOnnxOfflineRecognizerResult *result = peer.result(stream);
        snprintf(out, WORDS_BYTES, "%s", result->text);
        peer.result_destroy(result);
    }
    free(pcm);
    peer.stream_destroy(stream);
}

/* What is the same under both counts. */
static bench_round *count_final(bench_run *run, const utterance *u, const play *p,
                                const char *text, double now_s,
                                const score_counts *words) {
    bench_round *r = bench_run_round(run, u->start_s - p->started_s);
    r->utterances++;
    r->finals++;
    r->empty += text[0] == '\0';
    measure_add(&r->final, 1000 * (now_s - u->start_s - u->of->end_s));
    score_add(&r->words, words);
    return r;
}

/* An utterance is over: it is counted in the round in which it began. Lock held. */
static void count(play *p, const utterance *u, const char *text, double now_s,
                  const score_counts *words) {
    bench_round *r = count_final(p->run, u, p, text, now_s, words);
    measure_add(&r->first_partial, u->first_decode_ms);
    r = count_final(&p->words[p->n_words], u, p, text, now_s, words);
    if (u->has_words)
        measure_add(&r->first_partial, u->first_words_ms);
}

static bool next_job(play *p, job *out) {
    while (!p->stop && p->count == 0)
        pthread_cond_wait(&p->ready, &p->lock);
    if (p->stop)
        return false;
    *out = p->queue[p->head];
    p->head = (p->head + 1) % p->run->streams;
    p->count--;
    return true;
}

static void *decoder_thread(void *context) {
    play *p = context;
    char text[WORDS_BYTES];
    job j;
    pthread_mutex_lock(&p->lock);
    while (next_job(p, &j)) {
        utterance *u = &j.of->spoken[j.of->first];
        pthread_mutex_unlock(&p->lock);

        score_counts words = {0};
        transcribe(u->of, j.samples, text);
        double now_s = seconds_of(CLOCK_MONOTONIC);
        if (j.final && u->of->reference &&
            measure_words(u->of->reference, text, &words) != OK)
            words = (score_counts){0};

        pthread_mutex_lock(&p->lock);
        double since_onset_ms = 1000 * (now_s - u->start_s - u->of->onset_s);
        if (!u->decoded_once)
            u->first_decode_ms = since_onset_ms;
        if (!u->has_words && text[0])
            u->first_words_ms = since_onset_ms;
        u->decoded_once = true;
        u->has_words = u->has_words || text[0];
        if (j.final) {
            count(p, u, text, now_s, &words);
            j.of->first = (j.of->first + 1) % UTTERANCES;
            j.of->n--;
        }
        j.of->waiting = false;
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* --- speaking --- */

/* A recording starts when the last one and its gap are over. Lock held. */
static void speak(play *p, session *s, double now_s) {
    if (s->lost || now_s < s->next_s || s->next_s >= p->end_s)
        return;
    if (s->n == UTTERANCES) {
        s->lost = true;
        p->run->failed++;
        (void)diag_set(&p->run->why, ERR_TIMEOUT,
                       "the decoder is further behind than %d recordings", UTTERANCES);
        return;
    }
    const recording *r = bench_script_next(&s->script, p->list);
    unsigned gap_ms = BENCH_GAP_MS + bench_random(&s->gap_random) % BENCH_GAP_SPREAD_MS;
    s->spoken[(s->first + s->n++) % UTTERANCES] = (utterance){
        .of = r, .start_s = s->next_s, .decoded = (size_t)(r->onset_s * RATE)};
    s->next_s += r->seconds + gap_ms / 1000.0;
    p->run->audio_s += r->seconds + gap_ms / 1000.0;
}

/* Queues a decode of the oldest utterance when one is due. Lock held. */
static void ask(play *p, session *s, double now_s) {
    if (s->n == 0 || s->waiting || s->lost)
        return;
    utterance *u = &s->spoken[s->first];
    size_t position = (size_t)((now_s - u->start_s) * RATE);
    bool final = position >= (size_t)(u->of->end_s * RATE) + SILENCE;
    if (!final && position < u->decoded + HOP)
        return;
    u->decoded = position;
    s->waiting = true;
    p->queue[(p->head + p->count++) % p->run->streams] =
        (job){.of = s, .samples = position, .final = final};
    pthread_cond_signal(&p->ready);
}

/* One look at every session. false: nothing is left to say or to answer. */
static bool turn(play *p, double now_s) {
    bool left = now_s < p->end_s;
    pthread_mutex_lock(&p->lock);
    for (unsigned i = 0; i < p->run->streams; i++) {
        session *s = &p->sessions[i];
        speak(p, s, now_s);
        ask(p, s, now_s);
        left = left || (s->n > 0 && !s->lost);
    }
    pthread_mutex_unlock(&p->lock);
    return left && now_s < p->end_s + ANSWER_S;
}

/* Those still without a final count as utterances that showed nothing in time. */
static void count_unanswered(play *p) {
    for (unsigned i = 0; i < p->run->streams; i++) {
        session *s = &p->sessions[i];
        for (unsigned k = 0; k < s->n; k++) {
            const utterance *u = &s->spoken[(s->first + k) % UTTERANCES];
            double at_s = u->start_s - p->started_s;
            bench_run_round(p->run, at_s)->utterances++;
            bench_run_round(&p->words[p->n_words], at_s)->utterances++;
        }
    }
}

static void play_all(play *p) {
    pthread_t threads[THREADS_MAX];
    for (unsigned i = 0; i < p->threads; i++)
        pthread_create(&threads[i], NULL, decoder_thread, p);
    double cpu_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    bool measured = false;
    for (double now_s = p->started_s; turn(p, now_s);
         now_s = seconds_of(CLOCK_MONOTONIC)) {
        if (now_s >= p->end_s && !measured) { /* as with a server: without the tail */
            p->run->wall_s = now_s - p->started_s;
            p->run->server_cpu_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_s;
            measured = true;
        }
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->ready);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->threads; i++)
        pthread_join(threads[i], NULL);
    count_unanswered(p);
}

static status play_streams(void *context, bench_run *run, diag *d) {
    play *p = context;
    p->run = run;
    p->sessions = calloc(run->streams, sizeof *p->sessions);
    p->queue = calloc(run->streams, sizeof *p->queue);
    p->head = p->count = 0;
    p->stop = false;
    run->own_cpu_s = -1;
    bench_run *words = &p->words[p->n_words];
    *words = *run; /* nothing is measured yet */
    if (p->sessions && p->queue) {
        p->started_s = seconds_of(CLOCK_MONOTONIC);
        p->end_s = p->started_s + run->rounds * run->round_s;
        for (unsigned i = 0; i < run->streams; i++) {
            session *s = &p->sessions[i];
            s->script = bench_script_make(1, i);
            s->gap_random = s->script.gap_seed;
            s->next_s = p->started_s + s->script.delay_ms / 1000.0;
        }
        play_all(p);
        words->failed = run->failed;
        words->audio_s = run->audio_s;
        words->wall_s = run->wall_s;
        words->server_cpu_s = run->server_cpu_s;
        p->n_words++;
    }
    bool good = p->sessions && p->queue;
    free(p->sessions);
    free(p->queue);
    return good ? OK : diag_set(d, ERR_MEMORY, "no memory for %u streams", run->streams);
}

/* --- the command line --- */

typedef struct {
    const char *manifest, *cache, *histograms;
    unsigned threads;
    bench_goal goal;
} settings;

/* The value of a number that may be set by name. */
static bool set_number(settings *s, const char *name, double value) {
    bench_goal *g = &s->goal;
    const struct {
        const char *name;
        unsigned *number;
        double *real;
        double min, max;
    } all[] = {{"--threads", &s->threads, NULL, 1, THREADS_MAX},
               {"--rounds", &g->rounds, NULL, 1, BENCH_ROUNDS_MAX},
               {"--samples", &g->samples, NULL, BENCH_SAMPLES_MIN, 100000},
               {"--streams", &g->fixed, NULL, 1, BENCH_STREAMS_MAX},
               {"--max-streams", &g->most, NULL, 1, BENCH_STREAMS_MAX},
               {"--seconds", NULL, &g->seconds, 3, 3600},
               {"--target-ms", NULL, &g->target_ms, 1, 60000}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(name, all[i].name) != 0)
            continue;
        if (!(value >= all[i].min && value <= all[i].max)) {
            fprintf(stderr, "bench_peer_sherpa: %s is %g to %g\n", name, all[i].min,
                    all[i].max);
            return false;
        }
        if (all[i].number)
            *all[i].number = (unsigned)value;
        else
            *all[i].real = value;
        return true;
    }
    fprintf(stderr, "bench_peer_sherpa: there is no %s\n", name);
    return false;
}

static bool read_arguments(int argc, char **argv, settings *out) {
    *out = (settings){
        .threads = 1,
        .goal = {
            .target_ms = 700, .most = 256, .rounds = 3, .seconds = 10, .samples = 42}};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--manifest") == 0)
            out->manifest = argv[i + 1];
        else if (strcmp(argv[i], "--cache") == 0)
            out->cache = argv[i + 1];
        else if (strcmp(argv[i], "--histograms") == 0)
            out->histograms = argv[i + 1];
        else if (!set_number(out, argv[i], atof(argv[i + 1])))
            return false;
    }
    if (out->manifest && out->cache && argc % 2 == 1)
        return true;
    fprintf(stderr, "usage: bench_peer_sherpa --manifest FILE --cache DIR [--threads N] "
                    "[--target-ms MS] [--rounds N]\n    [--seconds S] [--samples N] "
                    "[--streams N] [--max-streams N] [--histograms FILE]\n");
    return false;
}

/* The most streams whose first words were within the target. */
static unsigned best_by_words(const play *p, double target_ms) {
    unsigned best = 0;
    for (unsigned i = 0; i < p->n_words; i++)
        if (bench_run_judge(&p->words[i], target_ms) == BENCH_GOOD &&
            p->words[i].streams > best)
            best = p->words[i].streams;
    return best;
}

static void add_words_json(const play *p, double target_ms, buf *out) {
    buf_add_text(out, "[");
    for (unsigned i = 0; i < p->n_words; i++) {
        buf_add_text(out, i > 0 ? ",\n" : "\n");
        bench_run_json(&p->words[i], target_ms, out);
    }
    buf_add_text(out, "]");
}

static status write_report(const settings *s, const bench_found *found, const play *p,
                           diag *d) {
    buf text;
    buf_init(&text, REPORT_BYTES);
    double target_ms = s->goal.target_ms;
    buf_addf(&text,
             "{\"target_first_partial_p95_ms\":%.0f,\"threads\":%u,\"streams\":%u,"
             "\"streams_by_words\":%u,\"runs\":",
             target_ms, s->threads, found->best, best_by_words(p, target_ms));
    bench_found_json(found, target_ms, &text);
    buf_add_text(&text, ",\n\"runs_by_words\":");
    add_words_json(p, target_ms, &text);
    buf_add_text(&text, "}\n");
    status result = text.failed ? diag_set(d, ERR_MEMORY, "no memory for the report")
                                : bench_write_file(s->histograms, &text, d);
    buf_deinit(&text);
    return result;
}

int main(int argc, char **argv) {
    settings s;
    if (!read_arguments(argc, argv, &s))
        return 2;
    diag d = DIAG_INIT;
    recordings list = {0};
    status result = recordings_add_manifest(&list, s.manifest, "all", &d);
    if (result == OK && list.n == 0)
        result = diag_set(&d, ERR_INVALID, "%s has no rows", s.manifest);
    static bench_found found;
    static play p;
    if (result == OK) {
        load_peer(s.cache);
        char warm[WORDS_BYTES];
        transcribe(&list.items[0], list.items[0].n, warm);
        p.list = &list;
        p.threads = s.threads;
        pthread_mutex_init(&p.lock, NULL);
        pthread_cond_init(&p.ready, NULL);
        printf("sherpa-onnx, Moonshine tiny, the segment again every 320 ms, %u "
               "thread%s; its first decode counts as the first partial, even an empty "
               "one\n",
               s.threads, s.threads == 1 ? "" : "s");
        result = bench_search(&s.goal, &list, play_streams, &p, &found, &d);
    }
    if (result == OK) {
        printf("of these runs, counted by the first words:\n");
        for (unsigned i = 0; i < p.n_words; i++)
            bench_run_print(&p.words[i], s.goal.target_ms);
        printf("peer_streams %u threads %u target_ms %.0f\npeer_streams_words %u\n",
               found.best, s.threads, s.goal.target_ms,
               best_by_words(&p, s.goal.target_ms));
    }
    if (result == OK && s.histograms)
        result = write_report(&s, &found, &p, &d);
    for (unsigned i = 0; i < p.n_words; i++)
        bench_run_deinit(&p.words[i]);
    bench_found_deinit(&found);
    recordings_deinit(&list);
    if (result == OK)
        return 0;
    char text[1024];
    fprintf(stderr, "bench_peer_sherpa: %s\n", diag_format(&d, text, sizeof text));
    return 3;
}
