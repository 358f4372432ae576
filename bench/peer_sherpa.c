/* bench/peer_sherpa.c: the peer of `rostrum bench live`: the plain way to caption live
 * speech with an offline recogniser. Every 320 ms the whole growing segment is decoded
 * again by sherpa-onnx (Moonshine tiny, its C API, one thread a decode). N sessions
 * really run at the pace of speech, on a stated number of decoding threads with one
 * first-in first-out queue between them.
 *
 * The peer is treated generously: it has no sockets and no voice detector, it knows
 * where speech starts and ends, and a session whose decode is still waiting never
 * queues a second one.
 *
 *   peer_sherpa --prompts DIR --cache DIR [--threads N] [--seconds S]
 *               [--streams N | --target-ms 700]                                     */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/paced.h"
#include "peer/c-api.h"
#include "score/align.h"
#include "score/normalise.h"

enum {
    RATE = 16000,
    HOP = 320 * RATE / 1000,
    PADDING = 300 * RATE / 1000, /* audio before speech that the segment starts with */
    SILENCE = 500 * RATE / 1000, /* after speech until the segment is final */
    STREAMS_MAX = 128
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
    unsigned seed;
    const paced_prompt *prompt;
    double prompt_start_s; /* wall time at which its first sample is spoken */
    size_t decoded;        /* samples of the prompt at the last decode that was queued */
    bool waiting;          /* queued or decoding */
    bool final_due, final_queued, spoken;
} session;

typedef struct {
    session *of;
    size_t samples; /* of the prompt */
    bool final;
    double due_s; /* when its last sample had been spoken */
} job;

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t ready;
    job queue[STREAMS_MAX];
    size_t head, count;
    bool stop;
    paced_sample first_partial, finalise;
    score_counts counts;
    size_t revised, partials;
} run_state;

static void *symbol(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (!found) {
        fprintf(stderr, "peer_sherpa: %s is missing from the library\n", name);
        exit(3);
    }
    return found;
}

static void load_peer(const char *cache) {
    char path[4][1024];
    snprintf(path[0], 1024, "%s/peer/libsherpa-onnx-c-api.so", cache);
    void *library = dlopen(path[0], RTLD_NOW);
    if (!library) {
        fprintf(stderr, "peer_sherpa: %s\nfetch it with tools/fetch --all\n", dlerror());
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
        fprintf(stderr, "peer_sherpa: sherpa-onnx could not load the model\n");
        exit(3);
    }
}

static void transcribe(const paced_prompt *p, size_t samples, char *out, size_t size) {
    const SherpaOnnxOfflineStream *stream = peer.stream_create(peer.recognizer);
    size_t from = p->onset > PADDING ? p->onset - PADDING : 0;
    size_t spoken = samples < p->samples ? samples : p->samples;
    if (spoken > from + 1600) {
        peer.accept(stream, RATE, p->pcm + from, (int32_t)(spoken - from));
        peer.decode(peer.recognizer, stream);
        const SherpaOnnxOfflineRecognizerResult *r = peer.result(stream);
        snprintf(out, size, "%s", r->text);
        peer.result_destroy(r);
    } else {
        out[0] = '\0';
    }
    peer.stream_destroy(stream);
}

static score_counts score(const char *reference, const char *hypothesis) {
    static __thread char ref[1 << 17], hyp[1 << 17];
    score_word r[512], h[512];
    score_counts counts = {0};
    size_t n, m;
    if (score_normalise(SCORE_PROFILE_SPOKEN, reference, strlen(reference), ref,
                        sizeof ref, &n) != OK ||
        score_normalise(SCORE_PROFILE_SPOKEN, hypothesis, strlen(hypothesis), hyp,
                        sizeof hyp, &m) != OK)
        exit(3);
    n = score_split(ref, n, r, 512);
    m = score_split(hyp, m, h, 512);
    void *scratch = malloc(score_align_scratch(n, m));
    if (!scratch ||
        score_align(r, n, h, m, score_levenshtein, scratch, &counts, NULL) != OK)
        exit(3);
    free(scratch);
    return counts;
}

static void *decoder_thread(void *context) {
    run_state *run = context;
    char text[4096];
    pthread_mutex_lock(&run->lock);
    while (!run->stop) {
        if (run->count == 0) {
            pthread_cond_wait(&run->ready, &run->lock);
            continue;
        }
        job j = run->queue[run->head];
        run->head = (run->head + 1) % STREAMS_MAX;
        run->count--;
        const paced_prompt *p = j.of->prompt;
        double start = j.of->prompt_start_s;
        bool spoken = j.of->spoken;
        pthread_mutex_unlock(&run->lock);

        transcribe(p, j.samples, text, sizeof text);
        double now = paced_now_s();
        score_counts counts = {0};
        if (j.final)
            counts = score(p->reference, text);

        pthread_mutex_lock(&run->lock);
        if (!spoken && text[0]) {
            j.of->spoken = true;
            paced_add(&run->first_partial,
                      (float)(1000 * (now - start - (double)p->onset / RATE)));
        }
        if (j.final) {
            score_add(&run->counts, &counts);
            paced_add(&run->finalise,
                      (float)(1000 * (now - start - (double)p->end / RATE)));
            j.of->prompt = NULL;
        }
        j.of->waiting = false;
    }
    pthread_mutex_unlock(&run->lock);
    return NULL;
}

