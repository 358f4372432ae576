#include "serve/api/listen_out.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* word[size] without its outer punctuation, in lower case; unchanged when there is
 * nothing else in it. ASCII only: other scripts keep their own. */
static void plain_word(const char *text, char *word, size_t size) {
    const unsigned char *s = (const unsigned char *)text;
    size_t n = strlen(text);
    while (n > 0 && ispunct(s[n - 1]))
        n--;
    while (n > 0 && ispunct(*s))
        s++, n--;
    if (n == 0) {
        s = (const unsigned char *)text;
        n = strlen(text);
    }
    if (n >= size)
        n = size - 1;
    for (size_t i = 0; i < n; i++)
        word[i] = (char)(s[i] < 0x80 ? tolower(s[i]) : s[i]);
    word[n] = '\0';
}

static void add_word(const engine_word *w, bool strip, buf *out) {
    char plain[LIMIT_WORD_BYTES];
    plain_word(w->text, plain, sizeof plain);
    buf_add_text(out, "{\"word\":");
    buf_add_json(out, plain);
    buf_addf(out, ",\"start\":%.3f,\"end\":%.3f,\"confidence\":%.4f",
             w->start_ms / 1000.0, w->end_ms / 1000.0,
             w->confidence >= 0 ? (double)w->confidence : 0.0);
    if (!strip) {
        buf_add_text(out, ",\"punctuated_word\":");
        buf_add_json(out, w->text);
    }
    buf_add_text(out, "}");
}

static void add_transcript(const engine_text *text, bool strip, buf *out) {
    buf words;
    char plain[LIMIT_WORD_BYTES];
    buf_init(&words, LIMIT_HYPOTHESIS_WORDS * LIMIT_WORD_BYTES);
    for (uint32_t i = 0; i < text->n_words; i++) {
        plain_word(text->words[i].text, plain, sizeof plain);
        if (i)
            buf_add(&words, " ", 1);
        buf_add_text(&words, strip ? plain : text->words[i].text);
    }
    buf_add_json(out, buf_text(&words));
    buf_deinit(&words);
}

/* Mean over the words that have one; 0: none has. */
static double confidence(const engine_text *text) {
    double sum = 0;
    unsigned n = 0;
    for (uint32_t i = 0; i < text->n_words; i++) {
        if (text->words[i].confidence >= 0) {
            sum += (double)text->words[i].confidence;
            n++;
        }
    }
    return n ? sum / n : 0;
}

static void add_model_info(const model_manifest *model, buf *out) {
    buf_add_text(out, "{\"name\":");
    buf_add_json(out, model->name);
    buf_add_text(out, ",\"version\":");
    buf_add_json(out, model->version);
    buf_add_text(out, ",\"arch\":");
    buf_add_json(out, model->engine);
    buf_add_text(out, "}");
}

/* A model has no UUID here; its name, the same for every session, stands for one. */
static void add_results_metadata(const model_manifest *model, const char *request_id,
                                 buf *out) {
    buf_addf(out, ",\"metadata\":{\"request_id\":\"%s\",\"model_uuid\":", request_id);
    buf_add_json(out, model->name);
    buf_add_text(out, ",\"model_info\":");
    add_model_info(model, out);
    buf_add_text(out, "}");
}

static const char *json_bool(bool b) {
    return b ? "true" : "false";
}

void listen_out_results(const listen_result *how, const engine_text *text,
                        const model_manifest *model, const char *request_id, buf *out) {
    double start_s = text->start_ms / 1000.0;
    double end_s = text->end_ms > text->start_ms ? text->end_ms / 1000.0 : start_s;
    buf_addf(out,
             "{\"type\":\"Results\",\"channel_index\":[0,1],\"duration\":%.3f,"
             "\"start\":%.3f,\"is_final\":%s,\"speech_final\":%s,\"from_finalize\":%s,",
             end_s - start_s, start_s, json_bool(how->is_final),
             json_bool(how->speech_final), json_bool(how->from_finalize));
    buf_add_text(out, "\"channel\":{\"alternatives\":[{\"transcript\":");
    add_transcript(text, how->strip, out);
    buf_addf(out, ",\"confidence\":%.4f,\"words\":[", confidence(text));
    for (uint32_t i = 0; i < text->n_words; i++) {
        if (i)
            buf_add(out, ",", 1);
        add_word(&text->words[i], how->strip, out);
    }
    buf_add_text(out, "]}]}");
    add_results_metadata(model, request_id, out);
    buf_add_text(out, "}");
}

void listen_out_metadata(const char *request_id, const char *sha256, const char *created,
                         double duration_s, unsigned channels,
                         const model_manifest *model, buf *out) {
    buf_addf(out,
             "{\"type\":\"Metadata\",\"transaction_key\":\"deprecated\","
             "\"request_id\":\"%s\",\"sha256\":\"%s\",\"created\":\"%s\","
             "\"duration\":%.3f,\"channels\":%u,\"models\":[",
             request_id, sha256, created, duration_s, channels);
    buf_add_json(out, model->name);
    buf_add_text(out, "],\"model_info\":{");
    buf_add_json(out, model->name);
    buf_add_text(out, ":");
    add_model_info(model, out);
    buf_add_text(out, "}}");
}

void listen_out_speech_started(uint32_t at_ms, buf *out) {
    buf_addf(out, "{\"type\":\"SpeechStarted\",\"channel\":[0,1],\"timestamp\":%.3f}",
             at_ms / 1000.0);
}

void listen_out_utterance_end(uint32_t last_word_end_ms, buf *out) {
    buf_addf(out, "{\"type\":\"UtteranceEnd\",\"channel\":[0,1],\"last_word_end\":%.3f}",
             last_word_end_ms / 1000.0);
}

static const char *error_code(status why) {
    switch (why) {
    case ERR_AUTH:
        return "INVALID_AUTH";
    case ERR_QUOTA:
        return "TOO_MANY_REQUESTS";
    case ERR_CAPACITY:
    case ERR_MEMORY:
        return "SERVICE_UNAVAILABLE";
    case ERR_NOT_FOUND:
    case ERR_INVALID:
    case ERR_UNSUPPORTED:
        return "INVALID_QUERY_PARAMETER";
    default:
        return "INTERNAL_SERVER_ERROR";
    }
}

void listen_out_refusal(const diag *d, const char *request_id, buf *out) {
    char text[512];
    snprintf(text, sizeof text, "%s%s%s", d->field, d->field[0] ? ": " : "",
             d->text[0] ? d->text : status_text(d->code));
    buf_addf(out, "{\"err_code\":\"%s\",\"err_msg\":", error_code(d->code));
    buf_add_json(out, text);
    buf_addf(out, ",\"request_id\":\"%s\"}", request_id);
}
