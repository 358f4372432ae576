#include "serve/api/realtime_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSION "session."
#define INPUT "session.audio.input."

static const char *const delays[] = {"minimal", "low", "medium", "high", "xhigh"};
static const char *const eagernesses[] = {"auto", "low", "medium", "high"};
static const char *const noises[] = {NULL, "near_field", "far_field"};
static const char *const formats[] = {"audio/pcm", "audio/pcmu", "audio/pcma"};
#define RATE_PCM_HZ 24000 /* when a session names none: OpenAI's only one */
#define RATE_G711_HZ 8000

static const audio_encoding encodings[] = {AUDIO_S16LE, AUDIO_MULAW, AUDIO_ALAW};

/* Silence that ends a turn for each eagerness: we have no model of meaning, so the
 * wish to wait longer is met by waiting longer. */
static const uint32_t eagerness_silence_ms[] = {600, 1200, 600, 300};

#define COUNT(list) (sizeof(list) / sizeof *(list))

void realtime_config_init(realtime_config *c, const engine_listen *defaults) {
    *c = (realtime_config){
        .encoding = AUDIO_S16LE,
        .rate_hz = RATE_PCM_HZ,
        .turn = TURN_SERVER_VAD,
        .delay = DELAY_MEDIUM,
        .threshold = defaults->vad_threshold,
        .prefix_padding_ms = defaults->prefix_padding_ms,
        .silence_ms = defaults->silence_ms,
        .max_utterance_ms = defaults->max_utterance_ms,
    };
}

void realtime_config_deinit(realtime_config *c) {
    free(c->prompt);
    c->prompt = NULL;
}

/* --- readers of one value --- */

static const cJSON *get(const cJSON *object, const char *name) {
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static status only_keys(const cJSON *object, const char *prefix, const char *const *keys,
                        size_t n, diag *d) {
    const cJSON *item;
    char field[96];
    /* items of a list have no name */
    if (!cJSON_IsObject(object) && !cJSON_IsNull(object)) {
        snprintf(field, sizeof field, "%.*s", (int)strlen(prefix) - 1, prefix);
        return diag_field(d, ERR_INVALID, field, "must be an object");
    }
    cJSON_ArrayForEach(item, object) {
        bool known = false;
        for (size_t i = 0; i < n && !known; i++)
            known = strcmp(item->string, keys[i]) == 0;
        if (known)
            continue;
        const char *near = diag_nearest(item->string, keys, n);
        snprintf(field, sizeof field, "%s%s", prefix, item->string);
        return diag_field(d, ERR_INVALID, field, "unknown parameter%s%s",
                          near ? "; did you mean " : "", near ? near : "");
    }
    return OK;
}

static status read_choice(const cJSON *item, const char *field,
                          const char *const *choices, size_t n, unsigned *out, diag *d) {
    const char *text = cJSON_GetStringValue(item);
    char list[160] = "";
    for (size_t i = 0, used = 0; i < n; i++) {
        if (!choices[i])
            continue;
        if (text && strcmp(text, choices[i]) == 0) {
            *out = (unsigned)i;
            return OK;
        }
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
                                 used ? ", " : "", choices[i]);
    }
    return diag_field(d, ERR_INVALID, field, "must be one of: %s", list);
}

/* object[name], if it is there; its place is prefix + name. */
static status read_number(const cJSON *object, const char *prefix, const char *name,
                          double min, double max, double *out, diag *d) {
    const cJSON *item = get(object, name);
    if (!item)
        return OK;
    double v = cJSON_GetNumberValue(item);
    if (!(v >= min && v <= max)) {
        char field[96];
        snprintf(field, sizeof field, "%s%s", prefix, name);
        return diag_field(d, ERR_INVALID, field, "must be a number from %g to %g", min,
                          max);
    }
    *out = v;
    return OK;
}

