/* A query string of any bytes for GET /v1/listen. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "serve/api/listen_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    char *query = malloc(n + 1);
    listen_query q;
    engine_listen settings;
    diag d = DIAG_INIT;
    if (!query)
        return 0;
    memcpy(query, data, n);
    query[n] = '\0';
    if (listen_query_parse(query, &q, &d) == OK) {
        listen_query_settings(&q, &engine_listen_default, &settings);
        ASSERT(q.format.channels == 1 || q.format.channels == 2);
        ASSERT(settings.silence_ms >= 50);
        ASSERT(settings.silence_ms <= 10000);
        ASSERT(memchr(q.model, '\0', sizeof q.model) != NULL);
        ASSERT(memchr(settings.prompt, '\0', sizeof settings.prompt) != NULL);
    } else {
        ASSERT(d.code != OK);
    }
    free(query);
    return 0;
}
