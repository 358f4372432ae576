/* cli/bench_round.h: N paced streams against a server, measured in rounds.
 *
 * Streams begin within two seconds of each other and play until the last round is over;
 * each then finishes the recording it is in, which still counts. Main thread only. */
#ifndef ROSTRUM_CLI_BENCH_ROUND_H
#define ROSTRUM_CLI_BENCH_ROUND_H

#include "cli/bench_search.h"
#include "cli/client.h"

typedef struct {
    client_options client; /* url, key, model, chunk_ms */
    const recordings *list;
    uint32_t seed;
    int server_pid; /* 0: its CPU is not measured */
} bench_plan;

/* A bench_play; context: const bench_plan. ERR_MEMORY: no loop. */
MUST_CHECK status bench_round_play(void *context, bench_run *run, diag *d);

#endif
