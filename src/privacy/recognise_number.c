/* Runs of digits and letters: first whether some stretch of them carries check digits or
 * a form of its own, then whether what is left is too long to be harmless. */
#include <string.h>

#include "privacy/checks.h"
#include "privacy/recognise.h"

#define ACCOUNT_DIGITS                                                                   \
    8 /* a bare number of so many is redacted; years and prices end below */

/* Some parts of a run, next to each other. */
typedef struct {
    const run *r;
    const look *l;
    size_t first, end; /* parts */
} window;

static const char *window_chars(const window *w, size_t *n) {
    const run_part *first = &w->r->parts[w->first];
    *n = (size_t)(w->r->parts[w->end - 1].chars_end - first->chars_at);
    return w->r->chars + first->chars_at;
}

static size_t part_chars(const run_part *p) {
    return (size_t)(p->chars_end - p->chars_at);
}

static cue cue_of(const look *l) {
    return l->left.cue_age <= CUE_WORDS ? (cue)l->left.cue : CUE_NONE;
}

/* The parts are of these sizes; sizes ends with 0. Spoken digits have no groups of their
 * own, so they fit any. */
static bool grouped(const window *w, const char *sizes) {
    size_t i = w->first;
    for (; *sizes; sizes++) {
        size_t want = (size_t)(*sizes - '0'), have = 0;
        while (i < w->end && have < want) {
            const run_part *p = &w->r->parts[i++];
            if (have > 0 && !p->spoken && p->before != JOIN_GLUED)
                return false;
            have += part_chars(p);
        }
        if (have != want)
            return false;
    }
    return i == w->end;
}

static size_t count_spoken(const window *w) {
    size_t n = 0;
    for (size_t i = w->first; i < w->end; i++)
        n += w->r->parts[i].spoken;
    return n;
}

static bool all_spoken(const window *w) {
    return count_spoken(w) == w->end - w->first;
}

static bool is_nanp(const window *w, const char *chars, size_t n) {
    if (n == 11 && chars[0] == '1')
        return check_nanp(chars + 1, 10) && (grouped(w, "1334") || grouped(w, "137"));
    return check_nanp(chars, n) && (grouped(w, "334") || grouped(w, "37"));
}

static bool is_national_id(const window *w, const char *chars, size_t n, size_t letters) {
    if (letters > 0)
        return check_nino(chars, n) || check_dni(chars, n) || check_nir(chars, n);
    if (w->first > 0 || w->end < w->r->n)
        return false; /* one check digit proves little of a stretch of a longer number */
    if (check_ssn(chars, n))
        return cue_of(w->l) == CUE_SOCIAL || (!all_spoken(w) && grouped(w, "324"));
    return check_cpf(chars, n) || check_nir(chars, n) || check_steuer_id(chars, n);
}

/* The class a stretch proves by itself. */
static entity strong_class(const window *w) {
    size_t n, letters = 0;
    const char *chars = window_chars(w, &n);
    for (size_t i = w->first; i < w->end; i++)
        letters += w->r->parts[i].letters;
    if (n < 8 || n > 34)
        return ENTITY_NONE;
    if (letters > 0 && check_iban(chars, n))
        return ENTITY_IBAN;
    if (letters == 0 && check_card(chars, n))
        return ENTITY_CARD;
    bool plus = w->r->plus && w->first == 0;
    if (letters == 0 && plus && n >= 8 && n <= 15 && w->end == w->r->n)
        return ENTITY_PHONE;
    if (letters == 0 && count_spoken(w) == 0 && is_nanp(w, chars, n))
        return ENTITY_PHONE;
    return is_national_id(w, chars, n, letters) ? ENTITY_NATIONAL_ID : ENTITY_NONE;
}

/* The first and longest stretch that proves its class. Cards and bank accounts go before
 * anything that starts earlier. */
static entity find_strong(window *w) {
    entity best = ENTITY_NONE;
    window at = *w;
    for (at.first = 0; at.first < w->r->n; at.first++)
        for (at.end = w->r->n; at.end > at.first; at.end--) {
            entity class = strong_class(&at);
            bool money = class == ENTITY_CARD || class == ENTITY_IBAN;
            if (class == ENTITY_NONE || (best != ENTITY_NONE && !money))
                continue;
            *w = at;
            best = class;
            if (money)
                return best;
        }
    return best;
}

/* Digits said in one breath with a card or account belong to it: one misheard digit more
 * or less shifts the stretch that fits. Up to two on either side. */
