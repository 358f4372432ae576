/* bench_moonshine_wer: what the Moonshine decoder costs and gets wrong on recordings.
 *
 *   bench_moonshine_wer MANIFEST [--mode offline|live] [--half eval|held|all]
 *                       [--set key=value]... [--words FILE]
 *
 * --set takes the settings of models/moonshine-*.yaml, e.g. live=moonshine-base agree=3,
 * or kernels=avx2 to measure that path. MANIFEST is what rostrum-dataset writes: one JSON
 * object a line with id, audio (a wav path), ref, half. Time is simulated: 20 ms of audio
 * are fed at a time and a step runs, at once, whenever the stream says it is due; so a
 * latency here is audio time alone. RTF is this thread's CPU time over audio time. Words
 * are scored in the "spoken" profile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <sndfile.h>

#include "engine/moonshine/model.h"
#include "score/align.h"
#include "score/normalise.h"

#define CHUNK 320
#define SETTINGS_MAX 32
#define LATENCIES_MAX 100000
#define TEXT_MAX 8192

typedef struct {
    size_t n;
    double ms[LATENCIES_MAX];
} latencies;

typedef struct {
    const char *name;
    size_t prompts;
    double audio_s;
    uint64_t live_ns, final_ns;
    score_counts live, final;
    size_t empty_live, empty_final;
    size_t partials, revised, violations, corrected;
    latencies first, steps, finishes, finals, lag;
} tally;

typedef struct {
    model *model;
    bool live, final, offline;
    FILE *words;
    stream_meter live_meter, final_meter;
} run;

static uint64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void note(latencies *l, double ms) {
    if (l->n < LATENCIES_MAX)
        l->ms[l->n++] = ms;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(latencies *l, double q) {
    if (l->n == 0)
        return 0;
    qsort(l->ms, l->n, sizeof l->ms[0], by_value);
    return l->ms[(size_t)(q * (double)(l->n - 1) + 0.5)];
}

static void join(rostrum_hypothesis h, size_t n, char *out) {
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < n; i++)
        used += (size_t)snprintf(out + used, TEXT_MAX - used, "%s%s", i ? " " : "",
                                 h.words[i].text);
}

static void count_errors(const char *ref, const char *hyp, score_counts *to,
                         score_counts *one) {
    char a[2 * TEXT_MAX], b[2 * TEXT_MAX];
    score_word x[1024], y[1024];
    size_t n_a = 0, n_b = 0;
    if (score_normalise(SCORE_PROFILE_SPOKEN, ref, strlen(ref), a, sizeof a, &n_a) !=
            OK ||
        score_normalise(SCORE_PROFILE_SPOKEN, hyp, strlen(hyp), b, sizeof b, &n_b) != OK)
        abort();
    size_t n_x = score_split(a, n_a, x, 1024), n_y = score_split(b, n_b, y, 1024);
    void *scratch = malloc(score_align_scratch(n_x, n_y) + 1);
    if (!scratch ||
        score_align(x, n_x, y, n_y, score_levenshtein, scratch, one, NULL) != OK)
        abort();
    free(scratch);
    score_add(to, one);
}

/* Feeds and decodes one recording live. Fills text. */
static void hear_live(run *r, tally *t, stream *s, stream_compute *c, const float *pcm,
                      size_t n, char *text) {
    static char seen[TEXT_MAX], shown[TEXT_MAX], before[TEXT_MAX];
    size_t committed = 0;
    diag d = DIAG_INIT;
    bool first = true;
    shown[0] = before[0] = 0;
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t k = n - at < CHUNK ? n - at : CHUNK;
        if (stream_feed(s, pcm + at, k) != OK)
            abort();
        if (!r->live || !stream_due(s, 0))
            continue;
        uint64_t start = cpu_ns();
        if (stream_step(s, c, &d) != OK)
            abort();
        note(&t->steps, (double)(cpu_ns() - start) * 1e-6);
        rostrum_hypothesis h = stream_words(s);
        double now = (double)(at + k) / 16.0;
        if (h.n_words && first) {
            note(&t->first, now);
            first = false;
        }
        for (size_t i = committed; i < h.committed; i++)
            note(&t->lag, now - h.words[i].end_ms);
        join(h, h.committed < committed ? h.committed : committed, seen);
        t->violations += strcmp(seen, shown) != 0;
        committed = h.committed;
        join(h, committed, shown);
        join(h, h.n_words, seen);
        if (strcmp(seen, before) != 0) {
            t->partials++;
            t->revised += strncmp(seen, before, strlen(before)) != 0;
            strcpy(before, seen);
        }
    }
    uint64_t start = cpu_ns();
    if (stream_finish(s, c, &d) != OK)
        abort();
    note(&t->finishes, (double)(cpu_ns() - start) * 1e-6);
    rostrum_hypothesis h = stream_words(s);
    join(h, committed < h.n_words ? committed : h.n_words, seen);
    t->violations += strcmp(seen, shown) != 0;
    join(h, h.n_words, text);
    t->empty_live += h.n_words == 0;
}

