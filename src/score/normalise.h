/* score/normalise.h: what is compared when words are scored.
 *
 * A profile says which differences between reference and hypothesis are not errors.
 * It is part of every figure: print its name beside the WER.
 *
 *   none     bytes as they are, runs of white space become one blank
 *   lower    + ASCII letters lower-case: what NIST sclite compares
 *   basic    + punctuation dropped (an apostrophe inside a word stays, a hyphen separates
 *            words), typographic quotes and dashes alike
 *   spoken   + numbers spelt: 42 -> forty two, 3rd -> third, 2.5 -> two point five,
 *            007 -> zero zero seven, 5% -> five percent, & -> and
 *   english  + contractions opened (don't -> do not, we'll -> we will), fillers
 *            dropped (uh um er erm ah hmm mm mhm)
 *
 * Pure: the caller brings the memory. Letters outside ASCII pass unchanged. */
#ifndef ROSTRUM_SCORE_NORMALISE_H
#define ROSTRUM_SCORE_NORMALISE_H

#include <stddef.h>

#include "base/status.h"

typedef enum {
    SCORE_PROFILE_NONE,
    SCORE_PROFILE_LOWER,
    SCORE_PROFILE_BASIC,
    SCORE_PROFILE_SPOKEN,
    SCORE_PROFILE_ENGLISH,
    SCORE_PROFILE_COUNT
} score_profile;

const char *score_profile_name(score_profile p); /* "none" ... */
/* ERR_NOT_FOUND: no such profile. */
MUST_CHECK status score_profile_parse(const char *name, score_profile *out);

/* Bytes of output that are always enough for `bytes` of input, terminator included. */
size_t score_normalise_bound(size_t bytes);

/* text[bytes] -> out, terminated, words joined by one blank, no blank at the ends.
 * out_bytes may be NULL. ERR_LIMIT, out is "": size is too small (use the bound). */
MUST_CHECK status score_normalise(score_profile profile, const char *text, size_t bytes,
                                  char *out, size_t size, size_t *out_bytes);

#endif