static void absorb(window *w) {
    const run *r = w->r;
    size_t spare = 0;
    for (; w->end < r->n && r->parts[w->end].before <= JOIN_DASH; w->end++) {
        spare += part_chars(&r->parts[w->end]);
        if (spare > 2 || r->parts[w->end].letters)
            break;
    }
    spare = 0;
    for (; w->first > 0 && r->parts[w->first].before <= JOIN_DASH; w->first--) {
        spare += part_chars(&r->parts[w->first - 1]);
        if (spare > 2 || r->parts[w->first - 1].letters)
            break;
    }
}

/* ---- what proves nothing ---- */

/* 1 2 3 4 or 5 4 3 2: counting, not telling a number. */
static bool is_counting(const window *w) {
    int step = 0, last = 0;
    for (size_t i = w->first; i < w->end; i++) {
        const run_part *p = &w->r->parts[i];
        if (part_chars(p) > 3)
            return false;
        int value = 0;
        for (size_t k = p->chars_at; k < p->chars_end; k++)
            value = value * 10 + (w->r->chars[k] - '0');
        if (i == w->first + 1)
            step = value - last;
        if (i > w->first && (value - last != step || (step != 1 && step != -1)))
            return false;
        last = value;
    }
    return w->end - w->first >= 4;
}

/* Nothing but years of four digits. */
static bool is_years(const char *digits, size_t n) {
    for (size_t i = 0; i < n; i += 4)
        if (n % 4 != 0 ||
            (memcmp(digits + i, "19", 2) != 0 && memcmp(digits + i, "20", 2) != 0))
            return false;
    return true;
}

/* "10, 20, 30": numbers beside each other rather than groups of one. */
static bool is_list(const window *w) {
    for (size_t i = w->first; i < w->end; i++) {
        const run_part *p = &w->r->parts[i];
        bool separate = p->before == JOIN_COMMA || p->before == JOIN_STOP;
        if ((i > w->first && !separate) || part_chars(p) < 2 || part_chars(p) > 4)
            return false;
    }
    return w->end - w->first >= 2;
}

/* 1,234,567 or 3.14159 or 10.0.19041: one figure, not a telephone. */
static bool is_figure(const window *w) {
    size_t n = w->end - w->first, dots = 0, thousands = 0, odd = 0;
    for (size_t i = w->first + 1; i < w->end; i++) {
        const run_part *p = &w->r->parts[i];
        dots += p->before == JOIN_DOT;
        thousands += p->before == JOIN_THOUSANDS;
        odd += part_chars(p) < 2 || part_chars(p) > 4;
    }
    return (n > 1 && thousands > 0 && thousands + dots == n - 1) ||
           (n == 2 && dots == 1) || (n > 2 && dots == n - 1 && odd > 0);
}

static bool is_amount(look *l, const window *w) {
    const run_part *last = &w->r->parts[w->end - 1];
    const atom *next = look_at(l, last->end_atom);
    if (atom_is_mark(next, '-') && atom_glued(next)) /* 1500-dollar */
        next = look_at(l, last->end_atom + 1u);
    return l->left.currency || atom_is(next, LEX_UNIT) || atom_is_mark(next, '%') ||
           atom_is_mark(next, '$');
}

static bool is_birth_date(const char *digits, size_t n) {
    static const uint8_t at[][2] = {{0, 2}, {2, 0}, {4, 6}}; /* month, day */
    for (size_t i = 0; i < 3; i++) {
        if (n < (i == 2 ? 8u : 4u) || (n != 4 && n != 6 && n != 8))
            continue;
        int month = (digits[at[i][0]] - '0') * 10 + digits[at[i][0] + 1] - '0';
        int day = (digits[at[i][1]] - '0') * 10 + digits[at[i][1] + 1] - '0';
        if (month >= 1 && month <= 12 && day >= 1 && day <= 31)
            return true;
    }
    return false;
}

/* "eleven seven ninety one": month, day and year, each a part. */
static bool is_birth_parts(const window *w) {
    int value[3];
    if (w->end - w->first != 3)
        return false;
    for (size_t i = 0; i < 3; i++) {
        const run_part *p = &w->r->parts[w->first + i];
        size_t n = part_chars(p);
        if (n > 2 && (i < 2 || n != 4))
            return false;
        value[i] = w->r->chars[p->chars_at] - '0';
        if (n > 1)
            value[i] = value[i] * 10 + w->r->chars[p->chars_at + 1] - '0';
    }
    return value[0] >= 1 && value[1] >= 1 && value[0] <= 31 && value[1] <= 31 &&
           (value[0] <= 12 || value[1] <= 12) &&
           part_chars(&w->r->parts[w->first + 2]) > 1;
}

