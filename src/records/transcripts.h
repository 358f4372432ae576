/* records/transcripts.h: references and hypotheses from the files people keep them in.
 *
 * The ending of the name says the format:
 *   .jsonl  an object a line: "id", "ref" and/or "hyp"; "speaker"; "entities": a list of
 *           {"type", "text"} said in the reference; every other string, number or
 *           true/false, and each pair of an object "slice", is a slice attribute
 *   .trn    NIST: `words (speaker-utterance)`; the speaker ends at the first - or _
 *   .stm    NIST: `file channel speaker begin end <labels> words`, times in seconds;
 *           labels become the attributes label1, label2, ...; segments whose words are
 *           IGNORE_TIME_SEGMENT_IN_SCORING are left out with what was heard in them
 *   .ctm    NIST: `file channel begin duration word [confidence]`, hypotheses for an
 .stm:
 *           a word belongs to the first segment that ends after its midpoint, a word
 *           behind the last segment to that one (as sclite does)
 * "-" is standard input, JSONL. Lines starting with ;; (NIST) and empty lines are
 skipped.
 * NIST alternatives `{ a / b }` are refused: scored word by word they would be errors.
 *

 * Messages name file, line and field, never a text; no d is NULL. Allocates; one thread
 * at a time. */
#ifndef ROSTRUM_RECORDS_TRANSCRIPTS_H
#define ROSTRUM_RECORDS_TRANSCRIPTS_H

#include <stddef.h>

#include "base/diag.h"

#define TRANSCRIPTS_MAX                                                                  \
    10000000u /* utterances of one file: 10,000 hours in 4 s pieces                      \
               */

typedef struct {
    const char *name, *value;
} transcript_attribute;

typedef struct {
    const char *type, *text;
} transcript_entity;

typedef struct {
    const char *id;      /* unique in its file */
    const char *speaker; /* "" when the file does not tell */
    const char *ref;     /* NULL: not given */
    const char *hyp;
    size_t ref_bytes, hyp_bytes;
    const transcript_attribute *attributes; /* [n_attributes] */
    const transcript_entity *entities;      /* [n_entities] */
    unsigned short n_attributes, n_entities;
    int line; /* in the file of the reference */
} transcript;

typedef struct transcripts transcripts;

/* Which texts every record must have. */
enum { TRANSCRIPTS_REF = 1, TRANSCRIPTS_HYP = 2 };

/* Reads a file. NIST files hold one side: the one `needs` names, which must be one.
 * ERR_IO, ERR_SYNTAX, ERR_INVALID, ERR_LIMIT, ERR_EXISTS (an id twice), ERR_MEMORY: d
 * names the place. */
MUST_CHECK status transcripts_read(const char *path, unsigned needs, transcripts **out,
                                   diag *d);

/* Reads hypotheses for t: by id, or by time from a .ctm. Replaces those t has.
 * ERR_INVALID: an id is only on one side; a .ctm names a file or channel that the
 * references do not have. t is then only good for transcripts_destroy. */
MUST_CHECK status transcripts_add_hypotheses(transcripts *t, const char *path, diag *d);

void transcripts_destroy(transcripts *t); /* takes NULL */

/* In the order of the file; borrowed until destroy or add_hypotheses. */
const transcript *transcripts_all(const transcripts *t, size_t *out_n);
/* The record of an id, or NULL. */
const transcript *transcripts_find(const transcripts *t, const char *id);
/* The value of an attribute, "speaker" included; NULL when it is not there or empty. */
const char *transcript_value(const transcript *item, const char *attribute);

#endif
