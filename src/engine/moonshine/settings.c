#include "engine/moonshine/settings.h"

#include <stdlib.h>
#include <string.h>

static const stream_settings tiny = {.first_ms = 400,
                                     .hop_ms = 480,
                                     .busy_ms = 640,
                                     .full_ms = 960,
                                     .pause_ms = 200,
                                     .guard_ms = 600,
                                     .trim_ms = 12000,
                                     .lead_ms = 100,
                                     .settle_ms = 1000,
                                     .settle_lower_ms = 700,
                                     .agree = 2,
                                     .final_lead_ms = 100,
                                     .final_piece_ms = 20000};

static const stream_settings base = {.first_ms = 400,
                                     .hop_ms = 480,
                                     .busy_ms = 640,
                                     .full_ms = 960,
                                     .pause_ms = 200,
                                     .guard_ms = 600,
                                     .trim_ms = 12000,
                                     .lead_ms = 100,
                                     .settle_ms = 1000,
                                     .settle_lower_ms = 700,
                                     .agree = 3,
                                     .final_lead_ms = 100,
                                     .final_piece_ms = 20000};

/* The numbers, with what is allowed. */
static const struct {
    const char *key;
    size_t offset;
    uint32_t min, max;
} numbers[] = {
#define NUMBER(name, min, max)                                                           \
    { #name, offsetof(stream_settings, name), min, max }
    NUMBER(first_ms, 100, 5000),
    NUMBER(hop_ms, 100, 5000),
    NUMBER(busy_ms, 100, 5000),
    NUMBER(full_ms, 100, 5000),
    NUMBER(pause_ms, 100, 5000),
    NUMBER(guard_ms, 0, 5000),
    NUMBER(trim_ms, 0, LIMIT_UTTERANCE_S * 1000),
    NUMBER(lead_ms, 0, STREAM_LEAD_MAX_MS),
    NUMBER(settle_ms, 0, LIMIT_UTTERANCE_S * 1000),
    NUMBER(settle_lower_ms, 0, LIMIT_UTTERANCE_S * 1000),
    NUMBER(agree, 2, STREAM_AGREE_MAX),
    NUMBER(final_lead_ms, 0, STREAM_LEAD_MAX_MS),
    NUMBER(final_piece_ms, 2000, LIMIT_UTTERANCE_S * 1000),
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

static status read_number(const rostrum_setting *g, size_t which, stream_settings *out,
                          diag *d) {
    char *end = NULL;
    unsigned long v = strtoul(g->value, &end, 10);
    if (g->value[0] < '0' || g->value[0] > '9' || *end != 0 || v < numbers[which].min ||
        v > numbers[which].max)
        return diag_field(d, ERR_INVALID, g->key, "must be a whole number from %u to %u",
                          numbers[which].min, numbers[which].max);
    uint32_t value = (uint32_t)v;
    memcpy((char *)out + numbers[which].offset, &value, sizeof value);
    return OK;
}

static status unknown(const rostrum_setting *g, diag *d) {
    const char *names[NUMBERS + 3] = {"live", "final", "vad"};
    for (size_t i = 0; i < NUMBERS; i++)
        names[3 + i] = numbers[i].key;
    const char *near = diag_nearest(g->key, names, NUMBERS + 3);
    return diag_field(d, ERR_INVALID, g->key, "not a setting of moonshine%s%s%s",
                      near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static const char *value_of(const rostrum_setting *given, size_t n, const char *key) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(given[i].key, key) == 0)
            return given[i].value;
    return NULL;
}

status settings_read(const rostrum_setting *given, size_t n, moonshine_settings *out,
                     diag *d) {
    moonshine_settings m = {.live = "moonshine-tiny"};
    const char *live = value_of(given, n, "live");
    m.stream = live && strcmp(live, "moonshine-base") == 0 ? base : tiny;
    for (size_t i = 0; i < n; i++) {
        const rostrum_setting *g = &given[i];
        status s = OK;
        size_t k = 0;
        while (k < NUMBERS && strcmp(numbers[k].key, g->key) != 0)
            k++;
        if (strcmp(g->key, "live") == 0)
            s = read_path(g, m.live, d);
        else if (strcmp(g->key, "final") == 0)
            s = read_path(g, m.final, d);
        else if (strcmp(g->key, "vad") == 0)
            s = read_path(g, m.vad, d);
        else if (k < NUMBERS)
            s = read_number(g, k, &m.stream, d);
        else
            s = unknown(g, d);
        if (s != OK)
            return s;
    }
    if (m.live[0] == 0)
        return diag_field(d, ERR_INVALID, "live", "must name a model folder");
    *out = m;
    return OK;
}
