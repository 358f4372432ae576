/* engine/moonshine/decoder.h: the Moonshine text decoder, our own kernels.
 *
 * Reads the int8 weights out of decoder_model_merged.onnx (initialisers only; the
 * graph is not run) and computes cross-attention keys and values, the layers and the
 * vocabulary head. Activations are quantised a row at a time (to 14 bits), so that a
 * token's result does not depend on which others ran beside it: verifying a draft of n
 * tokens in one call gives bit for bit what n single calls give.
 *
 *   frames T of encoder states [T][width] -> cross K, V for each layer
 *   tokens [n] at positions p.. -> argmax token [n] (and the end token's margin)
 *
 * A decoder is immutable after load: any thread. A state is one thread at a time. */
#ifndef ROSTRUM_MOONSHINE_DECODER_H
#define ROSTRUM_MOONSHINE_DECODER_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "engine/moonshine/kernels.h"

#define MOONSHINE_BOS 1
#define MOONSHINE_EOS 2
#define MOONSHINE_TOKENS_MAX 256  /* positions of one utterance, BOS included */
#define MOONSHINE_FRAMES_MAX 1300 /* encoder frames: 30 s at 41.67 a second, and some */

typedef struct moonshine_decoder moonshine_decoder;
typedef struct moonshine_state moonshine_state; /* token cache and working memory */
typedef struct moonshine_audio moonshine_audio; /* keys and values of audio that grows */

/* For a set of kernels. ERR_NOT_FOUND, ERR_INTEGRITY (not the graph we know; d says which
 * tensor), ERR_MEMORY. */
MUST_CHECK status moonshine_decoder_load(const char *path, const kernels *set,
                                         moonshine_decoder **out, diag *d);
void moonshine_decoder_destroy(moonshine_decoder *m);
unsigned moonshine_decoder_width(const moonshine_decoder *m); /* 288 tiny, 416 base */

/* One state a compute thread is enough: nothing in it outlives a decode. */
MUST_CHECK status moonshine_state_create(const moonshine_decoder *m,
                                         moonshine_state **out);
void moonshine_state_destroy(moonshine_state *s);

/* Bytes of a state, and of an audio of MOONSHINE_FRAMES_MAX while it grows to that. */
size_t moonshine_state_bytes(const moonshine_decoder *m);
size_t moonshine_audio_bytes(const moonshine_decoder *m);

/* For audio that grows from one decode to the next. Empty at first; 0.58 MB (tiny) and
 * 1.1 MB (base) a second, in powers of two of 3 s. One thread at a time. */
MUST_CHECK status moonshine_audio_create(const moonshine_decoder *m,
                                         moonshine_audio **out);
void moonshine_audio_destroy(moonshine_audio *a); /* takes NULL */

/* Takes states[frames][width], of which the first `fresh` are what they were in the
 * update before; computes the others only. The result is the same bits as all anew.
 * s lends its working memory; its token cache is as before.
 * 1 <= frames <= MOONSHINE_FRAMES_MAX, fresh <= frames of the update before (assertions).
 * ERR_MEMORY: a is empty again. */
MUST_CHECK status moonshine_audio_update(const moonshine_decoder *m, moonshine_state *s,
                                         moonshine_audio *a, const float *states,
                                         size_t frames, size_t fresh);

/* s decodes a from now on, and its token cache is empty. a was updated (an assertion) and
 * outlives that. */
void moonshine_state_listen(moonshine_state *s, const moonshine_audio *a);

typedef struct {
    int32_t token;     /* argmax over the vocabulary */
    int32_t runner_up; /* argmax over everything but MOONSHINE_EOS (equals token unless
                          that is EOS): what to take when the end is not allowed */
    float probability; /* softmax of token, to about 0.02: see decoder_head.h */
    uint16_t frame;    /* encoder frame the *input* token's step attends to: median over
                          the last layer's heads of the peak */
} moonshine_next;

/* Feeds tokens[n] at the positions after those in the cache; out[i] is what follows
 * tokens[i]. position + n <= MOONSHINE_TOKENS_MAX and 0 <= token < 32768 (assertions).
 * Allocates nothing. Without VNNI a token beyond the first few costs about half as much
 * as the first, a third of it for the vocabulary head: feed what is not asked about with
 * moonshine_feed, and verify a long draft in pieces of 4 to 6 up to the first mismatch;
 * the results are the same bits. */
void moonshine_step(const moonshine_decoder *m, moonshine_state *s, const int32_t *tokens,
                    size_t n, moonshine_next *out);

/* The same without the head, for tokens that are given (a forced prefix but for its
 * last token). frames[n], or NULL: what moonshine_next.frame would be. */
void moonshine_feed(const moonshine_decoder *m, moonshine_state *s, const int32_t *tokens,
                    size_t n, uint16_t *frames);

/* Forgets cached tokens from `keep` on. */
void moonshine_rewind(moonshine_state *s, size_t keep);
size_t moonshine_position(const moonshine_state *s); /* tokens in the cache */

#endif
