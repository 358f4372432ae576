#include "serve/app.h"

#include <string.h>
#include <strings.h>

/* Names clients send without meaning one of our models. A name that continues one of
 * these after '-' means the same ("nova-3-medical", "gpt-4o-transcribe-2025-01-01"). */
static const char *const hosted_names[] = {
    "whisper-1",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-realtime",
    "gpt-4o-realtime",
    "gpt-4o-mini-realtime",
    "gpt-realtime-mini",
    "nova",
    "enhanced",
    "base",
};

const char *app_model_name(const config *c, const char *name) {
    for (unsigned i = 0; i < c->n_aliases; i++)
        if (strcmp(c->aliases[i].from, name) == 0)
            return c->aliases[i].to;
    for (size_t i = 0; i < sizeof hosted_names / sizeof hosted_names[0]; i++) {
        size_t n = strlen(hosted_names[i]);
        if (strncmp(hosted_names[i], name, n) == 0 && (name[n] == '\0' || name[n] == '-'))
            return "";
    }
    return name;
}

static const model_manifest *served(const app *a, const char *name) {
    const model_manifest *m;
    for (size_t i = 0; (m = pool_model(a->pool, i)); i++)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

static bool has_ready_worker(const app *a, const model_manifest *m) {
    pool_worker_view view;
    for (size_t i = 0; pool_get_worker(a->pool, i, &view); i++)
        if (view.model == m && view.ready)
            return true;
    return false;
}

const model_manifest *app_default_model(const app *a) {
    if (a->config->default_model[0])
        return served(a, a->config->default_model);
    const model_manifest *m;
    for (size_t i = 0; (m = pool_model(a->pool, i)); i++)
        if (has_ready_worker(a, m))
            return m;
    return pool_model(a->pool, 0);
}

const model_manifest *app_model(const app *a, const char *name) {
    const model_manifest *m = name[0] ? served(a, name) : NULL;
    if (m)
        return m; /* a served model goes before an alias of the same name */
    const char *meant = app_model_name(a->config, name);
    return meant[0] ? served(a, meant) : app_default_model(a);
}

status app_ready(const app *a, diag *d) {
    if (a->draining)
        return diag_set(d, ERR_CANCELLED, "draining: running sessions may finish");
    pool_worker_view view;
    for (size_t i = 0; pool_get_worker(a->pool, i, &view); i++)
        if (!view.ready &&
            !view.failure[0]) /* the best model may be the slowest to load */
            return diag_set(d, ERR_STATE, "model %s is loading", view.model->name);
    const model_manifest *m = app_default_model(a);
    if (!m)
        return diag_set(d, ERR_STATE, "no model is served");
    unsigned ready = 0, slots = 0, taken = 0;
    for (size_t i = 0; pool_get_worker(a->pool, i, &view); i++) {
        if (view.model != m || !view.ready)
            continue;
        ready++;
        slots += view.slots;
        taken += view.open + view.closing;
    }
    if (ready == 0)
        return diag_set(d, ERR_STATE, "no worker of model %s is ready", m->name);
    if (taken >= slots)
        return diag_set(d, ERR_CAPACITY, "all %u slots of model %s are taken", slots,
                        m->name);
    pool_stats stats;
    pool_get_stats(a->pool, &stats);
    if (stats.workers_pressed >= stats.workers_ready)
        return diag_set(d, ERR_CAPACITY, "the workers are behind with their work");
    return OK;
}

/* The key of "Bearer KEY" or "Token KEY"; NULL when it is neither. */
static const char *key_of_header(const char *value) {
    static const char *const schemes[] = {"Bearer", "Token"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t n = strlen(schemes[i]);
        if (strncasecmp(value, schemes[i], n) == 0 && value[n] == ' ')
            return value + n + strspn(value + n, " ");
    }
    return NULL;
}

/* The key a browser passes as a subprotocol, for it cannot set headers:
 * "realtime, openai-insecure-api-key.KEY" (OpenAI) or "token, KEY" (Deepgram).
 * list is cut up in place. */
static const char *key_of_subprotocols(char *list) {
    static const char prefix[] = "openai-insecure-api-key.";
    char *save = NULL;
    for (char *item = strtok_r(list, ", \t", &save); item;
         item = strtok_r(NULL, ", \t", &save)) {
        if (strncmp(item, prefix, sizeof prefix - 1) == 0)
            return item + sizeof prefix - 1;
        if (strcasecmp(item, "token") == 0 || strcasecmp(item, "bearer") == 0)
            return strtok_r(NULL, ", \t", &save);
    }
    return NULL;
}

status app_authorise(app *a, net_conn *c, key_identity *out_tenant, diag *d) {
    char given[1024] = "";
    const char *key = NULL;
    if (net_header(c, "authorization", given, sizeof given) > 0)
        key = key_of_header(given);
    else if (net_header(c, "sec-websocket-protocol", given, sizeof given) > 0)
        key = key_of_subprotocols(given);
    status s = keyring_check(a->keys, key, out_tenant);
    if (s != OK)
        (void)diag_set(d, s,
                       key && *key ? "this API key is not known here"
                                   : "an API key is needed: Authorization: Bearer KEY");
    explicit_bzero(given, sizeof given);
    return s;
}
