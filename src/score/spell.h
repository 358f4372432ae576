/* score/spell.h: English number words. Pure. Sources: common American usage, no "and"
 * (forty two, one hundred five, two thousand twelve). */
#ifndef ROSTRUM_SCORE_SPELL_H
#define ROSTRUM_SCORE_SPELL_H

#include <stdbool.h>
#include <stddef.h>

/* Longest spelling of one digit run, in bytes, per digit ("seventy" + blank). */
#define SPELL_BYTES_PER_DIGIT 24

/* Spells a run of n ASCII digits into out, words joined by blanks, not terminated;
 * returns its bytes. A run that starts with 0 (and is longer than one digit) or is
 * longer than nine digits is read digit by digit. ordinal: the last word becomes an
 * ordinal. out has n * SPELL_BYTES_PER_DIGIT + 16 bytes. n >= 1. */
size_t spell_digits(const char *digits, size_t n, bool ordinal, char *out);

#endif
