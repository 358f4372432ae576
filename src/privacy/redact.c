#include "privacy/redact.h"

#include <string.h>

#include "base/assert.h"
#include "privacy/recognise.h"

#define WORD_BYTES_MAX 64 /* a longer word or number is several, glued together */
#define GAP_BYTES 16      /* white space no entity has inside */

void redact_policy_init(redact_policy *policy) {
    *policy = (redact_policy){.allowed = NULL};
    for (size_t i = 0; i < ENTITY_COUNT; i++) {
        policy->of[i].action = REDACT_LABEL;
        memcpy(policy->of[i].label, entities[i].label, strlen(entities[i].label) + 1);
    }
}

void redact_init(redactor *r, const redact_policy *policy) {
    memset(r, 0, sizeof *r);
    r->policy = policy;
    r->open.kind = ATOM_END;
}

size_t redact_held(const redactor *r) {
    return r->n - r->out + r->n_pending;
}

/* ---- giving out ---- */

typedef struct {
    redactor *r;
    redact_put *put;
    void *to;
} sink;

/* Plain text up to byte `end` of what is held. */
static void put_plain(sink *s, size_t end) {
    redactor *r = s->r;
    if (end <= r->out)
        return;
    redact_piece piece = {ENTITY_NONE, r->text + r->out, end - r->out, r->source + r->out,
                          end - r->out};
    s->put(s->to, &piece);
    r->out = end;
}

