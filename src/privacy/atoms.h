/* privacy/atoms.h: the pieces of text the recognisers look at.
 *
 * An atom is a run of letters, a run of digits, one mark, or a gap (white space longer
 * than an entity has inside). A look is the atoms from one place on, of a text of which
 * more may come: looking past the last one sets `wait`, and whatever was found is then
 * not yet decided. That one rule makes a streamed answer equal to the whole one.
 *
 * Pure. Any thread; a look belongs to one. */
#ifndef ROSTRUM_PRIVACY_ATOMS_H
#define ROSTRUM_PRIVACY_ATOMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privacy/entities.h"

typedef enum { ATOM_END, ATOM_WORD, ATOM_NUMBER, ATOM_MARK, ATOM_GAP } atom_kind;

/* What a word says as part of a number, a date or an address. */
typedef enum {
    LEX_NONE,
    LEX_COMMON,
    LEX_LETTER,
    LEX_DIGIT, /* value 0..9 */
    LEX_OH,    /* 0 between digits */
    LEX_TEEN,  /* value 10..19 */
    LEX_TENS,  /* value 20..90 */
    LEX_HUNDRED,
    LEX_THOUSAND,
    LEX_REPEAT,  /* value 2..4: double, triple */
    LEX_PLURAL,  /* the zeros of four zeros */
    LEX_ORDINAL, /* value 1..30 */
    LEX_SUFFIX,  /* the "rd" of 3rd */
    LEX_MONTH,   /* value 1..12 */
    LEX_AT,
    LEX_DOT,
    LEX_DASH,
    LEX_UNDERSCORE,
    LEX_SLASH,
    LEX_PLUS,
    LEX_FILLER,
    LEX_UNIT, /* a number before it is an amount */
    LEX_OF,
    LEX_AND,
    LEX_CUE /* value: a cue */
} lexeme_kind;

/* What the words just before make of a number. */
typedef enum {
    CUE_NONE,
    CUE_PHONE,
    CUE_ACCOUNT,
    CUE_SOCIAL,
    CUE_SECRET,
    CUE_BIRTH,
    CUE_OBJECT /* of a thing, not of a person: order, invoice, version */
} cue;

typedef struct {
    uint8_t kind, value;
} lexeme;

typedef struct {
    uint16_t at, bytes; /* in the text of the look */
    uint8_t lead;       /* bytes of white space before it */
    uint8_t kind;       /* atom_kind */
    lexeme means;       /* of a word */
    char mark; /* of a mark: itself; '-' for any dash, '$' for any currency, '?' */
} atom;

#define CUE_WORDS 7 /* words after which a cue is forgotten */

/* What went before, already out. */
typedef struct {
    uint8_t cue, cue_age; /* words since */
    bool currency;        /* a currency mark is directly before */
    bool version;         /* glued to a letter v */
    bool glued;           /* a letter or digit is directly before, without a space */
    bool after_number;    /* a number was just redacted, no word since */
    bool after_cut;       /* and it was cut for its length */
    uint16_t figure;      /* atoms to come that are the rest of a figure, 3.14159 */
} left_context;

typedef struct {
    const char *text;
    const atom *atoms; /* [n] */
    size_t n;
    bool ended; /* nothing follows the last atom */
    left_context left;
    bool wait;
} look;

#define FOUND_CANONICAL_BYTES 80

/* An entity at the start of a look. */
typedef struct {
    entity class; /* ENTITY_NONE: there is none */
    size_t atoms;
    bool strong;     /* proven by its form; goes before longer ones that are not */
    bool cut;        /* goes on behind what could be held */
    uint16_t figure; /* atoms of a figure that is no entity */
    char canonical[FOUND_CANONICAL_BYTES]; /* for allow lists: digits, or a@b.c; or "" */
} found;

#define FOUND_NOTHING ((found){.class = ENTITY_NONE})
#define HELD_BYTES_MAX 1500 /* a recogniser gives up or cuts past this many bytes */

lexeme lexicon_of(const char *word, size_t n);

/* Atom i, or one of kind ATOM_END, which sets wait unless the text has ended. */
const atom *look_at(look *l, size_t i);
static inline bool atom_glued(const atom *a) {
    return a->lead == 0 && a->kind != ATOM_END && a->kind != ATOM_GAP;
}
bool atom_is(const atom *a, lexeme_kind kind);
bool atom_is_mark(const atom *a, char mark);
/* The word of the atom is this one, in any case. word is lower case. */
bool atom_says(const look *l, const atom *a, const char *word);
static inline const char *atom_text(const look *l, const atom *a) {
    return l->text + a->at;
}
static inline char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}
static inline char ascii_upper(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c & ~32) : c;
}

#endif
