#include "serve/api/form.h"

#include <stdlib.h>
#include <string.h>

void form_init(transcription_form *f) {
    *f = (transcription_form){.format = TRANSCRIPT_JSON};
}

static status copy(const char *name, const char *value, char *out, size_t size, diag *d) {
    if (strlen(value) >= size)
        return diag_field(d, ERR_INVALID, name, "must be at most %zu bytes", size - 1);
    memcpy(out, value, strlen(value) + 1);
    return OK;
}

static status f_model(transcription_form *f, const char *name, const char *v, diag *d) {
    return copy(name, v, f->model, sizeof f->model, d);
}

static status f_language(transcription_form *f, const char *name, const char *v,
                         diag *d) {
    return copy(name, v, f->language, sizeof f->language, d);
}

static status f_prompt(transcription_form *f, const char *name, const char *v, diag *d) {
    return copy(name, v, f->prompt, sizeof f->prompt, d);
}

static status f_format(transcription_form *f, const char *name, const char *v, diag *d) {
    if (transcript_format_parse(v, &f->format))
        return OK;
    return diag_field(d, ERR_INVALID, name,
                      "must be json, text, verbose_json, srt or vtt");
}

static status f_stream(transcription_form *f, const char *name, const char *v, diag *d) {
    f->stream = strcmp(v, "true") == 0;
    if (f->stream || strcmp(v, "false") == 0 || !*v)
        return OK;
    return diag_field(d, ERR_INVALID, name, "must be true or false");
}

static status f_temperature(transcription_form *f, const char *name, const char *v,
                            diag *d) {
    char *end;
    double t = strtod(v, &end);
    if (!*v || *end || !(t >= 0 && t <= 1))
        return diag_field(d, ERR_INVALID, name, "must be a number from 0 to 1");
    f->temperature = (float)t;
    return OK;
}

static status f_granularity(transcription_form *f, const char *name, const char *v,
                            diag *d) {
    bool word = strcmp(v, "word") == 0;
    if (!word && strcmp(v, "segment") != 0)
        return diag_field(d, ERR_INVALID, name, "must be word or segment");
    f->words |= word;
    f->segments |= !word;
    return OK;
}

static status f_taken(transcription_form *f, const char *name, const char *v, diag *d) {
    (void)f, (void)name, (void)v, (void)d;
    return OK;
}

static status f_not_offered(transcription_form *f, const char *name, const char *v,
                            diag *d) {
    (void)f, (void)v;
    return diag_field(d, ERR_UNSUPPORTED, name, "is not offered here; leave it out");
}

static const struct {
    const char *name; /* arrays also come as name[] and name[0] */
    status (*read)(transcription_form *f, const char *name, const char *value, diag *d);
} fields[] = {
    {"model", f_model},
    {"language", f_language},
    {"languages", f_language},
    {"prompt", f_prompt},
    {"response_format", f_format},
    {"stream", f_stream},
    {"temperature", f_temperature},
    {"timestamp_granularities", f_granularity},
    {"include", f_taken},           /* logprobs: no engine gives any */
    {"chunking_strategy", f_taken}, /* utterances are always cut by voice activity */
    {"keywords", f_taken},
    {"known_speaker_names", f_not_offered},
    {"known_speaker_references", f_not_offered},
};
#define FIELDS (sizeof fields / sizeof *fields)

status form_field(transcription_form *f, const char *name, const char *value, diag *d) {
    size_t n = strcspn(name, "[");
    const char *names[FIELDS];
    for (size_t i = 0; i < FIELDS; i++) {
        names[i] = fields[i].name;
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
            return fields[i].read(f, names[i], value, d);
    }
    const char *near = diag_nearest(name, names, FIELDS);
    return diag_field(d, ERR_INVALID, name, "unknown parameter%s%s",
                      near ? "; did you mean " : "", near ? near : "");
}

status form_check(const transcription_form *f, diag *d) {
    if (f->stream && f->format != TRANSCRIPT_JSON && f->format != TRANSCRIPT_TEXT)
        return diag_field(d, ERR_INVALID, "response_format",
                          "a streamed answer is json: leave response_format out");
    if ((f->words || f->segments) && f->format != TRANSCRIPT_VERBOSE)
        return diag_field(d, ERR_INVALID, "timestamp_granularities",
                          "needs response_format verbose_json");
    return OK;
}
