#include "engine/moonshine/commit.h"

#include "base/assert.h"
#include "engine/moonshine/loudness.h"

#define WINDOW_SAMPLES 1600 /* 100 ms */
#define STRIDE_SAMPLES 160

size_t commit_agreed(const tokens *vocabulary, const hypothesis *const *hyps, size_t n,
                     size_t committed, uint16_t last_frame) {
    ASSERT(n >= 1);
    const hypothesis *newest = hyps[0];
    size_t settled = committed;
    for (size_t i = committed; i < newest->n; i++) {
        /* Token i begins a word in all, and all agree before it. */
        bool boundary = true;
        for (size_t h = 0; h < n; h++)
            boundary = boundary && i < hyps[h]->n &&
                       tokens_starts_word(vocabulary, hyps[h]->tokens[i].token);
        if (boundary && i > 0 && newest->tokens[i - 1].frame <= last_frame)
            settled = i;
        for (size_t h = 1; h < n; h++)
            if (i >= hyps[h]->n || hyps[h]->tokens[i].token != newest->tokens[i].token)
                return settled;
    }
    return settled;
}

bool commit_quietest(const commit_gap *gaps, size_t n, const int16_t *pcm, size_t samples,
                     size_t earliest, size_t latest, commit_cut *out) {
    bool found = false;
    for (size_t g = 0; g < n; g++) {
        size_t from = gaps[g].from > earliest ? gaps[g].from : earliest;
        size_t stop = gaps[g].stop < latest ? gaps[g].stop : latest;
        for (size_t at = from; at <= stop; at += STRIDE_SAMPLES) {
            if (at < WINDOW_SAMPLES / 2 || at + WINDOW_SAMPLES / 2 > samples)
                continue;
            float power = loudness_power(pcm + at - WINDOW_SAMPLES / 2, WINDOW_SAMPLES);
            if (!found || power < out->power) {
                *out =
                    (commit_cut){.tokens = gaps[g].tokens, .sample = at, .power = power};
                found = true;
            }
        }
    }
    return found;
}
