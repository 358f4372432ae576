/* serve/api/api.h: the handlers behind the server's routes. Each translates one client
 * protocol to a listen session (serve/session/listen.h) or reads the app's state; the
 * table that binds them to paths is routes.c. `app` of every open is an app *.
 * Loop thread only. */
#ifndef ROSTRUM_SERVE_API_H
#define ROSTRUM_SERVE_API_H

#include "net/server.h"

extern const net_handler transcriptions_handler; /* POST /v1/audio/transcriptions */
extern const net_handler realtime_handler;       /* WebSocket /v1/realtime */
extern const net_handler listen_handler;         /* WebSocket /v1/listen */

extern const net_handler healthz_handler; /* GET /healthz: the process answers */
extern const net_handler readyz_handler;  /* GET /readyz: it would take a session now */
extern const net_handler metrics_handler; /* GET /metrics: Prometheus text */
extern const net_handler models_handler;  /* GET /v1/models and /v1/models/{id} */
extern const net_handler missing_handler; /* every other path: 404 in OpenAI's form */

/* Answers with OpenAI's error object. code and type are literals of ours; message is a
 * sentence without client text. retry_after_s 0: no such header. For a WebSocket the
 * same object is the body of the refused upgrade. */
void api_error(net_conn *c, bool websocket, int http_status, const char *type,
               const char *code, const char *message, unsigned retry_after_s);

/* The HTTP status that tells a client what s means: 429 for a quota, 503 for capacity,
 * 401, 404, 413 and so on; 500 for what is our fault. */
int api_http_status(status s);

/* A status as api_error: its HTTP status, type and code by the status, the message from
 * d (or the status text when d is NULL or empty). Counts the refusal in m. */
struct app;
void api_refuse(struct app *a, net_conn *c, bool websocket, status s, const diag *d,
                unsigned retry_after_s);

/* The table of the server's paths, for net_server_config. */
extern const net_route api_routes[];
extern const size_t api_route_count;

#endif
