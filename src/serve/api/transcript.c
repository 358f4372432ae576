#include "serve/api/transcript.h"

#include <math.h>
#include <string.h>

#define TRANSCRIPT_BYTES                                                                 \
    (8u << 20) /* text or words of 25 MiB of the thriftiest codec                        \
                */

typedef struct {
    uint32_t start_ms, end_ms;
    uint32_t at, bytes; /* in the text */
} timed_word;

typedef struct {
    uint32_t start_ms, end_ms;
    uint32_t at, bytes;
    float confidence; /* mean of its words; -1: not known */
} segment;

static const struct {
    const char *name;
    const char *content_type;
} formats[] = {
    [TRANSCRIPT_JSON] = {"json", "application/json"},
    [TRANSCRIPT_TEXT] = {"text", "text/plain; charset=utf-8"},
    [TRANSCRIPT_VERBOSE] = {"verbose_json", "application/json"},
    [TRANSCRIPT_SRT] = {"srt", "text/plain; charset=utf-8"},
    [TRANSCRIPT_VTT] = {"vtt", "text/vtt; charset=utf-8"},
};

bool transcript_format_parse(const char *name, transcript_format *out) {
    for (unsigned i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(name, formats[i].name) == 0) {
            *out = (transcript_format)i;
            return true;
        }
    }
    return false;
}

const char *transcript_content_type(transcript_format format) {
    return formats[format].content_type;
}

void transcript_init(transcript *t) {
    buf_init(&t->text, TRANSCRIPT_BYTES);
    buf_init(&t->words, TRANSCRIPT_BYTES);
    buf_init(&t->segments, TRANSCRIPT_BYTES);
}

void transcript_deinit(transcript *t) {
    buf_deinit(&t->text);
    buf_deinit(&t->words);
    buf_deinit(&t->segments);
}

static size_t word_count(const transcript *t) {
    return t->words.size / sizeof(timed_word);
}

static timed_word word_at(const transcript *t, size_t i) {
    timed_word w;
    memcpy(&w, t->words.data + i * sizeof w, sizeof w);
    return w;
}

static size_t segment_count(const transcript *t) {
    return t->segments.size / sizeof(segment);
}

static segment segment_at(const transcript *t, size_t i) {
    segment s;
    memcpy(&s, t->segments.data + i * sizeof s, sizeof s);
    return s;
}

status transcript_add(transcript *t, const engine_text *text) {
    if (text->n_words == 0)
        return OK;
    const engine_word *first = &text->words[0];
    const engine_word *last = &text->words[text->n_words - 1];
    segment s = {.start_ms = first->start_ms, .end_ms = last->end_ms, .confidence = -1};
    double sum = 0;
    unsigned known = 0;
    for (uint32_t i = 0; i < text->n_words; i++) {
        const engine_word *from = &text->words[i];
        if (t->text.size > 0)
            buf_add(&t->text, " ", 1);
        timed_word w = {.start_ms = from->start_ms,
                        .end_ms = from->end_ms,
                        .at = (uint32_t)t->text.size,
                        .bytes = (uint32_t)strlen(from->text)};
        buf_add_text(&t->text, from->text);
        buf_add(&t->words, &w, sizeof w);
        if (i == 0)
            s.at = w.at;
        if (from->confidence > 0) {
            sum += (double)from->confidence;
            known++;
        }
    }
    s.bytes = (uint32_t)t->text.size - s.at;
    if (known)
        s.confidence = (float)(sum / known);
    buf_add(&t->segments, &s, sizeof s);
    return t->text.failed || t->words.failed || t->segments.failed ? ERR_MEMORY : OK;
}

/* --- writers --- */

static void add_json_piece(transcript *t, uint32_t at, uint32_t bytes, buf *out) {
    buf piece;
    buf_init(&piece, TRANSCRIPT_BYTES);
    buf_add(&piece, t->text.data + at, bytes);
    buf_add_json(out, buf_text(&piece));
    buf_deinit(&piece);
}

static void add_usage(double duration_s, buf *out) {
    buf_addf(out, "\"usage\":{\"type\":\"duration\",\"seconds\":%.3f}", duration_s);
}

