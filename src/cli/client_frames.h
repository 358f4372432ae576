/* cli/client_frames.h: the bytes of a WebSocket client: address, handshake, frames.
 *
 * Source: RFC 6455, RFC 3986 for the address. Pure: no sockets, clock or allocation
 * beyond the buffers given. */
#ifndef ROSTRUM_CLI_CLIENT_FRAMES_H
#define ROSTRUM_CLI_CLIENT_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"

typedef struct {
    bool tls;
    char host[256]; /* without brackets */
    char port[8];
    char base[256]; /* path before ours, without its last '/'; usually "" */
} client_url;

/* "http://127.0.0.1:8090", "wss://host/base" ... http and ws mean the same here.
 * ERR_INVALID: not such an address. */
MUST_CHECK status client_url_parse(const char *text, client_url *out, diag *d);

#define CLIENT_NONCE_CHARS 24  /* Sec-WebSocket-Key: 16 bytes in base64 */
#define CLIENT_ACCEPT_CHARS 28 /* Sec-WebSocket-Accept */

/* The upgrade request. path_query starts with '/'. key: the API key, "" for none. */
void client_request(const client_url *url, const char *path_query, const char *nonce,
                    const char *key, buf *out);
/* What the server must answer to nonce. out has CLIENT_ACCEPT_CHARS + 1 bytes. */
void client_accept(const char *nonce, char *out);

typedef struct {
    int http_status;
    unsigned retry_after_s; /* 0: not said */
    bool accepted;          /* 101 with the right Sec-WebSocket-Accept */
    size_t bytes;           /* of the head; what follows is frames or the body */
} client_answer;

/* false: the head is not complete yet. ERR_SYNTAX: not HTTP. */
MUST_CHECK status client_answer_parse(const uint8_t *data, size_t n, const char *nonce,
                                      bool *out_complete, client_answer *out, diag *d);

typedef enum {
    FRAME_CONTINUE = 0,
    FRAME_TEXT = 1,
    FRAME_BINARY = 2,
    FRAME_CLOSE = 8,
    FRAME_PING = 9,
    FRAME_PONG = 10
} frame_kind;

#define FRAME_HEAD_MAX 14

/* The head of one final client frame of n bytes; returns its length. The payload is then
 * to be masked with mask. */
size_t frame_head(frame_kind kind, uint64_t n, const uint8_t mask[4],
                  uint8_t out[FRAME_HEAD_MAX]);
void frame_mask(uint8_t *data, size_t n, const uint8_t mask[4]);

typedef struct {
    frame_kind kind;
    bool last;
    size_t head; /* bytes of the head */
    uint64_t n;  /* bytes of the payload */
} frame_info;

/* Reads a server frame's head. false in *out_complete: too few bytes yet. ERR_SYNTAX:
 * reserved bits or kinds, a masked frame, a long or split control frame. */
MUST_CHECK status frame_read(const uint8_t *data, size_t n, bool *out_complete,
                             frame_info *out, diag *d);

/* out has (n + 2) / 3 * 4 bytes and is not terminated; returns how many. */
size_t client_base64(const uint8_t *data, size_t n, char *out);

#endif
