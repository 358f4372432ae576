/* serve/registry/trial.h: one worker of one model on a loop of its own, to try it.
 *
 * Runs the loop itself and returns when there is an answer; for commands, not for the
 * server. One thread. */
#ifndef ROSTRUM_SERVE_TRIAL_H
#define ROSTRUM_SERVE_TRIAL_H

#include "serve/pool/pool.h"
#include "serve/registry/speech.h"

typedef struct trial trial;

/* Starts the worker and waits until it is ready. Any failure: d says why, as the worker
 * itself put it where it could. */
MUST_CHECK status trial_open(const char *engine_dir, const pool_worker_config *worker,
                             trial **out, diag *d);
void trial_close(trial *t); /* takes NULL */

/* Its worker as it is now. */
void trial_worker(const trial *t, pool_worker_view *out);

/* One recording as fast as the worker takes it; its words, joined by blanks. ERR_TIMEOUT:
 * no answer within 60 s. */
MUST_CHECK status trial_hear(trial *t, const int16_t *pcm, size_t n, char *out_words,
                             size_t size, diag *d);

/* What `streams` sessions at the pace of speech saw. */
typedef struct {
    unsigned streams;
    unsigned partials;       /* utterances with a first partial */
    double first_partial_ms; /* p95, from the arrival of the first sample of speech */
    double cpu;              /* cores the worker used */
    double others;           /* cores that all other programs used meanwhile */
    double pressure, late;   /* means; late is a share of steps */
    double rss_kib;          /* at the end */
    bool behind;             /* a session was lost or had 8 s of audio waiting */
} trial_level;

/* How streams begin. TRIAL_FRESH: each with a clip of its own. TRIAL_FLOWING: each at
 * another moment of the recordings, as streams are that were there before: what they have
 * said of the clip is given at once, and figures count from 1.5 s on, when it is heard.
 */
typedef enum { TRIAL_FRESH, TRIAL_FLOWING } trial_start;

/* Plays for `seconds`. ERR_STATE: the worker has fewer slots. */
MUST_CHECK status trial_play(trial *t, const speech *s, unsigned streams, double seconds,
                             trial_start how, trial_level *out, diag *d);

#endif
