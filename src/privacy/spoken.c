#include "privacy/spoken.h"

#include <stdio.h>
#include <string.h>

#include "privacy/checks.h"

static bool is_digit_word(const atom *a) {
    return atom_is(a, LEX_DIGIT) || atom_is(a, LEX_OH);
}

/* Something that begins a number when it follows one. */
static bool begins_number(const atom *a) {
    return a->kind == ATOM_NUMBER || is_digit_word(a) || atom_is(a, LEX_TEEN) ||
           atom_is(a, LEX_TENS) || atom_is(a, LEX_REPEAT);
}

size_t spoken_small(look *l, size_t i, unsigned *out) {
    const atom *a = look_at(l, i);
    if (atom_is(a, LEX_TEEN) || (atom_is(a, LEX_DIGIT) && a->means.value > 0)) {
        *out = a->means.value;
        return 1;
    }
    if (!atom_is(a, LEX_TENS))
        return 0;
    *out = a->means.value;
    const atom *next = look_at(l, i + 1);
    size_t used = 1;
    if (atom_is_mark(next, '-') && atom_glued(next)) {
        next = look_at(l, i + 2);
        used = 2;
        if (!atom_glued(next))
            return 1;
    }
    if (!atom_is(next, LEX_DIGIT) || next->means.value == 0)
        return 1;
    *out += next->means.value;
    return used + 1;
}

/* [and] 1..99 behind a hundred or thousand, unless digits go on behind it: then it was
 * "eight hundred, five five five". */
static size_t read_rest(look *l, size_t i, unsigned *value, bool thousand) {
    size_t used = atom_is(look_at(l, i), LEX_AND);
    unsigned rest = 0;
    size_t small = spoken_small(l, i + used, &rest);
    if (small == 0)
        return 0;
    const atom *next = look_at(l, i + used + small);
    if (thousand && atom_is(next, LEX_HUNDRED) && rest < 10) {
        rest *= 100;
        small++;
        *value += rest;
        return used + small + read_rest(l, i + used + small, value, false);
    }
    if (begins_number(next))
        return 0;
    *value += rest;
    return used + small;
}

static size_t read_words(look *l, size_t i, spoken_number *out) {
    unsigned value = 0;
    size_t used = spoken_small(l, i, &value);
    if (used == 0)
        return 0;
    const atom *plural = look_at(l, i + used);
    if (atom_is(plural, LEX_PLURAL) && value < 10) { /* four zeros */
        memset(out->digits, '0' + plural->means.value, value);
        out->n = value;
        out->spoken = true;
        return used + 1;
    }
    if (atom_is(look_at(l, i + used), LEX_HUNDRED)) {
        value *= 100;
        used++;
        used += read_rest(l, i + used, &value, false);
        out->cardinal = true;
    }
    if (atom_is(look_at(l, i + used), LEX_THOUSAND)) {
        value *= 1000;
        used++;
        used += read_rest(l, i + used, &value, true);
        out->cardinal = true;
    }
    out->spoken = true;
    out->n = (size_t)snprintf(out->digits, sizeof out->digits, "%u", value);
    return used;
}

/* "double seven", "triple oh", "double 4" */
static size_t read_repeat(look *l, size_t i, spoken_number *out) {
    unsigned times = look_at(l, i)->means.value;
    const atom *what = look_at(l, i + 1);
    char digit;
    if (is_digit_word(what))
        digit = (char)('0' + what->means.value);
    else if (what->kind == ATOM_NUMBER && what->bytes == 1)
        digit = *atom_text(l, what);
    else if (atom_is(what, LEX_LETTER) && what->means.value == 'O')
        digit = '0';
    else
        return 0;
    memset(out->digits, digit, times);
    out->n = times;
    out->spoken = true;
    return 2;
}

/* "4 hundred", "12 thousand": zeros behind. */
static size_t read_zeros(look *l, size_t i, spoken_number *out) {
    const atom *next = look_at(l, i);
    size_t zeros = atom_is(next, LEX_HUNDRED) ? 2 : atom_is(next, LEX_THOUSAND) ? 3 : 0;
    if (zeros == 0 || out->n > 3 || atom_glued(next))
        return 0;
    memset(out->digits + out->n, '0', zeros);
    out->n += zeros;
    out->cardinal = true;
    return 1;
}

size_t spoken_read(look *l, size_t i, spoken_number *out) {
    const atom *a = look_at(l, i);
    out->n = 0;
    out->digits[0] = '\0';
    out->spoken = out->cardinal = false;
    if (a->kind != ATOM_NUMBER &&
        (a->kind != ATOM_WORD || a->means.kind < LEX_DIGIT || a->means.kind > LEX_REPEAT))
        return 0;
    size_t used = 0;
    if (a->kind == ATOM_NUMBER) {
        out->n = a->bytes;
        memcpy(out->digits, atom_text(l, a), a->bytes);
        used = 1 + read_zeros(l, i + 1, out);
    } else if (atom_is(a, LEX_REPEAT)) {
        used = read_repeat(l, i, out);
    } else if (is_digit_word(a) && a->means.value == 0) {
        out->digits[out->n++] = '0';
        out->spoken = true;
        used = 1;
    } else {
        used = read_words(l, i, out);
    }
    out->digits[out->n] = '\0';
    return used;
}

/* ---- runs ---- */

static bool all_letters(const look *l, const atom *a, bool *upper) {
    *upper = true;
    for (size_t i = 0; i < a->bytes; i++) {
        char c = atom_text(l, a)[i];
        if (ascii_lower(c) < 'a' || ascii_lower(c) > 'z')
            return false;
        *upper = *upper && c <= 'Z';
    }
    return true;
}

