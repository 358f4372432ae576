/* cli/bench_round.h: one round of load: N paced streams for a while.
 *
 * Streams begin within two seconds of each other at random and each plays recordings in
 * its own random order, with 0.7 to 1.0 s of silence between (what ends an utterance).
 * At the end of the round each finishes the recording it is in. Main thread only. */
#ifndef ROSTRUM_CLI_BENCH_ROUND_H
#define ROSTRUM_CLI_BENCH_ROUND_H

#include "cli/client.h"
#include "cli/client_measure.h"

#define BENCH_STREAMS_MAX 4096

typedef struct {
    client_options client; /* chunk, url, key, model */
    const recordings *list;
    unsigned streams; /* 1..BENCH_STREAMS_MAX */
    double seconds;
    uint32_t seed;
    int server_pid; /* 0: its CPU is not measured */
} bench_plan;

/* Sums over rounds; measures are pooled. */
typedef struct {
    measure first_partial, commit_lag, final; /* ms */
    score_counts words;
    unsigned results, empty, violations, corrected, degraded;
    unsigned failed;  /* streams that broke or were refused */
    unsigned refused; /* of them: HTTP 429 or 503 */
    double audio_s;   /* sent until the round's end */
    double wall_s;
    double server_cpu_s; /* -1: not measured */
    double own_cpu_s;    /* of this process */
    diag why;            /* of the last failure */
} bench_sums;

void bench_sums_deinit(bench_sums *s);

/* Plays one round and adds to *sums. ERR_MEMORY: no loop. */
MUST_CHECK status bench_round_run(const bench_plan *plan, bench_sums *sums, diag *d);

#endif
