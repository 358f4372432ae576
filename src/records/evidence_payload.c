#include "records/evidence_payload.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static const double count_max = 9007199254740992.0; /* 2^53 */

/* Below zero by no more than rounding: zero. */
static double rounded(double squares, double scale) {
    return squares < 0 && squares > -1e-9 * scale ? 0 : squares;
}

static status numbers(const cJSON *object, const char *const *keys, size_t n, double *out,
                      diag *d) {
    status s = json_only_keys(object, keys, n, d);
    for (size_t i = 0; s == OK && i < n; i++)
        s = json_number(object, keys[i], i == 0 ? 0 : -DBL_MAX,
                        i == 0 ? count_max : DBL_MAX, &out[i], d);
    return s;
}

/* Power sums to moments around the mean. */
static void add_sums(gate_sample *sample, const double v[5]) {
    double n = v[0];
    stats_shape s = {.n = n};
    if (n == 0) {
        sample->broken = sample->broken || v[1] != 0 || v[2] != 0;
        return;
    }
    double mean = v[1] / n;
    s.mean = mean;
    s.m2 = rounded(v[2] - n * mean * mean, v[2]);
    s.m3 = v[3] - 3 * mean * v[2] + 2 * n * mean * mean * mean;
    s.m4 = v[4] - 4 * mean * v[3] + 6 * mean * mean * v[2] -
           3 * n * mean * mean * mean * mean;
    bool whole = n == floor(n);
    if (!whole || !(s.m2 >= 0) || !isfinite(s.m2))
        sample->broken = true;
    stats_shape_merge(&sample->values, &s);
}

static status take_sums(const cJSON *record, const char *key, bool fourth,
                        gate_sample *sample, diag *d) {
    static const char *const keys[] = {"n", "sum", "sum2", "sum3", "sum4"};
    const cJSON *object = NULL;
    double v[5] = {0};
    status s = json_object(record, key, &object, d);
    bool all = s == OK && (fourth || cJSON_GetObjectItemCaseSensitive(object, "sum4"));
    if (s == OK)
        s = numbers(object, keys, all ? 5 : 3, v, d);
    if (s == OK)
        add_sums(sample, v);
    return s;
}

/* ---- blocks ---- */

static status take_block_list(const cJSON *list, gate_sample *sample, diag *d) {
    const cJSON *pair;
    cJSON_ArrayForEach(pair, list) {
        const cJSON *top = cJSON_GetArrayItem(pair, 0);
        const cJSON *bottom = cJSON_GetArrayItem(pair, 1);
        if (!cJSON_IsArray(pair) || cJSON_GetArraySize(pair) != 2 ||
            !cJSON_IsNumber(top) || !cJSON_IsNumber(bottom))
            return diag_field(d, ERR_INVALID, "blocks",
                              "needs pairs of numbers: [[errors,words],..]");
        if (bottom->valuedouble < 0 || fabs(top->valuedouble) > 1e100 ||
            bottom->valuedouble > 1e100)
            sample->broken = true;
        else
            stats_pairs_add(&sample->blocks, bottom->valuedouble, top->valuedouble);
    }
    return OK;
}

static status take_block_sums(const cJSON *object, gate_sample *sample, diag *d) {
    static const char *const keys[] = {"n",    "top",        "bottom",
                                       "top2", "top_bottom", "bottom2"};
    double v[6] = {0};
    status s = numbers(object, keys, COUNT(keys), v, d);
    if (s != OK || v[0] == 0)
        return s;
    double n = v[0], mean_y = v[1] / n, mean_x = v[2] / n;
    stats_pairs p = {.n = n,
                     .mean_x = mean_x,
                     .mean_y = mean_y,
                     .c_xx = rounded(v[5] - n * mean_x * mean_x, v[5]),
                     .c_xy = v[4] - n * mean_x * mean_y,
                     .c_yy = rounded(v[3] - n * mean_y * mean_y, v[3])};
    if (!(p.c_xx >= 0) || !(p.c_yy >= 0) || !isfinite(p.c_xx + p.c_yy + p.c_xy) ||
        mean_x < 0 || n != floor(n))
        sample->broken = true;
    stats_pairs_merge(&sample->blocks, &p);
    return OK;
}

static status take_blocks(const cJSON *record, gate_sample *sample, diag *d) {
    const cJSON *value = NULL;
    if (!cJSON_GetObjectItemCaseSensitive(record, "block_sums")) {
        status s = json_list(record, "blocks", &value, d);
        return s == OK ? take_block_list(value, sample, d) : s;
    }
    status s = json_object(record, "block_sums", &value, d);
    return s == OK ? take_block_sums(value, sample, d) : s;
}

/* ---- counts ---- */

static status take_counts(const cJSON *record, gate_sample *sample, diag *d) {
    static const char *const keys[] = {"bad", "total"};
    const cJSON *object = NULL;
    int64_t bad = 0, total = 0;
    status s = json_object(record, "counts", &object, d);
    if (s == OK)
        s = json_only_keys(object, keys, 2, d);
    if (s == OK)
        s = json_integer(object, "bad", 0, INT64_MAX, &bad, d);
    if (s == OK)
        s = json_integer(object, "total", 0, INT64_MAX, &total, d);
    if (s != OK)
        return s;
    sample->broken = sample->broken || bad > total;
    sample->count.bad += (uint64_t)bad;
    sample->count.total += (uint64_t)total;
    if (sample->count.total > (uint64_t)count_max ||
        sample->count.bad > (uint64_t)count_max)
        return diag_field(d, ERR_LIMIT, "counts", "add up to more than 2^53");
    return OK;
}