/* A country and two digits came: the letters of an IBAN may be any short word. */
static size_t iban_open(const run *r, size_t chars) {
    char country[2];
    if (chars < 4 || r->chars[2] > '9' || r->chars[3] > '9')
        return 0;
    memcpy(country, r->chars, 2);
    return check_iban_length(country);
}

/* "b as in bravo", "b for bravo": the words behind the letter. */
static size_t read_as_in(look *l, size_t i, char letter) {
    const atom *as = look_at(l, i);
    size_t used = 0;
    if (atom_says(l, as, "as") && atom_says(l, look_at(l, i + 1), "in"))
        used = 2;
    else if (atom_says(l, as, "for") || atom_says(l, as, "like"))
        used = 1;
    if (used == 0)
        return 0;
    const atom *word = look_at(l, i + used);
    bool fits = word->kind == ATOM_WORD && word->bytes > 1 &&
                ascii_upper(*atom_text(l, word)) == letter;
    return fits ? used + 1 : 0;
}

/* Letters at atom i: one spelled, or a short group of a written identifier. */
static size_t read_letters(look *l, size_t i, const run *r, size_t chars,
                           spoken_number *out) {
    const atom *a = look_at(l, i);
    *out = (spoken_number){.spoken = true};
    if (atom_is(a, LEX_LETTER)) {
        out->digits[out->n++] = (char)a->means.value;
        return 1 + read_as_in(l, i + 1, (char)a->means.value);
    }
    bool upper;
    if (a->kind != ATOM_WORD || a->bytes < 2 || a->bytes > 4 ||
        !all_letters(l, a, &upper))
        return 0;
    size_t iban = iban_open(r, chars);
    const atom *next = look_at(l, i + 1);
    bool glued = (atom_glued(a) && i > 0 && l->atoms[i - 1].kind == ATOM_NUMBER) ||
                 (next->kind == ATOM_NUMBER && atom_glued(next));
    bool prefix =
        chars == 0 && a->bytes == 2 && a->means.kind == LEX_NONE && begins_number(next);
    bool group = upper && r->n > 0 && !r->parts[r->n - 1].letters;
    if (!group && !glued && !prefix && chars >= iban)
        return 0;
    out->spoken = false;
    for (size_t k = 0; k < a->bytes; k++)
        out->digits[out->n++] = ascii_upper(atom_text(l, a)[k]);
    return 1;
}

/* The separators at atom i: how many atoms, and what they make of the join. */
static size_t read_join(look *l, size_t i, join *out) {
    size_t used = 0;
    *out = JOIN_SPACE;
    for (; used < 3; used++) {
        const atom *a = look_at(l, i + used);
        if (atom_is(a, LEX_DASH) || atom_is_mark(a, '-') || atom_is_mark(a, '(') ||
            atom_is_mark(a, ')'))
            *out = JOIN_DASH;
        else if (atom_is_mark(a, '.'))
            *out = JOIN_STOP;
        else if (atom_is_mark(a, ','))
            *out = JOIN_COMMA;
        else if (atom_is_mark(a, '/') && atom_glued(a))
            *out = JOIN_SLASH;
        else if (!atom_is(a, LEX_FILLER))
            break;
    }
    const atom *next = look_at(l, i + used);
    if (used == 0 && atom_glued(next))
        *out = JOIN_GLUED;
    if (used == 1 && atom_glued(next) && atom_glued(look_at(l, i)))
        *out = *out == JOIN_STOP ? JOIN_DOT : *out == JOIN_COMMA ? JOIN_THOUSANDS : *out;
    return used;
}

/* One part more; atoms used, 0: the run is over. */
static size_t read_part(look *l, size_t i, run *r, size_t *chars, join before) {
    spoken_number part;
    bool after_digit = *chars > 0 && r->chars[*chars - 1] <= '9';
    const atom *a = look_at(l, i);
    size_t used;
    bool zero = atom_is(a, LEX_LETTER) && a->means.value == 'O' && after_digit;
    if (zero) { /* "five o five" */
        part = (spoken_number){.digits = "0", .n = 1, .spoken = true};
        used = 1;
    } else {
        used = spoken_read(l, i, &part);
    }
    bool letters = used == 0;
    if (letters)
        used = read_letters(l, i, r, *chars, &part);
    if (used == 0)
        return 0;
    if (*chars + part.n > RUN_CHARS) {
        r->cut = true;
        if (r->n > 0)
            return 0;
        part.n = RUN_CHARS;
    }
    memcpy(r->chars + *chars, part.digits, part.n);
    r->parts[r->n++] = (run_part){.chars_at = (uint8_t)*chars,
                                  .chars_end = (uint8_t)(*chars + part.n),
                                  .first_atom = (uint16_t)i,
                                  .end_atom = (uint16_t)(i + used),
                                  .before = (uint8_t)before,
                                  .letters = letters,
                                  .spoken = part.spoken,
                                  .cardinal = part.cardinal};
    *chars += part.n;
    r->digits += letters ? 0 : part.n;
    return used;
}

bool run_read(look *l, run *r) {
    const atom *head = look_at(l, 0);
    size_t i = 0, chars = 0;
    r->n = r->digits = 0;
    r->cut = false;
    r->plus = atom_is_mark(head, '+') || atom_is(head, LEX_PLUS);
    i += r->plus;
    i += atom_is_mark(look_at(l, i), '(');
    for (join before = JOIN_SPACE;;) {
        size_t used = read_part(l, i, r, &chars, before);
        if (used == 0)
            break;
        i += used;
        if (i < l->n && (size_t)(l->atoms[i].at - head->at) > HELD_BYTES_MAX) {
            r->cut = true;
            break;
        }
        i += read_join(l, i, &before);
    }
    return r->n > 0;
}
