#include "serve/api/backlog.h"

#include <string.h>

void backlog_init(backlog *in, backlog_take *take, void *owner) {
    buf_init(&in->part, LIMIT_WS_MESSAGE_BYTES);
    buf_init(&in->queue, BACKLOG_BYTES);
    in->take = take;
    in->owner = owner;
}

void backlog_deinit(backlog *in) {
    buf_deinit(&in->part);
    buf_deinit(&in->queue);
}

static status enqueue(backlog *in, const uint8_t *data, size_t n, bool binary) {
    uint32_t head = (uint32_t)n << 1 | (binary ? 1 : 0);
    buf_add(&in->queue, &head, sizeof head);
    buf_add(&in->queue, data, n);
    return in->queue.failed ? ERR_MEMORY : ERR_LIMIT;
}

/* A whole message: straight to the taker, unless others wait before it. */
static status whole(backlog *in, const uint8_t *data, size_t n, bool binary) {
    if (backlog_waiting(in))
        return enqueue(in, data, n, binary);
    status st = in->take(in->owner, data, n, binary);
    return st == ERR_LIMIT ? enqueue(in, data, n, binary) : st;
}

status backlog_push(backlog *in, const uint8_t *data, size_t n, bool binary, bool first,
                    bool last) {
    if (first)
        buf_clear(&in->part);
    if (first && last)
        return whole(in, data, n, binary);
    buf_add(&in->part, data, n);
    if (in->part.failed)
        return ERR_MEMORY;
    if (!last)
        return backlog_waiting(in) ? ERR_LIMIT : OK;
    status st = whole(in, in->part.data, in->part.size, binary);
    buf_clear(&in->part);
    return st;
}

status backlog_run(backlog *in) {
    while (backlog_waiting(in)) {
        uint32_t head;
        memcpy(&head, in->queue.data, sizeof head);
        size_t n = head >> 1;
        status st = in->take(in->owner, in->queue.data + sizeof head, n, head & 1);
        if (st == ERR_LIMIT)
            return st;
        buf_drop(&in->queue, sizeof head + n);
        if (st != OK)
            return st;
    }
    return OK;
}

bool backlog_waiting(const backlog *in) {
    return in->queue.size > 0;
}

void backlog_trim(backlog *in) {
    if (in->part.size == 0)
        buf_deinit(&in->part);
    if (in->queue.size == 0)
        buf_deinit(&in->queue);
}
