#include "engine/moonshine/words.h"

#include <string.h>

/* a token's attention peaks inside its sound, not at its end */
#define LAST_TOKEN_MS 120

/* Isotonic regression of least absolute deviation. sorted[i] holds what the first i times
 * would still give way to; a time below its top takes the top's place twice. */
void words_order_times(timed_token *spoken, size_t n, int32_t least_ms) {
    int32_t sorted[WORDS_TIMES_MAX + 1], top[WORDS_TIMES_MAX];
    size_t held = 0;
    if (n > WORDS_TIMES_MAX)
        n = WORDS_TIMES_MAX;
    for (size_t i = 0; i < n; i++) {
        int32_t ms = spoken[i].at_ms > least_ms ? spoken[i].at_ms : least_ms;
        bool falls = held > 0 && ms < sorted[held - 1];
        held -= falls;
        for (int times = 0; times < 1 + falls; times++) {
            size_t at = held++;
            for (; at > 0 && sorted[at - 1] > ms; at--)
                sorted[at] = sorted[at - 1];
            sorted[at] = ms;
        }
        top[i] = sorted[held - 1];
    }
    for (size_t i = n; i-- > 0;) {
        bool later = i + 1 < n && top[i] > spoken[i + 1].at_ms;
        spoken[i].at_ms = later ? spoken[i + 1].at_ms : top[i];
    }
}

#define BORROW_REACH 8 /* tokens that one pass may have and the other not, in a row */

void words_borrow_times(timed_token *spoken, size_t n, const timed_token *live,
                        size_t n_live) {
    bool borrowed[WORDS_TIMES_MAX] = {false};
    int32_t before_ms = 0, after_ms = INT32_MAX;
    if (n > WORDS_TIMES_MAX)
        n = WORDS_TIMES_MAX;
    for (size_t i = 0, next = 0; i < n; i++) {
        size_t k = next,
               stop = n_live - next < BORROW_REACH ? n_live : next + BORROW_REACH;
        while (k < stop && live[k].token != spoken[i].token)
            k++;
        borrowed[i] = k < stop;
        if (borrowed[i]) {
            spoken[i].at_ms = before_ms = live[k].at_ms;
            next = k + 1;
        } else if (spoken[i].at_ms < before_ms) {
            spoken[i].at_ms = before_ms;
        }
    }
    for (size_t i = n; i-- > 0;) {
        if (borrowed[i])
            after_ms = spoken[i].at_ms;
        else if (spoken[i].at_ms > after_ms)
            spoken[i].at_ms = after_ms;
    }
    words_order_times(spoken, n, 0);
}

/* Bytes of the valid character at text[n], or 0. */
static size_t character(const char *text, size_t n) {
    unsigned char c = (unsigned char)text[0];
    size_t length = c < 0x80   ? 1
                    : c < 0xc2 ? 0
                    : c < 0xe0 ? 2
                    : c < 0xf0 ? 3
                    : c < 0xf5 ? 4
                               : 0;
    if (length == 0 || length > n)
        return 0;
    for (size_t i = 1; i < length; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 0;
    unsigned char second = length > 1 ? (unsigned char)text[1] : 0;
    if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
        (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f))
        return 0;
    return length;
}

/* Copies what is well formed and printable; returns the bytes, at most room. */
static size_t copy_clean(char *to, size_t room, const char *from, size_t n) {
    size_t written = 0;
    for (size_t i = 0; i < n;) {
        size_t length = character(from + i, n - i);
        if (length == 0 || (unsigned char)from[i] < 0x20) {
            i++;
            continue;
        }
        if (written + length > room)
            break;
        memcpy(to + written, from + i, length);
        written += length;
        i += length;
    }
    return written;
}

static bool has_letter(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
            (c >= 'a' && c <= 'z'))
            return true;
    }
    return false;
}

/* One past the last token of the word that begins at `from`. */
static size_t word_stop(const tokens *vocabulary, const timed_token *spoken, size_t n,
                        size_t from) {
    size_t i = from + 1;
    while (i < n && !tokens_starts_word(vocabulary, spoken[i].token) &&
           !spoken[i - 1].ends_word)
        i++;
    return i;
}

/* Writes the word of spoken[from..stop); false: it has no text to show. */
static bool write_word(const tokens *vocabulary, const timed_token *spoken, size_t from,
                       size_t stop, words *out) {
    char raw[4 * LIMIT_WORD_BYTES];
    size_t bytes = 0;
    float probability = 0;
    for (size_t i = from; i < stop; i++) {
        size_t n = 0;
        const char *text = tokens_text(vocabulary, spoken[i].token, &n);
        if (n > sizeof raw - bytes)
            n = sizeof raw - bytes;
        memcpy(raw + bytes, text, n);
        bytes += n;
        probability += spoken[i].probability;
    }
    char *to = out->text + out->used;
    size_t clean = copy_clean(to, LIMIT_WORD_BYTES - 1, raw, bytes);
    bool joins = from > 0 && spoken[from - 1].ends_word &&
                 !tokens_starts_word(vocabulary, spoken[from].token);
    if (clean == 0 || (joins && !has_letter(to, clean)))
        return false;
    to[clean] = 0;
    out->used += clean + 1;
    out->words[out->n++] = (rostrum_word){
        .text = to,
        .start_ms = spoken[from].at_ms,
        .end_ms = spoken[stop - 1].at_ms + LAST_TOKEN_MS,
        .confidence = probability / (float)(stop - from),
    };
    return true;
}

void words_build(const tokens *vocabulary, const timed_token *spoken, size_t n,
                 words *out) {
    out->n = 0;
    out->used = 0;
    for (size_t from = 0; from < n;) {
        size_t stop = word_stop(vocabulary, spoken, n, from);
        if (out->n == LIMIT_HYPOTHESIS_WORDS ||
            out->used + LIMIT_WORD_BYTES > WORDS_TEXT_BYTES)
            break;
        rostrum_word *before = out->n ? &out->words[out->n - 1] : NULL;
        if (write_word(vocabulary, spoken, from, stop, out) && before &&
            before->end_ms > spoken[from].at_ms)
            before->end_ms = spoken[from].at_ms;
        from = stop;
    }
}