static void write_segments(transcript *t, const transcript_style *style, buf *out) {
    buf_add_text(out, ",\"segments\":[");
    for (size_t i = 0; i < segment_count(t); i++) {
        segment s = segment_at(t, i);
        buf_addf(out, "%s{\"id\":%zu,\"seek\":0,\"start\":%.3f,\"end\":%.3f,\"text\":",
                 i ? "," : "", i, s.start_ms / 1000.0, s.end_ms / 1000.0);
        add_json_piece(t, s.at, s.bytes, out);
        buf_addf(out,
                 ",\"tokens\":[],\"temperature\":%.3g,\"avg_logprob\":%.4f,"
                 "\"compression_ratio\":0,\"no_speech_prob\":0}",
                 (double)style->temperature,
                 s.confidence > 0 ? log((double)s.confidence) : 0.0);
    }
    buf_add_text(out, "]");
}

static void write_words(transcript *t, buf *out) {
    buf_add_text(out, ",\"words\":[");
    for (size_t i = 0; i < word_count(t); i++) {
        timed_word w = word_at(t, i);
        buf_add_text(out, i ? ",{\"word\":" : "{\"word\":");
        add_json_piece(t, w.at, w.bytes, out);
        buf_addf(out, ",\"start\":%.3f,\"end\":%.3f}", w.start_ms / 1000.0,
                 w.end_ms / 1000.0);
    }
    buf_add_text(out, "]");
}

static void write_verbose(transcript *t, const transcript_style *style, buf *out) {
    buf_add_text(out, "{\"task\":\"transcribe\",\"language\":");
    buf_add_json(out, style->language);
    buf_addf(out, ",\"duration\":%.3f,\"text\":", style->duration_s);
    buf_add_json(out, buf_text(&t->text));
    if (style->segments)
        write_segments(t, style, out);
    if (style->words)
        write_words(t, out);
    buf_add_text(out, ",");
    add_usage(style->duration_s, out);
    buf_add_text(out, "}");
}

static void add_time(uint32_t ms, char separator, buf *out) {
    buf_addf(out, "%02u:%02u:%02u%c%03u", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60,
             separator, ms % 1000);
}

static void write_subtitles(transcript *t, bool srt, buf *out) {
    if (!srt)
        buf_add_text(out, "WEBVTT\n\n");
    for (size_t i = 0; i < segment_count(t); i++) {
        segment s = segment_at(t, i);
        if (srt)
            buf_addf(out, "%zu\n", i + 1);
        add_time(s.start_ms, srt ? ',' : '.', out);
        buf_add_text(out, " --> ");
        add_time(s.end_ms, srt ? ',' : '.', out);
        buf_add_text(out, "\n");
        buf_add(out, t->text.data + s.at, s.bytes);
        buf_add_text(out, "\n\n");
    }
}

void transcript_write(transcript *t, const transcript_style *style, buf *out) {
    switch (style->format) {
    case TRANSCRIPT_JSON:
        buf_add_text(out, "{\"text\":");
        buf_add_json(out, buf_text(&t->text));
        buf_add_text(out, ",");
        add_usage(style->duration_s, out);
        buf_add_text(out, "}");
        break;
    case TRANSCRIPT_TEXT:
        buf_add(out, t->text.data, t->text.size);
        buf_add_text(out, "\n");
        break;
    case TRANSCRIPT_VERBOSE:
        write_verbose(t, style, out);
        break;
    case TRANSCRIPT_SRT:
    case TRANSCRIPT_VTT:
        write_subtitles(t, style->format == TRANSCRIPT_SRT, out);
        break;
    }
}

void transcript_delta_event(transcript *t, const engine_text *text, buf *out) {
    buf words;
    buf_init(&words, TRANSCRIPT_BYTES);
    for (uint32_t i = 0; i < text->n_words; i++) {
        if (i > 0 || t->text.size > 0)
            buf_add(&words, " ", 1);
        buf_add_text(&words, text->words[i].text);
    }
    buf_add_text(out, "data: {\"type\":\"transcript.text.delta\",\"delta\":");
    buf_add_json(out, buf_text(&words));
    buf_add_text(out, "}\n\n");
    buf_deinit(&words);
}

void transcript_done_event(transcript *t, double duration_s, buf *out) {
    buf_add_text(out, "data: {\"type\":\"transcript.text.done\",\"text\":");
    buf_add_json(out, buf_text(&t->text));
    buf_add_text(out, ",");
    add_usage(duration_s, out);
    buf_add_text(out, "}\n\n");
}
