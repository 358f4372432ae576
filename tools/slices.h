/* tools/slices.h: worse versions of a clean recording, the same bytes each time.
 *
 *   far-field   a room (Schroeder reverberator, RT60 about 0.5 s, a third of the energy
 *               late) and pink noise 15 dB under the speech
 *   telephone   300..3400 Hz, 8 kHz sampling, G.711 mu-law, back at 16 kHz
 *   babble      three other recordings, together 10 dB under the speech
 *
 * Everything random comes from the seed and the recording's name, so a recording sounds
 * the same whichever set it is made with. One thread at a time. */
#ifndef ROSTRUM_TOOLS_SLICES_H
#define ROSTRUM_TOOLS_SLICES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef enum { SLICE_CLEAN, SLICE_FAR_FIELD, SLICE_TELEPHONE, SLICE_BABBLE } slice_kind;

/* A small generator whose numbers are the same on every machine (splitmix64). */
typedef struct {
    uint64_t state;
} slice_random;

slice_random slice_seed(uint64_t seed, const char *name);
uint64_t slice_next(slice_random *r);

/* pcm [n] at 16 kHz, changed in place. ERR_MEMORY: unchanged. */
MUST_CHECK status slice_far_field(slice_random *r, float *pcm, size_t n);
MUST_CHECK status slice_telephone(float *pcm, size_t n);

/* Adds n_others voices; other [k] of length other_n[k] is repeated from a random start.
 */
MUST_CHECK status slice_babble(slice_random *r, float *pcm, size_t n,
                               const int16_t *const *other, const size_t *other_n,
                               size_t n_others);

#endif
