#include "engine/words.h"

#include <string.h>

#include "base/assert.h"

#define USUAL_MS 200 /* a word of fluent speech, about */

void words_clear(word_list *w) {
    w->n = 0;
    w->committed = 0;
    w->text_bytes = 0;
}

static float clean_confidence(float c) {
    return c >= 0 && c <= 1 ? c : -1; /* also for NaN */
}

void words_copy(word_list *w, const rostrum_hypothesis *hypothesis) {
    words_clear(w);
    for (size_t i = 0; i < hypothesis->n_words && w->n < LIMIT_HYPOTHESIS_WORDS; i++) {
        const rostrum_word *from = &hypothesis->words[i];
        size_t bytes = strnlen(from->text, LIMIT_WORD_BYTES - 1);
        bytes = proto_utf8_valid(from->text, bytes); /* also when cut inside a letter */
        if (bytes == 0)
            continue;
        ASSERT(w->text_bytes + bytes + 1 <= sizeof w->text);
        w->words[w->n++] = (stored_word){w->text_bytes, from->start_ms, from->end_ms,
                                         clean_confidence(from->confidence)};
        memcpy(w->text + w->text_bytes, from->text, bytes);
        w->text[w->text_bytes + bytes] = '\0';
        w->text_bytes += (uint32_t)bytes + 1;
        if (i < hypothesis->committed)
            w->committed = w->n;
    }
}

const char *words_text(const word_list *w, uint32_t i) {
    ASSERT(i < w->n);
    return w->text + w->words[i].text;
}

static bool same_first(const word_list *a, const word_list *b, uint32_t n) {
    if (a->n < n || b->n < n)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(words_text(a, i), words_text(b, i)) != 0)
            return false;
    return true;
}

bool words_same(const word_list *a, const word_list *b) {
    return a->n == b->n && same_first(a, b, a->n);
}

bool words_keep_committed(const word_list *a, const word_list *b) {
    return b->committed >= a->committed && same_first(a, b, a->committed);
}

static bool is_punctuation(char c) {
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_word(const char *a, const char *b) {
    for (;;) {
        while (is_punctuation(*a))
            a++;
        while (is_punctuation(*b))
            b++;
        if (lower(*a) != lower(*b))
            return false;
        if (!*a)
            return true;
        a++;
        b++;
    }
}

/* A cell of the alignment: fewest changes first, then fewest committed words lost. */
typedef struct {
    uint16_t changes, lost;
} cell;

static cell better(cell a, cell b) {
    if (a.changes != b.changes)
        return a.changes < b.changes ? a : b;
    return a.lost <= b.lost ? a : b;
}

static cell add(cell c, unsigned changes, unsigned lost) {
    return (cell){(uint16_t)(c.changes + changes), (uint16_t)(c.lost + lost)};
}

uint32_t words_corrected(const word_list *live, uint32_t committed,
                         const word_list *final) {
    ASSERT(committed <= live->n);
    cell row[LIMIT_HYPOTHESIS_WORDS + 1];
    for (uint32_t j = 0; j <= final->n; j++)
        row[j] = (cell){(uint16_t)j, 0};
    for (uint32_t i = 0; i < live->n; i++) {
        unsigned is_committed = i < committed;
        cell diagonal = row[0];
        row[0] = add(row[0], 1, is_committed);
        for (uint32_t j = 0; j < final->n; j++) {
            bool same = same_word(words_text(live, i), words_text(final, j));
            cell replace = same ? diagonal : add(diagonal, 1, is_committed);
            cell leave_out = add(row[j + 1], 1, is_committed);
            cell put_in = add(row[j], 1, 0);
            diagonal = row[j + 1];
            row[j + 1] = better(replace, better(leave_out, put_in));
        }
    }
    return row[final->n].lost;
}

static uint32_t clamp(uint32_t value, uint32_t low, uint32_t high) {
    return value < low ? low : value > high ? high : value;
}

/* Spreads words that start closer than `least` over the time to the next one. */
static void spread_bunches(engine_word *words, uint32_t n, uint32_t least,
                           uint32_t end_ms) {
    for (uint32_t i = 0, next; i < n; i = next) {
        next = i + 1;
        while (next < n && words[next].start_ms < words[next - 1].start_ms + least)
            next++;
        uint32_t stop = next < n ? words[next].start_ms : end_ms;
        uint32_t each = (stop - words[i].start_ms) / (next - i);
        if (each > USUAL_MS)
            each = USUAL_MS;
        for (uint32_t k = i + 1; k < next && each > least; k++)
            words[k].start_ms = words[i].start_ms + (k - i) * each;
    }
}

void words_fill(const word_list *w, uint32_t origin_ms, uint32_t end_ms,
                engine_text *out) {
    engine_word *words = out->words;
    uint32_t at = origin_ms, n = w->n;
    out->n_words = n;
    out->committed = w->committed;
    for (uint32_t i = 0; i < n; i++) {
        const stored_word *s = &w->words[i];
        if (s->start_ms >= 0)
            at = clamp(origin_ms + (uint32_t)s->start_ms, at, end_ms);
        words[i] = (engine_word){words_text(w, i), at, end_ms, s->confidence};
    }
    uint32_t least = n ? (end_ms - origin_ms) / n : 0;
    if (least > WORDS_LEAST_MS)
        least = WORDS_LEAST_MS;
    spread_bunches(words, n, least, end_ms);
    for (uint32_t i = 1; i < n; i++)
        words[i].start_ms =
            clamp(words[i].start_ms, words[i - 1].start_ms + least, end_ms);
    for (uint32_t i = n, next = end_ms; i-- > 0; next = words[i].start_ms) {
        if (words[i].start_ms > next - least)
            words[i].start_ms = next - least;
        int32_t said = w->words[i].end_ms;
        uint32_t end = said < 0 ? 0 : origin_ms + (uint32_t)said;
        if (end <= words[i].start_ms)
            end = words[i].start_ms + USUAL_MS;
        words[i].end_ms = clamp(end, words[i].start_ms + least, next);
    }
}
