/* tests/fault/fake_worker.c: a worker that speaks the protocol, and breaks it to order.
 *
 * The setting "act" of HELLO says how it misbehaves; without it, it is a good worker
 * whose words prove whose audio it heard: the value of the first sample of each AUDIO
 * frame is a mark, every partial is the marks so far ("m7 m7"), COMMIT makes them the
 * final. It has no engine and needs none; one thread, one poll. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/hello.h"
#include "engine/proto.h"
#include "rostrum/engine.h"

#define SOCKET 3
#define HEARTBEAT_MS 50
#define MARKS 512

typedef struct {
    uint32_t generation;
    int open;
    unsigned n_marks, held; /* held: samples not credited yet */
    int16_t marks[MARKS];
} slot;

static slot slots[LIMIT_WORKER_SLOTS];
static engine_hello hello;
static buf out;
static int draining;

static const char *setting(const char *key) {
    for (size_t i = 0; i < hello.n_settings; i++)
        if (strcmp(hello.settings[i].key, key) == 0)
            return hello.settings[i].value;
    return "";
}

static int act(const char *name) {
    return strcmp(setting("act"), name) == 0;
}

static void flush_out(void) {
    size_t at = 0;
    while (at < out.size) {
        ssize_t n = send(SOCKET, out.data + at, out.size - at, MSG_NOSIGNAL);
        if (n <= 0)
            exit(1);
        at += (size_t)n;
    }
    buf_clear(&out);
}

static void say_marks(uint8_t type, uint8_t flags, unsigned index, uint32_t generation) {
    static char names[MARKS][16];
    static engine_text text;
    const slot *s = &slots[index];
    memset(&text, 0, sizeof text);
    for (unsigned i = 0; i < s->n_marks; i++) {
        snprintf(names[i], sizeof names[i], "m%d", s->marks[i]);
        text.words[i] = (engine_word){names[i], i, i + 1, -1};
    }
    text.n_words = s->n_marks;
    text.committed = type == FRAME_FINAL ? s->n_marks : 0;
    proto_put_text(&out, type, flags, (uint16_t)index, generation, &text);
}

static void ready(void) {
    engine_facts facts = {.protocol = ENGINE_PROTO_VERSION,
                          .abi = ROSTRUM_ENGINE_ABI,
                          .engine = "fake",
                          .version = "1",
                          .sample_rate_hz = act("rate") ? 8000 : 16000,
                          .slots = hello.slots};
    buf json;
    buf_init(&json, HELLO_BYTES_MAX);
    facts_encode(&json, &facts);
    proto_put_bytes(&out, FRAME_READY, 0, 0, 0, 0, json.data, json.size);
    buf_deinit(&json);
}

static void take_hello(const uint8_t *payload, size_t n) {
    diag d = DIAG_INIT;
    if (hello_decode(payload, n, &hello, &d) != OK)
        exit(2);
    if (act("fail")) {
        const char *why = "the model is not here";
        proto_put_bytes(&out, FRAME_FAILED, 0, 0, 0, 0, why, strlen(why));
        flush_out();
        exit(1);
    }
    while (act("load"))
        pause();
    ready();
    flush_out();
    if (act("exit"))
        exit(0);
    while (act("hang"))
        pause();
}

static void take_audio(const engine_header *h, const uint8_t *payload) {
    slot *s = &slots[h->slot];
    unsigned samples = h->bytes / 2;
    if (act("garbage")) {
        static const uint8_t bytes[ENGINE_HEADER_BYTES] = {0xff, 0xff, 0xff, 0x7f};
        buf_add(&out, bytes, sizeof bytes);
        return;
    }
    if (act("error")) {
        const char *why = "the engine failed";
        proto_put_bytes(&out, FRAME_ERROR, 0, h->slot, h->generation, 0, why,
                        strlen(why));
        proto_put_empty(&out, FRAME_CLOSED, 0, h->slot, h->generation);
        s->open = 0;
        return;
    }
    if (act("hold"))
        s->held += samples;
    else
        proto_put_credit(&out, h->slot, h->generation,
                         act("overcredit") ? samples + 1 : samples);
    if (s->n_marks < MARKS) {
        s->marks[s->n_marks++] = (int16_t)(payload[0] | payload[1] << 8);
        say_marks(FRAME_PARTIAL, 0, h->slot, h->generation);
    }
}