static status read_text(const cJSON *item, const char *field, size_t size,
                        const char **out, diag *d) {
    const char *text = cJSON_IsNull(item) ? "" : cJSON_GetStringValue(item);
    if (!text || strlen(text) >= size)
        return diag_field(d, ERR_INVALID, field, "must be a string of at most %zu bytes",
                          size - 1);
    *out = text;
    return OK;
}

/* --- the parts of a session --- */

static status read_format(realtime_config *c, const cJSON *format, diag *d) {
    static const char *const keys[] = {"type", "rate"};
    if (!cJSON_IsObject(format))
        return diag_field(d, ERR_INVALID, INPUT "format",
                          "must be an object with a type");
    status st = only_keys(format, INPUT "format.", keys, COUNT(keys), d);
    unsigned i = 0;
    if (st == OK)
        st = read_choice(get(format, "type"), INPUT "format.type", formats,
                         COUNT(formats), &i, d);
    if (st != OK)
        return st;
    const bool pcm = encodings[i] == AUDIO_S16LE;
    const cJSON *rate = get(format, "rate");
    double wanted = pcm ? RATE_PCM_HZ : RATE_G711_HZ;
    if (rate)
        wanted = cJSON_IsNumber(rate) ? rate->valuedouble : 0;
    double low = pcm ? LIMIT_CLIENT_RATE_MIN_HZ : RATE_G711_HZ;
    double high = pcm ? LIMIT_CLIENT_RATE_MAX_HZ : RATE_G711_HZ;
    if (!(wanted >= low && wanted <= high) || wanted != (uint32_t)wanted)
        return diag_field(d, ERR_INVALID, INPUT "format.rate",
                          "%s takes whole rates of %g to %g", formats[i], low, high);
    c->encoding = encodings[i];
    c->rate_hz = (uint32_t)wanted;
    return OK;
}

static status read_prompt(realtime_config *c, const char *text, diag *d) {
    char *copy = *text ? strdup(text) : NULL;
    if (*text && !copy)
        return diag_set(d, ERR_MEMORY, "no memory for the session");
    free(c->prompt);
    c->prompt = copy;
    return OK;
}

/* `languages` is a list of guesses; one utterance is heard in one language. */
static status read_language(realtime_config *c, const cJSON *t, diag *d) {
    const cJSON *item = get(t, "language");
    const char *field = INPUT "transcription.language";
    if (!item && get(t, "languages")) {
        item = cJSON_GetArrayItem(get(t, "languages"), 0);
        field = INPUT "transcription.languages";
        if (!cJSON_IsArray(get(t, "languages")))
            return diag_field(d, ERR_INVALID, field, "must be a list of strings");
    }
    if (!item)
        return OK;
    const char *text = "";
    status st = read_text(item, field, sizeof c->language, &text, d);
    if (st == OK)
        snprintf(c->language, sizeof c->language, "%s", text);
    return st;
}

static status read_transcription(realtime_config *c, const cJSON *t, diag *d) {
    static const char *const keys[] = {"model",  "language", "languages",
                                       "prompt", "keywords", "delay"};
    const engine_listen *none = NULL;
    const char *text = "";
    unsigned i = c->delay;
    if (!cJSON_IsObject(t))
        return diag_field(d, ERR_INVALID, INPUT "transcription", "must be an object");
    status st = only_keys(t, INPUT "transcription.", keys, COUNT(keys), d);
    if (st == OK && get(t, "model")) {
        st = read_text(get(t, "model"), INPUT "transcription.model", sizeof c->model,
                       &text, d);
        if (st == OK)
            snprintf(c->model, sizeof c->model, "%s", text);
    }
    if (st == OK)
        st = read_language(c, t, d);
    if (st == OK && get(t, "prompt")) {
        st = read_text(get(t, "prompt"), INPUT "transcription.prompt",
                       sizeof none->prompt, &text, d);
        if (st == OK)
            st = read_prompt(c, text, d);
    }
    if (st == OK && get(t, "delay"))
        st = read_choice(get(t, "delay"), INPUT "transcription.delay", delays,
                         COUNT(delays), &i, d);
    if (st == OK)
        c->delay = (realtime_delay)i;
    return st;
}

