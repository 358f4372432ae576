/* cli/bench_search.h: the most paced streams within a target.
 *
 * N = 1, 2, 4, ... until one is over the target, then the middle between the last good
 * and the first bad, until they are neighbours. The server and the peer beside it are
 * searched by this one function, play the same recordings in the same order and wait
 * equally long between them. Main thread only. */
#ifndef ROSTRUM_CLI_BENCH_SEARCH_H
#define ROSTRUM_CLI_BENCH_SEARCH_H

#include "cli/bench_run.h"
#include "cli/client_recordings.h"

#define BENCH_STREAMS_MAX 1024
#define BENCH_RUNS_MAX 32 /* of one search: 10 doublings and 10 halvings at most */

/* Silence after a recording: what ends its utterance. */
#define BENCH_GAP_MS 700
#define BENCH_GAP_SPREAD_MS 300

typedef struct {
    double target_ms;
    unsigned most;  /* 1..BENCH_STREAMS_MAX */
    unsigned fixed; /* only this many; 0: search */
    unsigned rounds;
    double seconds;   /* shortest round */
    unsigned samples; /* utterances wanted at each N; rounds of few streams are longer */
    bool quiet;       /* nothing on stdout */
} bench_goal;

/* What every stream of a run plays: begun at delay_ms, recordings in a random order of
 * its own. The same for the same seed and stream. */
typedef struct {
    uint64_t state;
    unsigned delay_ms;
    uint32_t gap_seed;
} bench_script;

bench_script bench_script_make(uint32_t seed, unsigned stream);
const recording *bench_script_next(bench_script *s, const recordings *list);
uint32_t bench_random(uint64_t *state);

/* Plays run->streams streams for run->rounds rounds of run->round_s without a pause
 * between them, and fills the rest of *run. */
typedef status bench_play(void *context, bench_run *run, diag *d);

typedef struct {
    bench_run run[BENCH_RUNS_MAX]; /* [n] */
    size_t n;
    unsigned best; /* streams; 0: not even one */
} bench_found;

/* ERR_STATE: nothing came back, or too little to judge. *out is to be released. */
MUST_CHECK status bench_search(const bench_goal *goal, const recordings *list,
                               bench_play *play, void *context, bench_found *out,
                               diag *d);
void bench_found_deinit(bench_found *f);

/* Pure: the number to play next, 0 when found. good, bad: the last such, 0 none yet. */
unsigned bench_search_next(unsigned good, unsigned bad, unsigned most);
/* Pure: length of one round. utterance_s: mean recording and gap. */
double bench_search_round_s(const bench_goal *goal, unsigned streams, double utterance_s);

/* The runs as a JSON array. */
void bench_found_json(const bench_found *f, double target_ms, buf *out);
/* Writes text to path. ERR_IO names it. */
MUST_CHECK status bench_write_file(const char *path, const buf *text, diag *d);

#endif
