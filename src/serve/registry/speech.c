#include "serve/registry/speech.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/file.h"
#include "base/limits.h"

#define RATE LIMIT_SAMPLE_RATE_HZ
#define GAP (RATE * 8 / 10)     /* ends an utterance at the default 500 ms of silence */
#define CLIP_MIN (RATE * 3 / 2) /* shorter ones are over before there is load */
#define CLIP_MAX (RATE * 20)    /* real traffic has long ones too, and they cost most */
#define TOTAL_MAX ((size_t)RATE * 90)
#define PROMPTS_STEP 12 /* of 241 prompts every so many: other words, not one menu */

static const char *const testdata = "/usr/share/pocketsphinx/test/data/librivox";

/* Appends one file and the gap after it. Clips outside [least, most] are left out. */
static status add_file(const char *path, size_t least, size_t most, speech *s, diag *d) {
    audio_file *f = NULL;
    audio_file_info info;
    status result = audio_file_open_path(path, &f, &info, d);
    if (result != OK)
        return result;
    size_t room = TOTAL_MAX - s->n, n = 0, got = 1;
    while (result == OK && got > 0 && n < room) {
        result = audio_file_read(f, s->pcm + s->n + n, room - n, &got, d);
        n += result == OK ? got : 0;
    }
    audio_file_destroy(f);
    if (result != OK || n < least || n > most || n + GAP > room)
        return result;
    s->starts[s->n_clips++] = s->n;
    memset(s->pcm + s->n + n, 0, GAP * sizeof *s->pcm);
    s->n += n + GAP;
    return OK;
}

static int is_wav(const struct dirent *entry) {
    size_t n = strlen(entry->d_name);
    return n > 4 && strcmp(entry->d_name + n - 4, ".wav") == 0;
}

static void add_folder(const char *folder, int step, speech *s) {
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_wav, alphasort);
    for (int i = 0; i < n; i += step) {
        char path[1024];
        int length = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        diag d = DIAG_INIT; /* a clip that cannot be read is one clip less */
        if (length < (int)sizeof path && s->n_clips < SPEECH_CLIPS_MAX &&
            add_file(path, CLIP_MIN, CLIP_MAX, s, &d) != OK)
            continue;
    }
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
}

/* A chord with a slow beat: keeps encoders as busy as speech does. */
static void add_tone(speech *s) {
    s->starts[s->n_clips++] = s->n;
    for (size_t i = 0; i < (size_t)RATE * 6; i++) {
        double t = (double)i / RATE;
        double beat = 0.5 + 0.5 * sin(6.283185307 * 3 * t);
        s->pcm[s->n++] =
            (int16_t)(6000 * beat *
                      (sin(6.283185307 * 220 * t) + sin(6.283185307 * 700 * t)));
    }
    memset(s->pcm + s->n, 0, GAP * sizeof *s->pcm);
    s->n += GAP;
}

static void find(const char *program_dir, speech *s) {
    char folder[1024];
    snprintf(folder, sizeof folder, "%s/../run/prompts", program_dir);
    add_folder(folder, PROMPTS_STEP, s);
    s->real = true;
    snprintf(s->name, sizeof s->name, "Debian's asterisk-core-sounds-en prompts");
    if (s->n_clips == 0) {
        add_folder(testdata, 1, s);
        snprintf(s->name, sizeof s->name, "Debian's pocketsphinx-testdata");
    }
    if (s->n_clips == 0) {
        add_tone(s);
        s->real = false;
        snprintf(s->name, sizeof s->name,
                 "a tone: no speech found (apt-get install pocketsphinx-testdata)");
    }
}

status speech_load(const char *path, const char *program_dir, speech *out, diag *d) {
    speech s = {.pcm = malloc(TOTAL_MAX * sizeof *s.pcm)};
    if (!s.pcm)
        return diag_set(d, ERR_MEMORY, "no memory for the recording");
    if (path) {
        status result = add_file(path, 1, TOTAL_MAX, &s, d);
        if (result == OK && s.n_clips == 0) {
            diag_at(d, path, 0, 0);
            result = diag_set(d, ERR_LIMIT, "a recording to try with has 1 to %zu s",
                              TOTAL_MAX / RATE - 1);
        }
        if (result != OK) {
            free(s.pcm);
            return result;
        }
        s.real = true;
        snprintf(s.name, sizeof s.name, "%s", path);
    } else {
        find(program_dir, &s);
    }
    *out = s;
    return OK;
}

void speech_deinit(speech *s) {
    free(s->pcm);
    *s = (speech){0};
}
