#include "privacy/redact_words.h"

#include <string.h>

#include "base/assert.h"

#define RING (REDACT_HELD_ATOMS + 1)

static void put_word(word_redactor *r) {
    redacted_word word = {r->text, r->bytes, r->start_ms, r->end_ms};
    if (r->bytes > 0)
        r->put(r->to, &word);
    r->bytes = 0;
    r->timed = false;
}

static void widen(word_redactor *r, int64_t start_ms, int64_t end_ms) {
    if (!r->timed || start_ms < r->start_ms)
        r->start_ms = start_ms;
    if (!r->timed || end_ms > r->end_ms)
        r->end_ms = end_ms;
    r->timed = true;
}

/* The times of the input words that bytes [from, end) lie in; words that end there are
 * forgotten. */
static void take_times(word_redactor *r, uint64_t from, uint64_t end) {
    while (r->n > 0 && r->held[r->first].at < end) {
        size_t i = r->first;
        if (r->held[i].end > from)
            widen(r, r->held[i].start_ms, r->held[i].end_ms);
        if (r->held[i].end > end)
            return;
        r->first = (r->first + 1) % RING;
        r->n--;
    }
}

static void add_text(word_redactor *r, const char *text, size_t n, uint64_t from,
                     uint64_t end) {
    if (r->bytes + n > sizeof r->text)
        put_word(r);
    take_times(r, from, end);
    size_t room = n < sizeof r->text ? n : sizeof r->text;
    memcpy(r->text + r->bytes, text, room);
    r->bytes += room;
}

/* A piece of the redactor: plain text is cut at its white space. */
static void take_piece(void *to, const redact_piece *piece) {
    word_redactor *r = to;
    if (piece->class != ENTITY_NONE) {
        uint64_t end = piece->source + piece->source_bytes;
        if (piece->n == 0) { /* removed, with the space before it */
            put_word(r);
            take_times(r, piece->source, end);
            r->timed = false;
            return;
        }
        add_text(r, piece->text, piece->n, piece->source, end);
        return;
    }
    for (size_t i = 0; i < piece->n; i++) {
        uint64_t at = piece->source + i;
        bool space =
            piece->text[i] == ' ' || (piece->text[i] >= '\t' && piece->text[i] <= '\r');
        if (space)
            put_word(r);
        else
            add_text(r, piece->text + i, 1, at, at + 1);
    }
}

void redact_words_init(word_redactor *r, const redact_policy *policy,
                       redact_put_word *put, void *to) {
    memset(r, 0, sizeof *r);
    redact_init(&r->redactor, policy);
    r->put = put;
    r->to = to;
}

static bool is_blank(private_text t) {
    for (size_t i = 0; i < t.n; i++)
        if ((unsigned char)t.only_privacy_opens_this[i] > ' ')
            return false;
    return true;
}

void redact_words_push(word_redactor *r, const timed_word *word) {
    if (is_blank(word->text))
        return;
    ASSERT(r->n < RING); /* every word held has an atom, one may be open */
    size_t i = (r->first + r->n++) % RING;
    r->held[i].at = r->pushed;
    r->held[i].end = r->pushed + word->text.n;
    r->held[i].start_ms = word->start_ms;
    r->held[i].end_ms = word->end_ms;
    r->pushed += word->text.n + 1;
    redact_push(&r->redactor, word->text, take_piece, r);
    redact_push(&r->redactor, private_text_of(" ", 1), take_piece, r);
}

void redact_words_finish(word_redactor *r) {
    redact_finish(&r->redactor, take_piece, r);
    put_word(r);
    r->n = 0;
}
