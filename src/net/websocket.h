/* net/websocket.h: RFC 6455 frames as bytes, the server's side.
 *
 * The reader unmasks in the caller's buffer and hands out slices of it, so that audio
 * is never copied. No extension is negotiated; a frame that uses one fails the
 * connection. Pure: no allocation, clock or I/O. */
#ifndef ROSTRUM_NET_WEBSOCKET_H
#define ROSTRUM_NET_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WS_OP_TEXT = 1,
    WS_OP_BINARY = 2,
    WS_OP_CLOSE = 8,
    WS_OP_PING = 9,
    WS_OP_PONG = 10
};

#define WS_CONTROL_BYTES 125 /* RFC 6455 5.5: most a control frame may carry */
#define WS_HEADER_BYTES 10   /* most an unmasked header takes */

/* Zero it to start. */
typedef struct {
    uint64_t left;    /* payload bytes of the present frame still to come */
    uint32_t message; /* bytes of the present message so far, whole frames counted */
    uint32_t utf8;    /* state of the text check */
    uint8_t header[14];
    uint8_t have; /* header bytes so far */
    uint8_t mask[4];
    uint8_t mask_at;
    uint8_t opcode; /* of the present frame */
    bool final;     /* the present frame ends its message */
    bool in_frame;
    bool in_message; /* a continuation is due */
    bool binary;     /* of the present message */
    bool begun;      /* some of the present message was handed out */
    uint8_t control_n;
    uint8_t control[WS_CONTROL_BYTES];
} ws_reader;

typedef enum {
    WS_MORE, /* all bytes were taken, nothing is complete */
    WS_DATA, /* data[n] is a piece of a message */
    WS_PING, /* data[n] must be echoed in a pong */
    WS_PONG,
    WS_CLOSE, /* code is the peer's, 1005 when it gave none */
    WS_FAIL   /* code is what to close with; the reader must not be used again */
} ws_event_kind;

typedef struct {
    ws_event_kind kind;
    uint8_t *data; /* inside the bytes given, or inside the reader; until the next call */
    size_t n;
    bool binary, first, last;
    uint16_t code;
} ws_event;

/* Takes bytes from data[n] up to the first event; returns how many. data is changed. */
size_t ws_read(ws_reader *r, uint8_t *data, size_t n, ws_event *out);

/* Header of one unfragmented frame; returns its length. */
size_t ws_write_header(uint8_t out[WS_HEADER_BYTES], uint8_t opcode, uint64_t n);

/* Feeds text[n] to a UTF-8 check. *state starts at 0 and is 0 again wherever the text may
 * end. False: not UTF-8. */
bool ws_utf8_check(uint32_t *state, const uint8_t *text, size_t n);

/* True for a close code that may be sent over the wire. */
bool ws_close_code_valid(unsigned code);

#endif