static void hear(run *r, tally *t, const char *id, const char *ref, const float *pcm,
                 size_t n) {
    static char text[TEXT_MAX], better[TEXT_MAX];
    stream *s = NULL;
    rostrum_stop never = {0};
    diag d = DIAG_INIT;
    if (stream_create(&model_settings(r->model)->stream, model_tokens(r->model),
                      model_encoder(r->model), model_decoder(r->model), never, &s) != OK)
        abort();
    stream_compute *c = model_take(r->model, LANE_LIVE);
    c->meter = &r->live_meter;
    uint64_t start = cpu_ns();
    hear_live(r, t, s, c, pcm, n, text);
    t->live_ns += cpu_ns() - start;
    model_give(r->model, LANE_LIVE, c);
    score_counts one = {0}, two = {0};
    count_errors(ref, text, &t->live, &one);
    if (r->final) {
        c = model_take(r->model, LANE_FINAL);
        c->meter = &r->final_meter;
        start = cpu_ns();
        if (stream_second_pass(s, c, &d) != OK)
            abort();
        uint64_t took = cpu_ns() - start;
        t->final_ns += took;
        note(&t->finals, (double)took * 1e-6);
        model_give(r->model, LANE_FINAL, c);
        rostrum_hypothesis h = stream_words(s);
        join(h, h.n_words, better);
        t->empty_final += h.n_words == 0;
        count_errors(ref, better, &t->final, &two);
    }
    if (r->words)
        fprintf(r->words, "%s\t%llu\t%s\t%llu\t%s\t%s\n", id,
                (unsigned long long)score_errors(&one), text,
                (unsigned long long)score_errors(&two), r->final ? better : "", ref);
    t->prompts++;
    t->audio_s += (double)n / STREAM_RATE_HZ;
    stream_destroy(s);
}

static float *read_wav(const char *path, size_t *out_n) {
    SF_INFO info = {0};
    SNDFILE *f = sf_open(path, SFM_READ, &info);
    if (!f || info.channels != 1 || info.samplerate != STREAM_RATE_HZ) {
        fprintf(stderr, "%s: not 16 kHz mono\n", path);
        exit(3);
    }
    size_t n = (size_t)info.frames < STREAM_SAMPLES_MAX ? (size_t)info.frames
                                                        : STREAM_SAMPLES_MAX;
    float *pcm = malloc((n + 1) * sizeof *pcm);
    if (!pcm || sf_read_float(f, pcm, (sf_count_t)n) != (sf_count_t)n)
        exit(3);
    sf_close(f);
    *out_n = n;
    return pcm;
}

static void print_tally(const run *r, tally *t) {
    printf("%-5s %3zu %6.0f s  WER %5.2f%%  RTF %.4f  first p50/p95 %.0f/%.0f ms  "
           "step p50/p95/p99 %.1f/%.1f/%.1f  finish p50/p95 %.1f/%.1f  "
           "lag p50/p95 %.0f/%.0f  revised %zu/%zu  violations %zu  empty %zu\n",
           t->name, t->prompts, t->audio_s, 100 * score_wer(&t->live),
           (double)t->live_ns * 1e-9 / t->audio_s, quantile(&t->first, 0.5),
           quantile(&t->first, 0.95), quantile(&t->steps, 0.5), quantile(&t->steps, 0.95),
           quantile(&t->steps, 0.99), quantile(&t->finishes, 0.5),
           quantile(&t->finishes, 0.95), quantile(&t->lag, 0.5), quantile(&t->lag, 0.95),
           t->revised, t->partials, t->violations, t->empty_live);
    if (r->final)
        printf("      second pass        WER %5.2f%%  RTF %.4f  p50/p95/p99 "
               "%.1f/%.1f/%.1f ms  empty %zu\n",
               100 * score_wer(&t->final), (double)t->final_ns * 1e-9 / t->audio_s,
               quantile(&t->finals, 0.5), quantile(&t->finals, 0.95),
               quantile(&t->finals, 0.99), t->empty_final);
}

static void print_meter(const char *name, const stream_meter *m, double audio_s) {
    if (m->passes)
        printf(
            "%s: encode %.4f begin %.4f search %.4f RTF; %.1fx audio encoded, %u passes, "
            "%.2f runs and %.1f tokens a pass, draft %u of %u right\n",
            name, (double)m->encode_ns * 1e-9 / audio_s,
            (double)m->begin_ns * 1e-9 / audio_s, (double)m->search_ns * 1e-9 / audio_s,
            (double)m->audio_samples / STREAM_RATE_HZ / audio_s, m->passes,
            (double)m->counts.runs / m->passes, (double)m->counts.fed / m->passes,
            m->counts.accepted, m->counts.offered);
}

