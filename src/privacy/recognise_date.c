/* Dates of a day: 3/14/1985, 1985-03-14, March 14th, 1985, the fourteenth of march
 * nineteen eighty five. A month with a year, or a year alone, is no such date; after
 * words of birth a day and a month are. */
#include <string.h>

#include "privacy/recognise.h"

static bool told_birth(const look *l) {
    return l->left.cue == CUE_BIRTH && l->left.cue_age <= CUE_WORDS;
}

static unsigned written(const look *l, const atom *a) {
    unsigned v = 0;
    for (size_t i = 0; i < a->bytes && i < 5; i++)
        v = v * 10 + (unsigned)(atom_text(l, a)[i] - '0');
    return v;
}

static bool month_and_day(unsigned a, unsigned b) {
    return a >= 1 && b >= 1 && ((a <= 12 && b <= 31) || (a <= 31 && b <= 12));
}

static found date(size_t atoms) {
    return (found){.class = ENTITY_DATE, .atoms = atoms, .strong = true};
}

/* 14/03/1985, 3-14-85, 1985-03-14, 14.03.1985 */
static found read_figures(look *l) {
    const atom *part[3], *first = look_at(l, 0);
    const atom *mark = look_at(l, 1);
    if (first->kind != ATOM_NUMBER || first->bytes > 4 || !atom_glued(mark) ||
        mark->kind != ATOM_MARK || !strchr("/-.", mark->mark))
        return FOUND_NOTHING;
    for (size_t i = 0; i < 3; i++) {
        part[i] = look_at(l, 2 * i);
        if (part[i]->kind != ATOM_NUMBER || (i > 0 && !atom_glued(part[i])))
            return FOUND_NOTHING;
        if (i < 2 && (!atom_is_mark(look_at(l, 2 * i + 1), mark->mark) ||
                      !atom_glued(look_at(l, 2 * i + 1))))
            return FOUND_NOTHING;
    }
    const atom *next = look_at(l, 5), *behind = look_at(l, 6);
    if (atom_is_mark(next, mark->mark) && atom_glued(next) &&
        behind->kind == ATOM_NUMBER && atom_glued(behind))
        return FOUND_NOTHING; /* a fourth figure: an address or a version */
    unsigned a = written(l, part[0]), b = written(l, part[1]), c = written(l, part[2]);
    size_t last = part[2]->bytes;
    bool year_first =
        part[0]->bytes == 4 && a >= 1850 && a <= 2100 && last <= 2 && month_and_day(b, c);
    bool year_last = part[0]->bytes <= 2 && month_and_day(a, b) &&
                     ((last == 4 && c >= 1850 && c <= 2100) ||
                      (last == 2 && (mark->mark == '/' || told_birth(l))));
    return part[1]->bytes <= 2 && (year_first || year_last) ? date(5) : FOUND_NOTHING;
}

/* A day of a month in words or figures, with its ending; atoms taken. */
static size_t read_day(look *l, size_t i, unsigned *out, bool *ordinal) {
    const atom *a = look_at(l, i);
    *ordinal = false;
    if (a->kind == ATOM_NUMBER && a->bytes <= 2) {
        *out = written(l, a);
        const atom *end = look_at(l, i + 1);
        *ordinal = atom_is(end, LEX_SUFFIX) && atom_glued(end);
        return *ordinal ? 2 : 1;
    }
    *out = a->means.value;
    *ordinal = true;
    if (atom_is(a, LEX_ORDINAL))
        return 1;
    if (atom_is(a, LEX_TENS)) {
        size_t at = i + 1;
        at += atom_is_mark(look_at(l, at), '-');
        const atom *end = look_at(l, at);
        if (atom_is(end, LEX_ORDINAL) && end->means.value < 10) {
            *out += end->means.value;
            return at + 1 - i;
        }
    }
    *ordinal = false;
    return spoken_small(l, i, out);
}

/* 1985, nineteen eighty five, two thousand and five, twenty twenty four, nineteen oh
 * five; after words of birth also eighty five. */
static size_t read_year(look *l, size_t i) {
    spoken_number n;
    unsigned high, low;
    size_t used = spoken_read(l, i, &n);
    if (used == 0)
        return 0;
    if (n.n == 4 && (n.digits[0] == '1' || n.digits[0] == '2'))
        return used;
    size_t first = spoken_small(l, i, &high);
    if (first > 0 && high >= 18 && high <= 20) {
        const atom *oh = look_at(l, i + first);
        if (atom_is(oh, LEX_OH) || (atom_is(oh, LEX_LETTER) && oh->means.value == 'O')) {
            size_t digit = spoken_small(l, i + first + 1, &low);
            return digit ? first + 1 + digit : 0;
        }
        size_t second = spoken_small(l, i + first, &low);
        if (second > 0 && low >= 10)
            return first + second;
    }
    return n.n == 2 && told_birth(l) ? used : 0;
}

/* What may stand between day, month and year. */
static size_t skip_between(look *l, size_t i) {
    const atom *a = look_at(l, i);
    return atom_is_mark(a, ',') || atom_is_mark(a, '.') || atom_is_mark(a, '-') ||
           atom_is_mark(a, '\'') || atom_is(a, LEX_OF) || atom_is(a, LEX_FILLER);
}

static found finish(look *l, size_t i, bool day_is_sure) {
    size_t between = skip_between(l, i);
    if (atom_says(l, look_at(l, i + between), "in"))
        between++;
    size_t year = read_year(l, i + between);
    if (year > 0)
        return date(i + between + year);
    return told_birth(l) && day_is_sure ? date(i) : FOUND_NOTHING;
}

found recognise_date(look *l) {
    const atom *head = look_at(l, 0);
    unsigned day = 0;
    bool ordinal;
    bool begins = atom_is(head, LEX_MONTH) || atom_is(head, LEX_ORDINAL) ||
                  (head->kind == ATOM_WORD && head->means.kind >= LEX_DIGIT &&
                   head->means.kind <= LEX_TENS);
    if (!begins && head->kind != ATOM_NUMBER)
        return FOUND_NOTHING;
    if (head->kind == ATOM_NUMBER) {
        found f = read_figures(l);
        if (f.class != ENTITY_NONE)
            return f;
    }
    if (atom_is(head, LEX_MONTH)) {
        size_t i = 1 + skip_between(l, 1);
        i += atom_says(l, look_at(l, i), "the");
        size_t used = read_day(l, i, &day, &ordinal);
        if (used == 0 || day < 1 || day > 31)
            return FOUND_NOTHING;
        return finish(l, i + used, true);
    }
    size_t i = read_day(l, 0, &day, &ordinal);
    if (i == 0 || day < 1 || day > 31)
        return FOUND_NOTHING;
    i += skip_between(l, i);
    if (!atom_is(look_at(l, i), LEX_MONTH))
        return FOUND_NOTHING;
    return finish(l, i + 1, true);
}
