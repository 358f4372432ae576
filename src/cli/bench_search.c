#include "cli/bench_search.h"

#include <stdio.h>
#include <time.h>

#define STAGGER_MS 2000
#define REST_S 3 /* after a run over the target: the server reopens its gate */

uint32_t bench_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

bench_script bench_script_make(uint32_t seed, unsigned stream) {
    bench_script s = {.state = ((uint64_t)seed << 20) + stream + 1};
    (void)bench_random(&s.state);
    s.delay_ms = bench_random(&s.state) % STAGGER_MS;
    s.gap_seed = bench_random(&s.state);
    return s;
}

const recording *bench_script_next(bench_script *s, const recordings *list) {
    return &list->items[bench_random(&s->state) % list->n];
}

unsigned bench_search_next(unsigned good, unsigned bad, unsigned most) {
    if (good == most)
        return 0;
    if (bad == 0) {
        unsigned next = good > 0 ? 2 * good : 1;
        return next < most ? next : most;
    }
    return bad - good > 1 ? good + (bad - good) / 2 : 0;
}

double bench_search_round_s(const bench_goal *goal, unsigned streams,
                            double utterance_s) {
    double wanted = goal->samples * utterance_s / goal->rounds / streams;
    return wanted > goal->seconds ? wanted : goal->seconds;
}

static double mean_utterance_s(const recordings *list) {
    double sum = 0;
    for (size_t i = 0; i < list->n; i++)
        sum += list->items[i].seconds;
    return sum / (double)list->n + (BENCH_GAP_MS + BENCH_GAP_SPREAD_MS / 2.0) / 1000;
}

static status too_few(const bench_run *r, diag *d) {
    unsigned utterances = 0;
    *d = (diag)DIAG_INIT; /* no file's or line's fault */
    for (unsigned i = 0; i < r->rounds; i++)
        utterances += r->round[i].utterances;
    if (utterances == 0 && r->why.code != OK) {
        *d = r->why;
        return d->code;
    }
    return diag_set(d, ERR_STATE,
                    "%u utterances at %u streams are too few for a p95 (%d): raise "
                    "--samples, --seconds or --rounds",
                    utterances, r->streams, BENCH_SAMPLES_MIN);
}

status bench_search(const bench_goal *goal, const recordings *list, bench_play *play,
                    void *context, bench_found *out, diag *d) {
    double utterance_s = mean_utterance_s(list);
    unsigned good = 0, bad = 0, n = goal->fixed > 0 ? goal->fixed : 1;
    status s = OK;
    *out = (bench_found){0};
    while (n > 0 && out->n < BENCH_RUNS_MAX) {
        bench_run *r = &out->run[out->n++];
        r->streams = n;
        r->rounds = goal->rounds;
        r->round_s = bench_search_round_s(goal, n, utterance_s);
        s = play(context, r, d);
        if (s != OK)
            return s;
        if (!goal->quiet)
            bench_run_print(r, goal->target_ms);
        bench_verdict verdict = bench_run_judge(r, goal->target_ms);
        if (verdict == BENCH_TOO_FEW || (n == 1 && r->failed == 1))
            return too_few(r, d);
        if (verdict == BENCH_GOOD)
            good = n;
        else
            bad = n;
        n = goal->fixed > 0 ? 0 : bench_search_next(good, bad, goal->most);
        if (verdict == BENCH_BAD && n > 0)
            nanosleep(&(struct timespec){.tv_sec = REST_S}, NULL);
    }
    out->best = good;
    return s;
}

void bench_found_deinit(bench_found *f) {
    for (size_t i = 0; i < f->n; i++)
        bench_run_deinit(&f->run[i]);
    *f = (bench_found){0};
}

void bench_found_json(const bench_found *f, double target_ms, buf *out) {
    buf_add_text(out, "[");
    for (size_t i = 0; i < f->n; i++) {
        buf_add_text(out, i > 0 ? ",\n" : "\n");
        bench_run_json(&f->run[i], target_ms, out);
    }
    buf_add_text(out, "]");
}

status bench_write_file(const char *path, const buf *text, diag *d) {
    FILE *f = fopen(path, "w");
    bool good = f != NULL && fwrite(text->data, 1, text->size, f) == text->size;
    good = (f == NULL || fclose(f) == 0) && good;
    return good ? OK : diag_field(d, ERR_IO, "histograms", "cannot write %s", path);
}
