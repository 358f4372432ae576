#include "serve/registry/calibration.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"

#define FILE_BYTES 4096 /* ours are below 1 KiB */

void calibration_cpu(char *out, size_t size) {
    char line[256], name[96] = "unknown processor";
    FILE *f = fopen("/proc/cpuinfo", "re");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (!colon ||
            (strncmp(line, "model name", 10) != 0 && strncmp(line, "CPU part", 8) != 0))
            continue;
        size_t n = strcspn(colon + 1, "\n");
        snprintf(name, sizeof name, "%.*s", (int)n, colon + 1);
        break;
    }
    if (f)
        fclose(f);
    snprintf(out, size, "%s x%ld", name + (name[0] == ' '),
             sysconf(_SC_NPROCESSORS_ONLN));
}

static void file_path(const model_manifest *m, const char *end, char *out, size_t size) {
    snprintf(out, size, "%s/calibration/%s.json%s", m->cache_dir, m->name, end);
}

static bool get_text(const cJSON *json, const char *key, char *out, size_t size) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
    if (!text || strlen(text) >= size)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

/* A finite number within 0..max. */
static bool get_number(const cJSON *json, const char *key, double max, double *out) {
    double value = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, key));
    if (!(value >= 0 && value <= max))
        return false;
    *out = value;
    return true;
}

static bool take(const cJSON *json, const model_manifest *m, calibration *out) {
    char hash[65], cpu[sizeof out->cpu];
    calibration_cpu(cpu, sizeof cpu);
    double threads = 0, slots = 0, when = 0;
    bool whole =
        get_text(json, "manifest_sha256", hash, sizeof hash) &&
        get_text(json, "engine_version", out->engine_version,
                 sizeof out->engine_version) &&
        get_text(json, "cpu", out->cpu, sizeof out->cpu) &&
        get_text(json, "recording", out->recording, sizeof out->recording) &&
        get_number(json, "threads", 256, &threads) &&
        get_number(json, "slots", LIMIT_WORKER_SLOTS, &slots) &&
        get_number(json, "slots_per_core", 1e6, &out->slots_per_core) &&
        get_number(json, "rtf", 1e6, &out->rtf) &&
        get_number(json, "memory_per_slot_kib", 1e12, &out->memory_per_slot_kib) &&
        get_number(json, "first_partial_unloaded_ms", 1e9, &out->unloaded_ms) &&
        get_number(json, "first_partial_ms", 1e9, &out->loaded_ms) &&
        get_number(json, "measured_unix_s", 1e12, &when);
    if (!whole || strcmp(hash, m->hash) != 0 || strcmp(out->cpu, cpu) != 0)
        return false;
    out->threads = (unsigned)threads;
    out->slots = (unsigned)slots;
    out->measured_unix_s = (uint64_t)when;
    return out->threads > 0 && out->slots > 0;
}

bool calibration_read(const model_manifest *m, calibration *out) {
    char path[512], text[FILE_BYTES];
    file_path(m, "", path, sizeof path);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    cJSON *json = n < sizeof text ? cJSON_ParseWithLength(text, n) : NULL;
    calibration c = {0};
    bool good = json && take(json, m, &c);
    cJSON_Delete(json);
    if (good)
        *out = c;
    return good;
}

static void encode(const model_manifest *m, const calibration *c, buf *out) {
    buf_add_text(out, "{\n  \"model\": ");
    buf_add_json(out, m->name);
    buf_addf(out, ",\n  \"manifest_sha256\": \"%s\",\n  \"engine_version\": ", m->hash);
    buf_add_json(out, c->engine_version);
    buf_add_text(out, ",\n  \"cpu\": ");
    buf_add_json(out, c->cpu);
    buf_add_text(out, ",\n  \"recording\": ");
    buf_add_json(out, c->recording);
    buf_addf(out,
             ",\n  \"threads\": %u,\n  \"slots\": %u,\n  \"slots_per_core\": %.2f,\n"
             "  \"rtf\": %.5f,\n  \"memory_per_slot_kib\": %.0f,\n"
             "  \"first_partial_unloaded_ms\": %.0f,\n  \"first_partial_ms\": %.0f,\n"
             "  \"measured_unix_s\": %llu\n}\n",
             c->threads, c->slots, c->slots_per_core, c->rtf, c->memory_per_slot_kib,
             c->unloaded_ms, c->loaded_ms, (unsigned long long)c->measured_unix_s);
}

static status write_whole(const char *path, const buf *text) {
    FILE *f = fopen(path, "we");
    if (!f)
        return ERR_IO;
    bool good = fwrite(text->data, 1, text->size, f) == text->size;
    return fclose(f) == 0 && good ? OK : ERR_IO;
}

status calibration_write(const model_manifest *m, const calibration *c, diag *d) {
    char folder[320], path[512], part[512];
    snprintf(folder, sizeof folder, "%s/calibration", m->cache_dir);
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) {
        diag_at(d, folder, 0, 0);
        return diag_set(d, ERR_IO, "cannot make the folder: %s", strerror(errno));
    }
    file_path(m, "", path, sizeof path);
    file_path(m, ".part", part, sizeof part);
    buf text;
    buf_init(&text, FILE_BYTES);
    encode(m, c, &text);
    status s = text.failed ? ERR_MEMORY : write_whole(part, &text);
    buf_deinit(&text);
    if (s == OK && rename(part, path) != 0)
        s = ERR_IO;
    if (s == OK)
        return OK;
    diag_at(d, path, 0, 0);
    return diag_set(d, s, "cannot write the measurement");
}
