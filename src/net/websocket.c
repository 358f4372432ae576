#include "net/websocket.h"

#include <string.h>

#include "base/limits.h"

/* Progress of a UTF-8 check: bytes still due in bits 0..1, and the range of the next
 * one, which is narrower after E0, ED, F0 and F4, in bits 8..15 and 16..23. */
static uint32_t utf8_due(unsigned due, unsigned low, unsigned high) {
    return due | low << 8 | high << 16;
}

static bool utf8_start(uint32_t *state, uint8_t byte) {
    if (byte < 0x80)
        return true;
    if (byte >= 0xC2 && byte <= 0xDF)
        *state = utf8_due(1, 0x80, 0xBF);
    else if (byte >= 0xE0 && byte <= 0xEF)
        *state = utf8_due(2, byte == 0xE0 ? 0xA0 : 0x80, byte == 0xED ? 0x9F : 0xBF);
    else if (byte >= 0xF0 && byte <= 0xF4)
        *state = utf8_due(3, byte == 0xF0 ? 0x90 : 0x80, byte == 0xF4 ? 0x8F : 0xBF);
    else
        return false;
    return true;
}

bool ws_utf8_check(uint32_t *state, const uint8_t *text, size_t n) {
    size_t i = 0;
    while (i < n) {
        if (*state == 0) {
            uint64_t eight;
            while (n - i >= 8 &&
                   (memcpy(&eight, text + i, 8), (eight & 0x8080808080808080u) == 0))
                i += 8; /* JSON and base64 are nearly all ASCII */
            if (i == n)
                break;
            if (!utf8_start(state, text[i++]))
                return false;
            continue;
        }
        unsigned low = *state >> 8 & 0xFF, high = *state >> 16 & 0xFF, due = *state & 3;
        if (text[i] < low || text[i] > high)
            return false;
        i++;
        *state = due > 1 ? utf8_due(due - 1, 0x80, 0xBF) : 0;
    }
    return true;
}

bool ws_close_code_valid(unsigned code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static void unmask(ws_reader *r, uint8_t *data, size_t n) {
    uint8_t turned[8];
    for (unsigned i = 0; i < 8; i++)
        turned[i] = r->mask[(r->mask_at + i) & 3];
    uint64_t key, eight;
    memcpy(&key, turned, 8);
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        memcpy(&eight, data + i, 8);
        eight ^= key;
        memcpy(data + i, &eight, 8);
    }
    for (; i < n; i++)
        data[i] ^= turned[i & 7];
    r->mask_at = (uint8_t)((r->mask_at + n) & 3);
}

static size_t header_bytes(const ws_reader *r) {
    if (r->have < 2)
        return 2;
    unsigned length = r->header[1] & 0x7F;
    return 2u + (length == 126 ? 2u : length == 127 ? 8u : 0u) + 4u;
}

/* Checks a whole header and enters its frame. 0, or the code to close with. */
static unsigned enter_frame(ws_reader *r) {
    uint64_t length = r->header[1] & 0x7F;
    unsigned extended = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (extended) {
        length = 0;
        for (unsigned i = 0; i < extended; i++)
            length = length << 8 | r->header[2 + i];
        if (length < (extended == 2 ? 126u : 65536u) || length >> 63)
            return 1002; /* not the shortest form */
    }
    memcpy(r->mask, r->header + 2 + extended, 4);
    r->mask_at = 0;
    r->opcode = r->header[0] & 0x0F;
    r->final = r->header[0] & 0x80;
    r->left = length;

    if (r->opcode >= WS_OP_CLOSE) {
        r->control_n = 0;
        if (r->opcode > WS_OP_PONG || !r->final || length > WS_CONTROL_BYTES)
            return 1002;
    } else if (r->opcode == 0) {
        if (!r->in_message)
            return 1002;
    } else {
        if (r->opcode > WS_OP_BINARY || r->in_message)
            return 1002;
        r->binary = r->opcode == WS_OP_BINARY;
        r->begun = false;
        r->message = 0;
        r->utf8 = 0;
    }
    if (r->opcode < WS_OP_CLOSE) {
        if (length > LIMIT_WS_MESSAGE_BYTES - r->message)
            return 1009; /* known from the header: nothing of it is read */
        r->message += (uint32_t)length;
        r->in_message = !r->final;
    }
    r->in_frame = true;
    return 0;
}

