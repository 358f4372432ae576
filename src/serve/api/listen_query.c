#include "serve/api/listen_query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VALUE_BYTES 1024
#define NO_ENDPOINTING_SILENCE_MS 1000 /* results still need places to end */

/* What a parameter needs to be read. */
typedef struct {
    listen_query *q;
    bool encoding_said, rate_said, multichannel;
    uint64_t said; /* bit i: parameters[i] was given */
} reading;

/* --- one value --- */

static status read_bool(const char *name, const char *value, bool *out, diag *d) {
    bool yes = strcasecmp(value, "true") == 0;
    if (!yes && strcasecmp(value, "false") != 0)
        return diag_field(d, ERR_INVALID, name, "must be true or false");
    *out = yes;
    return OK;
}

static status read_number(const char *name, const char *value, long min, long max,
                          long *out, diag *d) {
    char *end;
    errno = 0;
    long v = strtol(value, &end, 10);
    if (!*value || *end || errno || v < min || v > max)
        return diag_field(d, ERR_INVALID, name, "must be a whole number from %ld to %ld",
                          min, max);
    *out = v;
    return OK;
}

static status copy(const char *name, const char *value, char *out, size_t size, diag *d) {
    if (strlen(value) >= size)
        return diag_field(d, ERR_INVALID, name, "must be at most %zu bytes", size - 1);
    memcpy(out, value, strlen(value) + 1);
    return OK;
}

/* --- parameters; each reads its value into the reading --- */

static status p_ignored(reading *r, const char *name, const char *value, diag *d) {
    (void)r, (void)name, (void)value, (void)d;
    return OK;
}

/* "false" asks for nothing; anything else would be left undone. */
static status p_not_offered(reading *r, const char *name, const char *value, diag *d) {
    (void)r;
    if (strcasecmp(value, "false") == 0)
        return OK;
    return diag_field(d, ERR_UNSUPPORTED, name, "%s is not offered here; leave it out",
                      name);
}

static status p_encoding(reading *r, const char *name, const char *value, diag *d) {
    static const struct {
        const char *name;
        audio_encoding encoding;
    } known[] = {
        {"linear16", AUDIO_S16LE}, {"linear32", AUDIO_F32LE},
        {"mulaw", AUDIO_MULAW},    {"alaw", AUDIO_ALAW},
        {"opus", AUDIO_OPUS},      {"ogg-opus", AUDIO_CONTAINER},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(value, known[i].name) != 0)
            continue;
        r->q->format.encoding = known[i].encoding;
        r->encoding_said = true;
        return OK;
    }
    return diag_field(d, ERR_UNSUPPORTED, name,
                      "must be linear16, linear32, mulaw, alaw, opus or ogg-opus; "
                      "or leave it out for a WAV or Ogg container");
}

static status p_rate(reading *r, const char *name, const char *value, diag *d) {
    long v = 0;
    status st = read_number(name, value, LIMIT_CLIENT_RATE_MIN_HZ,
                            LIMIT_CLIENT_RATE_MAX_HZ, &v, d);
    r->q->format.rate_hz = (uint32_t)v;
    r->rate_said = true;
    return st;
}

static status p_channels(reading *r, const char *name, const char *value, diag *d) {
    long v = 1;
    status st = read_number(name, value, 1, 2, &v, d);
    r->q->format.channels = (uint8_t)v;
    return st;
}

static status p_model(reading *r, const char *name, const char *value, diag *d) {
    return copy(name, value, r->q->model, sizeof r->q->model, d);
}

static status p_language(reading *r, const char *name, const char *value, diag *d) {
    return copy(name, value, r->q->language, sizeof r->q->language, d);
}

/* keyterm=WORD, keywords=WORD:INTENSIFIER; both may come many times. */
static status p_keyterm(reading *r, const char *name, const char *value, diag *d) {
    char *terms = r->q->keyterms;
    size_t used = strlen(terms);
    size_t n = strcmp(name, "keywords") == 0 ? strcspn(value, ":") : strlen(value);
    if (used + n + 3 > sizeof r->q->keyterms)
        return diag_field(d, ERR_INVALID, name, "all together at most %zu bytes",
                          sizeof r->q->keyterms - 1);
    snprintf(terms + used, sizeof r->q->keyterms - used, "%s%.*s", used ? ", " : "",
             (int)n, value);
    return OK;
}

