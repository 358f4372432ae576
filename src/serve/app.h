/* serve/app.h: what the parts of a running server share. One per process; created by
 * serve_command (serve/serve.h), borrowed by everything else. Loop thread only. */
#ifndef ROSTRUM_SERVE_APP_H
#define ROSTRUM_SERVE_APP_H

#include <stdbool.h>
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

/* The served model a client's name means: its own name, an alias of the config, or the
 * default for "" and for the names of hosted models ("whisper-1", "gpt-4o-transcribe",
 * "gpt-realtime", "nova-3" and their variants). NULL: none. */
const model_manifest *app_model(const app *a, const char *name);

/* The model for requests that name none: the one of models.default; else the first of
 * the pool that has a ready worker, else the first. NULL: no model is served. */
const model_manifest *app_default_model(const app *a);

/* How app_model reads a name: the name of the model it means, "" for the default, or name
 * itself. Pure. */
const char *app_model_name(const config *c, const char *name);

/* Would a session on the default model be admitted now? OK; ERR_STATE: its workers are
 * still loading or gone; ERR_CAPACITY: its slots are taken or its workers pressed;
 * ERR_CANCELLED: draining. d says more. */
MUST_CHECK status app_ready(const app *a, diag *d);

/* Checks the caller of a request (Authorization: Bearer|Token, or the key
 * subprotocol). OK, or ERR_AUTH with d; fills *out_tenant (never a secret). */
MUST_CHECK status app_authorise(app *a, net_conn *c, key_identity *out_tenant, diag *d);

#endif
