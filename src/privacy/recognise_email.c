/* Mail addresses: a.b@c.de, "john dot smith at gmail dot com", "j o h n 42 at x dot org",
 * and any mixture. */
#include <string.h>

#include "privacy/recognise.h"

#define LOCAL_BYTES_MAX 64 /* RFC 5321 */
#define LOCAL_ATOMS_MAX 96
#define PLAIN_WORDS_MAX 2 /* words said without a separator: "john smith at" */
#define LABELS_MAX 6

/* What is being read, written down as an address. */
typedef struct {
    look *l;
    size_t i; /* atom */
    char text[FOUND_CANONICAL_BYTES];
    size_t n;
    bool full; /* longer than an allow list can name */
} address;

static void put(address *a, char c) {
    if (a->n + 1 < sizeof a->text)
        a->text[a->n++] = ascii_lower(c);
    else
        a->full = true;
}

static void put_atom(address *a, const atom *word) {
    for (size_t i = 0; i < word->bytes; i++)
        put(a, atom_text(a->l, word)[i]);
}

/* A separator inside a name: '.', '-', '_', '+' or their words; 0: none. A mark must be
 * glued, else it ends a sentence. */
static char separator_of(look *l, size_t i) {
    const atom *a = look_at(l, i);
    if (a->kind == ATOM_WORD) {
        switch (a->means.kind) {
        case LEX_DOT:
            return '.';
        case LEX_DASH:
            return '-';
        case LEX_UNDERSCORE:
            return '_';
        case LEX_PLUS:
            return '+';
        default:
            return 0;
        }
    }
    if (a->kind != ATOM_MARK || !atom_glued(a) || !strchr(".-_+%&'*", a->mark))
        return 0;
    return atom_glued(look_at(l, i + 1)) ? a->mark : 0;
}

static bool is_at(look *l, size_t i, size_t *used) {
    const atom *a = look_at(l, i);
    *used = 1;
    if (atom_is_mark(a, '@'))
        return true;
    if (!atom_is(a, LEX_AT))
        return false;
    if (atom_says(l, look_at(l, i + 1), "sign"))
        *used = 2;
    return true;
}

typedef enum { PIECE_NONE, PIECE_WORD, PIECE_COMMON, PIECE_SMALL } piece;

/* A word, a number or a letter of a name. */
static piece read_piece(address *a) {
    const atom *word = look_at(a->l, a->i);
    spoken_number number;
    size_t used = spoken_read(a->l, a->i, &number);
    if (used > 0) {
        for (size_t k = 0; k < number.n; k++)
            put(a, number.digits[k]);
        a->i += used;
        return PIECE_SMALL;
    }
    if (word->kind != ATOM_WORD ||
        (word->means.kind >= LEX_AT && word->means.kind <= LEX_PLUS))
        return PIECE_NONE;
    put_atom(a, word);
    a->i++;
    if (atom_is(word, LEX_LETTER))
        return PIECE_SMALL;
    return word->means.kind == LEX_NONE || word->means.kind == LEX_MONTH ? PIECE_WORD
                                                                         : PIECE_COMMON;
}

/* The name up to "at"; false: there is none. A glued @ has a glued name before it. */
static bool read_local(address *a) {
    size_t plain = 0;
    bool spaced = false;
    for (;;) {
        bool first = a->i == 0;
        if (a->i > LOCAL_ATOMS_MAX || a->n > LOCAL_BYTES_MAX)
            return false;
        bool glued = atom_glued(look_at(a->l, a->i));
        piece p = read_piece(a);
        if (p == PIECE_NONE)
            return false;
        plain += p == PIECE_WORD && (first || !glued);
        spaced |= !first && !glued;
        size_t at;
        const atom *next = look_at(a->l, a->i);
        if (is_at(a->l, a->i, &at))
            return !(spaced && atom_glued(next) && atom_is_mark(next, '@'));
        char mark = separator_of(a->l, a->i);
        if (mark) {
            put(a, mark);
            a->i++;
            plain = 0;
            continue;
        }
        if (next->kind != ATOM_WORD && next->kind != ATOM_NUMBER)
            return false;
        if (atom_glued(next))
            continue; /* john42 */
        if (p == PIECE_COMMON || plain > PLAIN_WORDS_MAX)
            return false;
        if (plain == PLAIN_WORDS_MAX && next->kind == ATOM_WORD &&
            next->means.kind == LEX_NONE)
            return false;
        if (next->means.kind == LEX_COMMON || next->means.kind == LEX_CUE)
            return false;
    }
}

/* One label of a host: in speech the first may be two words ("black rock dot com"). */
static bool read_label(address *a, size_t words_max) {
    for (size_t words = 0;;) {
        bool glued = atom_glued(look_at(a->l, a->i));
        if (read_piece(a) == PIECE_NONE)
            return false;
        words += words == 0 || !glued;
        char mark = separator_of(a->l, a->i);
        if (mark == '-') {
            put(a, '-');
            a->i++;
            continue;
        }
        const atom *next = look_at(a->l, a->i);
        if (mark || (next->kind != ATOM_WORD && next->kind != ATOM_NUMBER))
            return true;
        if (!atom_glued(next) && (words >= words_max || next->means.kind == LEX_COMMON))
            return true;
    }
}

/* The host behind "at": labels with dots up to the last top-level domain. With a written
 * @ any host will do. */
static bool read_domain(address *a, bool written) {
    size_t end = 0, text_end = 0;
    for (size_t labels = 0; labels < LABELS_MAX; labels++) {
        size_t label = a->n;
        if (!read_label(a, labels == 0 && !written ? 2 : 1))
            break;
        bool top = recognise_top_domain(a->text + label, a->n - label, false);
        if (written || (labels > 0 && top)) {
            end = a->i;
            text_end = a->n;
        }
        if (separator_of(a->l, a->i) != '.')
            break;
        put(a, '.');
        a->i++;
    }
    a->i = end;
    a->n = text_end;
    return end > 0;
}

found recognise_email(look *l) {
    address a = {.l = l};
    size_t at;
    const atom *head = look_at(l, 0);
    if ((head->kind != ATOM_WORD && head->kind != ATOM_NUMBER) || !read_local(&a))
        return FOUND_NOTHING;
    bool written = atom_is_mark(look_at(l, a.i), '@');
    if (!is_at(l, a.i, &at))
        return FOUND_NOTHING;
    put(&a, '@');
    a.i += at;
    if (!read_domain(&a, written))
        return FOUND_NOTHING;
    found f = {.class = ENTITY_EMAIL, .atoms = a.i, .strong = true};
    if (!a.full) {
        memcpy(f.canonical, a.text, a.n);
        f.canonical[a.n] = '\0';
    }
    return f;
}