static void fail(ws_event *out, unsigned code) {
    out->kind = WS_FAIL;
    out->code = (uint16_t)code;
}

static size_t read_header(ws_reader *r, const uint8_t *data, size_t n, ws_event *out) {
    size_t used = 0;
    while (r->have < header_bytes(r)) {
        if (used == n)
            return used;
        r->header[r->have++] = data[used++];
        if (r->have == 2 && ((r->header[0] & 0x70) || !(r->header[1] & 0x80))) {
            fail(out, 1002); /* an extension nobody agreed to, or a client without mask */
            return used;
        }
    }
    unsigned code = enter_frame(r);
    if (code)
        fail(out, code);
    return used;
}

static void end_of_control(ws_reader *r, ws_event *out) {
    r->in_frame = false;
    r->have = 0;
    out->data = r->control;
    out->n = r->control_n;
    if (r->opcode != WS_OP_CLOSE) {
        out->kind = r->opcode == WS_OP_PING ? WS_PING : WS_PONG;
        return;
    }
    out->kind = WS_CLOSE;
    out->code = 1005;
    if (r->control_n == 0)
        return;
    unsigned code = r->control_n > 1 ? (unsigned)r->control[0] << 8 | r->control[1] : 0;
    uint32_t utf8 = 0;
    if (!ws_close_code_valid(code))
        fail(out, 1002);
    else if (!ws_utf8_check(&utf8, r->control + 2, r->control_n - 2u) || utf8)
        fail(out, 1007);
    else
        out->code = (uint16_t)code;
}

static size_t read_control(ws_reader *r, uint8_t *data, size_t n, ws_event *out) {
    size_t take = n < r->left ? n : (size_t)r->left;
    unmask(r, data, take);
    if (take)
        memcpy(r->control + r->control_n, data, take);
    r->control_n = (uint8_t)(r->control_n + take);
    r->left -= take;
    if (r->left == 0)
        end_of_control(r, out);
    return take;
}

static size_t read_data(ws_reader *r, uint8_t *data, size_t n, ws_event *out) {
    size_t take = n < r->left ? n : (size_t)r->left;
    unmask(r, data, take);
    r->left -= take;
    bool frame_over = r->left == 0, last = frame_over && r->final;
    if (!r->binary && (!ws_utf8_check(&r->utf8, data, take) || (last && r->utf8))) {
        fail(out, 1007);
        return take;
    }
    if (frame_over) {
        r->in_frame = false;
        r->have = 0;
    }
    if (take == 0 && !last)
        return 0; /* an empty fragment says nothing */
    *out = (ws_event){.kind = WS_DATA,
                      .data = data,
                      .n = take,
                      .binary = r->binary,
                      .first = !r->begun,
                      .last = last};
    r->begun = true;
    return take;
}

size_t ws_read(ws_reader *r, uint8_t *data, size_t n, ws_event *out) {
    size_t used = 0;
    *out = (ws_event){.kind = WS_MORE};
    do {
        if (!r->in_frame)
            used += read_header(r, data + used, n - used, out);
        if (out->kind == WS_MORE && r->in_frame) {
            if (used == n && r->left > 0)
                break;
            if (r->opcode >= WS_OP_CLOSE)
                used += read_control(r, data + used, n - used, out);
            else
                used += read_data(r, data + used, n - used, out);
        }
    } while (out->kind == WS_MORE && used < n);
    return used;
}

size_t ws_write_header(uint8_t out[WS_HEADER_BYTES], uint8_t opcode, uint64_t n) {
    out[0] = (uint8_t)(0x80 | opcode);
    if (n < 126) {
        out[1] = (uint8_t)n;
        return 2;
    }
    unsigned bytes = n < 65536 ? 2 : 8;
    out[1] = bytes == 2 ? 126 : 127;
    for (unsigned i = 0; i < bytes; i++)
        out[2 + i] = (uint8_t)(n >> (8 * (bytes - 1 - i)));
    return 2 + bytes;
}
