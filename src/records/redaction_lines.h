/* records/redaction_lines.h: redaction of transcripts inside JSON lines and subtitles.
 *
 * JSON: every string of the named fields, at any depth, is a text of its own; every list
 * called "words" whose items have word (or text), start and end is redacted as timed
 * words, whether named or not. The rest of the line stays; numbers are written as the
 * shortest that read back the same. Subtitles: the words of all cues are one text, so
 * that a number which goes on in the next cue is found; what replaces it stands in the
 * first. Allocates; one thread at a time. */
#ifndef ROSTRUM_RECORDS_REDACTION_LINES_H
#define ROSTRUM_RECORDS_REDACTION_LINES_H

#include "base/buf.h"
#include "base/diag.h"
#include "privacy/redact_words.h"

#define REDACTION_FIELDS_MAX 16
#define REDACTION_SUBTITLES_BYTES (64u << 20) /* a film's subtitles are 0.1 MB */

/* One text: appends it redacted to out; counts [ENTITY_COUNT] grow. */
void redaction_text(private_text text, const redact_policy *policy, buf *out,
                    uint64_t *counts);

/* One line of JSON; appended without a line feed. ERR_SYNTAX, ERR_MEMORY. */
MUST_CHECK status redaction_json_line(const char *line, size_t n,
                                      const char *const *fields, size_t n_fields,
                                      const redact_policy *policy, buf *out,
                                      uint64_t *counts, diag *d);

/* A whole SRT or WebVTT file. ERR_MEMORY. */
MUST_CHECK status redaction_subtitles(const char *file, size_t n,
                                      const redact_policy *policy, buf *out,
                                      uint64_t *counts, diag *d);

#endif
