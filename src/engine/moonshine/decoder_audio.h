/* engine/moonshine/decoder_audio.h: caches of keys and values, of tokens and of audio. */
#ifndef ROSTRUM_MOONSHINE_DECODER_AUDIO_H
#define ROSTRUM_MOONSHINE_DECODER_AUDIO_H

#include "engine/moonshine/decoder_model.h"

/* Of each layer and head, keys in blocks, [block][depth][8], and values [slot][depth]. */
typedef struct {
    size_t depth, n_layers; /* depth: numbers of one head */
    size_t slots;           /* room; a multiple of the 8 of a block */
    float *keys, *values;
} decoder_cache;

struct moonshine_audio {
    decoder_cache cache;
    size_t frames; /* 0 before the first update */
    float *memory; /* what the cache's pointers point into */
};

/* Floats of keys, and as many of values, of `slots` slots. */
size_t decoder_cache_floats(const decoder_cache *c, size_t slots);

/* Where layer `layer` and head `head` begin in keys or values. */
size_t decoder_cache_at(const decoder_cache *c, size_t layer, size_t head);

/* Puts rows[n][stride] into the slots from `at` on. */
void decoder_cache_put_keys(const decoder_cache *c, size_t layer, size_t at,
                            const float *rows, size_t n, size_t stride);
void decoder_cache_put_values(const decoder_cache *c, size_t layer, size_t at,
                              const float *rows, size_t n, size_t stride);

/* Puts keys and values of states[frames][width] from frame `at` on into c. Uses the
 * working memory of s, not its caches. */
void decoder_cross_rows(const moonshine_decoder *m, moonshine_state *s,
                        const decoder_cache *c, const float *states, size_t at,
                        size_t frames);

#endif
