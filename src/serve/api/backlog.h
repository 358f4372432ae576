/* serve/api/backlog.h: WebSocket messages, one at a time, with back pressure.
 *
 * Joins the pieces of a message, hands it to the protocol, and when the protocol can
 * not finish it now (its slot is full) keeps it and everything after it until told
 * to go on. The connection is paused meanwhile, so only what was already read ends up
 * here. A message that arrives whole is handed over without a copy. */
#ifndef ROSTRUM_SERVE_BACKLOG_H
#define ROSTRUM_SERVE_BACKLOG_H

#include "base/buf.h"
#include "base/limits.h"

/* Read before a pause takes hold: at most a message and what the socket held. */
#define BACKLOG_BYTES (LIMIT_WS_MESSAGE_BYTES * 2)

/* Takes one message. ERR_LIMIT: not finished; offer the same message again later (the
 * owner remembers how far it was). Anything else: done with it. */
typedef status backlog_take(void *owner, const uint8_t *data, size_t n, bool binary);

typedef struct {
    buf part;  /* of the message now arriving */
    buf queue; /* whole messages waiting: u32 length << 1 | binary, then bytes */
    backlog_take *take;
    void *owner;
} backlog;

void backlog_init(backlog *in, backlog_take *take, void *owner);
void backlog_deinit(backlog *in);

/* A piece as the net layer gives it. OK: go on reading; ERR_LIMIT: pause the connection
 * and call backlog_run when there is room; ERR_MEMORY: the budget is spent, close. Other
 * codes are the taker's. */
MUST_CHECK status backlog_push(backlog *in, const uint8_t *data, size_t n, bool binary,
                               bool first, bool last);

/* Offers what waits, in order. OK: all taken, resume the connection; else as above. */
MUST_CHECK status backlog_run(backlog *in);

bool backlog_waiting(const backlog *in);

/* Frees memory that is not in use. */
void backlog_trim(backlog *in);

#endif
