/* What a client's model name means, whether the server would take a session, and where a
 * key may stand in a request. The pool and the connection are made of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <cmocka.h>

#include "serve/app.h"

/* ---- the pool ---- */

static model_manifest manifests[] = {
    {.name = "two-pass"}, {.name = "tiny"}, {.name = "floor"}};
enum { MODELS = sizeof manifests / sizeof manifests[0] };
static pool_worker_view workers[MODELS];
static pool_stats stats;

const model_manifest *pool_model(const pool *p, size_t i) {
    (void)p;
    return i < MODELS ? &manifests[i] : NULL;
}

bool pool_get_worker(const pool *p, size_t i, pool_worker_view *out) {
    (void)p;
    if (i < MODELS)
        *out = workers[i];
    return i < MODELS;
}

void pool_get_stats(const pool *p, pool_stats *out) {
    (void)p;
    *out = stats;
}

/* ---- the connection: one header ---- */

static const char *header_name, *header_value;

int net_header(net_conn *c, const char *name, char *out, size_t size) {
    (void)c;
    if (!header_name || strcasecmp(name, header_name) != 0)
        return -1;
    return snprintf(out, size, "%s", header_value);
}

/* ---- */

static config settings;
static app the_app = {.config = &settings};

static int everything_ready(void **state) {
    (void)state;
    config_defaults(&settings);
    for (size_t i = 0; i < MODELS; i++)
        workers[i] =
            (pool_worker_view){.model = &manifests[i], .ready = true, .slots = 4};
    stats = (pool_stats){.workers_ready = 3, .slots = 12};
    the_app.draining = false;
    header_name = NULL;
    return 0;
}

static void a_name_means_itself_an_alias_or_the_default(void **state) {
    (void)state;
    snprintf(settings.aliases[0].from, 64, "house");
    snprintf(settings.aliases[0].to, 64, "tiny");
    snprintf(settings.aliases[1].from, 64, "nova-2"); /* goes before the hosted names */
    snprintf(settings.aliases[1].to, 64, "floor");
    snprintf(settings.aliases[2].from, 64, "lost");
    snprintf(settings.aliases[2].to, 64, "not-served");
    settings.n_aliases = 3;
    static const struct {
        const char *name, *model;
    } rows[] = {
        {"", "two-pass"},
        {"tiny", "tiny"},
        {"house", "tiny"},
        {"whisper-1", "two-pass"},
        {"gpt-4o-transcribe", "two-pass"},
        {"gpt-4o-mini-transcribe-2025-03-20", "two-pass"},
        {"gpt-realtime", "two-pass"},
        {"gpt-realtime-mini", "two-pass"},
        {"nova-3", "two-pass"},
        {"nova-3-medical", "two-pass"},
        {"nova-2", "floor"},
        {"novasomething", NULL}, /* not a variant: another name */
        {"whisper-large", NULL}, /* somebody expects that very model */
        {"TINY", NULL},
        {"lost", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const model_manifest *m = app_model(&the_app, rows[i].name);
        if (rows[i].model ? !m || strcmp(m->name, rows[i].model) != 0 : m != NULL)
            fail_msg("%s means %s", rows[i].name, m ? m->name : "nothing");
    }
}

static void the_default_is_the_best_that_works(void **state) {
    (void)state;
    assert_string_equal(app_default_model(&the_app)->name, "two-pass");
    workers[0].ready = false;
    assert_string_equal(app_default_model(&the_app)->name, "tiny");
    workers[1].ready = workers[2].ready = false;
    assert_string_equal(app_default_model(&the_app)->name, "two-pass");
    snprintf(settings.default_model, sizeof settings.default_model, "floor");
    assert_string_equal(app_default_model(&the_app)->name, "floor"); /* as it was told */
}

static void readiness_says_why_not(void **state) {
    (void)state;
    diag d = DIAG_INIT;
    assert_int_equal(app_ready(&the_app, &d), OK);
    workers[0].ready = false; /* loading: the others do not make up for the best */
    assert_int_equal(app_ready(&the_app, &d), ERR_STATE);
    snprintf(workers[0].failure, sizeof workers[0].failure, "no memory");
    assert_int_equal(app_ready(&the_app, &d), OK); /* it will not come: tiny is next */
    workers[1].open = 3;
    workers[1].closing = 1; /* not free before its worker said so */
    assert_int_equal(app_ready(&the_app, &d), ERR_CAPACITY);
    workers[1].closing = 0;
    stats.workers_pressed = 3;
    assert_int_equal(app_ready(&the_app, &d), ERR_CAPACITY);
    stats.workers_pressed = 0;
    assert_int_equal(app_ready(&the_app, &d), OK);
    the_app.draining = true;
    assert_int_equal(app_ready(&the_app, &d), ERR_CANCELLED);
    the_app.draining = false;
    for (size_t i = 0; i < MODELS; i++) {
        workers[i].ready = false;
        snprintf(workers[i].failure, sizeof workers[i].failure, "gone");
    }
    assert_int_equal(app_ready(&the_app, &d), ERR_STATE);
}

static void a_key_may_stand_in_three_places(void **state) {
    (void)state;
    static const struct {
        const char *name, *value;
        bool in;
    } rows[] = {
        {"authorization", "Bearer swordfish", true},
        {"authorization", "bearer  swordfish", true},
        {"authorization", "Token swordfish", true}, /* Deepgram */
        {"sec-websocket-protocol", "realtime, openai-insecure-api-key.swordfish, x",
         true},
        {"sec-websocket-protocol", "token, swordfish", true}, /* Deepgram in a browser */
        {"authorization", "Basic swordfish", false},
        {"authorization", "swordfish", false},
        {"authorization", "Bearer sword fish", false},
        {"authorization", "Bearer ", false},
        {"sec-websocket-protocol", "swordfish", false},
        {"sec-websocket-protocol", "token", false},
        {"x-api-key", "swordfish", false},
        {NULL, NULL, false},
    };
    char path[] = "keys_XXXXXX";
    int fd = mkstemp(path);
    static const char line[] =
        "bob sha256:b9f195c5cc7ef6afadbfbc42892ad47d3b24c6bc94bb510c4564a90a14e8b799\n";
    assert_int_equal(write(fd, line, sizeof line - 1), (ssize_t)sizeof line - 1);
    close(fd);
    diag d = DIAG_INIT;
    assert_int_equal(keyring_load(path, &the_app.keys, &d), OK);
    unlink(path);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        key_identity who = {.tenant = "nobody"};
        header_name = rows[i].name;
        header_value = rows[i].value;
        d = DIAG_INIT;
        status s = app_authorise(&the_app, NULL, &who, &d);
        if (s != (rows[i].in ? OK : ERR_AUTH))
            fail_msg("row %zu: %s", i, status_name(s));
        assert_string_equal(who.tenant, rows[i].in ? "bob" : "nobody");
        assert_null(strstr(d.text, "fish")); /* what was tried is not repeated */
    }
    keyring_destroy(the_app.keys);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup(name, everything_ready)
    const struct CMUnitTest tests[] = {
        CASE(a_name_means_itself_an_alias_or_the_default),
        CASE(the_default_is_the_best_that_works),
        CASE(readiness_says_why_not),
        CASE(a_key_may_stand_in_three_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
