#include "engine/hello.h"

#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "engine/proto.h"

static void add_text(buf *b, const char *name, const char *value) {
    buf_addf(b, ",\"%s\":", name);
    buf_add_json(b, value);
}

void hello_encode(buf *b, const engine_hello *hello) {
    buf_addf(b, "{\"protocol\":%d", ENGINE_PROTO_VERSION);
    add_text(b, "model", hello->model);
    add_text(b, "model_dir", hello->model_dir);
    buf_add_text(b, ",\"settings\":{");
    for (size_t i = 0; i < hello->n_settings; i++) {
        if (i > 0)
            buf_add_text(b, ",");
        buf_add_json(b, hello->settings[i].key);
        buf_add_text(b, ":");
        buf_add_json(b, hello->settings[i].value);
    }
    buf_addf(b, "},\"threads\":%u,\"slots\":%u,\"pool\":\"%s\",\"memory_mb\":%u}",
             hello->threads, hello->slots, hello->batch ? "batch" : "realtime",
             hello->memory_mb);
}

void facts_encode(buf *b, const engine_facts *facts) {
    buf_addf(b, "{\"protocol\":%u,\"abi\":%u", facts->protocol, facts->abi);
    add_text(b, "engine", facts->engine);
    add_text(b, "version", facts->version);
    buf_addf(b,
             ",\"sample_rate_hz\":%u,\"vad\":%s,\"second_pass\":%s,\"slots\":%u,"
             "\"load_ms\":%u,\"rss_kib\":%u}",
             facts->sample_rate_hz, facts->vad ? "true" : "false",
             facts->second_pass ? "true" : "false", facts->slots, facts->load_ms,
             facts->rss_kib);
}

/* Readers of one field: the first that fails fills d and turns the rest off. */
typedef struct {
    const cJSON *object;
    diag *d;
    status result;
} fields;

static void refuse(fields *f, const char *name, const char *wanted) {
    if (f->result == OK)
        f->result = diag_field(f->d, ERR_SYNTAX, name, "must be %s", wanted);
}

static void get_text(fields *f, const char *name, char *out, size_t size) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(f->object, name);
    const char *text = cJSON_GetStringValue(item);
    if (!text || strlen(text) >= size) {
        refuse(f, name, "a string that is not too long");
        return;
    }
    memcpy(out, text, strlen(text) + 1);
}

static uint32_t get_number(fields *f, const char *name, double min, double max) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(f->object, name);
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(value >= min && value <= max) || value != floor(value)) {
        refuse(f, name, "a whole number in range");
        return 0;
    }
    return (uint32_t)value;
}

static bool get_bool(fields *f, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(f->object, name);
    if (!cJSON_IsBool(item))
        refuse(f, name, "true or false");
    return cJSON_IsTrue(item);
}

static status parse(const uint8_t *json, size_t n, cJSON **out, diag *d) {
    if (n > HELLO_BYTES_MAX)
        return diag_set(d, ERR_SYNTAX, "longer than %u bytes", HELLO_BYTES_MAX);
    cJSON *object = cJSON_ParseWithLength((const char *)json, n);
    if (!cJSON_IsObject(object)) {
        cJSON_Delete(object);
        return diag_set(d, ERR_SYNTAX, "not a JSON object");
    }
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(object, "protocol");
    if (!cJSON_IsNumber(version) || version->valuedouble != ENGINE_PROTO_VERSION) {
        cJSON_Delete(object);
        return diag_field(d, ERR_INTEGRITY, "protocol",
                          "the two sides are of different builds: %d is spoken here",
                          ENGINE_PROTO_VERSION);
    }
    *out = object;
    return OK;
}

static void get_settings(fields *f, engine_hello *out) {
    const cJSON *settings = cJSON_GetObjectItemCaseSensitive(f->object, "settings");
    if (!cJSON_IsObject(settings) || cJSON_GetArraySize(settings) > HELLO_SETTINGS_MAX) {
        refuse(f, "settings", "an object with few enough members");
        return;
    }
    const cJSON *item;
    cJSON_ArrayForEach(item, settings) {
        hello_setting *s = &out->settings[out->n_settings];
        const char *value = cJSON_GetStringValue(item);
        if (!value || strlen(value) >= sizeof s->value ||
            strlen(item->string) >= sizeof s->key) {
            refuse(f, "settings", "strings that are not too long");
            return;
        }
        memcpy(s->key, item->string, strlen(item->string) + 1);
        memcpy(s->value, value, strlen(value) + 1);
        out->n_settings++;
    }
}

static void get_pool(fields *f, engine_hello *out) {
    char pool[16] = "";
    get_text(f, "pool", pool, sizeof pool);
    out->batch = strcmp(pool, "batch") == 0;
    if (!out->batch && strcmp(pool, "realtime") != 0)
        refuse(f, "pool", "realtime or batch");
}

status hello_decode(const uint8_t *json, size_t n, engine_hello *out, diag *d) {
    cJSON *object;
    status s = parse(json, n, &object, d);
    if (s != OK)
        return s;
    engine_hello hello = {0};
    fields f = {object, d, OK};
    get_text(&f, "model", hello.model, sizeof hello.model);
    get_text(&f, "model_dir", hello.model_dir, sizeof hello.model_dir);
    get_settings(&f, &hello);
    hello.threads = get_number(&f, "threads", 1, HELLO_THREADS_MAX);
    hello.slots = get_number(&f, "slots", 1, LIMIT_WORKER_SLOTS);
    get_pool(&f, &hello);
    hello.memory_mb = get_number(&f, "memory_mb", 0, HELLO_MEMORY_MB_MAX);
    cJSON_Delete(object);
    if (f.result == OK)
        *out = hello;
    return f.result;
}

status facts_decode(const uint8_t *json, size_t n, engine_facts *out, diag *d) {
    cJSON *object;
    status s = parse(json, n, &object, d);
    if (s != OK)
        return s;
    engine_facts facts = {.protocol = ENGINE_PROTO_VERSION};
    fields f = {object, d, OK};
    facts.abi = get_number(&f, "abi", 0, UINT32_MAX);
    get_text(&f, "engine", facts.engine, sizeof facts.engine);
    get_text(&f, "version", facts.version, sizeof facts.version);
    facts.sample_rate_hz = get_number(&f, "sample_rate_hz", 1, 192000);
    facts.vad = get_bool(&f, "vad");
    facts.second_pass = get_bool(&f, "second_pass");
    facts.slots = get_number(&f, "slots", 0, LIMIT_WORKER_SLOTS);
    facts.load_ms = get_number(&f, "load_ms", 0, UINT32_MAX);
    facts.rss_kib = get_number(&f, "rss_kib", 0, UINT32_MAX);
    cJSON_Delete(object);
    if (f.result == OK)
        *out = facts;
    return f.result;
}
