/* serve/api/live.h: what the live WebSocket protocols have in common.
 *
 * A caller counted in, a session of speech, messages taken one at a time with back
 * pressure, a clock of silence, and one way to say, to close and to leave. A protocol's
 * state begins with a live_socket; `owner` below is that state. Loop thread only. */
#ifndef ROSTRUM_SERVE_LIVE_H
#define ROSTRUM_SERVE_LIVE_H

#include "serve/api/admit.h"
#include "serve/api/backlog.h"
#include "serve/session/listen.h"

#define LIVE_EVENT_BYTES                                                                 \
    (512u << 10) /* one of ours: LIMIT_HYPOTHESIS_WORDS with times                       \
                  */

typedef struct {
    backlog_take *take; /* one whole message; not called once the socket is over */
    /* Nothing was heard for listen.idle_s: say why and close, or do nothing. */
    void (*idle)(void *owner);
    void (*deinit)(void *owner); /* what is the protocol's own; not the state itself */
} live_protocol;

typedef struct {
    app *app;
    net_conn *conn;
    const live_protocol *protocol;
    admission admitted;
    listen_session *listen; /* NULL before it is opened */
    backlog in;
    uv_timer_t tick;
    uint64_t heard_ms; /* loop time of the last message */
    bool over;         /* a close is on its way: nothing more is said or heard */
} live_socket;

/* A zeroed state of that many bytes with its live_socket begun; NULL: no memory. Give it
 * up with live_closed. */
void *live_create(size_t bytes, app *a, net_conn *c, const live_protocol *protocol);
/* The session is admitted: silence counts from now on. */
void live_start(live_socket *l);

/* Sends a message and frees it. A reader too slow ends the socket. */
void live_say(live_socket *l, buf *message);
buf live_message_begin(void); /* an empty one with its ceiling */
void live_close(live_socket *l, int code, const char *reason);

/* For net_handler.message and .closed, and listen_events.room. live_closed leaves the
 * memory of the state to the loop. */
void live_hear(void *owner, const uint8_t *data, size_t n, bool binary, bool first,
               bool last);
void live_room(void *owner);
void live_closed(void *owner);

#endif
