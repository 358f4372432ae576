#include "serve/session/utterances.h"

utterance_clock *utterances_at(utterances *u, uint32_t utterance) {
    utterance_clock *c = &u->clock[utterance % UTTERANCES_LIVE];
    if (!c->used || c->utterance != utterance)
        *c = (utterance_clock){.utterance = utterance,
                               .used = true,
                               .first_partial_ms = -1,
                               .first_pass_ms = -1};
    return c;
}

void utterance_started(utterance_clock *c, const arrivals *a, uint32_t at_ms) {
    c->started = arrivals_find(a, at_ms, &c->started_at_ms);
}

float utterance_first_partial(utterance_clock *c, const arrivals *a,
                              const engine_text *text, uint32_t now_ms) {
    if (text->n_words == 0 || c->first_partial_ms >= 0)
        return -1;
    if (!c->started) /* a manual turn has no mark: its first word is the best we know */
        utterance_started(c, a, text->words[0].start_ms);
    if (!c->started)
        return -1;
    c->first_partial_ms = (float)(now_ms - c->started_at_ms);
    return c->first_partial_ms;
}

float utterance_finalise(const arrivals *a, const engine_text *text, uint8_t flags,
                         uint32_t committed_at_ms, uint32_t now_ms) {
    uint32_t from;
    uint32_t end_ms = text->speech_end_ms ? text->speech_end_ms : text->end_ms;
    if (!arrivals_find(a, end_ms, &from))
        return -1;
    if ((flags & TEXT_BY_COMMIT) && committed_at_ms > from)
        from = committed_at_ms;
    return (float)(now_ms - from);
}

/* FNV-1a over the words, each ended by its NUL. */
static uint64_t hash_word(uint64_t hash, const char *word) {
    const unsigned char *s = (const unsigned char *)word;
    do {
        hash = (hash ^ *s) * 0x100000001b3u;
    } while (*s++);
    return hash;
}

bool utterance_keeps_promise(utterance_clock *c, const engine_text *text) {
    uint64_t hash = 0xcbf29ce484222325u;
    uint32_t committed =
        text->committed < text->n_words ? text->committed : text->n_words;
    bool kept = c->committed == 0 || committed >= c->committed;
    for (uint32_t i = 0; i < committed; i++) {
        hash = hash_word(hash, text->words[i].text);
        if (i + 1 == c->committed && hash != c->hash)
            kept = false;
    }
    c->committed = committed;
    c->hash = hash;
    return kept;
}
