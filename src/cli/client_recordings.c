#include "cli/client_recordings.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/file.h"
#include "audio/level.h"
#include "base/buf.h"
#include "base/limits.h"

#define SPEECH_DB -40.0f
#define LINE_BYTES 65536

/* The place of speech in pcm[n] at 16 kHz. */
static void find_speech(recording *r, const int16_t *pcm, size_t n) {
    const size_t frame = LEVEL_FRAME_SAMPLES;
    bool found = false;
    r->end_s = r->seconds;
    for (size_t at = 0; at + frame <= n; at += frame) {
        if (level_of(pcm + at, frame) <= SPEECH_DB)
            continue;
        if (!found)
            r->onset_s = (double)at / LIMIT_SAMPLE_RATE_HZ;
        found = true;
        r->end_s = (double)(at + frame) / LIMIT_SAMPLE_RATE_HZ;
    }
}

static status read_all(const char *path, buf *out, diag *d) {
    audio_file *f = NULL;
    status s = audio_file_open_path(path, &f, NULL, d);
    int16_t piece[4096];
    size_t n = 1;
    while (s == OK && n > 0) {
        s = audio_file_read(f, piece, 4096, &n, d);
        if (s == OK)
            buf_add(out, piece, n * sizeof piece[0]);
        if (out->failed)
            s = diag_set(d, ERR_LIMIT, "longer than %d s", RECORDING_SECONDS_MAX);
    }
    audio_file_destroy(f);
    return s;
}

static void recording_deinit(recording *r) {
    free(r->id);
    free(r->reference);
    free(r->pcm);
}

static status add(recordings *list, const char *path, const char *id,
                  const char *reference, const char *half, diag *d) {
    if (list->n == RECORDINGS_MAX)
        return diag_set(d, ERR_LIMIT, "more than %d recordings", RECORDINGS_MAX);
    if (list->n == list->capacity) {
        size_t capacity = list->capacity > 0 ? 2 * list->capacity : 16;
        recording *grown = realloc(list->items, capacity * sizeof *grown);
        if (grown == NULL)
            return diag_set(d, ERR_MEMORY, "no memory for recordings");
        list->items = grown;
        list->capacity = capacity;
    }
    recording r = {.id = strdup(id), .reference = reference ? strdup(reference) : NULL};
    buf pcm;
    buf_init(&pcm, (size_t)RECORDING_SECONDS_MAX * LIMIT_SAMPLE_RATE_HZ * 2);
    snprintf(r.half, sizeof r.half, "%s", half);
    status s = r.id != NULL && (reference == NULL || r.reference != NULL)
                   ? read_all(path, &pcm, d)
                   : diag_set(d, ERR_MEMORY, "no memory for recordings");
    const int16_t *samples = (const int16_t *)(void *)pcm.data;
    size_t n = pcm.size / sizeof *samples;
    r.seconds = (double)n / LIMIT_SAMPLE_RATE_HZ;
    if (s == OK && n == 0)
        s = diag_set(d, ERR_INVALID, "the recording is empty");
    if (s == OK) {
        find_speech(&r, samples, n);
        r.pcm = (int16_t *)(void *)pcm.data; /* taken over */
        r.n = n;
        list->items[list->n++] = r;
    } else {
        buf_deinit(&pcm);
        recording_deinit(&r);
    }
    return s;
}

status recordings_add_file(recordings *r, const char *path, const char *reference,
                           diag *d) {
    const char *name = strrchr(path, '/');
    return add(r, path, name != NULL ? name + 1 : path, reference, "", d);
}

static const char *text_of(const cJSON *row, const char *key) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, key));
}

static status add_row(recordings *r, const char *manifest, const char *half,
                      const char *line, diag *d) {
    cJSON *row = cJSON_Parse(line);
    const char *id = text_of(row, "id"), *audio = text_of(row, "audio");
    const char *ref = text_of(row, "ref"), *mine = text_of(row, "half");
    const char *slash = strrchr(manifest, '/');
    int folder_n = slash != NULL && audio != NULL && audio[0] != '/'
                       ? (int)(slash + 1 - manifest)
                       : 0;
    char path[4096];
    status s = OK;
    if (audio == NULL)
        s = diag_set(d, ERR_SYNTAX,
                     "a row is {\"id\":, \"audio\":, \"ref\":, \"half\":}");
    else if (snprintf(path, sizeof path, "%.*s%s", folder_n, manifest, audio) >=
             (int)sizeof path)
        s = diag_set(d, ERR_LIMIT, "a path of more than %zu bytes", sizeof path);
    else if (strcmp(half, "all") == 0 || (mine != NULL && strcmp(half, mine) == 0))
        s = add(r, path, id != NULL ? id : audio, ref, mine != NULL ? mine : "", d);
    cJSON_Delete(row);
    return s;
}

status recordings_add_manifest(recordings *r, const char *path, const char *half,
                               diag *d) {
    FILE *f = fopen(path, "r");
    diag_at(d, path, 0, 0);
    if (f == NULL)
        return diag_set(d, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s",
                        strerror(errno));
    char *line = malloc(LINE_BYTES);
    status s = line != NULL ? OK : diag_set(d, ERR_MEMORY, "no memory");
    for (int number = 1; s == OK && fgets(line, LINE_BYTES, f) != NULL; number++) {
        if (line[strspn(line, " \t\r\n")] == '\0')
            continue;
        s = add_row(r, path, half, line, d);
        if (s == ERR_SYNTAX)
            diag_at(d, path, number, 0);
    }
    free(line);
    fclose(f);
    return s;
}

void recordings_deinit(recordings *r) {
    for (size_t i = 0; i < r->n; i++)
        recording_deinit(&r->items[i]);
    free(r->items);
    *r = (recordings){0};
}
