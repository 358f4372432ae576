/* serve/registry/speech.h: a recording to try an engine with.
 *
 * The first of: the file asked for; the prompts that `make run` unpacked beside the
 * program; Debian's pocketsphinx-testdata; a tone of our own, which no engine has words
 * for. Clips are joined with silence between, so that each is an utterance. File I/O. */
#ifndef ROSTRUM_SERVE_SPEECH_H
#define ROSTRUM_SERVE_SPEECH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define SPEECH_CLIPS_MAX 16

typedef struct {
    int16_t *pcm; /* [n], 16 kHz mono */
    size_t n;
    size_t starts[SPEECH_CLIPS_MAX]; /* samples */
    size_t n_clips;
    bool real;      /* false: the tone */
    char name[128]; /* for a person */
} speech;

/* path: a file to use instead, or NULL. program_dir: where this program is. With path
 * NULL it always finds something. */
MUST_CHECK status speech_load(const char *path, const char *program_dir, speech *out,
                              diag *d);
void speech_deinit(speech *s);

#endif
