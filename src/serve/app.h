/* serve/app.h: what the parts of a running server share. One per process; created by
 * serve_main, borrowed by everything else. Loop thread only. */
#ifndef ROSTRUM_SERVE_APP_H
#define ROSTRUM_SERVE_APP_H

#include <uv.h>

#include "conf/config.h"
#include "net/server.h"
#include "serve/pool/pool.h"
#include "serve/telemetry/metrics.h"
#include "serve/tenant/keys.h"

typedef struct app {
    uv_loop_t *loop;
    const config *config;
    pool *pool;
    net_server *server;
    metrics *metrics;
    keyring *keys;
    const model_manifest *models; /* [n_models] every manifest that verified */
    size_t n_models;
    bool draining;
    uint64_t started_unix_s;
} app;

/* The registry model a client's name means: exact name, an alias of the config
 * ("whisper-1", "gpt-4o-transcribe", "nova-3" ...), or the default for "". NULL: none. */
const model_manifest *app_model(const app *a, const char *name);

/* Checks the caller of a request (Authorization: Bearer|Token, or the key
 * subprotocol). OK, or ERR_AUTH with d; fills *out_tenant (never a secret). */
MUST_CHECK status app_authorise(app *a, net_conn *c, key_identity *out_tenant, diag *d);

#endif
