#include "serve/api/admit.h"

#include <stdio.h>
#include <string.h>

status admission_enter(app *a, net_conn *c, admission *out, diag *d) {
    *out = (admission){0};
    if (a->draining)
        return diag_set(d, ERR_CAPACITY, "this server is about to stop; try another");
    key_identity who;
    status st = app_authorise(a, c, &who, d);
    if (st != OK)
        return st;
    if (keyring_enter(a->keys, &who) != OK)
        return diag_set(d, ERR_QUOTA,
                        "this key may have %u sessions at a time and has them",
                        who.max_sessions);
    out->app = a;
    out->who = who;
    return OK;
}

void admission_leave(admission *m) {
    if (m->app)
        keyring_leave(m->app->keys, &m->who);
    m->app = NULL;
}

static const struct {
    status why;
    int http;
    const char *type;
    const char *code;
} refusals[] = {
    {ERR_INVALID, 400, "invalid_request_error", "invalid_value"},
    {ERR_SYNTAX, 400, "invalid_request_error", "invalid_request"},
    {ERR_UNSUPPORTED, 400, "invalid_request_error", "unsupported_value"},
    {ERR_STATE, 400, "invalid_request_error", "invalid_state"},
    {ERR_NOT_FOUND, 404, "invalid_request_error", "model_not_found"},
    {ERR_LIMIT, 413, "invalid_request_error", "limit_exceeded"},
    {ERR_TIMEOUT, 408, "invalid_request_error", "timeout"},
    {ERR_AUTH, 401, "invalid_request_error", "invalid_api_key"},
    {ERR_QUOTA, 429, "rate_limit_error", "rate_limit_exceeded"},
    {ERR_CAPACITY, 503, "server_error", "no_capacity"},
    {ERR_MEMORY, 503, "server_error", "no_capacity"},
    {ERR_LOST, 500, "server_error", "worker_lost"},
    {ERR_ENGINE, 500, "server_error", "engine_error"},
};

static size_t refusal(status why) {
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (refusals[i].why == why)
            return i;
    return sizeof refusals / sizeof *refusals - 1;
}

int refusal_http_status(status why) {
    return refusals[refusal(why)].http;
}

static void add_or_null(buf *out, const char *text) {
    if (text[0])
        buf_add_json(out, text);
    else
        buf_add_text(out, "null");
}

void openai_error_object(const diag *d, const char *code, const char *event_id,
                         buf *out) {
    size_t i = refusal(d->code);
    buf_add_text(out, "{\"type\":");
    buf_add_json(out, refusals[i].type);
    buf_add_text(out, ",\"code\":");
    buf_add_json(out, code ? code : refusals[i].code);
    buf_add_text(out, ",\"message\":");
    buf_add_json(out, d->text[0] ? d->text : status_text(d->code));
    buf_add_text(out, ",\"param\":");
    add_or_null(out, d->field);
    if (event_id) {
        buf_add_text(out, ",\"event_id\":");
        add_or_null(out, event_id);
    }
    buf_add_text(out, "}");
}

static void error_body(const diag *d, buf *out) {
    buf_init(out, 4096);
    buf_add_text(out, "{\"error\":");
    openai_error_object(d, NULL, NULL, out);
    buf_add_text(out, "}");
}

/* Seconds for Retry-After; 0: waiting does not help. */
static unsigned retry_after(status why, unsigned retry_after_s) {
    bool helps = why == ERR_CAPACITY || why == ERR_QUOTA || why == ERR_MEMORY;
    if (!helps)
        return 0;
    return retry_after_s ? retry_after_s : RETRY_AFTER_S;
}

void openai_refuse_ws(app *a, net_conn *c, const diag *d, unsigned retry_after_s) {
    buf body;
    error_body(d, &body);
    metric_add(a->metrics, M_REFUSALS, status_name(d->code), 1);
    net_refuse(c, refusal_http_status(d->code), retry_after(d->code, retry_after_s),
               buf_text(&body));
    buf_deinit(&body);
}

void openai_refuse_http(app *a, net_conn *c, const diag *d, unsigned retry_after_s) {
    buf body;
    char header[48] = "";
    error_body(d, &body);
    metric_add(a->metrics, M_REFUSALS, status_name(d->code), 1);
    unsigned s = retry_after(d->code, retry_after_s);
    if (s)
        snprintf(header, sizeof header, "Retry-After: %u\r\n", s);
    net_reply(c, refusal_http_status(d->code), "application/json", s ? header : NULL,
              body.data, body.size);
    buf_deinit(&body);
}

void select_subprotocol(net_conn *c, const char *name) {
    char list[512];
    if (net_header(c, "sec-websocket-protocol", list, sizeof list) <= 0)
        return;
    size_t n = strlen(name);
    const char *s = list;
    while (*s) {
        s += strspn(s, " ,\t");
        size_t bytes = strcspn(s, " ,\t");
        if (bytes == n && memcmp(s, name, n) == 0) {
            net_select_subprotocol(c, name);
            return;
        }
        s += bytes;
    }
}
