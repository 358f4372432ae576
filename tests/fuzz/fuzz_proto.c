/* Fuzzes the worker protocol from both sides: any bytes are cut into frames, each
 * payload goes to its reader, and what a reader accepts must be writable and read back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "engine/hello.h"
#include "engine/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_text(const uint8_t *payload, size_t n) {
    static engine_text text, again;
    if (proto_get_text(payload, n, &text) != OK)
        return;
    buf b;
    buf_init(&b, LIMIT_FRAME_BYTES);
    proto_put_text(&b, FRAME_PARTIAL, 0, 0, 0, &text);
    ASSERT(!b.failed);
    ASSERT(proto_get_text(b.data + ENGINE_HEADER_BYTES, b.size - ENGINE_HEADER_BYTES,
                          &again) == OK);
    ASSERT(again.n_words == text.n_words);
    buf_deinit(&b);
}

static void read_payload(const engine_header *h, const uint8_t *payload) {
    engine_listen listen;
    engine_mark mark;
    engine_load load;
    uint32_t samples;
    static engine_hello hello;
    engine_facts facts;
    status s = OK;
    switch (h->type) {
    case FRAME_OPEN:
    case FRAME_UPDATE:
        s = proto_get_listen(payload, h->bytes, &listen);
        break;
    case FRAME_HELLO:
        s = hello_decode(payload, h->bytes, &hello, NULL);
        break;
    case FRAME_READY:
        s = facts_decode(payload, h->bytes, &facts, NULL);
        break;
    case FRAME_SPEECH_STARTED:
    case FRAME_SPEECH_STOPPED:
        s = proto_get_mark(payload, h->bytes, &mark);
        break;
    case FRAME_LOAD:
        s = proto_get_load(payload, h->bytes, &load);
        break;
    case FRAME_CREDIT:
        s = proto_get_credit(payload, h->bytes, &samples);
        break;
    default:
        read_text(payload, h->bytes);
    }
    (void)s; /* refused is as good as accepted */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    while (n > 0) {
        engine_header h;
        status s;
        if (proto_frame_need(data, n, &h, &s) > 0 || s != OK)
            break;
        uint8_t *payload = malloc(h.bytes ? h.bytes : 1); /* exact, for ASan */
        ASSERT(payload);
        memcpy(payload, data + ENGINE_HEADER_BYTES, h.bytes);
        read_payload(&h, payload);
        free(payload);
        data += ENGINE_HEADER_BYTES + h.bytes;
        n -= ENGINE_HEADER_BYTES + h.bytes;
    }
    return 0;
}