static status read_server_vad(realtime_config *c, const cJSON *t, diag *d) {
    static const char at[] = INPUT "turn_detection.";
    double threshold = c->threshold;
    double prefix = c->prefix_padding_ms;
    double silence = c->silence_ms;
    status st = read_number(t, at, "threshold", 0, 1, &threshold, d);
    if (st == OK)
        st = read_number(t, at, "prefix_padding_ms", 0, 2000, &prefix, d);
    if (st == OK)
        st = read_number(t, at, "silence_duration_ms", 50, 10000, &silence, d);
    c->threshold = (float)threshold;
    c->prefix_padding_ms = (uint32_t)prefix;
    c->silence_ms = (uint32_t)silence;
    return st;
}

static status read_turn(realtime_config *c, const engine_listen *defaults, const cJSON *t,
                        diag *d) {
    static const char *const modes[] = {NULL, "server_vad", "semantic_vad"};
    static const char *const keys[] = {
        "type",      "threshold",       "prefix_padding_ms", "silence_duration_ms",
        "eagerness", "idle_timeout_ms", "create_response",   "interrupt_response"};
    if (cJSON_IsNull(t)) {
        c->turn = TURN_MANUAL;
        return OK;
    }
    if (!cJSON_IsObject(t))
        return diag_field(d, ERR_INVALID, INPUT "turn_detection",
                          "must be null or an object with a type");
    unsigned mode = 0;
    unsigned eagerness = EAGERNESS_AUTO;
    status st = only_keys(t, INPUT "turn_detection.", keys, COUNT(keys), d);
    if (st == OK)
        st = read_choice(get(t, "type"), INPUT "turn_detection.type", modes, COUNT(modes),
                         &mode, d);
    if (st == OK && get(t, "eagerness"))
        st = read_choice(get(t, "eagerness"), INPUT "turn_detection.eagerness",
                         eagernesses, COUNT(eagernesses), &eagerness, d);
    if (st != OK)
        return st;
    c->turn = (realtime_turn)mode;
    c->eagerness = (realtime_eagerness)eagerness;
    c->threshold = defaults->vad_threshold;
    c->prefix_padding_ms = defaults->prefix_padding_ms;
    c->silence_ms = defaults->silence_ms;
    return mode == TURN_SERVER_VAD ? read_server_vad(c, t, d) : OK;
}

static status read_noise(realtime_config *c, const cJSON *t, diag *d) {
    unsigned i = NOISE_NONE;
    if (!cJSON_IsNull(t)) {
        status st = read_choice(get(t, "type"), INPUT "noise_reduction.type", noises,
                                COUNT(noises), &i, d);
        if (st != OK)
            return st;
    }
    c->noise = (realtime_noise)i;
    return OK;
}

static status read_input(realtime_config *c, const engine_listen *defaults,
                         const cJSON *input, diag *d) {
    static const char *const keys[] = {"format", "transcription", "turn_detection",
                                       "noise_reduction"};
    status st = only_keys(input, INPUT, keys, COUNT(keys), d);
    if (st == OK && get(input, "format"))
        st = read_format(c, get(input, "format"), d);
    if (st == OK && get(input, "transcription"))
        st = read_transcription(c, get(input, "transcription"), d);
    if (st == OK && get(input, "turn_detection"))
        st = read_turn(c, defaults, get(input, "turn_detection"), d);
    if (st == OK && get(input, "noise_reduction"))
        st = read_noise(c, get(input, "noise_reduction"), d);
    return st;
}

bool realtime_config_include(realtime_config *c, const char *value) {
    if (strcmp(value, "rostrum.partial") == 0)
        c->partial_events = true;
    else if (strcmp(value, "rostrum.final") == 0)
        c->final_events = true;
    else if (strcmp(value, "item.input_audio_transcription.logprobs") == 0)
        c->logprobs = true;
    else
        return false;
    return true;
}

