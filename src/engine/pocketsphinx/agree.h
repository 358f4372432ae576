/* engine/pocketsphinx/agree.h: the committed prefix over hypotheses that change.
 *
 * A word is committed when it stood at its place in the last `agree` hypotheses and its
 * audio ended at least guard_ms before the end of what was decoded. From then on it is
 * fixed, text and times: later hypotheses only continue it, from the first word whose
 * middle lies after the last committed word's end.
 *
 * Fixed memory; no clock or I/O. One thread at a time. */
#ifndef ROSTRUM_POCKETSPHINX_AGREE_H
#define ROSTRUM_POCKETSPHINX_AGREE_H

#include <stddef.h>
#include <stdint.h>

#include "rostrum/engine.h"

#define AGREE_WORDS 256     /* of an utterance of at most 30 s: over 8 a second */
#define AGREE_WORD_BYTES 64 /* base/limits.h, LIMIT_WORD_BYTES */
#define AGREE_HISTORY 4

typedef struct {
    char text[AGREE_WORD_BYTES];
    int32_t start_ms, end_ms;
    float confidence;
} agree_word;

typedef struct {
    unsigned agree; /* 1..AGREE_HISTORY */
    int32_t guard_ms;
    agree_word words[AGREE_WORDS]; /* [n]: what is believed now */
    size_t n, committed;
    /* the uncommitted tails of the hypotheses before, newest first, as word hashes */
    uint64_t tails[AGREE_HISTORY][AGREE_WORDS];
    size_t n_tail[AGREE_HISTORY];
    unsigned n_history;
} agree_state;

void agree_begin(agree_state *a, unsigned agree, int32_t guard_ms);

/* A new hypothesis in order of time, decoded up to now_ms; words beyond the maximum are
 * dropped. all: nothing more comes, commit everything. */
void agree_update(agree_state *a, const agree_word *hypothesis, size_t n, int32_t now_ms,
                  bool all);

#endif
