#include "engine/pocketsphinx/agree.h"

#include <string.h>

void agree_begin(agree_state *a, unsigned agree, int32_t guard_ms) {
    a->agree = agree;
    a->guard_ms = guard_ms;
    a->n = a->committed = 0;
    a->n_history = 0;
}

/* FNV-1a: compares words without keeping their text. */
static uint64_t hash(const char *text) {
    uint64_t h = UINT64_C(14695981039346656037);
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return h;
}

/* First word of the hypothesis that is not covered by the committed prefix. */
static size_t first_new(const agree_state *a, const agree_word *words, size_t n) {
    if (a->committed == 0)
        return 0;
    int32_t end_ms = a->words[a->committed - 1].end_ms;
    size_t i = 0;
    while (i < n && (words[i].start_ms + words[i].end_ms) / 2 <= end_ms)
        i++;
    return i;
}

static void remember(agree_state *a) {
    memmove(a->tails[1], a->tails[0], sizeof a->tails - sizeof a->tails[0]);
    memmove(a->n_tail + 1, a->n_tail, sizeof a->n_tail - sizeof a->n_tail[0]);
    a->n_tail[0] = a->n - a->committed;
    for (size_t i = 0; i < a->n_tail[0]; i++)
        a->tails[0][i] = hash(a->words[a->committed + i].text);
    if (a->n_history < AGREE_HISTORY)
        a->n_history++;
}

/* Words at the start of the tail that the last `agree` hypotheses share. */
static size_t agreed(const agree_state *a) {
    if (a->n_history < a->agree)
        return 0;
    size_t n = a->n_tail[0];
    for (unsigned h = 1; h < a->agree; h++) {
        size_t same = 0;
        while (same < n && same < a->n_tail[h] && a->tails[h][same] == a->tails[0][same])
            same++;
        n = same;
    }
    return n;
}

static void commit(agree_state *a, size_t n) {
    a->committed += n;
    for (unsigned h = 0; h < a->n_history; h++) { /* n <= every tail that agreed */
        size_t cut = n < a->n_tail[h] ? n : a->n_tail[h];
        memmove(a->tails[h], a->tails[h] + cut, (a->n_tail[h] - cut) * sizeof(uint64_t));
        a->n_tail[h] -= cut;
    }
}

void agree_update(agree_state *a, const agree_word *hypothesis, size_t n, int32_t now_ms,
                  bool all) {
    size_t from = first_new(a, hypothesis, n);
    size_t count = n - from;
    if (count > AGREE_WORDS - a->committed)
        count = AGREE_WORDS - a->committed;
    memcpy(a->words + a->committed, hypothesis + from, count * sizeof *hypothesis);
    a->n = a->committed + count;
    if (all) {
        a->committed = a->n;
        return;
    }
    remember(a);
    size_t ready = agreed(a);
    while (ready > 0 && a->words[a->committed + ready - 1].end_ms > now_ms - a->guard_ms)
        ready--;
    commit(a, ready);
}
