/* engine/moonshine/encoder.h: the Moonshine audio encoder, our own arithmetic.
 *
 *   pcm[n] (16 kHz, -1..1) -> states[T][width],  T = floor((n - 895) / 384) + 1
 *
 *   stem    conv 127/64, tanh, group norm over all time, conv 7/3, gelu, conv 3/2, gelu
 *   layers  x += out(attention(rope(q), rope(k), v of norm(x)))
 *           x += fc2(gelu(fc1(norm(x))))
 *   states  norm(x)
 *
 * A frame is 384 samples (24 ms). Attention is over all frames, so each frame depends
 * a little on all later ones. A `hearing` remembers keys, values and states of the
 * frames of a growing piece: frames that had settle.upper frames after them when they
 * were computed are kept as they are, and a longer run computes only the others; of the
 * stem and the lower half of the layers, which look less far ahead, settle.lower are
 * enough. Positions and the norm's statistics stay those of the whole piece. SIZE_MAX
 * keeps nothing and gives exactly the encoder.
 *
 * An encoder is immutable after load: any thread. A hearing or a scratch is one thread
 * at a time. */
#ifndef ROSTRUM_MOONSHINE_ENCODER_H
#define ROSTRUM_MOONSHINE_ENCODER_H

#include <stddef.h>

#include "base/diag.h"
#include "engine/moonshine/kernels.h"
#include "rostrum/engine.h"

#define MOONSHINE_FRAME_SAMPLES 384
/* the graph needs 895; less than 100 ms is no speech */
#define MOONSHINE_SAMPLES_MIN 1600
/* 31 s: 1,290 frames, below MOONSHINE_FRAMES_MAX */
#define MOONSHINE_SAMPLES_MAX 496000

typedef struct moonshine_encoder moonshine_encoder;
typedef struct encoder_scratch encoder_scratch; /* working memory of one thread */
typedef struct hearing hearing;                 /* of one growing piece */

/* Reads the weights of encoder_model.onnx, for a set of kernels; the graph itself is not
 * run. ERR_NOT_FOUND, ERR_INTEGRITY (d names the node), ERR_MEMORY. */
MUST_CHECK status moonshine_encoder_load(const char *path, const kernels *set,
                                         moonshine_encoder **out, diag *d);
void moonshine_encoder_destroy(moonshine_encoder *e);         /* takes NULL */
unsigned moonshine_encoder_width(const moonshine_encoder *e); /* 288 tiny, 416 base */

/* Address space for the longest piece; pages are touched as far as pieces need. */
MUST_CHECK status encoder_scratch_create(const moonshine_encoder *e,
                                         encoder_scratch **out);
void encoder_scratch_destroy(encoder_scratch *s); /* takes NULL */

/* Bytes a hearing of the longest piece takes while it grows to that. */
size_t hearing_bytes(const moonshine_encoder *e);

/* Empty; memory grows with the piece: 0.7 MB (tiny) and 1.3 MB (base) a second. */
MUST_CHECK status hearing_create(const moonshine_encoder *e, hearing **out);
void hearing_destroy(hearing *h); /* takes NULL */
void hearing_restart(hearing *h); /* a new piece: forgets all, keeps the memory */

/* Frames of n samples; n >= MOONSHINE_SAMPLES_MIN. Pure. */
size_t moonshine_frames(size_t samples);

/* Frames after a frame that settle it for good. */
typedef struct {
    size_t lower, upper; /* lower <= upper */
} encoder_settle;

/* Encodes the piece pcm[n], which begins with the samples of the run before since
 * restart. MOONSHINE_SAMPLES_MIN <= n <= MOONSHINE_SAMPLES_MAX (assertions).
 * *out_states is [moonshine_frames(n)][width], valid until the next call;
 * *out_fresh is the first frame that differs from the run before (0 at first).
 * ERR_CANCELLED: `stop` said so; ERR_MEMORY. After both the hearing is restarted. */
MUST_CHECK status moonshine_encode(const moonshine_encoder *e, encoder_scratch *s,
                                   hearing *h, const float *pcm, size_t n,
                                   encoder_settle settle, rostrum_stop stop,
                                   const float **out_states, size_t *out_fresh);

#endif