static status read_include(realtime_config *c, const cJSON *list, diag *d) {
    const cJSON *item;
    c->logprobs = c->partial_events = c->final_events = false;
    cJSON_ArrayForEach(item, list) {
        const char *value = cJSON_GetStringValue(item);
        if (!value || !realtime_config_include(c, value))
            return diag_field(d, ERR_INVALID, SESSION "include",
                              "may hold item.input_audio_transcription.logprobs, "
                              "rostrum.partial and rostrum.final");
    }
    return OK;
}

/* The extensions as the echo of a session has them, so that it can be sent back. */
static status read_extensions(realtime_config *c, const cJSON *rostrum, diag *d) {
    static const char *const keys[] = {"partial", "final", "max_utterance_ms"};
    bool *const values[] = {&c->partial_events, &c->final_events};
    double longest = c->max_utterance_ms;
    status st = only_keys(rostrum, SESSION "rostrum.", keys, COUNT(keys), d);
    if (st == OK)
        st = read_number(rostrum, SESSION "rostrum.", "max_utterance_ms", 1000,
                         LIMIT_UTTERANCE_S * 1000, &longest, d);
    c->max_utterance_ms = (uint32_t)longest;
    for (size_t i = 0; i < COUNT(values) && st == OK; i++) {
        const cJSON *item = get(rostrum, keys[i]);
        if (item && !cJSON_IsBool(item))
            st = diag_field(d, ERR_INVALID,
                            i ? SESSION "rostrum.final" : SESSION "rostrum.partial",
                            "must be true or false");
        else if (item)
            *values[i] = cJSON_IsTrue(item);
    }
    return st;
}

static status read_type(const cJSON *session, diag *d) {
    const cJSON *type = get(session, "type");
    const char *text = cJSON_GetStringValue(type);
    if (!type || (text && strcmp(text, "transcription") == 0))
        return OK;
    return diag_field(d, ERR_INVALID, SESSION "type",
                      "this is a transcription session: type must be \"transcription\"");
}

static status read_session(realtime_config *c, const engine_listen *defaults,
                           const cJSON *session, diag *d) {
    /* what session.created told (id, object) may come back; tracing is for others */
    static const char *const keys[] = {"type",    "audio", "include", "rostrum",
                                       "tracing", "id",    "object"};
    static const char *const audio_keys[] = {"input"};
    const cJSON *audio = get(session, "audio");
    status st = read_type(session, d);
    if (st == OK)
        st = only_keys(session, SESSION, keys, COUNT(keys), d);
    if (st == OK && audio)
        st = only_keys(audio, SESSION "audio.", audio_keys, COUNT(audio_keys), d);
    if (st == OK && get(audio, "input"))
        st = read_input(c, defaults, get(audio, "input"), d);
    if (st == OK && get(session, "include"))
        st = read_include(c, get(session, "include"), d);
    if (st == OK && get(session, "rostrum"))
        st = read_extensions(c, get(session, "rostrum"), d);
    return st;
}

status realtime_config_update(const realtime_config *from, const engine_listen *defaults,
                              const cJSON *session, realtime_config *out, diag *d) {
    realtime_config c = *from;
    if (from->prompt && !(c.prompt = strdup(from->prompt)))
        return diag_set(d, ERR_MEMORY, "no memory for the session");
    status st = read_session(&c, defaults, session, d);
    if (st != OK) {
        realtime_config_deinit(&c);
        return st;
    }
    *out = c;
    return OK;
}

/* --- what follows from it --- */

audio_format realtime_config_format(const realtime_config *c) {
    return (audio_format){.encoding = c->encoding, .rate_hz = c->rate_hz, .channels = 1};
}

