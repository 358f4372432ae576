/* bench/paced.h: recordings played at the pace of speech, and what is measured of them.
 *
 * Shared by the programs that stand beside `rostrum bench live`: prompts with their
 * references, the moment speech starts in each, and percentiles. */
#ifndef ROSTRUM_BENCH_PACED_H
#define ROSTRUM_BENCH_PACED_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

typedef struct {
    char id[64];
    char *reference;
    float *pcm; /* [samples] mono 16 kHz */
    size_t samples;
    size_t onset; /* first sample of the first 10 ms whose rms is over -40 dBFS */
    size_t end;   /* one past the last such 10 ms */
} paced_prompt;

typedef struct {
    paced_prompt *prompts; /* [n] */
    size_t n;
} paced_set;

/* Reads manifest.jsonl of `rostrum-dataset prompts`; half "eval", "held" or "all". */
MUST_CHECK status paced_load(const char *folder, const char *half, paced_set *out,
                             diag *d);
void paced_destroy(paced_set *set);

/* Values of one measure; sorted when read. */
typedef struct {
    float *values;
    size_t n, capacity;
} paced_sample;

void paced_add(paced_sample *s, float value);
/* q in 0..1, nearest rank; -1 when empty. Sorts in place. */
float paced_quantile(paced_sample *s, double q);
void paced_print(const char *name, paced_sample *s); /* p50 p90 p95 p99 on one line */

double paced_now_s(void);         /* CLOCK_MONOTONIC */
double paced_process_cpu_s(void); /* of this process and its threads */

#endif
