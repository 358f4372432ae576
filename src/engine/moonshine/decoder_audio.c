#include "engine/moonshine/decoder_audio.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define SLOTS_FIRST 128 /* 3 s: most turns need no second allocation */

/* The longest audio, in whole blocks. */
#define SLOTS_MAX                                                                        \
    ((MOONSHINE_FRAMES_MAX + KERNELS_BLOCK - 1) / KERNELS_BLOCK * KERNELS_BLOCK)

size_t decoder_cache_floats(const decoder_cache *c, size_t slots) {
    return c->n_layers * DECODER_HEADS * c->depth * slots;
}

size_t decoder_cache_at(const decoder_cache *c, size_t layer, size_t head) {
    return (layer * DECODER_HEADS + head) * c->depth * c->slots;
}

void decoder_cache_put_keys(const decoder_cache *c, size_t layer, size_t at,
                            const float *rows, size_t n, size_t stride) {
    for (size_t h = 0; h < DECODER_HEADS; h++) {
        float *keys = c->keys + decoder_cache_at(c, layer, h);
        for (size_t r = 0; r < n; r++) {
            size_t t = at + r;
            float *key =
                keys + t / KERNELS_BLOCK * KERNELS_BLOCK * c->depth + t % KERNELS_BLOCK;
            const float *row = rows + r * stride + h * c->depth;
            for (size_t i = 0; i < c->depth; i++) {
                key[i * KERNELS_BLOCK] = row[i];
            }
        }
    }
}

void decoder_cache_put_values(const decoder_cache *c, size_t layer, size_t at,
                              const float *rows, size_t n, size_t stride) {
    for (size_t h = 0; h < DECODER_HEADS; h++) {
        float *values = c->values + decoder_cache_at(c, layer, h) + at * c->depth;
        for (size_t r = 0; r < n; r++) {
            memcpy(values + r * c->depth, rows + r * stride + h * c->depth,
                   c->depth * sizeof *values);
        }
    }
}

size_t moonshine_audio_bytes(const moonshine_decoder *m) {
    decoder_cache c = {.depth = m->width / DECODER_HEADS, .n_layers = m->n_layers};
    /* the last growth copies from half the room */
    return sizeof(moonshine_audio) +
           3 * decoder_cache_floats(&c, SLOTS_MAX) * sizeof(float);
}

status moonshine_audio_create(const moonshine_decoder *m, moonshine_audio **out) {
    moonshine_audio *a = calloc(1, sizeof *a);
    if (!a) {
        return ERR_MEMORY;
    }
    a->cache.depth = m->width / DECODER_HEADS;
    a->cache.n_layers = m->n_layers;
    *out = a;
    return OK;
}

void moonshine_audio_destroy(moonshine_audio *a) {
    if (a) {
        free(a->memory);
        free(a);
    }
}

/* Makes room for `frames` and keeps the first `kept`. */
static status make_room(moonshine_audio *a, size_t frames, size_t kept) {
    const decoder_cache *old = &a->cache;
    decoder_cache c = *old;
    c.slots = old->slots ? old->slots : SLOTS_FIRST;
    while (c.slots < frames) {
        c.slots *= 2;
    }
    c.slots = c.slots < SLOTS_MAX ? c.slots : SLOTS_MAX;
    const size_t floats = decoder_cache_floats(&c, c.slots);
    float *memory = aligned_alloc(KERNELS_ALIGN, 2 * floats * sizeof *memory);
    if (!memory) {
        return ERR_MEMORY;
    }
    c.keys = memory;
    c.values = memory + floats;
    const size_t blocks = (kept + KERNELS_BLOCK - 1) / KERNELS_BLOCK * KERNELS_BLOCK;
    for (size_t layer = 0; kept && layer < c.n_layers; layer++) {
        for (size_t h = 0; h < DECODER_HEADS; h++) {
            size_t to = decoder_cache_at(&c, layer, h);
            size_t from = decoder_cache_at(old, layer, h);
            memcpy(c.keys + to, old->keys + from, blocks * c.depth * sizeof(float));
            memcpy(c.values + to, old->values + from, kept * c.depth * sizeof(float));
        }
    }
    free(a->memory);
    a->memory = memory;
    a->cache = c;
    return OK;
}

status moonshine_audio_update(const moonshine_decoder *m, moonshine_state *s,
                              moonshine_audio *a, const float *states, size_t frames,
                              size_t fresh) {
    ASSERT(frames >= 1);
    ASSERT(frames <= MOONSHINE_FRAMES_MAX);
    ASSERT(fresh <= a->frames);
    size_t kept = fresh < frames ? fresh : frames;
    if (frames > a->cache.slots && make_room(a, frames, kept) != OK) {
        a->frames = 0;
        return ERR_MEMORY;
    }
    decoder_cross_rows(m, s, &a->cache, states, kept, frames);
    a->frames = frames;
    return OK;
}
