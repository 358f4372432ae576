/* serve/serve.h: `rostrum serve`: from settings to a running server and back to nothing.
 *
 * Start: settings, manifests, the models whose files verify, workers, the port. The port
 * answers at once; /readyz turns true when the workers have loaded.
 * SIGTERM or SIGINT: no new sessions, running ones may finish for server.drain_s, exit
 * status 0. A second signal ends the process at once.
 * Core dumps are off: memory holds audio and words of other people. Main thread only. */
#ifndef ROSTRUM_SERVE_SERVE_H
#define ROSTRUM_SERVE_SERVE_H

#include "base/args.h"
#include "serve/app.h"

extern const command serve_command;

/* serve_models.c: which models to run. The list is the caller's to free(). */
typedef struct {
    model_manifest *list; /* [n] the models that can be served, best first */
    size_t n;
    pool_worker_config workers[CONFIG_MODELS_MAX]; /* [n], of list */
} serve_models;

/* The models of models.serve, each of which must be there; or the default set, as far as
 * it is there: what is missing is told on standard output, with how to get it.
 * ERR_NOT_FOUND, ERR_INTEGRITY: a model that was asked for, or every one, cannot be
 * served. */
MUST_CHECK status serve_pick_models(const config *c, const char *manifest_dir,
                                    const char *engine_dir, const char *cache_dir,
                                    serve_models *out, diag *d);

/* Every alias of the config must mean one of the served models. ERR_INVALID: d has the
 * alias, the nearest name and the list. */
MUST_CHECK status serve_check_aliases(const config *c, const serve_models *models,
                                      diag *d);

/* serve_run.c: runs until a signal ended it; returns the exit status. ready_file NULL:
 * none; else the port is written there once sessions are taken; if that fails the server
 * stops and d says why. */
int serve_run(app *a, const char *ready_file, diag *d);

/* Could the port be written there? ERR_IO, ERR_LIMIT: d has the path and the reason. The
 * file itself is not touched. */
MUST_CHECK status serve_check_ready_file(const char *path, diag *d);

#endif
