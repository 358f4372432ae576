/* serve/api/admit.h: may this request come in, and how a refusal is said.
 *
 * Every speech endpoint asks the same three questions before it takes a slot: is the
 * server staying, who is it, has the caller sessions left. Refusals are counted by
 * reason. Loop thread only. */
#ifndef ROSTRUM_SERVE_ADMIT_H
#define ROSTRUM_SERVE_ADMIT_H

#include "base/buf.h"
#include "base/diag.h"
#include "serve/app.h"

/* A caller counted in. Zeroed: nobody. */
typedef struct {
    app *app; /* NULL: not counted */
    key_identity who;
} admission;

/* Seconds a refused client is asked to wait when the pool has no better guess. */
#define RETRY_AFTER_S 2

/* ERR_CAPACITY: draining; ERR_AUTH; ERR_QUOTA. Call inside `open`. */
MUST_CHECK status admission_enter(app *a, net_conn *c, admission *out, diag *d);
/* Counts the caller out again; any number of times. */
void admission_leave(admission *m);

/* The HTTP status a refusal for this reason has; 500 for what is our own fault. */
int refusal_http_status(status why);

/* OpenAI's error object: {"message","type","param","code"}. code NULL: the one of d.
 * event_id NULL: the member is left out; "": it is null. */
void openai_error_object(const diag *d, const char *code, const char *event_id, buf *out);

/* Counts the refusal and answers it: OpenAI's error body, Retry-After where it helps.
 * retry_after_s 0: RETRY_AFTER_S. For a WebSocket, inside `open`. */
void openai_refuse_ws(app *a, net_conn *c, const diag *d, unsigned retry_after_s);
void openai_refuse_http(app *a, net_conn *c, const diag *d, unsigned retry_after_s);

/* Selects subprotocol `name` if the client listed it. Call inside `open`. */
void select_subprotocol(net_conn *c, const char *name);

#endif
