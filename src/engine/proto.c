#include "engine/proto.h"

#include <math.h>
#include <string.h>

#include "base/assert.h"

const engine_listen engine_listen_default = {
    .endpoint = ENDPOINT_SERVER_VAD,
    .vad_threshold = 0.5f,
    .prefix_padding_ms = 300,
    .silence_ms = 500,
    .max_utterance_ms = LIMIT_UTTERANCE_S * 1000,
    .partials = true,
    .second_pass = true,
};

static void store16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void store32(uint8_t *at, uint32_t value) {
    store16(at, (uint16_t)value);
    store16(at + 2, (uint16_t)(value >> 16));
}

static uint16_t load16(const uint8_t *at) {
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t load32(const uint8_t *at) {
    return load16(at) | (uint32_t)load16(at + 2) << 16;
}

static void put32(buf *b, uint32_t value) {
    uint8_t bytes[4];
    store32(bytes, value);
    buf_add(b, bytes, sizeof bytes);
}

static void put8(buf *b, uint8_t value) {
    buf_add(b, &value, 1);
}

static void put_float(buf *b, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put32(b, bits);
}

static void put_header(buf *b, const engine_header *h) {
    uint8_t bytes[ENGINE_HEADER_BYTES];
    ASSERT(h->bytes <= LIMIT_FRAME_BYTES);
    ASSERT(h->slot < LIMIT_WORKER_SLOTS);
    store32(bytes, h->bytes);
    bytes[4] = h->type;
    bytes[5] = h->flags;
    store16(bytes + 6, h->slot);
    store32(bytes + 8, h->generation);
    store32(bytes + 12, h->sequence);
    buf_add(b, bytes, sizeof bytes);
}

/* A frame whose size is known at its end: begin remembers where the header is. */
static size_t begin_frame(buf *b, uint8_t type, uint8_t flags, uint16_t slot,
                          uint32_t generation) {
    size_t at = b->size;
    put_header(b,
               &(engine_header){
                   .type = type, .flags = flags, .slot = slot, .generation = generation});
    return at;
}

static void end_frame(buf *b, size_t at) {
    if (b->failed)
        return;
    size_t bytes = b->size - at - ENGINE_HEADER_BYTES;
    ASSERT(bytes <= LIMIT_FRAME_BYTES);
    store32(b->data + at, (uint32_t)bytes);
}

void proto_put_empty(buf *b, uint8_t type, uint8_t flags, uint16_t slot,
                     uint32_t generation) {
    proto_put_bytes(b, type, flags, slot, generation, 0, NULL, 0);
}

void proto_put_bytes(buf *b, uint8_t type, uint8_t flags, uint16_t slot,
                     uint32_t generation, uint32_t sequence, const void *data, size_t n) {
    ASSERT(n <= LIMIT_FRAME_BYTES);
    put_header(b, &(engine_header){.bytes = (uint32_t)n,
                                   .type = type,
                                   .flags = flags,
                                   .slot = slot,
                                   .generation = generation,
                                   .sequence = sequence});
    buf_add(b, data, n);
}

void proto_put_credit(buf *b, uint16_t slot, uint32_t generation, uint32_t samples) {
    size_t at = begin_frame(b, FRAME_CREDIT, 0, slot, generation);
    put32(b, samples);
    end_frame(b, at);
}

void proto_put_listen(buf *b, uint8_t type, uint16_t slot, uint32_t generation,
                      const engine_listen *listen) {
    size_t language = strnlen(listen->language, sizeof listen->language - 1);
    size_t prompt = strnlen(listen->prompt, sizeof listen->prompt - 1);
    size_t at = begin_frame(b, type, 0, slot, generation);
    put8(b, (uint8_t)listen->endpoint);
    put8(b, listen->partials);
    put8(b, listen->second_pass);
    put8(b, (uint8_t)language);
    put_float(b, listen->vad_threshold);
    put32(b, listen->prefix_padding_ms);
    put32(b, listen->silence_ms);
    put32(b, listen->max_utterance_ms);
    put32(b, (uint32_t)prompt);
    buf_add(b, listen->language, language);
    buf_add(b, listen->prompt, prompt);
    end_frame(b, at);
}

void proto_put_mark(buf *b, uint8_t type, uint16_t slot, uint32_t generation,
                    const engine_mark *mark) {
    size_t at = begin_frame(b, type, 0, slot, generation);
    put32(b, mark->utterance);
    put32(b, mark->at_ms);
    put32(b, mark->decided_ms);
    end_frame(b, at);
}

void proto_put_text(buf *b, uint8_t type, uint8_t flags, uint16_t slot,
                    uint32_t generation, const engine_text *text) {
    ASSERT(text->n_words <= LIMIT_HYPOTHESIS_WORDS);
    size_t at = begin_frame(b, type, flags, slot, generation);
    put32(b, text->utterance);
    put32(b, text->start_ms);
    put32(b, text->end_ms);
    put32(b, text->speech_end_ms);
    put32(b, text->compute_us);
    put32(b, text->queue_us);
    put32(b, text->committed);
    put32(b, text->corrected);
    put32(b, text->n_words);
    for (uint32_t i = 0; i < text->n_words; i++) {
        const engine_word *w = &text->words[i];
        size_t bytes = strlen(w->text) + 1; /* with its NUL: the reader borrows it */
        ASSERT(bytes <= LIMIT_WORD_BYTES);
        put8(b, (uint8_t)bytes);
        put32(b, w->start_ms);
        put32(b, w->end_ms);
        put_float(b, w->confidence);
        buf_add(b, w->text, bytes);
    }
    end_frame(b, at);
}

void proto_put_load(buf *b, const engine_load *load) {
    size_t at = begin_frame(b, FRAME_LOAD, 0, 0, 0);
    put32(b, load->slots);
    put32(b, load->open);
    put32(b, load->rss_kib);
    put32(b, load->cpu_permille);
    put32(b, load->queue_us);
    put32(b, load->late_permille);
    put_float(b, load->pressure);
    end_frame(b, at);
}

static bool known_type(uint8_t type) {
    return (type >= FRAME_HELLO && type <= FRAME_DRAIN) ||
           (type >= FRAME_READY && type <= FRAME_CLOSED);
}

size_t proto_frame_need(const uint8_t *data, size_t n, engine_header *out,
                        status *out_status) {
    *out_status = OK;
    if (n < ENGINE_HEADER_BYTES)
        return ENGINE_HEADER_BYTES - n;
    engine_header h = {.bytes = load32(data),
                       .type = data[4],
                       .flags = data[5],
                       .slot = load16(data + 6),
                       .generation = load32(data + 8),
                       .sequence = load32(data + 12)};
    if (h.bytes > LIMIT_FRAME_BYTES || h.slot >= LIMIT_WORKER_SLOTS ||
        !known_type(h.type)) {
        *out_status = ERR_SYNTAX;
        return 0;
    }
    size_t whole = ENGINE_HEADER_BYTES + h.bytes;
    if (n < whole)
        return whole - n;
    *out = h;
    return 0;
}

/* Reads forward; past the end it reads zeros and remembers `bad`. */
typedef struct {
    const uint8_t *at, *end;
    bool bad;
} reader;

static const uint8_t *take(reader *r, size_t n) {
    if (r->bad || (size_t)(r->end - r->at) < n) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *bytes = r->at;
    r->at += n;
    return bytes;
}

static uint8_t get8(reader *r) {
    const uint8_t *bytes = take(r, 1);
    return bytes ? bytes[0] : 0;
}

static uint32_t get32(reader *r) {
    const uint8_t *bytes = take(r, 4);
    return bytes ? load32(bytes) : 0;
}

static float get_float(reader *r) {
    uint32_t bits = get32(r);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static bool get_bool(reader *r) {
    uint8_t value = get8(r);
    if (value > 1)
        r->bad = true;
    return value == 1;
}

/* n bytes of text without a NUL into out[size]. */
static void get_text(reader *r, size_t n, char *out, size_t size) {
    if (n >= size) {
        r->bad = true;
        return;
    }
    const uint8_t *bytes = take(r, n);
    if (!bytes)
        return;
    if (memchr(bytes, 0, n))
        r->bad = true;
    memcpy(out, bytes, n);
    out[n] = '\0';
}

static bool whole(const reader *r) {
    return !r->bad && r->at == r->end;
}

static bool listen_in_range(const engine_listen *l) {
    return l->vad_threshold >= 0 && l->vad_threshold <= 1 && /* false for NaN */
           l->prefix_padding_ms <= 2000 && l->silence_ms >= 50 &&
           l->silence_ms <= 10000 && l->max_utterance_ms >= 1000 &&
           l->max_utterance_ms <= LIMIT_UTTERANCE_S * 1000;
}

status proto_get_listen(const uint8_t *payload, size_t n, engine_listen *out) {
    reader r = {payload, payload + n, false};
    memset(out, 0, sizeof *out);
    uint8_t endpoint = get8(&r);
    if (endpoint > ENDPOINT_MANUAL)
        return ERR_SYNTAX;
    out->endpoint = (endpoint_mode)endpoint;
    out->partials = get_bool(&r);
    out->second_pass = get_bool(&r);
    size_t language = get8(&r);
    out->vad_threshold = get_float(&r);
    out->prefix_padding_ms = get32(&r);
    out->silence_ms = get32(&r);
    out->max_utterance_ms = get32(&r);
    size_t prompt = get32(&r);
    get_text(&r, language, out->language, sizeof out->language);
    get_text(&r, prompt, out->prompt, sizeof out->prompt);
    return whole(&r) && listen_in_range(out) ? OK : ERR_SYNTAX;
}

status proto_get_credit(const uint8_t *payload, size_t n, uint32_t *out_samples) {
    reader r = {payload, payload + n, false};
    uint32_t samples = get32(&r);
    if (!whole(&r))
        return ERR_SYNTAX;
    *out_samples = samples;
    return OK;
}

status proto_get_mark(const uint8_t *payload, size_t n, engine_mark *out) {
    reader r = {payload, payload + n, false};
    out->utterance = get32(&r);
    out->at_ms = get32(&r);
    out->decided_ms = get32(&r);
    return whole(&r) && out->at_ms <= out->decided_ms ? OK : ERR_SYNTAX;
}

size_t proto_utf8_valid(const char *text, size_t n) {
    const uint8_t *s = (const uint8_t *)text;
    size_t at = 0;
    while (at < n) {
        uint8_t c = s[at];
        size_t more = c < 0x80                 ? 0
                      : c >= 0xC2 && c <= 0xDF ? 1
                      : c >= 0xE0 && c <= 0xEF ? 2
                      : c >= 0xF0 && c <= 0xF4 ? 3
                                               : n;
        if (c == 0 || n - at <= more)
            break;
        bool good = true;
        for (size_t i = 1; i <= more; i++)
            good = good && (s[at + i] & 0xC0) == 0x80;
        /* overlong forms, surrogates and what lies past U+10FFFF */
        if (!good || (c == 0xE0 && s[at + 1] < 0xA0) || (c == 0xED && s[at + 1] > 0x9F) ||
            (c == 0xF0 && s[at + 1] < 0x90) || (c == 0xF4 && s[at + 1] > 0x8F))
            break;
        at += 1 + more;
    }
    return at;
}

static void get_word(reader *r, engine_word *out) {
    size_t bytes = get8(r);
    out->start_ms = get32(r);
    out->end_ms = get32(r);
    out->confidence = get_float(r);
    const char *text = (const char *)take(r, bytes);
    if (!text || bytes < 1 || bytes > LIMIT_WORD_BYTES || text[bytes - 1] != '\0' ||
        proto_utf8_valid(text, bytes - 1) != bytes - 1) {
        r->bad = true;
        return;
    }
    bool confident = out->confidence >= 0 && out->confidence <= 1;
    if (out->start_ms > out->end_ms || !(confident || out->confidence == -1))
        r->bad = true;
    out->text = text;
}

status proto_get_text(const uint8_t *payload, size_t n, engine_text *out) {
    reader r = {payload, payload + n, false};
    out->utterance = get32(&r);
    out->start_ms = get32(&r);
    out->end_ms = get32(&r);
    out->speech_end_ms = get32(&r);
    out->compute_us = get32(&r);
    out->queue_us = get32(&r);
    out->committed = get32(&r);
    out->corrected = get32(&r);
    out->n_words = get32(&r);
    if (r.bad || out->n_words > LIMIT_HYPOTHESIS_WORDS || out->committed > out->n_words ||
        out->corrected > LIMIT_HYPOTHESIS_WORDS || out->start_ms > out->end_ms)
        return ERR_SYNTAX;
    for (uint32_t i = 0; i < out->n_words && !r.bad; i++)
        get_word(&r, &out->words[i]);
    return whole(&r) ? OK : ERR_SYNTAX;
}

status proto_get_load(const uint8_t *payload, size_t n, engine_load *out) {
    reader r = {payload, payload + n, false};
    out->slots = get32(&r);
    out->open = get32(&r);
    out->rss_kib = get32(&r);
    out->cpu_permille = get32(&r);
    out->queue_us = get32(&r);
    out->late_permille = get32(&r);
    out->pressure = get_float(&r);
    bool sane = out->slots <= LIMIT_WORKER_SLOTS && out->open <= out->slots &&
                out->late_permille <= 1000 && out->pressure >= 0 &&
                out->pressure < INFINITY;
    return whole(&r) && sane ? OK : ERR_SYNTAX;
}
