#include "score/normalise.h"

#include <stdbool.h>
#include <string.h>

#include "score/spell.h"

static const char *const names[SCORE_PROFILE_COUNT] = {"none", "lower", "basic", "spoken",
                                                       "english"};

const char *score_profile_name(score_profile p) {
    return names[p];
}

status score_profile_parse(const char *name, score_profile *out) {
    for (int i = 0; i < SCORE_PROFILE_COUNT; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (score_profile)i;
            return OK;
        }
    }
    return ERR_NOT_FOUND;
}

/* The worst case is a text of single digits: "7" becomes "seven " plus the fixed part
 * that spell_digits asks for at the end. */
size_t score_normalise_bound(size_t bytes) {
    return bytes * (SPELL_BYTES_PER_DIGIT + 8) + 64;
}

static bool is_digit(unsigned char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(unsigned char c) {
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_word_byte(unsigned char c) {
    return is_letter(c) || is_digit(c) || c >= 0x80;
}

static bool is_blank(unsigned char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Typographic marks that are ASCII ones in disguise: the ASCII byte, or 0 when the
 * three bytes at s are something else. U+2018 U+2019 ' ; U+2010..2015 and U+2026 and
 * U+201C..201F and U+00A0-like spaces separate or vanish like their ASCII twins. */
static char ascii_twin(const unsigned char *s, size_t left) {
    if (left < 3 || s[0] != 0xE2 || s[1] != 0x80)
        return 0;
    if (s[2] == 0x98 || s[2] == 0x99)
        return '\'';
    if (s[2] >= 0x90 && s[2] <= 0x95)
        return '-';
    if ((s[2] >= 0x9A && s[2] <= 0x9F) || s[2] == 0xA6)
        return '"';
    return 0;
}

typedef struct {
    char *out;
    size_t n;
    bool in_word; /* the last byte written belongs to a word that is still open */
} sink;

static void end_word(sink *s) {
    s->in_word = false;
}

static void put_byte(sink *s, char c) {
    if (!s->in_word && s->n > 0)
        s->out[s->n++] = ' ';
    s->out[s->n++] = c;
    s->in_word = true;
}

static void put_word(sink *s, const char *word, size_t n) {
    end_word(s);
    for (size_t i = 0; i < n; i++) {
        if (word[i] == ' ')
            end_word(s);
        else
            put_byte(s, word[i]);
    }
    end_word(s);
}

/* Digits of text at `at`, thousands separators inside them skipped (1,250). Returns
 * the bytes taken; the digits go to run[*out_n], at most 64 of them. */
static size_t take_digits(const unsigned char *text, size_t n, size_t at, char *run,
                          size_t *out_n) {
    size_t i = at, count = 0;
    while (i < n && count < 64) {
        if (is_digit(text[i])) {
            run[count++] = (char)text[i++];
        } else if (text[i] == ',' && i + 3 < n && is_digit(text[i + 1]) &&
                   is_digit(text[i + 2]) && is_digit(text[i + 3]) &&
                   (i + 4 >= n || !is_digit(text[i + 4]))) {
            i++;
        } else {
            break;
        }
    }
    *out_n = count;
    return i - at;
}

static bool ordinal_suffix(const unsigned char *text, size_t n, size_t at) {
    static const char *const suffixes[] = {"st", "nd", "rd", "th"};
    if (at + 2 > n || (at + 2 < n && is_word_byte(text[at + 2])))
        return false;
    for (int i = 0; i < 4; i++)
        if ((text[at] | 0x20) == suffixes[i][0] &&
            (text[at + 1] | 0x20) == suffixes[i][1])
            return true;
    return false;
}

/* A number that starts at text[at]; returns the bytes taken. */
static size_t put_spoken_number(sink *s, const unsigned char *text, size_t n, size_t at) {
    char run[64], spelt[64 * SPELL_BYTES_PER_DIGIT + 16];
    size_t digits;
    size_t start = at;
    at += take_digits(text, n, at, run, &digits);
    bool ordinal = ordinal_suffix(text, n, at);
    put_word(s, spelt, spell_digits(run, digits, ordinal, spelt));
    if (ordinal)
        return at + 2 - start;
    if (at + 1 < n && text[at] == '.' && is_digit(text[at + 1])) {
        put_word(s, "point", 5);
        for (at++; at < n && is_digit(text[at]); at++) {
            char one = (char)text[at];
            put_word(s, spelt, spell_digits(&one, 1, false, spelt));
        }
    }
    if (at < n && text[at] == '%') {
        put_word(s, "percent", 7);
        at++;
    }
    return at - start;
}

static void fold(score_profile profile, const unsigned char *text, size_t n, sink *s) {
    bool spoken = profile >= SCORE_PROFILE_SPOKEN;
    for (size_t i = 0; i < n;) {
        unsigned char c = text[i];
        size_t length = 1;
        char twin = ascii_twin(text + i, n - i);
        if (twin) {
            c = (unsigned char)twin;
            length = 3;
        }
        if (spoken && is_digit(c)) {
            i += put_spoken_number(s, text, n, i);
            continue;
        }
        if (is_letter(c))
            put_byte(s, (char)(c | 0x20));
        else if (is_word_byte(c))
            put_byte(s, (char)c);
        else if (c == '\'' && s->in_word && i + length < n && is_letter(text[i + length]))
            put_byte(s, '\'');
        else if (spoken && c == '&')
            put_word(s, "and", 3);
        else if (c == '-' || c == '/' || c == '_' || c == '&' || is_blank(c))
            end_word(s);
        i += length;
    }
}

static bool is_filler(const char *word, size_t n) {
    static const char *const fillers[] = {"uh", "um",  "er", "erm", "ah",
                                          "eh", "hmm", "mm", "mhm", "uhm"};
    for (size_t i = 0; i < sizeof fillers / sizeof fillers[0]; i++)
        if (strlen(fillers[i]) == n && memcmp(word, fillers[i], n) == 0)
            return true;
    return false;
}

/* Contractions opened by their ending. 's is left alone: it may be a possessive. */
static void put_opened(sink *s, const char *word, size_t n) {
    static const struct {
        const char *whole, *open;
    } irregular[] = {{"won't", "will not"},   {"can't", "can not"}, {"cannot", "can not"},
                     {"shan't", "shall not"}, {"let's", "let us"},  {"gonna", "going to"},
                     {"wanna", "want to"},    {"i'm", "i am"}};
    static const struct {
        const char *ending, *open;
    } endings[] = {
        {"n't", "not"}, {"'ll", "will"}, {"'re", "are"}, {"'ve", "have"}, {"'m", "am"}};
    for (size_t i = 0; i < sizeof irregular / sizeof irregular[0]; i++) {
        if (strlen(irregular[i].whole) == n && memcmp(word, irregular[i].whole, n) == 0) {
            put_word(s, irregular[i].open, strlen(irregular[i].open));
            return;
        }
    }
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t tail = strlen(endings[i].ending);
        if (n > tail && memcmp(word + n - tail, endings[i].ending, tail) == 0) {
            put_word(s, word, n - tail);
            put_word(s, endings[i].open, strlen(endings[i].open));
            return;
        }
    }
    put_word(s, word, n);
}

/* Opens contractions and drops fillers of text[n], which must not overlap the sink. */
static void english(const char *text, size_t n, sink *s) {
    for (size_t at = 0; at < n;) {
        size_t end = at;
        while (end < n && text[end] != ' ')
            end++;
        if (!is_filler(text + at, end - at))
            put_opened(s, text + at, end - at);
        at = end + 1;
    }
}

static char lowered(bool lower, unsigned char c) {
    return (char)(lower && c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* Words are joined by one blank already: nothing to squeeze. Loops without a way out, so
 * that the compiler takes many bytes at a time. */
static bool is_squeezed(const unsigned char *text, size_t n) {
    unsigned wrong = n > 0 && (text[0] == ' ' || text[n - 1] == ' ');
    for (size_t i = 0; i < n; i++)
        wrong |= (unsigned char)(text[i] - '\t') <= '\r' - '\t';
    for (size_t i = 1; i < n; i++)
        wrong |= (text[i] == ' ') & (text[i - 1] == ' ');
    return !wrong;
}

static void squeeze(bool lower, const unsigned char *text, size_t n, sink *s) {
    if (is_squeezed(text, n)) {
        for (size_t i = 0; i < n; i++)
            s->out[i] = lowered(lower, text[i]);
        s->n = n;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (is_blank(text[i]))
            end_word(s);
        else
            put_byte(s, lowered(lower, text[i]));
    }
}

status score_normalise(score_profile profile, const char *text, size_t bytes, char *out,
                       size_t size, size_t *out_bytes) {
    if (size < score_normalise_bound(bytes)) {
        if (size > 0)
            out[0] = '\0';
        return ERR_LIMIT;
    }
    sink s = {.out = out};
    if (profile < SCORE_PROFILE_BASIC)
        squeeze(profile == SCORE_PROFILE_LOWER, (const unsigned char *)text, bytes, &s);
    else
        fold(profile, (const unsigned char *)text, bytes, &s);
    if (profile == SCORE_PROFILE_ENGLISH) {
        /* Opening a word at most doubles it ("can't" 5 -> 7): the folded text moves to
         * the far end of out, and the result is written from the front. */
        size_t folded = s.n;
        char *far = out + size - folded;
        memmove(far, out, folded);
        s = (sink){.out = out};
        english(far, folded, &s);
    }
    out[s.n] = '\0';
    if (out_bytes)
        *out_bytes = s.n;
    return OK;
}
