/* Web addresses and hosts (https://a.de/x, www.a.de, a.com, "w w w dot a dot com slash
 * x") and IP addresses (192.168.0.1, "one ninety two dot one sixty eight dot ...",
 * 2001:db8::1). */
#include <string.h>

#include "privacy/recognise.h"

#define URL_ATOMS_MAX 150 /* a longer one is cut */
#define LABELS_MAX 8

/* ---- top-level domains ---- */

typedef struct {
    char name[7];
    bool is_word; /* of English too */
} top_domain;

static const top_domain tops[] = {
    {"ai", false},    {"au", false},  {"biz", false},  {"br", false},  {"ca", false},
    {"ch", false},    {"cn", false},  {"co", false},   {"com", false}, {"cz", false},
    {"de", false},    {"dev", false}, {"dk", false},   {"edu", false}, {"es", false},
    {"eu", false},    {"fi", false},  {"fm", false},   {"fr", false},  {"gov", false},
    {"hu", false},    {"ie", false},  {"info", false}, {"int", false}, {"io", false},
    {"jp", false},    {"kr", false},  {"ly", false},   {"mil", false}, {"mx", false},
    {"net", false},   {"nl", false},  {"nz", false},   {"org", false}, {"pl", false},
    {"pt", false},    {"ro", false},  {"ru", false},   {"se", false},  {"sg", false},
    {"tv", false},    {"uk", false},  {"xyz", false},  {"za", false},  {"am", true},
    {"app", true},    {"at", true},   {"be", true},    {"bank", true}, {"cloud", true},
    {"health", true}, {"in", true},   {"it", true},    {"me", true},   {"no", true},
    {"online", true}, {"shop", true}, {"site", true},  {"so", true},   {"store", true},
    {"tech", true},   {"to", true},   {"us", true},
};

bool recognise_top_domain(const char *name, size_t n, bool strict) {
    char lower[sizeof tops[0].name] = "";
    if (n < 2 || n >= sizeof lower)
        return false;
    for (size_t i = 0; i < n; i++)
        lower[i] = ascii_lower(name[i]);
    for (size_t i = 0; i < sizeof tops / sizeof tops[0]; i++)
        if (memcmp(tops[i].name, lower, sizeof lower) == 0)
            return !strict || !tops[i].is_word;
    return false;
}

/* ---- written and spoken hosts ---- */

static bool is_dot(look *l, size_t i, bool spoken) {
    const atom *a = look_at(l, i);
    if (spoken && atom_is(a, LEX_DOT))
        return true;
    return atom_is_mark(a, '.') && atom_glued(a) && atom_glued(look_at(l, i + 1));
}

static bool is_slash(look *l, size_t i) {
    const atom *a = look_at(l, i);
    return atom_is(a, LEX_SLASH) || (atom_is_mark(a, '/') && atom_glued(a));
}

/* Behind the last of the atoms glued together from i on, without marks that end a
 * sentence. *cut: there are more of them than are held. */
static size_t glued_end(look *l, size_t i, bool *cut) {
    size_t end = i;
    for (;; i++) {
        if (i > URL_ATOMS_MAX ||
            (i < l->n && l->atoms[i].at - l->atoms[0].at > HELD_BYTES_MAX)) {
            *cut = true;
            return i;
        }
        const atom *a = look_at(l, i);
        if (!atom_glued(a))
            return end;
        if (a->kind != ATOM_MARK || !strchr(".,;:!?)]}\"'>", a->mark))
            end = i + 1;
    }
}

/* http(s)://..., behind which everything glued belongs to it; atoms, 0: none. */
static size_t read_scheme(look *l) {
    static const char *const schemes[] = {"http", "https", "ftp", "ws", "wss"};
    const atom *head = look_at(l, 0);
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (!atom_says(l, head, schemes[i]))
            continue;
        size_t at = 1;
        const atom *colon = look_at(l, at);
        if (atom_is_mark(colon, ':') || atom_says(l, colon, "colon"))
            at++;
        size_t slashes = at;
        while (at < slashes + 2 && is_slash(l, at))
            at++;
        return at == slashes + 2 ? at : 0;
    }
    return 0;
}

/* "www", "w w w", "triple w" */
static size_t read_www(look *l, size_t i) {
    const atom *a = look_at(l, i);
    if (atom_says(l, a, "www"))
        return 1;
    if (atom_is(a, LEX_REPEAT) && a->means.value == 3)
        return atom_says(l, look_at(l, i + 1), "w") ? 2 : 0;
    size_t n = 0;
    while (n < 3 && atom_says(l, look_at(l, i + n), "w"))
        n++;
    return n == 3 ? n : 0;
}

/* A label of words, digits and hyphens: glued ones, spelled letters and said digits. */
static size_t read_label(look *l, size_t i) {
    size_t used = 0;
    bool small = false;
    for (; used < 40; used++) {
        const atom *a = look_at(l, i + used);
        bool part = a->kind == ATOM_NUMBER ||
                    (a->kind == ATOM_WORD &&
                     (a->means.kind < LEX_AT || a->means.kind > LEX_PLUS ||
                      atom_is(a, LEX_DASH))) ||
                    (atom_is_mark(a, '-') && atom_glued(a));
        bool is_small = atom_is(a, LEX_LETTER) || atom_is(a, LEX_DIGIT);
        if (!part || (used > 0 && !atom_glued(a) && !(small && is_small)))
            break;
        small = is_small;
    }
    return used;
}

