/* Frames from strangers: whole and byte by byte they say the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "net/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    uint64_t sum; /* over payload bytes and ends of messages */
    unsigned messages, pings, code;
} account;

static account listen_to(const uint8_t *data, size_t size, size_t step) {
    ws_reader r = {0};
    account a = {0};
    for (size_t from = 0; from < size && !a.code; from += step) {
        size_t n = size - from < step ? size - from : step;
        uint8_t *bytes = malloc(n);
        ASSERT(bytes);
        memcpy(bytes, data + from, n);
        for (size_t at = 0; at < n && !a.code;) {
            ws_event e;
            size_t used = ws_read(&r, bytes + at, n - at, &e);
            ASSERT(used <= n - at);
            ASSERT(used > 0 || e.kind == WS_DATA);
            at += used;
            ASSERT(r.message <= LIMIT_WS_MESSAGE_BYTES);
            for (size_t i = 0; e.kind == WS_DATA && i < e.n; i++)
                a.sum = a.sum * 31 + e.data[i];
            a.messages += e.kind == WS_DATA && e.last;
            a.pings += e.kind == WS_PING;
            if (e.kind == WS_CLOSE || e.kind == WS_FAIL)
                a.code = e.code;
        }
        free(bytes);
    }
    return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    account whole = listen_to(data, size, size ? size : 1);
    account pieces = listen_to(data, size, 1);
    ASSERT(whole.messages == pieces.messages);
    ASSERT(whole.pings == pieces.pings);
    ASSERT(whole.code == pieces.code);
    /* text that turns out not to be UTF-8 is handed out up to where that shows */
    ASSERT(whole.code == 1007 || whole.sum == pieces.sum);
    return 0;
}