/* A number of a telephone by its length and first digits. */
static bool is_phone_like(const window *w, const char *digits, size_t n, bool told) {
    if ((n == 10 && check_nanp(digits, n)) ||
        (n == 11 && digits[0] == '1' && check_nanp(digits + 1, 10)))
        return true;
    bool groups = w->end - w->first > 1;
    if (digits[0] == '0' && n >= (digits[1] == '0' ? 11u : 9u) && n <= 14 && groups)
        return true;
    if (n == 7 && digits[0] >= '2' && groups &&
        ((all_spoken(w) && !w->r->parts[w->first].cardinal) || grouped(w, "34")))
        return true;
    return told && n >= 7 && n <= 15;
}

/* Digits that no check proves, by their number and by the words before. */
static entity weak_class(look *l, const window *w, bool before_number) {
    size_t n;
    const char *digits = window_chars(w, &n);
    cue told = cue_of(l);
    bool after = l->left.after_number; /* a code, an expiry, a misheard digit more */
    if (l->left.after_cut || (after && before_number) ||
        ((after || before_number) && n >= 3))
        return ENTITY_ACCOUNT;
    if (told == CUE_OBJECT || n < 3 || is_counting(w))
        return ENTITY_NONE;
    if (told == CUE_BIRTH && (is_birth_date(digits, n) || is_birth_parts(w)))
        return ENTITY_DATE;
    if (is_amount(l, w) || is_figure(w) || l->left.version || l->left.figure > 0)
        return ENTITY_NONE;
    if (w->end - w->first == 1 && w->r->parts[w->first].cardinal)
        return ENTITY_NONE;
    if (told == CUE_SECRET || (told == CUE_SOCIAL && n >= 4) ||
        (told == CUE_ACCOUNT && n >= 6))
        return ENTITY_ACCOUNT;
    if (is_list(w) || is_years(digits, n))
        return ENTITY_NONE;
    if (is_phone_like(w, digits, n, told == CUE_PHONE))
        return ENTITY_PHONE;
    return n >= ACCOUNT_DIGITS ? ENTITY_ACCOUNT : ENTITY_NONE;
}

static found answer(const window *w, entity class, bool strong) {
    found f = {.class = class, .strong = strong};
    size_t n;
    const char *chars = window_chars(w, &n);
    f.atoms = w->r->parts[w->end - 1].end_atom;
    memcpy(f.canonical, chars, n);
    f.canonical[n] = '\0';
    return f;
}

/* Most words begin no number; they need not wait for what follows. */
static bool may_begin(const atom *a) {
    if (a->kind == ATOM_MARK)
        return a->mark == '+' || a->mark == '(';
    if (a->kind != ATOM_WORD)
        return a->kind == ATOM_NUMBER;
    return (a->means.kind >= LEX_LETTER && a->means.kind <= LEX_REPEAT) ||
           a->means.kind == LEX_PLUS || a->bytes <= 4;
}

found recognise_number(look *l) {
    run r;
    if (!may_begin(look_at(l, 0)) || !run_read(l, &r) || r.digits == 0 || l->wait)
        return FOUND_NOTHING;
    window all = {&r, l, 0, r.n}, w = all;
    entity class = find_strong(&w);
    window proven = w;
    if (class == ENTITY_CARD || class == ENTITY_IBAN)
        absorb(&w);
    if (class != ENTITY_NONE && w.first == 0) {
        found f = answer(&proven, class, true);
        f.atoms = r.parts[w.end - 1].end_atom;
        f.cut = r.cut;
        return f;
    }
    bool before_number = class != ENTITY_NONE;
    if (before_number)
        all.end = w.first; /* judge what stands before it by itself */
    for (size_t i = 0; i < all.end; i++)
        if (r.parts[i].letters) /* letters prove nothing without a check */
            all.end = i;
    if (all.end == 0)
        return FOUND_NOTHING;
    class = weak_class(l, &all, before_number);
    if (class == ENTITY_NONE) {
        found none = FOUND_NOTHING;
        none.figure = is_figure(&all) ? r.parts[all.end - 1].end_atom : 0;
        return none;
    }
    found f = answer(&all, class, false);
    f.cut = r.cut && all.end == r.n;
    return f;
}
