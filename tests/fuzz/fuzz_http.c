/* Request heads, chunked bodies and queries from strangers. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "net/http.h"
#include "net/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_query(http_text query) {
    char text[512], out[64];
    if (query.n >= sizeof text)
        return;
    memcpy(text, query.at, query.n);
    text[query.n] = '\0';
    for (unsigned nth = 0; nth < 3; nth++) {
        int n = net_query(text, "a", nth, out, sizeof out);
        ASSERT(n < (int)sizeof out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t scanned = 0, end = http_head_end((const char *)data, size, &scanned);
    http_head head;
    if (end) {
        ASSERT(end <= size);
        int refusal = http_head_read((const char *)data, end, &head);
        if (refusal == 0) {
            ASSERT(!(head.chunked && head.content_length >= 0));
            char path[256];
            (void)http_decode(head.path, false, path, sizeof path);
            try_query(head.query);
        }
    }
    /* what follows the head is a chunked body, read whole and byte by byte */
    http_chunks whole = {0}, pieces = {0};
    size_t total[2] = {0, 0};
    http_chunks_result last[2] = {CHUNKS_MORE, CHUNKS_MORE};
    for (int run = 0; run < 2; run++) {
        for (size_t at = end; at < size;) {
            size_t used = 0, n = 0;
            const uint8_t *out = NULL;
            last[run] = http_chunks_read(run ? &pieces : &whole, data + at,
                                         run ? 1 : size - at, &used, &out, &n);
            if (last[run] == CHUNKS_BAD || last[run] == CHUNKS_END)
                break;
            total[run] += n;
            at += used;
        }
    }
    bool over = last[0] == CHUNKS_BAD || last[0] == CHUNKS_END;
    ASSERT(total[0] == total[1]);
    ASSERT(!over || last[0] == last[1]);
    return 0;
}