/* ---- sketches ---- */

static status read_buckets(const cJSON *object, histogram *h, diag *d) {
    const cJSON *list = NULL, *item;
    status s = json_list(object, "counts", &list, d);
    size_t n = 0;
    if (s != OK)
        return s;
    cJSON_ArrayForEach(item, list) {
        double x = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (!(x >= 0 && x <= 1e15) || x != floor(x))
            return diag_field(d, ERR_INVALID, "counts",
                              "needs whole numbers of 0 or more");
        if (n == HISTOGRAM_BUCKETS)
            return diag_field(d, ERR_LIMIT, "counts",
                              "more than %d buckets; lower the scale", HISTOGRAM_BUCKETS);
        h->counts[n++] = (uint64_t)x;
        h->good += (uint64_t)x;
    }
    return OK;
}

/* Edges of the values, where the record does not say. */
static void default_range(histogram *h) {
    int first = 0, last = HISTOGRAM_BUCKETS - 1;
    while (first < last && h->counts[first] == 0)
        first++;
    while (last > first && h->counts[last] == 0)
        last--;
    h->min = h->zero > 0 ? 0 : exp2(ldexp(h->first + first, -h->scale));
    h->max = h->good == h->zero ? 0 : exp2(ldexp(h->first + last + 1, -h->scale));
}

static status read_sketch(const cJSON *object, histogram *h, diag *d) {
    static const char *const keys[] = {"scale", "offset", "counts", "zero", "min", "max"};
    int64_t scale = 0, offset = 0, zero = 0;
    status s = json_only_keys(object, keys, COUNT(keys), d);
    if (s == OK)
        s = json_integer(object, "scale", -4, HISTOGRAM_SCALE_MAX, &scale, d);
    if (s == OK)
        s = json_integer(object, "offset", -(1 << 18), 1 << 18, &offset, d);
    if (s == OK)
        s = read_buckets(object, h, d);
    if (s == OK)
        s = json_integer_or(object, "zero", 0, (int64_t)1e15, 0, &zero, d);
    if (s != OK)
        return s;
    h->scale = (int32_t)scale;
    h->first = (int32_t)offset;
    h->zero = (uint64_t)zero;
    h->good += h->zero;
    if (ldexp((double)offset, -h->scale) < -1000 ||
        ldexp((double)(offset + HISTOGRAM_BUCKETS), -h->scale) > 1000 + 512)
        return diag_field(d, ERR_INVALID, "offset",
                          "and scale make buckets beyond what a number can hold");
    default_range(h);
    s = json_number_or(object, "min", 0, DBL_MAX, h->min, &h->min, d);
    return s == OK ? json_number_or(object, "max", 0, DBL_MAX, h->max, &h->max, d) : s;
}

static status take_sketch(const cJSON *record, gate_sample *sample, diag *d) {
    const cJSON *object = NULL;
    histogram h;
    histogram_init(&h, INFINITY);
    status s = json_object(record, "sketch", &object, d);
    if (s == OK)
        s = read_sketch(object, &h, d);
    if (s != OK || h.good == 0)
        return s;
    if (!(h.min <= h.max) || !isfinite(h.max))
        sample->broken = true;
    if (histogram_total(&sample->sketch) + h.good > (uint64_t)count_max)
        return diag_field(d, ERR_LIMIT, "counts", "add up to more than 2^53");
    return histogram_merge(&sample->sketch, &h); /* thresholds are all infinite */
}

status evidence_payload(const cJSON *record, const gate_metric *m, gate_sample *sample,
                        diag *d) {
    static const char *const payloads[][2] = {
        [GATE_MEAN] = {"sums", "sums"},         [GATE_RATIO] = {"blocks", "block_sums"},
        [GATE_FRACTION] = {"counts", "counts"}, [GATE_LATENCY] = {"ln_sums", "sketch"},
        [GATE_QUANTILE] = {"sketch", "sketch"}, [GATE_SPREAD] = {"ln_sums", "sketch"},
        [GATE_COUNT] = {"counts", "counts"}};
    const char *const *own = payloads[m->measure];
    const char *const keys[] = {"record", "time", "metric", "slice",
                                "arm",    own[0], own[1]};
    status s = json_only_keys(record, keys, COUNT(keys), d);
    if (s != OK)
        return s;
    if (strcmp(own[0], own[1]) != 0 && cJSON_GetObjectItemCaseSensitive(record, own[0]) &&
        cJSON_GetObjectItemCaseSensitive(record, own[1]))
        return diag_field(d, ERR_INVALID, own[1], "one of %s and %s is needed, not both",
                          own[0], own[1]);
    switch (m->measure) {
    case GATE_MEAN:
        return take_sums(record, "sums", false, sample, d);
    case GATE_RATIO:
        return take_blocks(record, sample, d);
    case GATE_FRACTION:
    case GATE_COUNT:
        return take_counts(record, sample, d);
    case GATE_QUANTILE:
        return take_sketch(record, sample, d);
    case GATE_LATENCY:
    case GATE_SPREAD:
        break;
    }
    return cJSON_GetObjectItemCaseSensitive(record, "sketch")
               ? take_sketch(record, sample, d)
               : take_sums(record, "ln_sums", m->measure == GATE_SPREAD, sample, d);
}
