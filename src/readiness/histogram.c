#include "readiness/histogram.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/assert.h"
#include "readiness/histogram_table.def"

/* Index of a normal positive value at the finest scale, from its exponent and mantissa:
 * no logarithm. */
static int32_t finest_index(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    int32_t exponent = (int32_t)(bits >> 52) - 1023;
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    int32_t n = below[mantissa >> 44];
    n += mantissa >= starts[n];
    return exponent * 128 + n - 1; /* n = 0: a power of two ends the bucket below it */
}

/* index / 2^shift, rounded down: two neighbours become one. Written without shifting a
 * negative number. */
static int32_t coarser(int32_t index, int shift) {
    return index >= 0 ? index >> shift : ~(~index >> shift);
}

/* Indices at h->scale of the first and last bucket in use. false: none is. */
static bool used(const histogram *h, int32_t *low, int32_t *high) {
    int32_t a = 0, b = HISTOGRAM_BUCKETS - 1;
    while (a <= b && h->counts[a] == 0)
        a++;
    while (b > a && h->counts[b] == 0)
        b--;
    *low = h->first + a;
    *high = h->first + b;
    return a <= b;
}

/* Moves the counts so that they and the buckets low..high have room: at `scale` (<=
 * h->scale, the one low and high are counted in) or as far below it as needed. */
static void make_room(histogram *h, int32_t scale, int32_t low, int32_t high) {
    int shift = h->scale - scale;
    int32_t a, b;
    if (used(h, &a, &b)) {
        low = coarser(a, shift) < low ? coarser(a, shift) : low;
        high = coarser(b, shift) > high ? coarser(b, shift) : high;
    }
    for (; high - low >= HISTOGRAM_BUCKETS; shift++) {
        low = coarser(low, 1);
        high = coarser(high, 1);
    }
    int32_t first = low - (HISTOGRAM_BUCKETS - 1 - (high - low)) / 2;
    uint64_t moved[HISTOGRAM_BUCKETS] = {0};
    for (int32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        if (h->counts[i] > 0)
            moved[coarser(h->first + i, shift) - first] += h->counts[i];
    memcpy(h->counts, moved, sizeof moved);
    h->first = first;
    h->scale -= shift;
}

void histogram_init(histogram *h, double threshold) {
    ASSERT(!isnan(threshold));
    memset(h, 0, sizeof *h);
    h->threshold = threshold;
    h->scale = HISTOGRAM_SCALE_MAX;
    h->min = INFINITY;
    h->max = -INFINITY;
}

status histogram_add(histogram *h, double value) {
    if (!(value >= 0 && value <= DBL_MAX))
        return ERR_INVALID;
    bool good = value <= h->threshold;
    h->good += good;
    h->bad += !good;
    h->sum += value;
    h->min = value < h->min ? value : h->min;
    h->max = value > h->max ? value : h->max;
    if (value <= HISTOGRAM_ZERO_MAX) {
        h->zero++;
        return OK;
    }
    int32_t finest = finest_index(value);
    int32_t index = coarser(finest, HISTOGRAM_SCALE_MAX - h->scale);
    if (index < h->first || index - h->first >= HISTOGRAM_BUCKETS) {
        make_room(h, h->scale, index, index);
        index = coarser(finest, HISTOGRAM_SCALE_MAX - h->scale);
    }
    h->counts[index - h->first]++;
    return OK;
}

status histogram_merge(histogram *to, const histogram *more) {
    if (!(to->threshold == more->threshold))
        return ERR_INVALID;
    int32_t low, high;
    if (used(more, &low, &high)) {
        int32_t scale = more->scale < to->scale ? more->scale : to->scale;
        int down = more->scale - scale;
        make_room(to, scale, coarser(low, down), coarser(high, down));
        down = more->scale - to->scale;
        for (int32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
            if (more->counts[i] > 0)
                to->counts[coarser(more->first + i, down) - to->first] += more->counts[i];
    }
    to->good += more->good;
    to->bad += more->bad;
    to->zero += more->zero;
    to->sum += more->sum;
    to->min = more->min < to->min ? more->min : to->min;
    to->max = more->max > to->max ? more->max : to->max;
    return OK;
}

uint64_t histogram_total(const histogram *h) {
    return h->good + h->bad;
}

static double base_of(const histogram *h) {
    return exp2(ldexp(1, -h->scale));
}

double histogram_relative_error(const histogram *h) {
    double base = base_of(h);
    return (base - 1) / (base + 1);
}

double histogram_quantile(const histogram *h, double q) {
    ASSERT(q >= 0 && q <= 1);
    uint64_t total = histogram_total(h);
    if (total == 0)
        return NAN;
    double wanted = ceil(q * (double)total);
    if (wanted <= 1)
        return h->min;
    if (wanted >= (double)total)
        return h->max;
    uint64_t rank = (uint64_t)wanted, seen = h->zero;
    if (seen >= rank)
        return 0;
    int32_t i = 0;
    while ((seen += h->counts[i]) < rank)
        i++;
    /* the point whose relative distance to both ends of the bucket is the same */
    double base = base_of(h);
    double value = exp2(ldexp(h->first + i, -h->scale)) * (2 * base / (1 + base));
    return fmin(fmax(value, h->min), h->max);
}

size_t histogram_buckets(const histogram *h, int32_t *out_offset,
                         const uint64_t **out_counts) {
    int32_t low, high;
    if (!used(h, &low, &high))
        return 0;
    *out_offset = low;
    *out_counts = h->counts + (low - h->first);
    return (size_t)((int64_t)high - low + 1);
}

size_t histogram_spans(const histogram *h, histogram_span *spans, int64_t *deltas,
                       size_t *out_deltas) {
    size_t n_spans = 0, n_deltas = 0;
    int32_t next = 0; /* Prometheus index behind the last span */
    uint64_t before = 0;
    for (int32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (h->counts[i] == 0)
            continue;
        int32_t index = h->first + i + 1;
        if (n_spans == 0 || index != next)
            spans[n_spans++] = (histogram_span){index - next, 0};
        spans[n_spans - 1].length++;
        next = index + 1;
        deltas[n_deltas++] = (int64_t)(h->counts[i] - before);
        before = h->counts[i];
    }
    *out_deltas = n_deltas;
    return n_spans;
}
