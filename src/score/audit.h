/* score/audit.h: is this label fit to be scored against?
 *
 * Each question looks at one text, or at a label and what a recogniser heard. The answers
 * are reasons to listen again, not proof.
 *
 * Pure. */
#ifndef ROSTRUM_SCORE_AUDIT_H
#define ROSTRUM_SCORE_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Scripts by Unicode blocks. Han and kana are one: Japanese mixes them. */
typedef enum {
    AUDIT_SCRIPT_NONE, /* no letters */
    AUDIT_SCRIPT_LATIN,
    AUDIT_SCRIPT_GREEK,
    AUDIT_SCRIPT_CYRILLIC,
    AUDIT_SCRIPT_ARMENIAN,
    AUDIT_SCRIPT_HEBREW,
    AUDIT_SCRIPT_ARABIC,
    AUDIT_SCRIPT_INDIC,
    AUDIT_SCRIPT_THAI,
    AUDIT_SCRIPT_GEORGIAN,
    AUDIT_SCRIPT_HANGUL,
    AUDIT_SCRIPT_HAN_KANA,
    AUDIT_SCRIPT_COUNT
} audit_script;

const char *audit_script_name(audit_script s);

/* The script most letters of text[bytes] belong to; the first of equals. Broken UTF-8 and
 * letters of other scripts do not count. */
audit_script audit_script_of(const char *text, size_t bytes);

/* Nothing but blanks and punctuation. */
bool audit_is_empty(const char *text, size_t bytes);

/* Not empty, but nothing besides marks: [noise], <unk>, {laugh}, (inaudible),
 * ((crosstalk)), *cough*. */
bool audit_is_non_speech(const char *text, size_t bytes);

#define AUDIT_RATIO_LEAST 3    /* longer by at least this factor */
#define AUDIT_LETTERS_LEAST 20 /* and by at least this many characters */

/* One is so much longer than the other (characters without blanks) that they are hardly
 * the same utterance: cut off, run on, or paired with the wrong audio. */
bool audit_is_unlike_in_length(const char *a, size_t a_bytes, const char *b,
                               size_t b_bytes);

#endif
