/* cli/bench_run.h: what N paced streams gave, round by round, and whether N is within a
 * target.
 *
 * An utterance belongs to the round in which it began. A round is good when at least 95 %
 * of its utterances showed their first word within the target, and at least 95 % of its
 * finals had their second pass (of a model that has one). The first is "p95 <= target" by
 * nearest rank, with an utterance that never showed a word counted as late, so that
 * giving up cannot look fast. A model that drops its second passes is not the model whose
 * streams are counted.
 *
 * N is good when no stream failed and more than half of the rounds are good: the median
 * round, so that one hiccup of the machine decides nothing. Fewer than
 * BENCH_SAMPLES_MIN utterances are not judged: their p95 is their slowest one.
 * Main thread only. */
#ifndef ROSTRUM_CLI_BENCH_RUN_H
#define ROSTRUM_CLI_BENCH_RUN_H

#include "base/diag.h"
#include "cli/client_measure.h"

#define BENCH_ROUNDS_MAX 9
#define BENCH_SAMPLES_MIN 20
#define BENCH_SHARE_MIN 0.95

typedef struct {
    measure first_partial, commit_lag, final; /* ms */
    score_counts words;
    unsigned utterances, empty, violations, corrected;
    unsigned finals, degraded; /* degraded: of the finals, without their second pass */
} bench_round;

typedef struct {
    unsigned streams, chunk_ms; /* chunk_ms 0: no messages, as with the peer */
    unsigned rounds;            /* 1..BENCH_ROUNDS_MAX */
    double round_s;
    bench_round round[BENCH_ROUNDS_MAX]; /* [rounds] */
    unsigned failed;                     /* streams that broke or were refused */
    unsigned refused;                    /* of them: HTTP 429 or 503 */
    double audio_s, wall_s;              /* played, and how long that took */
    double server_cpu_s;                 /* -1: not measured */
    double own_cpu_s;                    /* of this process; -1: not apart */
    diag why;                            /* of the last failure */
} bench_run;

void bench_run_deinit(bench_run *r);

/* The round of an utterance that began at_s after the start. */
bench_round *bench_run_round(bench_run *r, double at_s);

/* Share of utterances with a first partial within target_ms; 0 when there were none. */
double bench_round_within(const bench_round *r, double target_ms);
/* Share of finals with all their passes; 1 when there were none. */
double bench_round_whole(const bench_round *r);
bool bench_round_good(const bench_round *r, double target_ms);

/* All rounds in one; the caller clears *out with bench_round_deinit. */
void bench_run_pool(const bench_run *r, bench_round *out);
void bench_round_deinit(bench_round *r);

typedef enum { BENCH_GOOD, BENCH_BAD, BENCH_TOO_FEW } bench_verdict;
bench_verdict bench_run_judge(const bench_run *r, double target_ms);

/* A paragraph for a person, on stdout. */
void bench_run_print(const bench_run *r, double target_ms);
/* One JSON object with every value of every round. */
void bench_run_json(const bench_run *r, double target_ms, buf *out);

#endif
