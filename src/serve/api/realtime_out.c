#include "serve/api/realtime_out.h"

#include "serve/api/admit.h"

static void begin(realtime_voice *v, const char *type, buf *out) {
    buf_addf(out, "{\"type\":\"%s\",\"event_id\":\"event_%s%08x\"", type, v->items->tag,
             ++v->events);
}

static void end(buf *out) {
    buf_add(out, "}", 1);
}

static void add_item_id(realtime_voice *v, const char *field, uint32_t number, buf *out) {
    char id[ITEM_ID_BYTES];
    item_id(v->items, number, id);
    buf_addf(out, ",\"%s\":\"%s\"", field, id);
}

static void add_previous(realtime_voice *v, uint32_t number, buf *out) {
    if (number > 1)
        add_item_id(v, "previous_item_id", number - 1, out);
    else
        buf_add_text(out, ",\"previous_item_id\":null");
}

void out_plain(realtime_voice *v, const char *type, buf *out) {
    begin(v, type, out);
    end(out);
}

void out_session(realtime_voice *v, const char *type, const char *session_json,
                 buf *out) {
    begin(v, type, out);
    buf_add_text(out, ",\"session\":");
    buf_add_text(out, session_json);
    end(out);
}

void out_error(realtime_voice *v, const diag *d, const char *code, const char *event_id,
               buf *out) {
    begin(v, "error", out);
    buf_add_text(out, ",\"error\":");
    openai_error_object(d, code, event_id, out);
    end(out);
}

void out_speech(realtime_voice *v, const char *type, uint32_t number, const char *field,
                uint32_t ms, buf *out) {
    begin(v, type, out);
    add_item_id(v, "item_id", number, out);
    buf_addf(out, ",\"%s\":%u", field, ms);
    end(out);
}

void out_committed(realtime_voice *v, uint32_t number, buf *out) {
    begin(v, "input_audio_buffer.committed", out);
    add_item_id(v, "item_id", number, out);
    add_previous(v, number, out);
    end(out);
}

void out_item(realtime_voice *v, const char *type, realtime_item *item, bool previous,
              buf *out) {
    begin(v, type, out);
    if (previous)
        add_previous(v, item->number, out);
    buf_add_text(out, ",\"item\":{\"object\":\"realtime.item\",\"type\":\"message\","
                      "\"status\":\"completed\",\"role\":\"user\"");
    add_item_id(v, "id", item->number, out);
    buf_add_text(out, ",\"content\":[{\"type\":\"input_audio\"");
    if (item->done) {
        buf_add_text(out, ",\"transcript\":");
        buf_add_json(out, buf_text(&item->text));
    }
    buf_add_text(out, "}]}");
    end(out);
}

void out_item_deleted(realtime_voice *v, uint32_t number, buf *out) {
    begin(v, "conversation.item.deleted", out);
    add_item_id(v, "item_id", number, out);
    end(out);
}

static void begin_transcription(realtime_voice *v, const char *type, uint32_t number,
                                buf *out) {
    begin(v, type, out);
    add_item_id(v, "item_id", number, out);
    buf_add_text(out, ",\"content_index\":0");
}

void out_delta(realtime_voice *v, uint32_t number, const char *delta, buf *out) {
    begin_transcription(v, "conversation.item.input_audio_transcription.delta", number,
                        out);
    buf_add_text(out, ",\"delta\":");
    buf_add_json(out, delta);
    end(out);
}

void out_completed(realtime_voice *v, realtime_item *item, buf *out) {
    begin_transcription(v, "conversation.item.input_audio_transcription.completed",
                        item->number, out);
    buf_add_text(out, ",\"transcript\":");
    buf_add_json(out, buf_text(&item->text));
    buf_addf(out, ",\"usage\":{\"type\":\"duration\",\"seconds\":%.3f}", item->seconds);
    end(out);
}

void out_failed(realtime_voice *v, uint32_t number, const diag *d, buf *out) {
    begin_transcription(v, "conversation.item.input_audio_transcription.failed", number,
                        out);
    buf_addf(out, ",\"error\":{\"type\":\"server_error\",\"code\":\"%s\",\"message\":",
             status_name(d->code));
    buf_add_json(out, d->text);
    buf_add_text(out, "}");
    end(out);
}

static void add_words_field(const char *field, const engine_text *text, uint32_t from,
                            uint32_t to, buf *out) {
    buf words;
    buf_init(&words, ITEM_TEXT_BYTES);
    item_add_words(&words, text, from, to);
    buf_addf(out, ",\"%s\":", field);
    buf_add_json(out, buf_text(&words));
    buf_deinit(&words);
}

void out_partial(realtime_voice *v, uint32_t number, const engine_text *text, buf *out) {
    uint32_t committed =
        text->committed < text->n_words ? text->committed : text->n_words;
    begin_transcription(v, "rostrum.transcription.partial", number, out);
    add_words_field("committed", text, 0, committed, out);
    add_words_field("tentative", text, committed, text->n_words, out);
    buf_addf(out, ",\"committed_words\":%u,\"audio_start_ms\":%u,\"audio_end_ms\":%u",
             committed, text->start_ms, text->end_ms);
    end(out);
}

/* A latency, or null when it does not apply. */
static void add_ms(const char *field, float ms, buf *out) {
    if (ms >= 0)
        buf_addf(out, ",\"%s\":%.1f", field, (double)ms);
    else
        buf_addf(out, ",\"%s\":null", field);
}

static void add_words(const engine_text *text, buf *out) {
    buf_add_text(out, ",\"words\":[");
    for (uint32_t i = 0; i < text->n_words; i++) {
        const engine_word *w = &text->words[i];
        buf_add_text(out, i ? ",{\"word\":" : "{\"word\":");
        buf_add_json(out, w->text);
        buf_addf(out, ",\"start_ms\":%u,\"end_ms\":%u", w->start_ms, w->end_ms);
        if (w->confidence >= 0)
            buf_addf(out, ",\"confidence\":%.4f", (double)w->confidence);
        buf_add(out, "}", 1);
    }
    buf_add_text(out, "]");
}

void out_final(realtime_voice *v, uint32_t number, uint8_t flags, const engine_text *text,
               const listen_timing *timing, buf *out) {
    begin_transcription(v, "rostrum.transcription.final", number, out);
    add_words_field("transcript", text, 0, text->n_words, out);
    buf_addf(out, ",\"ended_by\":\"%s\",\"passes\":%d,\"degraded\":%s,\"corrected\":%u",
             flags & TEXT_BY_COMMIT  ? "commit"
             : flags & TEXT_BY_LIMIT ? "limit"
                                     : "silence",
             flags & TEXT_SECOND_PASS ? 2 : 1, flags & TEXT_DEGRADED ? "true" : "false",
             text->corrected);
    buf_addf(out, ",\"audio_start_ms\":%u,\"audio_end_ms\":%u,\"speech_end_ms\":%u",
             text->start_ms, text->end_ms, text->speech_end_ms);
    add_ms("first_partial_ms", timing->first_partial_ms, out);
    add_ms("first_pass_ms", timing->first_pass_ms, out);
    add_ms("finalise_ms", timing->finalise_ms, out);
    buf_addf(out, ",\"compute_ms\":%.1f,\"queue_ms\":%.1f", text->compute_us / 1000.0,
             text->queue_us / 1000.0);
    add_words(text, out);
    end(out);
}