void realtime_config_listen(const realtime_config *c, engine_listen *out) {
    *out = engine_listen_default;
    out->endpoint = c->turn == TURN_MANUAL ? ENDPOINT_MANUAL : ENDPOINT_SERVER_VAD;
    out->vad_threshold = c->threshold;
    out->prefix_padding_ms = c->prefix_padding_ms;
    out->silence_ms =
        c->turn == TURN_SEMANTIC_VAD ? eagerness_silence_ms[c->eagerness] : c->silence_ms;
    out->max_utterance_ms = c->max_utterance_ms;
    /* also for those who see none: words decoded while speech goes on need not be
     * decoded after it, so the final is earlier */
    out->partials = true;
    out->second_pass = true;
    snprintf(out->language, sizeof out->language, "%s", c->language);
    snprintf(out->prompt, sizeof out->prompt, "%s", c->prompt ? c->prompt : "");
}

bool realtime_config_live_deltas(const realtime_config *c) {
    return c->delay <= DELAY_LOW;
}

static void write_turn(const realtime_config *c, buf *out) {
    if (c->turn == TURN_MANUAL)
        buf_add_text(out, "null");
    else if (c->turn == TURN_SEMANTIC_VAD)
        buf_addf(out,
                 "{\"type\":\"semantic_vad\",\"eagerness\":\"%s\","
                 "\"create_response\":false,\"interrupt_response\":false}",
                 eagernesses[c->eagerness]);
    else
        buf_addf(out,
                 "{\"type\":\"server_vad\",\"threshold\":%.6g,\"prefix_padding_ms\":%u,"
                 "\"silence_duration_ms\":%u,\"idle_timeout_ms\":null,"
                 "\"create_response\":false,\"interrupt_response\":false}",
                 (double)c->threshold, c->prefix_padding_ms, c->silence_ms);
}

static void write_transcription(const realtime_config *c, const char *model_name,
                                buf *out) {
    buf_add_text(out, "{\"model\":");
    buf_add_json(out, model_name);
    if (c->language[0]) {
        buf_add_text(out, ",\"language\":");
        buf_add_json(out, c->language);
    }
    buf_add_text(out, ",\"prompt\":");
    buf_add_json(out, c->prompt ? c->prompt : "");
    buf_addf(out, ",\"delay\":\"%s\"}", delays[c->delay]);
}

/* What SDKs' types know stands in `include`, our extensions beside it. */
static void write_include(const realtime_config *c, buf *out) {
    buf_addf(out,
             "\"include\":[%s],\"rostrum\":{\"partial\":%s,\"final\":%s,"
             "\"max_utterance_ms\":%u}",
             c->logprobs ? "\"item.input_audio_transcription.logprobs\"" : "",
             c->partial_events ? "true" : "false", c->final_events ? "true" : "false",
             c->max_utterance_ms);
}

void realtime_config_write(const realtime_config *c, const char *session_id,
                           const char *model_name, buf *out) {
    buf_add_text(out, "{\"type\":\"transcription\",\"object\":"
                      "\"realtime.transcription_session\",\"id\":");
    buf_add_json(out, session_id);
    buf_addf(out, ",\"audio\":{\"input\":{\"format\":{\"type\":\"%s\"",
             formats[c->encoding == AUDIO_MULAW  ? 1
                     : c->encoding == AUDIO_ALAW ? 2
                                                 : 0]);
    if (c->encoding == AUDIO_S16LE)
        buf_addf(out, ",\"rate\":%u", c->rate_hz);
    buf_add_text(out, "},");
    buf_add_text(out, "\"transcription\":");
    write_transcription(c, model_name, out);
    if (c->noise != NOISE_NONE) /* the types of a server's session know no null here */
        buf_addf(out, ",\"noise_reduction\":{\"type\":\"%s\"}", noises[c->noise]);
    buf_add_text(out, ",\"turn_detection\":");
    write_turn(c, out);
    buf_add_text(out, "}},");
    write_include(c, out);
    buf_add_text(out, "}");
}
