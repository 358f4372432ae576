/* A client's Realtime event of any bytes: parsed, its audio decoded, its session applied
 * and echoed. The echo must be a session that an update takes and echoes the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "serve/api/base64.h"
#include "serve/api/realtime_config.h"
#include "serve/api/realtime_events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void decode_audio(const realtime_event *e) {
    uint8_t *out = malloc(BASE64_BYTES(e->audio_bytes) + 1);
    size_t n = 0;
    if (out && base64_decode(e->audio, e->audio_bytes, out, &n))
        ASSERT(n <= BASE64_BYTES(e->audio_bytes));
    free(out);
}

static void echo(const realtime_config *c, buf *out) {
    buf_init(out, 1u << 20);
    realtime_config_write(c, "sess_0", c->model, out);
    ASSERT(!out->failed);
}

/* An echo is given back to the session it came from. */
static void apply_echo(const realtime_config *c, const engine_listen *defaults) {
    realtime_config again;
    diag d = DIAG_INIT;
    buf first, second;
    echo(c, &first);
    cJSON *tree = cJSON_Parse(buf_text(&first));
    ASSERT(tree);
    if (realtime_config_update(c, defaults, tree, &again, &d) == OK) {
        echo(&again, &second);
        ASSERT(strcmp(buf_text(&first), buf_text(&second)) == 0);
        buf_deinit(&second);
        realtime_config_deinit(&again);
    } else {
        /* a model name of bytes that are no UTF-8 grows when it is echoed */
        ASSERT(strstr(buf_text(&first), "\xEF\xBF\xBD"));
    }
    cJSON_Delete(tree);
    buf_deinit(&first);
}

static void update(const realtime_event *e) {
    engine_listen defaults = engine_listen_default;
    engine_listen listen;
    realtime_config from, to;
    diag d = DIAG_INIT;
    realtime_config_init(&from, &defaults);
    if (realtime_config_update(&from, &defaults, e->session, &to, &d) == OK) {
        realtime_config_listen(&to, &listen);
        apply_echo(&to, &defaults);
        realtime_config_deinit(&to);
    }
    realtime_config_deinit(&from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    realtime_event e;
    diag d = DIAG_INIT;
    if (realtime_event_parse((const char *)data, n, &e, &d) != OK)
        return 0;
    if (e.kind == EVENT_APPEND)
        decode_audio(&e);
    if (e.kind == EVENT_UPDATE)
        update(&e);
    realtime_event_free(&e);
    return 0;
}
