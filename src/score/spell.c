#include "score/spell.h"

#include <stdint.h>
#include <string.h>

static const char *const below_twenty[] = {
    "zero",     "one",     "two",     "three",     "four",     "five",    "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
static const char *const below_twenty_ordinal[] = {
    "zeroth",    "first",     "second",      "third",      "fourth",
    "fifth",     "sixth",     "seventh",     "eighth",     "ninth",
    "tenth",     "eleventh",  "twelfth",     "thirteenth", "fourteenth",
    "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth"};
static const char *const tens[] = {"",      "",      "twenty",  "thirty", "forty",
                                   "fifty", "sixty", "seventy", "eighty", "ninety"};
static const char *const tens_ordinal[] = {
    "",         "",         "twentieth",  "thirtieth", "fortieth",
    "fiftieth", "sixtieth", "seventieth", "eightieth", "ninetieth"};

typedef struct {
    char *at;
    char *start;
} writer;

static void put(writer *w, const char *word) {
    if (w->at != w->start)
        *w->at++ = ' ';
    size_t n = strlen(word);
    memcpy(w->at, word, n);
    w->at += n;
}

/* 1..999; last: this group ends the number, so it carries the ordinal. */
static void put_group(writer *w, uint32_t group, bool ordinal) {
    uint32_t hundreds = group / 100, rest = group % 100;
    if (hundreds) {
        put(w, below_twenty[hundreds]);
        put(w, ordinal && rest == 0 ? "hundredth" : "hundred");
    }
    if (rest >= 20) {
        bool ends = rest % 10 == 0;
        put(w, ordinal && ends ? tens_ordinal[rest / 10] : tens[rest / 10]);
        rest %= 10;
    }
    if (rest)
        put(w, ordinal ? below_twenty_ordinal[rest] : below_twenty[rest]);
}

static void put_number(writer *w, uint32_t value, bool ordinal) {
    static const struct {
        uint32_t unit;
        const char *name, *ordinal;
    } scales[] = {{1000000, "million", "millionth"}, {1000, "thousand", "thousandth"}};
    if (value == 0) {
        put(w, ordinal ? "zeroth" : "zero");
        return;
    }
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
        if (value < scales[i].unit)
            continue;
        put_group(w, value / scales[i].unit, false);
        value %= scales[i].unit;
        put(w, ordinal && value == 0 ? scales[i].ordinal : scales[i].name);
    }
    if (value)
        put_group(w, value, ordinal);
}

size_t spell_digits(const char *digits, size_t n, bool ordinal, char *out) {
    writer w = {out, out};
    if (n > 9 || (n > 1 && digits[0] == '0')) {
        for (size_t i = 0; i < n; i++)
            put(&w, below_twenty[digits[i] - '0']);
    } else {
        uint32_t value = 0;
        for (size_t i = 0; i < n; i++)
            value = value * 10 + (uint32_t)(digits[i] - '0');
        put_number(&w, value, ordinal);
    }
    return (size_t)(w.at - out);
}
