#include "bench/paced.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audio/file.h"
#include "base/limits.h"

enum { FRAME = 160 }; /* 10 ms */

static const float speech_rms = 0.01f; /* -40 dBFS */

static status read_audio(const char *path, paced_prompt *p, diag *d) {
    audio_file *file;
    audio_file_info info;
    status s = audio_file_open_path(path, &file, &info, d);
    if (s != OK)
        return s;
    size_t capacity = (size_t)(info.duration_s * LIMIT_SAMPLE_RATE_HZ) + 4 * FRAME;
    p->pcm = malloc(capacity * sizeof *p->pcm);
    int16_t piece[4096];
    size_t n = 1;
    while (p->pcm && s == OK && n > 0) {
        s = audio_file_read(file, piece, 4096, &n, d);
        for (size_t i = 0; s == OK && i < n && p->samples < capacity; i++)
            p->pcm[p->samples++] = piece[i] / 32768.0f;
    }
    audio_file_destroy(file);
    return p->pcm ? s : ERR_MEMORY;
}

static void find_speech(paced_prompt *p) {
    p->onset = p->samples;
    for (size_t at = 0; at + FRAME <= p->samples; at += FRAME) {
        double energy = 0;
        for (size_t i = 0; i < FRAME; i++)
            energy += (double)p->pcm[at + i] * p->pcm[at + i];
        if (sqrt(energy / FRAME) < speech_rms)
            continue;
        if (p->onset == p->samples)
            p->onset = at;
        p->end = at + FRAME;
    }
}

static status add_prompt(paced_set *set, const char *folder, const char *half,
                         const char *line, diag *d) {
    cJSON *row = cJSON_Parse(line);
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(row, "id"));
    const char *audio = cJSON_GetStringValue(cJSON_GetObjectItem(row, "audio"));
    const char *ref = cJSON_GetStringValue(cJSON_GetObjectItem(row, "ref"));
    const char *which = cJSON_GetStringValue(cJSON_GetObjectItem(row, "half"));
    status s = OK;
    if (!id || !audio || !ref || !which) {
        s = diag_set(d, ERR_SYNTAX, "a manifest row needs id, audio, ref and half");
    } else if (strcmp(half, "all") == 0 || strcmp(half, which) == 0) {
        paced_prompt *grown = realloc(set->prompts, (set->n + 1) * sizeof *grown);
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, audio);
        if (!grown) {
            s = ERR_MEMORY;
        } else {
            set->prompts = grown;
            paced_prompt *p = &grown[set->n++];
            *p = (paced_prompt){.reference = strdup(ref)};
            snprintf(p->id, sizeof p->id, "%s", id);
            s = read_audio(path, p, d);
            if (s == OK)
                find_speech(p);
        }
    }
    cJSON_Delete(row);
    return s;
}

status paced_load(const char *folder, const char *half, paced_set *out, diag *d) {
    char path[1024], line[4096];
    snprintf(path, sizeof path, "%s/manifest.jsonl", folder);
    FILE *f = fopen(path, "r");
    if (!f)
        return diag_set(d, ERR_NOT_FOUND,
                        "%s is missing: make it with rostrum-dataset prompts FOLDER",
                        path);
    paced_set set = {0};
    status s = OK;
    while (s == OK && fgets(line, sizeof line, f))
        s = add_prompt(&set, folder, half, line, d);
    fclose(f);
    if (s == OK && set.n == 0)
        s = diag_set(d, ERR_NOT_FOUND, "%s has no rows of half %s", path, half);
    if (s != OK)
        paced_destroy(&set);
    else
        *out = set;
    return s;
}

void paced_destroy(paced_set *set) {
    for (size_t i = 0; i < set->n; i++) {
        free(set->prompts[i].reference);
        free(set->prompts[i].pcm);
    }
    free(set->prompts);
    *set = (paced_set){0};
}

void paced_add(paced_sample *s, float value) {
    if (s->n == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 256;
        s->values = realloc(s->values, s->capacity * sizeof *s->values);
        if (!s->values)
            abort();
    }
    s->values[s->n++] = value;
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

float paced_quantile(paced_sample *s, double q) {
    if (s->n == 0)
        return -1;
    qsort(s->values, s->n, sizeof *s->values, by_value);
    size_t rank = (size_t)ceil(q * (double)s->n);
    return s->values[rank > 0 ? rank - 1 : 0];
}

void paced_print(const char *name, paced_sample *s) {
    printf("  %-22s p50 %6.0f  p90 %6.0f  p95 %6.0f  p99 %6.0f ms  (%zu)\n", name,
           paced_quantile(s, 0.5), paced_quantile(s, 0.9), paced_quantile(s, 0.95),
           paced_quantile(s, 0.99), s->n);
}

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double paced_now_s(void) {
    return seconds(CLOCK_MONOTONIC);
}

double paced_process_cpu_s(void) {
    return seconds(CLOCK_PROCESS_CPUTIME_ID);
}
