/* privacy/spoken.h: numbers as they are said and written, and runs of them.
 *
 *   four one one one    double seven    triple oh    twenty twenty four -> 20 24
 *   eight hundred five five five -> 800 5 5 5    two thousand and five -> 2005
 *   4 one 11            g b eight two w e s t    b as in bravo
 *
 * A run is such parts with nothing but spaces, separators and fillers ("dash", "uh")
 * between them. Reading a run sets the look's wait where more text could change it.
 * Pure. */
#ifndef ROSTRUM_PRIVACY_SPOKEN_H
#define ROSTRUM_PRIVACY_SPOKEN_H

#include "privacy/atoms.h"

#define SPOKEN_DIGITS_MAX 64

typedef struct {
    char digits[SPOKEN_DIGITS_MAX + 1];
    size_t n;
    bool spoken;   /* in words */
    bool cardinal; /* with hundred or thousand */
} spoken_number;

/* The number at atom i; how many atoms it takes, 0: none. "oh" counts as 0. */
size_t spoken_read(look *l, size_t i, spoken_number *out);
/* 1..99 in words, such as "eighty five" or "twenty-five"; atoms taken, 0: none. */
size_t spoken_small(look *l, size_t i, unsigned *out);

typedef enum { /* what stands before a part */
               JOIN_SPACE,
               JOIN_GLUED,
               JOIN_DASH, /* also brackets and the words dash, hyphen */
               JOIN_DOT,  /* glued on both sides */
               JOIN_STOP, /* a full stop and a space */
               JOIN_COMMA,
               JOIN_THOUSANDS, /* a comma glued on both sides */
               JOIN_SLASH
} join;

#define RUN_CHARS 64 /* a longer run is cut: nothing known has more than 34 */

typedef struct {
    uint8_t chars_end; /* behind its last char */
    uint8_t chars_at;
    uint16_t first_atom, end_atom;
    uint8_t before; /* join */
    bool letters, spoken, cardinal;
} run_part;

typedef struct {
    char chars[RUN_CHARS]; /* 0-9 A-Z */
    run_part parts[RUN_CHARS];
    size_t n;       /* parts */
    size_t digits;  /* chars that are digits */
    bool plus, cut; /* it begins with +; it goes on */
} run;

/* The run at the start of the look; false: there is none. */
bool run_read(look *l, run *out);

#endif
