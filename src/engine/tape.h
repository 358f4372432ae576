/* engine/tape.h: the last moments of a stream, so that an utterance can begin before
 * the place where it was noticed.
 *
 * Keeps the newest `keep` samples at their stream positions. Samples are s16 here
 * (half the memory of what engines are fed) and float -1..1 when read.
 * Pure over its caller's memory. One thread at a time. */
#ifndef ROSTRUM_ENGINE_TAPE_H
#define ROSTRUM_ENGINE_TAPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "engine/endpoint.h"

#define TAPE_PREFIX_MAX (2000 * SAMPLES_PER_MS) /* of engine_listen */
#define TAPE_EXTRA                                                                       \
    (ENDPOINT_ONSET_FRAMES * FRAME_SAMPLES + ENDPOINT_LAG_SAMPLES + 2 * FRAME_SAMPLES)
#define TAPE_SLACK (4 * FRAME_SAMPLES) /* added before the front is moved out */
#define TAPE_SAMPLES (TAPE_PREFIX_MAX + TAPE_EXTRA + TAPE_SLACK)

typedef struct {
    int16_t *samples; /* [TAPE_SAMPLES] */
    size_t n, keep;
    uint64_t end; /* stream position after the newest sample */
} tape;

/* samples [TAPE_SAMPLES] stays the caller's. */
void tape_init(tape *t, int16_t *samples, uint32_t prefix_padding_ms);

/* Another padding from now on; more of the past than was kept does not come back. */
void tape_set_prefix(tape *t, uint32_t prefix_padding_ms);

/* n <= FRAME_SAMPLES */
void tape_add(tape *t, const int16_t *pcm, size_t n);

/* Position of the oldest sample that is kept for certain. */
uint64_t tape_start(const tape *t);

/* out[n] = samples from position `from`; they must be there. */
void tape_read(const tape *t, uint64_t from, size_t n, float *out);

#endif