static size_t characters(const char *text, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static void put_entity(sink *s, entity class, size_t from, size_t end) {
    redactor *r = s->r;
    char mask[REDACT_HELD_BYTES];
    redact_piece piece = {.class = class,
                          .text = "",
                          .source = r->source + from,
                          .source_bytes = end - from};
    switch (r->policy->of[class].action) {
    case REDACT_MASK:
        piece.n = characters(r->text + from, end - from);
        memset(mask, '*', piece.n);
        piece.text = mask;
        break;
    case REDACT_REMOVE:
        break;
    case REDACT_LABEL:
    case REDACT_KEEP:
        piece.text = r->policy->of[class].label;
        piece.n = strlen(piece.text);
        break;
    }
    r->counts[class]++;
    s->put(s->to, &piece);
    r->out = end;
}

static bool is_allowed(const redact_policy *policy, const char *canonical) {
    const char *at = strchr(canonical, '@');
    for (size_t i = 0; i < policy->n_allowed && canonical[0]; i++) {
        const char *entry = policy->allowed[i];
        if (entry[0] == '@' ? at && strcmp(at, entry) == 0 : !strcmp(canonical, entry))
            return true;
    }
    return false;
}

/* ---- deciding ---- */

static void remember(left_context *left, const look *l, const atom *a) {
    bool version =
        a->kind == ATOM_WORD && a->bytes == 1 && ascii_lower(*atom_text(l, a)) == 'v';
    left->version = version;
    left->currency = atom_is_mark(a, '$');
    left->glued = a->kind == ATOM_WORD || a->kind == ATOM_NUMBER;
    if (a->kind == ATOM_WORD && a->means.kind != LEX_FILLER) {
        left->after_number = left->after_cut = false;
        if (atom_is(a, LEX_CUE)) {
            left->cue = a->means.value;
            left->cue_age = 0;
        } else if (left->cue_age < UINT8_MAX) {
            left->cue_age++;
        }
    }
}

/* The first n atoms are out. */
static void drop(redactor *r, const look *l, size_t n) {
    for (size_t i = 0; i < n; i++)
        remember(&r->left, l, &l->atoms[i]);
    r->left.figure = (uint16_t)(r->left.figure > n ? r->left.figure - n : 0);
    r->first += n;
}

static void replace(sink *s, look *l, const found *f) {
    redactor *r = s->r;
    const atom *first = &l->atoms[0], *last = &l->atoms[f->atoms - 1];
    bool remove = r->policy->of[f->class].action == REDACT_REMOVE;
    size_t from = first->at - (remove ? first->lead : 0u);
    put_plain(s, from);
    put_entity(s, f->class, from, (size_t)last->at + last->bytes);
    drop(r, l, f->atoms);
    r->left.after_number = f->class == ENTITY_CARD || f->class == ENTITY_ACCOUNT ||
                           f->class == ENTITY_IBAN || f->cut;
    r->left.after_cut = f->cut;
    r->swallow = f->cut;
    if (r->left.cue_age < CUE_WORDS) /* "pins 1234 and 5678", then no more */
        r->left.cue_age = CUE_WORDS - 1;
}

/* Swallows the glued rest of an entity that was cut. */
static bool swallowed(sink *s, look *l) {
    redactor *r = s->r;
    if (!r->swallow)
        return false;
    if (!atom_glued(l->atoms)) {
        r->swallow = false;
        return false;
    }
    r->out = (size_t)l->atoms[0].at + l->atoms[0].bytes;
    r->first++;
    return true;
}

/* Decides what can be decided. full: the head must go, whatever may follow. */
static void decide(sink *s, bool ended, bool full) {
    redactor *r = s->r;
    while (r->first < r->end) {
        look l = {.text = r->text,
                  .atoms = r->atoms + r->first,
                  .n = r->end - r->first,
                  .ended = ended || full,
                  .left = r->left};
        if (swallowed(s, &l))
            continue;
        found f = recognise(&l);
        if (l.wait)
            return;
        full = false;
        if (f.figure > r->left.figure)
            r->left.figure = f.figure;
        if (f.class == ENTITY_NONE) {
            put_plain(s, (size_t)l.atoms[0].at + l.atoms[0].bytes);
            drop(r, &l, 1);
        } else if (r->policy->of[f.class].action == REDACT_KEEP ||
                   is_allowed(r->policy, f.canonical)) {
            put_plain(s, (size_t)l.atoms[f.atoms - 1].at + l.atoms[f.atoms - 1].bytes);
            drop(r, &l, f.atoms);
        } else {
            replace(s, &l, &f);
        }
    }
}

/* ---- from characters to atoms ---- */

/* Moves what is held to the front when the room behind it is used up. */
static void compact(redactor *r) {
    if (r->first > 0) {
        memmove(r->atoms, r->atoms + r->first, (r->end - r->first) * sizeof *r->atoms);
        r->end -= r->first;
        r->first = 0;
    }
    if (r->out == 0)
        return;
    memmove(r->text, r->text + r->out, r->n - r->out);
    for (size_t i = 0; i < r->end; i++)
        r->atoms[i].at = (uint16_t)(r->atoms[i].at - r->out);
    r->open.at = (uint16_t)(r->open.at - r->out);
    r->n -= r->out;
    r->source += r->out;
    r->out = 0;
}

/* A character may end one atom and be another. */
static bool has_room(const redactor *r, size_t bytes) {
    return r->n + bytes <= sizeof r->text && r->end + 2 <= REDACT_HELD_ATOMS;
}

static void make_room(sink *s, size_t bytes) {
    redactor *r = s->r;
    if (has_room(r, bytes))
        return;
    compact(r);
    while (!has_room(r, bytes)) {
        ASSERT(r->first < r->end);
        decide(s, false, true);
        compact(r);
    }
}

/* The open atom, or one just made, is complete. */
static void close_atom(sink *s) {
    redactor *r = s->r;
    if (r->open.kind == ATOM_END)
        return;
    if (r->open.kind == ATOM_WORD)
        r->open.means = lexicon_of(r->text + r->open.at, r->open.bytes);
    r->atoms[r->end++] = r->open;
    r->open.kind = ATOM_END;
    decide(s, false, false);
}

static void open_atom(sink *s, atom_kind kind, char mark) {
    redactor *r = s->r;
    close_atom(s);
    r->open = (atom){
        .at = (uint16_t)r->n, .lead = r->lead, .kind = (uint8_t)kind, .mark = mark};
    r->lead = 0;
}

/* White space, dashes, quotes and currencies outside ASCII; anything else is a letter. */
static atom_kind kind_of(const char *c, size_t n, char *mark) {
    static const struct {
        char bytes[4];
        char mark;
    } known[] = {
        {"\u20ac", '$'}, {"\u00a3", '$'}, {"\u00a5", '$'}, {"\u2019", '\''},
        {"\u2018", '?'}, {"\u201c", '"'}, {"\u201d", '"'}, {"\u2026", '?'},
        {"\u2010", '-'}, {"\u2011", '-'}, {"\u2012", '-'}, {"\u2013", '-'},
        {"\u2014", '-'}, {"\u2015", '-'}, {"\u2212", '-'}, {"\u00a0", ' '},
        {"\u202f", ' '}, {"\u2009", ' '}, {"\u3000", ' '}, {"\u00bf", '?'},
    };
    *mark = *c;
    if (n > 1) {
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            if (memcmp(known[i].bytes, c, n) == 0) {
                *mark = known[i].mark;
                return *mark == ' ' ? ATOM_GAP : ATOM_MARK;
            }
        return ATOM_WORD;
    }
    if (*c == ' ' || (*c >= '\t' && *c <= '\r'))
        return ATOM_GAP;
    if (*c >= '0' && *c <= '9')
        return ATOM_NUMBER;
    bool letter = (ascii_lower(*c) >= 'a' && ascii_lower(*c) <= 'z') || (*c & 0x80);
    if (letter)
        return ATOM_WORD;
    return ATOM_MARK;
}

static void append(redactor *r, const char *c, size_t n) {
    memcpy(r->text + r->n, c, n);
    r->n += n;
}

static void add_space(sink *s, const char *c, size_t n) {
    redactor *r = s->r;
    close_atom(s);
    append(r, c, n);
    r->lead = (uint8_t)(r->lead + n);
    if (r->lead <= GAP_BYTES)
        return;
    r->atoms[r->end++] =
        (atom){.at = (uint16_t)(r->n - r->lead), .bytes = r->lead, .kind = ATOM_GAP};
    r->lead = 0;
    decide(s, false, false);
}

/* One whole character. */
static void add_character(sink *s, const char *c, size_t n) {
    redactor *r = s->r;
    char mark;
    make_room(s, n);
    atom_kind kind = kind_of(c, n, &mark);
    if (kind == ATOM_GAP) {
        add_space(s, c, n);
        return;
    }
    bool inside = kind == ATOM_MARK && mark == '\'' && r->open.kind == ATOM_WORD;
    bool grows = (inside || (kind != ATOM_MARK && kind == r->open.kind)) &&
                 r->open.bytes + n <= WORD_BYTES_MAX;
    if (!grows)
        open_atom(s, kind, mark);
    r->open.bytes = (uint16_t)(r->open.bytes + n);
    append(r, c, n);
    if (r->open.kind == ATOM_MARK)
        close_atom(s);
}

/* Bytes of the character that begins so; a byte that begins none stands by itself. */
static uint8_t character_bytes(unsigned char c) {
    return c < 0xC2 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 1;
}

static void flush_pending(sink *s) {
    redactor *r = s->r;
    for (uint8_t i = 0; i < r->n_pending; i++)
        add_character(s, r->pending + i, 1);
    r->n_pending = 0;
}

static void add_byte(sink *s, char c) {
    redactor *r = s->r;
    bool continues = ((unsigned char)c & 0xC0) == 0x80;
    if (r->n_pending > 0 && !continues)
        flush_pending(s);
    if (r->n_pending == 0) {
        r->pending_bytes = character_bytes((unsigned char)c);
        if (r->pending_bytes == 1) {
            add_character(s, &c, 1);
            return;
        }
    }
    r->pending[r->n_pending++] = c;
    if (r->n_pending == r->pending_bytes) {
        r->n_pending = 0;
        add_character(s, r->pending, r->pending_bytes);
    }
}

void redact_push(redactor *r, private_text text, redact_put *put, void *to) {
    sink s = {r, put, to};
    for (size_t i = 0; i < text.n; i++)
        add_byte(&s, text.only_privacy_opens_this[i]);
}

void redact_finish(redactor *r, redact_put *put, void *to) {
    sink s = {r, put, to};
    flush_pending(&s);
    make_room(&s, 0);
    close_atom(&s);
    decide(&s, true, false);
    put_plain(&s, r->n);
    r->source += r->n;
    r->n = r->out = r->first = r->end = 0;
    r->lead = 0;
    r->left = (left_context){0};
    r->swallow = false;
}
