/* readiness/histogram.h: how values are spread, in fixed memory, mergeable without loss.
 *
 * Base-2 exponential buckets: at scale s, bucket i counts the values in
 * (base^i, base^(i+1)] with base = 2^(2^-s). It starts at the finest scale and halves the
 * resolution (s - 1, two buckets become one) only when the values seen span more than
 * HISTOGRAM_BUCKETS buckets. The scale depends on the least and the largest value alone,
 * so merging parts in any order gives exactly what counting everything in one place
 * gives.
 *
 * Relative error of a quantile: at most (base - 1) / (base + 1):
 *   scale 7   0.27 %   values within a factor of 2^4 = 16
 *   scale 6   0.54 %   2^8 = 256
 *   scale 5   1.1 %    2^16 = 65,536 (2 ms to 2 min)
 *   scale 4   2.2 %    2^32
 *
 * The same numbers are an OpenTelemetry exponential histogram (data model, metrics:
 * scale, offset, bucket_counts, zero_count) and a Prometheus native histogram (schema =
 * scale, spans and deltas). Beside them stand exact counts of good and bad values,
 * because an objective is judged at its threshold and not at the nearest bucket.
 *
 * Pure: no clock, allocation, I/O or globals. A histogram is a value: copy it, or zero it
 * and init it again. One thread at a time each. */
#ifndef ROSTRUM_READINESS_HISTOGRAM_H
#define ROSTRUM_READINESS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define HISTOGRAM_SCALE_MAX 7       /* 128 buckets an octave; Prometheus reads up to 8 */
#define HISTOGRAM_BUCKETS 512       /* 4 KiB: four octaves at the finest scale */
#define HISTOGRAM_ZERO_MAX 0x1p-128 /* up to here zero, as in Prometheus */
#define HISTOGRAM_SPANS_MAX (HISTOGRAM_BUCKETS / 2)

typedef struct {
    double threshold; /* a value <= threshold is good; INFINITY: all are */
    uint64_t good, bad;
    uint64_t zero;        /* values in [0, HISTOGRAM_ZERO_MAX] */
    double sum, min, max; /* min and max mean nothing while good + bad == 0 */
    int32_t scale;
    int32_t first; /* index of counts[0] at this scale */
    uint64_t counts[HISTOGRAM_BUCKETS];
} histogram;

/* threshold in the unit of the values (ms for latencies); not NaN. */
void histogram_init(histogram *h, double threshold);

/* About 4 ns, without a logarithm. ERR_INVALID, nothing changed: the value is NaN,
 * infinite or negative. A broken clock must not read as a fast server. */
MUST_CHECK status histogram_add(histogram *h, double value);

/* to += more; they may be the same. ERR_INVALID, nothing changed: their thresholds
 * differ, so good and bad mean different things. */
MUST_CHECK status histogram_merge(histogram *to, const histogram *more);

uint64_t histogram_total(const histogram *h); /* good + bad */

/* The value of rank ceil(q total) (at least 1) in ascending order, to the relative error
 * of the scale; the least and the largest are exact. q in 0..1. NaN when it is empty. */
double histogram_quantile(const histogram *h, double q);

/* What a quantile may be off by now, relative to the true value: 0.0027 at scale 7. */
double histogram_relative_error(const histogram *h);

/* OpenTelemetry: buckets from the first to the last that is not empty.
 *   out_offset   OTLP index of out_counts[0]
 *   out_counts   borrowed from h until it changes
 * Returns how many, 0 when only zeros were counted. scale, zero and sum are fields. */
size_t histogram_buckets(const histogram *h, int32_t *out_offset,
                         const uint64_t **out_counts);

/* Prometheus, positive buckets. Its bucket i is (base^(i-1), base^i]: OTLP's plus one.
 * The first span's offset is a bucket index, later ones are gaps. A delta is the
 * difference to the bucket before it in the list. spans    [HISTOGRAM_SPANS_MAX] deltas
 * [HISTOGRAM_BUCKETS] Returns the number of spans; *out_deltas of deltas. */
typedef struct {
    int32_t offset;
    uint32_t length;
} histogram_span;
size_t histogram_spans(const histogram *h, histogram_span *spans, int64_t *deltas,
                       size_t *out_deltas);

#endif