static void add_tally(tally *to, const tally *t) {
    to->prompts += t->prompts;
    to->audio_s += t->audio_s;
    to->live_ns += t->live_ns;
    to->final_ns += t->final_ns;
    score_add(&to->live, &t->live);
    score_add(&to->final, &t->final);
    to->empty_live += t->empty_live;
    to->empty_final += t->empty_final;
    to->partials += t->partials;
    to->revised += t->revised;
    to->violations += t->violations;
    latencies *a[] = {&to->first, &to->steps, &to->finishes, &to->finals, &to->lag};
    const latencies *b[] = {&t->first, &t->steps, &t->finishes, &t->finals, &t->lag};
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < b[i]->n; k++)
            note(a[i], b[i]->ms[k]);
}

static model *load(const rostrum_setting *settings, size_t n) {
    static char models[1024];
    const char *cache = getenv("ROSTRUM_CACHE"), *xdg = getenv("XDG_CACHE_HOME");
    char folder[900];
    if (cache)
        snprintf(folder, sizeof folder, "%s", cache);
    else if (xdg)
        snprintf(folder, sizeof folder, "%s/rostrum", xdg);
    else
        snprintf(folder, sizeof folder, "%s/.cache/rostrum", getenv("HOME"));
    snprintf(models, sizeof models, "%s/models", folder);
    rostrum_load_config config = {
        .model_dir = models, .settings = settings, .n_settings = n, .threads = 1};
    model *m = NULL;
    diag d = DIAG_INIT;
    char text[600];
    if (model_load(&config, &m, &d) != OK) {
        fprintf(stderr, "bench_moonshine_wer: %s\n", diag_format(&d, text, sizeof text));
        exit(3);
    }
    return m;
}

static const char *text_of(const cJSON *o, const char *key) {
    const char *v = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));
    return v ? v : "";
}

int main(int argc, char **argv) {
    static tally halves[3] = {{.name = "eval"}, {.name = "held"}, {.name = "both"}};
    rostrum_setting settings[SETTINGS_MAX];
    size_t n = 0;
    const char *half = "all", *mode = "live", *manifest = NULL;
    run r = {0};
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--half") == 0) {
            half = next;
            i++;
        } else if (strcmp(argv[i], "--mode") == 0) {
            mode = next;
            i++;
        } else if (strcmp(argv[i], "--words") == 0) {
            r.words = fopen(next, "w");
            i++;
        } else if (strcmp(argv[i], "--set") == 0 && strchr(next, '=') &&
                   n < SETTINGS_MAX) {
            char *key = argv[++i], *equals = strchr(key, '=');
            *equals = 0;
            settings[n++] = (rostrum_setting){key, equals + 1};
        } else {
            manifest = argv[i];
        }
    }
    FILE *f = manifest ? fopen(manifest, "r") : NULL;
    if (!f) {
        fputs("usage: bench_moonshine_wer MANIFEST [--mode offline|live] "
              "[--half eval|held|all] [--set KEY=VALUE]... [--words FILE]\n",
              stderr);
        return 2;
    }
    r.model = load(settings, n);
    r.live = strcmp(mode, "live") == 0;
    r.final = model_has_final(r.model);
    static char line[3 * TEXT_MAX];
    while (fgets(line, sizeof line, f)) {
        cJSON *o = cJSON_Parse(line);
        const char *mine = text_of(o, "half");
        if (strcmp(half, "all") == 0 || strcmp(half, mine) == 0) {
            size_t samples = 0;
            char path[2048];
            const char *slash = strrchr(manifest, '/'), *audio = text_of(o, "audio");
            if (slash && audio[0] != '/')
                snprintf(path, sizeof path, "%.*s/%s", (int)(slash - manifest), manifest,
                         audio);
            else
                snprintf(path, sizeof path, "%s", audio);
            float *pcm = read_wav(path, &samples);
            hear(&r, &halves[strcmp(mine, "held") == 0], text_of(o, "id"),
                 text_of(o, "ref"), pcm, samples);
            free(pcm);
        }
        cJSON_Delete(o);
    }
    fclose(f);
    if (r.words)
        fclose(r.words);
    add_tally(&halves[2], &halves[0]);
    add_tally(&halves[2], &halves[1]);
    for (size_t i = 0; i < 3; i++)
        if (halves[i].prompts)
            print_tally(&r, &halves[i]);
    print_meter("live", &r.live_meter, halves[2].audio_s);
    print_meter("second pass", &r.final_meter, halves[2].audio_s);
    model_destroy(r.model);
    return 0;
}