static void take_close(const engine_header *h) {
    if (act("noclose"))
        return;
    if (act("stale")) /* words of a session that has ended, before and after it is free */
        say_marks(FRAME_FINAL, 0, h->slot, h->generation);
    proto_put_empty(&out, FRAME_CLOSED, 0, h->slot, h->generation);
    slots[h->slot].open = 0;
    if (act("stale"))
        say_marks(FRAME_FINAL, 0, h->slot, h->generation);
}

static void take(const engine_header *h, const uint8_t *payload) {
    slot *s = &slots[h->slot];
    if (h->type == FRAME_HELLO)
        take_hello(payload, h->bytes);
    else if (h->type == FRAME_DRAIN)
        draining = 1;
    else if (h->type == FRAME_OPEN) {
        if (s->open)
            exit(3); /* the gateway opened a slot that was not confirmed free */
        if (act("stale") && s->n_marks) /* and after the next session has the slot */
            say_marks(FRAME_PARTIAL, 0, h->slot, h->generation - 1);
        *s = (slot){.open = 1, .generation = h->generation};
    } else if (!s->open || s->generation != h->generation)
        return;
    else if (h->type == FRAME_AUDIO)
        take_audio(h, payload);
    else if (h->type == FRAME_COMMIT) {
        if (s->held)
            proto_put_credit(&out, h->slot, h->generation, s->held);
        s->held = 0;
        say_marks(FRAME_FINAL, TEXT_BY_COMMIT, h->slot, h->generation);
        s->n_marks = 0;
    } else if (h->type == FRAME_CLEAR)
        s->n_marks = 0;
    else if (h->type == FRAME_CLOSE)
        take_close(h);
}

static void heartbeat(void) {
    engine_load load = {.slots = hello.slots, .rss_kib = 1000};
    load.pressure = (float)atof(setting("pressure"));
    if (act("busy_file")) /* a file named by a setting says when the pressure is off */
        load.pressure = access(setting("file"), F_OK) == 0 ? 3.0f : 0.2f;
    for (unsigned i = 0; i < hello.slots; i++)
        load.open += (uint32_t)slots[i].open;
    proto_put_load(&out, &load);
}

static int all_closed(void) {
    for (unsigned i = 0; i < LIMIT_WORKER_SLOTS; i++)
        if (slots[i].open)
            return 0;
    return 1;
}

int main(void) {
    static uint8_t in[2 * LIMIT_FRAME_BYTES];
    size_t size = 0;
    buf_init(&out, 64u << 20);
    for (;;) {
        struct pollfd p = {.fd = SOCKET, .events = act("deaf") ? 0 : POLLIN};
        if (poll(&p, 1, HEARTBEAT_MS) == 0 && hello.slots)
            heartbeat();
        if (p.revents & POLLIN) {
            ssize_t n = recv(SOCKET, in + size, sizeof in - size, 0);
            if (n <= 0)
                return 0;
            size += (size_t)n;
        } else if (p.revents)
            return 0;
        size_t at = 0;
        while (size - at > 0) {
            engine_header h;
            status s = OK;
            size_t need = proto_frame_need(in + at, size - at, &h, &s);
            if (s != OK)
                return 4;
            if (need > 0)
                break;
            take(&h, in + at + ENGINE_HEADER_BYTES);
            at += ENGINE_HEADER_BYTES + h.bytes;
        }
        memmove(in, in + at, size - at);
        size -= at;
        flush_out();
        if (draining && all_closed() && !act("stay"))
            return 0;
    }
}
