/* GET /healthz and /readyz, for a load balancer. Neither asks for a key: they tell
 * nothing of anybody. */
#include "base/buf.h"
#include "serve/api/api.h"
#include "serve/app.h"

static void *healthz_open(net_conn *c, const net_request *r, void *context) {
    (void)r;
    (void)context;
    static const char ok[] = "{\"status\":\"ok\"}\n";
    net_reply(c, 200, "application/json", NULL, ok, sizeof ok - 1);
    return NULL;
}

static const char *reason_of(status s) {
    switch (s) {
    case ERR_CANCELLED:
        return "draining";
    case ERR_CAPACITY:
        return "saturated";
    default:
        return "not_loaded";
    }
}

static void *readyz_open(net_conn *c, const net_request *r, void *context) {
    (void)r;
    const app *a = context;
    diag d = DIAG_INIT;
    status s = app_ready(a, &d);
    pool_stats stats;
    pool_get_stats(a->pool, &stats);
    buf body;
    buf_init(&body, 4096);
    buf_addf(&body, "{\"status\":\"%s\"", s == OK ? "ready" : "not_ready");
    if (s != OK) {
        buf_addf(&body, ",\"reason\":\"%s\",\"message\":", reason_of(s));
        buf_add_json(&body, d.text);
    }
    buf_addf(&body,
             ",\"slots\":%u,\"open\":%u,\"workers_ready\":%u,\"workers_wanted\":%u}\n",
             stats.slots, stats.open, stats.workers_ready, stats.workers_wanted);
    net_reply(c, s == OK ? 200 : 503, "application/json",
              s == OK ? "Cache-Control: no-store\r\n"
                      : "Cache-Control: no-store\r\nRetry-After: 1\r\n",
              body.data, body.size);
    buf_deinit(&body);
    return NULL;
}

const net_handler healthz_handler = {.open = healthz_open};
const net_handler readyz_handler = {.open = readyz_open};
