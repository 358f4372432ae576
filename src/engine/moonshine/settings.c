#include "engine/moonshine/settings.h"

#include <stdlib.h>
#include <string.h>

/* The numbers: what is meant when nothing is said, and what is allowed. */
static const struct {
    const char *key;
    size_t offset;
    uint32_t usual, min, max;
} numbers[] = {
#define NUMBER(name, usual, min, max)                                                    \
    { #name, offsetof(stream_settings, name), usual, min, max }
    NUMBER(first_ms, 400, 100, 5000),
    NUMBER(hop_ms, 480, 100, 5000),
    NUMBER(busy_ms, 640, 100, 5000),
    NUMBER(full_ms, 960, 100, 5000),
    NUMBER(pause_ms, 200, 100, 5000),
    NUMBER(guard_ms, 600, 0, 5000),
    NUMBER(trim_ms, 12000, 0, LIMIT_UTTERANCE_S * 1000),
    NUMBER(lead_ms, 100, 0, STREAM_LEAD_MAX_MS),
    NUMBER(settle_ms, 1000, 0, LIMIT_UTTERANCE_S * 1000),
    NUMBER(settle_lower_ms, 700, 0, LIMIT_UTTERANCE_S * 1000),
    NUMBER(agree, 2, 2, STREAM_AGREE_MAX),
    NUMBER(final_lead_ms, 100, 0, STREAM_LEAD_MAX_MS),
    NUMBER(final_piece_ms, 20000, 2000, LIMIT_UTTERANCE_S * 1000),
#undef NUMBER
};

#define NUMBERS (sizeof numbers / sizeof numbers[0])

/* A relative path without "..", so that nothing outside the model folder is named. */
static status read_path(const rostrum_setting *g, char *out, diag *d) {
    size_t n = strlen(g->value);
    if (n >= SETTINGS_PATH_BYTES)
        return diag_field(d, ERR_INVALID, g->key, "longer than %d bytes",
                          SETTINGS_PATH_BYTES - 1);
    if (g->value[0] == '/' || strstr(g->value, ".."))
        return diag_field(d, ERR_INVALID, g->key,
                          "must be a path inside the model folder");
    memcpy(out, g->value, n + 1);
    return OK;
}

static status read_kernels(const rostrum_setting *g, const kernels **out, diag *d) {
    const kernels *set = kernels_named(g->value);
    if (!set)
        return diag_field(d, ERR_INVALID, g->key,
                          "'%s' is not one of avx512vnni, avx2 and scalar "
                          "that this processor runs; the best is %s",
                          g->value, kernels_pick()->name);
    *out = set;
    return OK;
}

static void put_number(stream_settings *out, size_t which, uint32_t value) {
    memcpy((char *)out + numbers[which].offset, &value, sizeof value);
}

static status read_number(const rostrum_setting *g, size_t which, stream_settings *out,
                          diag *d) {
    char *end = NULL;
    unsigned long v = strtoul(g->value, &end, 10);
    if (g->value[0] < '0' || g->value[0] > '9' || *end != 0 || v < numbers[which].min ||
        v > numbers[which].max)
        return diag_field(d, ERR_INVALID, g->key,
                          "'%s' must be a whole number from %u to %u", g->value,
                          numbers[which].min, numbers[which].max);
    put_number(out, which, (uint32_t)v);
    return OK;
}

/* What each number alone cannot tell. */
static status check_order(const stream_settings *s, diag *d) {
    if (s->busy_ms < s->hop_ms)
        return diag_field(d, ERR_INVALID, "busy_ms", "%u is less than hop_ms, %u",
                          s->busy_ms, s->hop_ms);
    if (s->full_ms < s->busy_ms)
        return diag_field(d, ERR_INVALID, "full_ms", "%u is less than busy_ms, %u",
                          s->full_ms, s->busy_ms);
    if (s->settle_lower_ms > s->settle_ms)
        return diag_field(d, ERR_INVALID, "settle_lower_ms",
                          "%u is more than settle_ms, %u", s->settle_lower_ms,
                          s->settle_ms);
    return OK;
}

static status unknown(const rostrum_setting *g, diag *d) {
    const char *names[NUMBERS + 4] = {"live", "final", "vad", "kernels"};
    for (size_t i = 0; i < NUMBERS; i++)
        names[4 + i] = numbers[i].key;
    const char *near = diag_nearest(g->key, names, NUMBERS + 4);
    return diag_field(d, ERR_INVALID, g->key, "not a setting of moonshine%s%s%s",
                      near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static status read_one(const rostrum_setting *g, moonshine_settings *out, diag *d) {
    if (strcmp(g->key, "live") == 0)
        return read_path(g, out->live, d);
    if (strcmp(g->key, "final") == 0)
        return read_path(g, out->final, d);
    if (strcmp(g->key, "vad") == 0)
        return read_path(g, out->vad, d);
    if (strcmp(g->key, "kernels") == 0)
        return read_kernels(g, &out->set, d);
    for (size_t k = 0; k < NUMBERS; k++)
        if (strcmp(numbers[k].key, g->key) == 0)
            return read_number(g, k, &out->stream, d);
    return unknown(g, d);
}

status settings_read(const rostrum_setting *given, size_t n, moonshine_settings *out,
                     diag *d) {
    moonshine_settings m = {.live = "moonshine-tiny", .set = kernels_pick()};
    for (size_t k = 0; k < NUMBERS; k++)
        put_number(&m.stream, k, numbers[k].usual);
    for (size_t i = 0; i < n; i++) {
        status s = read_one(&given[i], &m, d);
        if (s != OK)
            return s;
    }
    if (m.live[0] == 0)
        return diag_field(d, ERR_INVALID, "live", "must name a model folder");
    status s = check_order(&m.stream, d);
    if (s == OK)
        *out = m;
    return s;
}