static status p_interim(reading *r, const char *name, const char *value, diag *d) {
    return read_bool(name, value, &r->q->interim_results, d);
}

static status p_vad_events(reading *r, const char *name, const char *value, diag *d) {
    return read_bool(name, value, &r->q->vad_events, d);
}

static status p_punctuate(reading *r, const char *name, const char *value, diag *d) {
    bool yes = true;
    status st = read_bool(name, value, &yes, d);
    r->q->strip = !yes;
    return st;
}

static status p_multichannel(reading *r, const char *name, const char *value, diag *d) {
    return read_bool(name, value, &r->multichannel, d);
}

static status p_endpointing(reading *r, const char *name, const char *value, diag *d) {
    long v = 0;
    if (strcasecmp(value, "true") == 0)
        return OK;
    if (strcasecmp(value, "false") == 0) {
        r->q->endpointing = false;
        return OK;
    }
    status st = read_number(name, value, 0, 10000, &v, d);
    r->q->silence_ms = v < 50 ? 50 : (uint32_t)v;
    return st;
}

static status p_utterance_end(reading *r, const char *name, const char *value, diag *d) {
    long v = 0;
    status st = read_number(name, value, 1000, 60000, &v, d);
    r->q->utterance_end_ms = (uint32_t)v;
    return st;
}

static status p_max_utterance(reading *r, const char *name, const char *value, diag *d) {
    long v = 0;
    status st = read_number(name, value, 1000, LIMIT_UTTERANCE_S * 1000L, &v, d);
    r->q->max_utterance_ms = (uint32_t)v;
    return st;
}

static status p_prefix_padding(reading *r, const char *name, const char *value, diag *d) {
    long v = 0;
    status st = read_number(name, value, 0, 2000, &v, d);
    r->q->prefix_padding_ms = (int32_t)v;
    return st;
}

static status p_vad_threshold(reading *r, const char *name, const char *value, diag *d) {
    char *end;
    float v = strtof(value, &end);
    bool plain = *value && value[strspn(value, "0123456789.")] == '\0';
    if (!plain || *end || !(v >= 0 && v <= 1))
        return diag_field(d, ERR_INVALID, name, "must be a number from 0 to 1");
    r->q->vad_threshold = v;
    return OK;
}

static const struct {
    const char *name;
    status (*read)(reading *r, const char *name, const char *value, diag *d);
    bool many; /* may come more than once */
} parameters[] = {
    {"callback", p_not_offered, false},
    {"callback_method", p_not_offered, false},
    {"channels", p_channels, false},
    {"detect_entities", p_not_offered, false},
    {"diarize", p_not_offered, false},
    {"diarize_model", p_not_offered, false},
    {"dictation", p_not_offered, false},
    {"encoding", p_encoding, false},
    {"endpointing", p_endpointing, false},
    {"extra", p_ignored, true},
    {"interim_results", p_interim, false},
    {"keyterm", p_keyterm, true},
    {"keywords", p_keyterm, true},
    {"language", p_language, false},
    {"mip_opt_out", p_ignored, false}, /* nothing here is ever used to improve models */
    {"max_utterance_ms", p_max_utterance, false}, /* ours, as the two below */
    {"model", p_model, false},
    {"multichannel", p_multichannel, false},
    {"numerals", p_not_offered, false},
    {"prefix_padding_ms", p_prefix_padding, false},
    {"profanity_filter", p_not_offered, false},
    {"punctuate", p_punctuate, false},
    {"redact", p_not_offered, true},
    {"replace", p_not_offered, true},
    {"sample_rate", p_rate, false},
    {"search", p_not_offered, true},
    {"smart_format", p_ignored, false}, /* models write case and punctuation anyway */
    {"tag", p_ignored, true},
    {"utterance_end_ms", p_utterance_end, false},
    {"vad_events", p_vad_events, false},
    {"vad_threshold", p_vad_threshold, false},
    {"version", p_ignored, false},
};
#define PARAMETERS (sizeof parameters / sizeof *parameters)
_Static_assert(PARAMETERS <= 64, "reading.said has a bit for each");

