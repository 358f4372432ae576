#include "engine/tape.h"

#include <string.h>

#include "base/assert.h"

void tape_init(tape *t, int16_t *samples, uint32_t prefix_padding_ms) {
    *t = (tape){.samples = samples};
    tape_set_prefix(t, prefix_padding_ms);
}

void tape_set_prefix(tape *t, uint32_t prefix_padding_ms) {
    t->keep = (size_t)prefix_padding_ms * SAMPLES_PER_MS + TAPE_EXTRA;
    ASSERT(t->keep + TAPE_SLACK <= TAPE_SAMPLES);
}

void tape_add(tape *t, const int16_t *pcm, size_t n) {
    ASSERT(n <= FRAME_SAMPLES);
    if (t->n + n > t->keep + TAPE_SLACK) {
        size_t kept = t->keep - n;
        memmove(t->samples, t->samples + t->n - kept, kept * sizeof *t->samples);
        t->n = kept;
    }
    memcpy(t->samples + t->n, pcm, n * sizeof *pcm);
    t->n += n;
    t->end += n;
}

uint64_t tape_start(const tape *t) {
    return t->end - (t->n < t->keep ? t->n : t->keep);
}

void tape_read(const tape *t, uint64_t from, size_t n, float *out) {
    ASSERT(from >= t->end - t->n);
    ASSERT(from + n <= t->end);
    const int16_t *s = t->samples + t->n - (size_t)(t->end - from);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)s[i] / 32768;
}
