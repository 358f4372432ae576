/* GET /v1/models and /v1/models/{id} as OpenAI defines them: what is served here. An id
 * may be any name a request may use, aliases included. */
#include <string.h>

#include "base/buf.h"
#include "serve/api/admit.h"
#include "serve/api/api.h"
#include "serve/app.h"

static void put_model(const app *a, const char *id, buf *out) {
    buf_add_text(out, "{\"id\":");
    buf_add_json(out, id);
    buf_addf(out, ",\"object\":\"model\",\"created\":%llu,\"owned_by\":\"rostrum\"}",
             (unsigned long long)a->started_unix_s);
}

static void put_list(const app *a, buf *out) {
    const model_manifest *m;
    buf_add_text(out, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; (m = pool_model(a->pool, i)); i++) {
        if (i)
            buf_add_text(out, ",");
        put_model(a, m->name, out);
    }
    buf_add_text(out, "]}");
}

static void *models_open(net_conn *c, const net_request *r, void *context) {
    static const char folder[] = "/v1/models/";
    app *a = context;
    diag d = DIAG_INIT;
    key_identity who;
    const char *id = strncmp(r->path, folder, sizeof folder - 1) == 0
                         ? r->path + sizeof folder - 1
                         : NULL;
    status s = app_authorise(a, c, &who, &d);
    if (s == OK && id && (!*id || !app_model(a, id)))
        s = diag_field(&d, ERR_NOT_FOUND, "model",
                       "no such model is served here; GET /v1/models lists them");
    if (s != OK) {
        openai_refuse_http(a, c, &d, 0);
        return NULL;
    }
    buf body;
    buf_init(&body, 64u << 10);
    if (id)
        put_model(a, id, &body);
    else
        put_list(a, &body);
    net_reply(c, 200, "application/json", NULL, body.data, body.size);
    buf_deinit(&body);
    return NULL;
}

const net_handler models_handler = {.open = models_open};