static unsigned next_random(unsigned *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* What this session should do at wall time `now`. Lock held. */
static void advance(run_state *run, session *s, const paced_set *set, double now) {
    if (!s->prompt && !s->waiting) {
        s->prompt = &set->prompts[next_random(&s->seed) % set->n];
        s->prompt_start_s = now + 0.2 + (next_random(&s->seed) % 300) / 1000.0;
        s->decoded = s->prompt->onset;
        s->final_queued = s->spoken = false;
    }
    if (!s->prompt || s->waiting || now < s->prompt_start_s)
        return;
    size_t position = (size_t)((now - s->prompt_start_s) * RATE);
    bool final = position >= s->prompt->end + SILENCE;
    if (!final && position < s->decoded + HOP)
        return;
    s->decoded = position;
    s->waiting = true;
    run->queue[(run->head + run->count) % STREAMS_MAX] =
        (job){.of = s, .samples = position, .final = final, .due_s = now};
    run->count++;
    pthread_cond_signal(&run->ready);
}

/* Runs n streams for `length_s`; returns the p95 of the first partial in ms. */
static float run_streams(const paced_set *set, unsigned n, unsigned threads,
                         double length_s) {
    static session sessions[STREAMS_MAX];
    static run_state run;
    memset(&run, 0, sizeof run);
    pthread_mutex_init(&run.lock, NULL);
    pthread_cond_init(&run.ready, NULL);
    pthread_t workers[64];
    for (unsigned i = 0; i < threads; i++)
        pthread_create(&workers[i], NULL, decoder_thread, &run);
    for (unsigned i = 0; i < n; i++)
        sessions[i] = (session){.seed = i + 1};
    double start = paced_now_s(), cpu = paced_process_cpu_s();
    for (double now = start; now < start + length_s; now = paced_now_s()) {
        pthread_mutex_lock(&run.lock);
        for (unsigned i = 0; i < n; i++)
            advance(&run, &sessions[i], set, now);
        pthread_mutex_unlock(&run.lock);
        usleep(5000);
    }
    pthread_mutex_lock(&run.lock);
    run.stop = true;
    pthread_cond_broadcast(&run.ready);
    pthread_mutex_unlock(&run.lock);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(workers[i], NULL);
    double used = paced_process_cpu_s() - cpu;
    printf("peer sherpa-onnx re-decode every 320 ms, tiny: %u streams on %u threads, "
           "%.0f s\n",
           n, threads, length_s);
    paced_print("first partial", &run.first_partial);
    paced_print("end of speech -> final", &run.finalise);
    printf("  WER %.1f %% of %llu words, CPU %.3f core per stream\n",
           100 * score_wer(&run.counts),
           (unsigned long long)score_reference_words(&run.counts), used / length_s / n);
    fflush(stdout);
    float p95 = paced_quantile(&run.first_partial, 0.95);
    free(run.first_partial.values);
    free(run.finalise.values);
    return p95;
}

int main(int argc, char **argv) {
    const char *prompts = NULL, *cache = NULL;
    unsigned threads = 1, streams = 0;
    double length_s = 40, target_ms = 700;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--prompts") == 0)
            prompts = argv[i + 1];
        else if (strcmp(argv[i], "--cache") == 0)
            cache = argv[i + 1];
        else if (strcmp(argv[i], "--threads") == 0)
            threads = (unsigned)atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--streams") == 0)
            streams = (unsigned)atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--seconds") == 0)
            length_s = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--target-ms") == 0)
            target_ms = atof(argv[i + 1]);
    }
    if (!prompts || !cache || threads < 1 || threads > 64 || streams > STREAMS_MAX) {
        fprintf(stderr, "usage: peer_sherpa --prompts DIR --cache DIR [--threads N] "
                        "[--seconds S] [--streams N | --target-ms MS]\n");
        return 2;
    }
    diag d = DIAG_INIT;
    paced_set set;
    if (paced_load(prompts, "all", &set, &d) != OK) {
        char text[1024];
        fprintf(stderr, "peer_sherpa: %s\n", diag_format(&d, text, sizeof text));
        return 3;
    }
    load_peer(cache);
    char warm[4096];
    transcribe(&set.prompts[0], set.prompts[0].samples, warm, sizeof warm);
    if (streams) {
        run_streams(&set, streams, threads, length_s);
    } else {
        /* Two in a row must miss: few prompts fit into a round of one stream, and the
         * slowest of them must not end the search. */
        unsigned best = 0;
        for (unsigned n = 1, missed = 0; n <= STREAMS_MAX && missed < 2; n++) {
            float p95 = run_streams(&set, n, threads, length_s);
            bool good = p95 >= 0 && p95 <= target_ms;
            missed = good ? 0 : missed + 1;
            best = good ? n : best;
        }
        printf("peer_streams %u threads %u target_ms %.0f\n", best, threads, target_ms);
    }
    paced_destroy(&set);
    return 0;
}
