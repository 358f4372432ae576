#include "serve/registry/calibrate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Short levels are enough: many streams say many first words in 2 s, and what two of them
 * say in 4 is a reference whose p95 is nearly its worst, which the limit allows for. */
#define UNLOADED_S 4.0
#define LEVEL_S 3.5       /* of which the last 2 count */
#define LEVELS_MAX 3      /* with loading and the unloaded one: about 15 s */
#define SLOTS_A_THREAD 48 /* more than any model here was ever thought to sustain */
#define RESERVE 0.9
#define OTHERS_MAX 0.2 /* share of the machine */
#define MEMORY_MB 4096 /* many slots are asked for, to find how many work */

bool calibrate_passes(const trial_level *unloaded, const trial_level *level) {
    double limit_ms = unloaded->first_partial_ms * 1.2;
    if (limit_ms < unloaded->first_partial_ms + 50)
        limit_ms = unloaded->first_partial_ms + 50;
    if (unloaded->partials > 0 &&
        (level->partials == 0 || level->first_partial_ms > limit_ms))
        return false;
    return !level->behind && level->late <= 0.03 && level->pressure <= 1;
}

unsigned calibrate_next(unsigned best, unsigned worst, unsigned predicted,
                        unsigned most) {
    unsigned next;
    if (best == 0 && worst == 0)
        next = predicted;
    else if (worst == 0)
        next = best + (best + 3) / 4;
    else
        next = (best + worst) / 2;
    if (next > most)
        next = most;
    if (next < 1)
        next = 1;
    bool known = next <= best || (worst > 0 && next >= worst);
    /* a gap below a tenth is below what one run of a few seconds can tell */
    if (known || (worst > 0 && best > 0 && (worst - best) * 10 <= best))
        return 0;
    return next;
}

static unsigned cores(void) {
    unsigned n = uv_available_parallelism();
    return n ? n : 1;
}

/* Searches the most streams that pass; *unloaded is the level of two. */
static status search(trial *t, const speech *recording, unsigned threads,
                     calibrate_progress *progress, void *context, trial_level *unloaded,
                     trial_level *best, diag *d) {
    pool_worker_view w;
    trial_worker(t, &w);
    unsigned alone = w.slots < 2 ? 1 : 2;
    status s = trial_play(t, recording, alone, UNLOADED_S, TRIAL_FRESH, unloaded, d);
    if (s != OK)
        return s;
    bool sound = !unloaded->behind && unloaded->late <= 0.1;
    progress(context, unloaded, sound);
    if (!sound)
        return diag_set(d, ERR_CAPACITY,
                        "this machine cannot keep up with %u live stream%s of the model",
                        alone, alone == 1 ? "" : "s");
    double each = unloaded->cpu / alone; /* cores a stream */
    double predicted = each > 0 ? 0.8 * threads / each : w.slots;
    *best = *unloaded;
    unsigned passed = alone, failed = 0;
    unsigned first = predicted < w.slots ? (unsigned)predicted : w.slots;
    for (int i = 0; i < LEVELS_MAX; i++) {
        unsigned n = i == 0 && first > passed
                         ? first
                         : calibrate_next(passed, failed, first, w.slots);
        if (n == 0)
            break;
        trial_level level;
        s = trial_play(t, recording, n, LEVEL_S, TRIAL_FLOWING, &level, d);
        if (s != OK)
            return s;
        bool good = calibrate_passes(unloaded, &level);
        progress(context, &level, good);
        if (good) {
            *best = level;
            passed = n;
        } else {
            failed = n;
        }
    }
    return OK;
}

status calibrate(const char *engine_dir, const model_manifest *m, unsigned threads,
                 bool anyway, const speech *recording, calibrate_progress *progress,
                 void *context, calibration *out, diag *d) {
    if (!recording->real)
        return diag_set(d, ERR_NOT_FOUND,
                        "no speech to play: without words a session costs next to "
                        "nothing; give one with --recording FILE");
    if (threads == 0)
        threads = cores();
    unsigned most = threads > LIMIT_WORKER_SLOTS / SLOTS_A_THREAD
                        ? LIMIT_WORKER_SLOTS
                        : threads * SLOTS_A_THREAD;
    if (m->slots_max && most > m->slots_max)
        most = m->slots_max;
    pool_worker_config worker = {.model = m,
                                 .workers = 1,
                                 .threads = threads,
                                 .slots = most,
                                 .memory_mb = MEMORY_MB,
                                 .measuring = true};
    trial *t = NULL;
    status s = trial_open(engine_dir, &worker, &t, d);
    if (s != OK)
        return s;
    trial_level unloaded = {0}, best = {0};
    pool_worker_view w;
    s = search(t, recording, threads, progress, context, &unloaded, &best, d);
    trial_worker(t, &w);
    trial_close(t);
    double others = best.others > unloaded.others ? best.others : unloaded.others;
    if (s == OK && others > OTHERS_MAX * cores() && !anyway)
        s = diag_set(d, ERR_STATE,
                     "%u sessions worked, but other programs used %.1f of %u cores: not "
                     "stored; measure when the machine is quiet, or say --anyway",
                     best.streams, others, cores());
    if (s != OK)
        return s;
    unsigned slots = (unsigned)(best.streams * RESERVE);
    calibration c = {.threads = threads, .slots = slots ? slots : 1};
    snprintf(c.engine_version, sizeof c.engine_version, "%s", w.facts.version);
    calibration_cpu(c.cpu, sizeof c.cpu);
    c.slots_per_core = (double)c.slots / threads;
    c.rtf = best.cpu / best.streams;
    if (best.streams > unloaded.streams && best.rss_kib > unloaded.rss_kib)
        c.memory_per_slot_kib =
            (best.rss_kib - unloaded.rss_kib) / (best.streams - unloaded.streams);
    c.unloaded_ms = unloaded.first_partial_ms;
    c.loaded_ms = best.first_partial_ms;
    snprintf(c.recording, sizeof c.recording, "%s", recording->name);
    c.measured_unix_s = (uint64_t)time(NULL);
    *out = c;
    return OK;
}