/* --- the query --- */

static int hex(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes s[n]; false: too long, a bad escape, or a NUL. */
static bool decode(const char *s, size_t n, char *out, size_t size) {
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        char c = s[i] == '+' ? ' ' : s[i];
        if (s[i] == '%') {
            int high = i + 2 < n ? hex(s[i + 1]) : -1;
            int low = i + 2 < n ? hex(s[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (!c || used + 1 >= size)
            return false;
        out[used++] = c;
    }
    out[used] = '\0';
    return true;
}

static status read_pair(reading *r, const char *name, const char *value, diag *d) {
    const char *names[PARAMETERS];
    for (size_t i = 0; i < PARAMETERS; i++) {
        names[i] = parameters[i].name;
        if (strcmp(name, names[i]) != 0)
            continue;
        if (!parameters[i].many && (r->said >> i & 1))
            return diag_field(d, ERR_INVALID, names[i], "given more than once");
        r->said |= UINT64_C(1) << i;
        return parameters[i].read(r, names[i], value, d);
    }
    const char *near = diag_nearest(name, names, PARAMETERS);
    return diag_field(d, ERR_INVALID, name, "unknown parameter%s%s",
                      near ? "; did you mean " : "", near ? near : "");
}

/* What the parameters say together. */
static status check(reading *r, diag *d) {
    audio_format *f = &r->q->format;
    if (r->multichannel && f->channels > 1)
        return diag_field(
            d, ERR_UNSUPPORTED, "multichannel",
            "channels are mixed down here; send each on its own connection");
    if (!r->encoding_said)
        f->encoding = AUDIO_CONTAINER;
    if (f->encoding == AUDIO_OPUS && !r->rate_said)
        f->rate_hz = 48000;
    else if (f->encoding != AUDIO_CONTAINER && !r->rate_said)
        return diag_field(d, ERR_INVALID, "sample_rate",
                          "raw audio has no header: say its sample_rate");
    return OK;
}

status listen_query_parse(const char *query, listen_query *out, diag *d) {
    listen_query q = {.format.channels = 1,
                      .endpointing = true,
                      .prefix_padding_ms = -1,
                      .vad_threshold = -1};
    reading r = {.q = &q};
    char name[64];
    char value[VALUE_BYTES];
    while (*query) {
        size_t n = strcspn(query, "&");
        size_t name_bytes = strcspn(query, "=&");
        size_t skip = name_bytes < n ? name_bytes + 1 : n;
        if (!decode(query, name_bytes, name, sizeof name) ||
            !decode(query + skip, n - skip, value, sizeof value))
            return diag_field(d, ERR_INVALID, "query",
                              "a parameter is not well formed, or its name is longer "
                              "than %zu bytes or its value than %zu",
                              sizeof name - 1, sizeof value - 1);
        status st = n ? read_pair(&r, name, value, d) : OK;
        if (st != OK)
            return st;
        query += n + (query[n] == '&');
    }
    status st = check(&r, d);
    if (st == OK)
        *out = q;
    return st;
}

void listen_query_settings(const listen_query *q, const engine_listen *defaults,
                           engine_listen *out) {
    *out = *defaults;
    if (q->silence_ms)
        out->silence_ms = q->silence_ms;
    if (!q->endpointing)
        out->silence_ms = NO_ENDPOINTING_SILENCE_MS;
    if (q->max_utterance_ms)
        out->max_utterance_ms = q->max_utterance_ms;
    if (q->prefix_padding_ms >= 0)
        out->prefix_padding_ms = (uint32_t)q->prefix_padding_ms;
    if (q->vad_threshold >= 0)
        out->vad_threshold = q->vad_threshold;
    out->partials = true; /* also unseen: see realtime_config_listen */
    snprintf(out->language, sizeof out->language, "%s", q->language);
    snprintf(out->prompt, sizeof out->prompt, "%s", q->keyterms);
}