static void canonical(const look *l, size_t from, size_t end, char *out) {
    size_t n = 0;
    for (size_t i = from; i < end; i++) {
        const atom *a = &l->atoms[i];
        if (n + a->bytes + 1u > FOUND_CANONICAL_BYTES) {
            out[0] = '\0';
            return;
        }
        if (atom_is(a, LEX_DOT)) {
            out[n++] = '.';
            continue;
        }
        for (size_t k = 0; k < a->bytes; k++)
            out[n++] = ascii_lower(atom_text(l, a)[k]);
    }
    out[n] = '\0';
}

static found url(look *l, size_t from, size_t host_end, size_t end) {
    found f = {.class = ENTITY_URL, .strong = true};
    f.atoms = glued_end(l, end, &f.cut);
    canonical(l, from, host_end, f.canonical);
    return f;
}

/* a.b.com, "a dot b dot com", with what is glued or slashed behind. */
static found read_host(look *l) {
    size_t scheme = read_scheme(l), i = scheme, www = read_www(l, i);
    size_t from = i, end = 0;
    bool spoken_dot = false;
    i += www;
    if (www > 0) {
        if (!is_dot(l, i, true))
            return FOUND_NOTHING;
        from = ++i;
    }
    for (size_t labels = 0; labels < LABELS_MAX; labels++) {
        size_t used = read_label(l, i);
        if (used == 0)
            break;
        const atom *last = look_at(l, i + used - 1);
        bool top = labels > 0 && used == 1 && last->kind == ATOM_WORD &&
                   recognise_top_domain(atom_text(l, last), last->bytes,
                                        spoken_dot && www == 0 && scheme == 0);
        i += used;
        bool path = labels > 0 && !spoken_dot && last->kind == ATOM_WORD &&
                    last->bytes > 1 && atom_is_mark(look_at(l, i), '/') &&
                    atom_glued(look_at(l, i)) && atom_glued(look_at(l, i + 1));
        if (www > 0 || scheme > 0 || path || top)
            end = i; /* a path makes a host of any name */
        if (!is_dot(l, i, true))
            break;
        spoken_dot = atom_is(look_at(l, i), LEX_DOT);
        i++;
    }
    if (end == 0)
        return FOUND_NOTHING;
    size_t host_end = end;
    while (is_slash(l, end)) {
        size_t used = read_label(l, end + 1);
        if (used == 0)
            break;
        end += 1 + used;
    }
    return url(l, from, host_end, end);
}

/* ---- IP addresses ---- */

/* 0..255 in figures or words: "one ninety two", "two five five", "zero". */
static size_t read_octet(look *l, size_t i) {
    char digits[3];
    size_t used = 0, n = 0;
    for (;;) {
        spoken_number part;
        size_t took = spoken_read(l, i + used, &part);
        if (took == 0 || n + part.n > 3)
            break;
        memcpy(digits + n, part.digits, part.n);
        n += part.n;
        used += took;
    }
    return n > 0 && (n < 3 || memcmp(digits, "255", 3) <= 0) ? used : 0;
}

static found read_ipv4(look *l) {
    if (l->left.version || (l->left.cue == CUE_OBJECT && l->left.cue_age <= 1))
        return FOUND_NOTHING;
    size_t i = 0, octets_end[4];
    for (size_t k = 0; k < 4; k++) {
        size_t used = read_octet(l, i);
        if (used == 0)
            return FOUND_NOTHING;
        octets_end[k] = i += used;
        if (k < 3 && !is_dot(l, i, true))
            return FOUND_NOTHING;
        i += k < 3;
    }
    if (is_dot(l, i, true) && read_octet(l, i + 1) > 0)
        return FOUND_NOTHING; /* five figures: a version */
    found f = {.class = ENTITY_IP, .atoms = octets_end[3], .strong = true};
    canonical(l, 0, f.atoms, f.canonical);
    return f;
}

/* Groups of up to four hexadecimal digits with colons: eight, or fewer around "::". */
static bool is_ipv6(const char *s, size_t n) {
    size_t groups = 0, length = 0, hex = 0, doubles = 0;
    for (size_t i = 0; i < n; i++) {
        char c = ascii_lower(s[i]);
        if (c == ':') {
            doubles += i + 1 < n && s[i + 1] == ':';
            length = 0;
            continue;
        }
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) || ++length > 4)
            return false;
        groups += length == 1;
        hex++;
    }
    return (groups == 8 && doubles == 0) || (doubles == 1 && groups < 8 && hex >= 4);
}

static found read_ipv6(look *l) {
    const atom *head = look_at(l, 0);
    size_t i = 0, end = 0, colons = 0;
    if (head->kind != ATOM_NUMBER && head->kind != ATOM_WORD)
        return FOUND_NOTHING;
    for (; i < 24; i++) {
        const atom *a = look_at(l, i);
        bool colon = atom_is_mark(a, ':');
        if ((i > 0 && !atom_glued(a)) ||
            (!colon &&
             ((a->kind != ATOM_NUMBER && a->kind != ATOM_WORD) || a->bytes > 4)))
            break;
        colons += colon;
        if (!colon)
            end = i + 1;
    }
    if (colons < 2 || l->wait)
        return FOUND_NOTHING;
    const atom *last = &l->atoms[end - 1];
    if (!is_ipv6(atom_text(l, head), (size_t)(last->at + last->bytes - head->at)))
        return FOUND_NOTHING;
    found f = {.class = ENTITY_IP, .atoms = end, .strong = true};
    canonical(l, 0, end, f.canonical);
    return f;
}

found recognise_host(look *l) {
    const atom *head = look_at(l, 0);
    if (head->kind != ATOM_WORD && head->kind != ATOM_NUMBER)
        return FOUND_NOTHING;
    found f = read_ipv4(l);
    if (f.class == ENTITY_NONE)
        f = read_ipv6(l);
    return f.class == ENTITY_NONE ? read_host(l) : f;
}
