/* cli/client_measure.h: values of one measure and their percentiles; words and errors.
 *
 * Percentiles are by nearest rank: the smallest value that at least a share q of all
 * values do not exceed. Main thread only. */
#ifndef ROSTRUM_CLI_CLIENT_MEASURE_H
#define ROSTRUM_CLI_CLIENT_MEASURE_H

#include <stdbool.h>

#include "base/buf.h"
#include "score/align.h"

#define MEASURE_VALUES_MAX (1u << 20)

typedef struct {
    float *values; /* [n] */
    size_t n, capacity;
    bool sorted;
    bool full; /* no memory, or over the limit: later values were not kept */
} measure;

void measure_add(measure *m, double value);
void measure_add_all(measure *to, const measure *from);
void measure_clear(measure *m);
void measure_deinit(measure *m);
/* -1 when empty. Sorts in place. */
double measure_quantile(measure *m, double q);

/* {"n":,"p50":,"p90":,"p95":,"p99":,"max":}; with values: also "values":[...] */
void measure_json(measure *m, bool values, buf *out);

/* How far hypothesis is from reference under the "spoken" profile. ERR_MEMORY,
 * ERR_LIMIT: too long. */
MUST_CHECK status measure_words(const char *reference, const char *hypothesis,
                                score_counts *out);

#endif
