/* cli/client_ws.h: one client WebSocket on a libuv loop.
 *
 * Made for hundreds of paced streams in one process: a message is masked in place and
 * handed to the kernel at once; only what the kernel does not take is kept.
 * Loop thread only. */
#ifndef ROSTRUM_CLI_CLIENT_WS_H
#define ROSTRUM_CLI_CLIENT_WS_H

#include <uv.h>

#include "cli/client_frames.h"

typedef struct client_ws client_ws;

typedef struct {
    void (*open)(void *owner);
    /* One text message, terminated; borrowed for the call. */
    void (*text)(void *owner, const char *text, size_t n);
    /* Once, always, and last; the client_ws is gone after it. code: the WebSocket close
     * code, or 0; http_status: of a refused upgrade, or 0; d.code OK: it closed as asked,
     * else why not. */
    void (*closed)(void *owner, int code, const client_answer *refused, const diag *d);
} client_ws_events;

#define CLIENT_MESSAGE_BYTES (4u << 20) /* largest message taken from a server */

/* Connects. events and owner are borrowed until closed. */
MUST_CHECK status client_ws_create(uv_loop_t *loop, const client_url *url,
                                   const char *path_query, const char *key,
                                   const client_ws_events *events, void *owner,
                                   client_ws **out, diag *d);

/* After open and before closed. bytes [n] are masked in place. */
void client_ws_send(client_ws *w, frame_kind kind, uint8_t *bytes, size_t n);
/* Bytes the kernel has not taken yet. */
size_t client_ws_queued(const client_ws *w);

/* Says goodbye (at most 2 s) and closes. */
void client_ws_close(client_ws *w);

#endif
