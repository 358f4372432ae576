#include "serve/api/api.h"

const net_route api_routes[] = {
    {.path = "/v1/realtime", .websocket = true, .handler = &realtime_handler},
    {.path = "/v1/listen", .websocket = true, .handler = &listen_handler},
    {NET_POST, false, "/v1/audio/transcriptions", &transcriptions_handler},
    {NET_GET, false, "/v1/models", &models_handler},
    {NET_GET, false, "/v1/models/*", &models_handler},
    {NET_GET, false, "/healthz", &healthz_handler},
    {NET_GET, false, "/readyz", &readyz_handler},
    {NET_GET, false, "/metrics", &metrics_handler},
};

const size_t api_route_count = sizeof api_routes / sizeof api_routes[0];
