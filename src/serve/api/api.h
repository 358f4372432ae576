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

/* The table of the server's paths, for net_server_config. */
extern const net_route api_routes[];
extern const size_t api_route_count;

#endif
