/* records/partials.h: events of live transcripts from JSONL, one after another.
 *
 *   {"session": "s1", "utterance": "u1", "time_ms": 840, "kind": "partial",
 *    "text": "turn the lights", "committed": 2}
 *   ... "kind": "final" ..., "speech_start_ms": 120, "speech_end_ms": 2310
 *
 * text is the whole transcript of the utterance so far. Optional: committed (words that
 * will not change, 0), speech_start_ms and speech_end_ms (on any event of an utterance,
 * by the same clock as time_ms), and slice attributes as in records/transcripts.h.
 * Messages never hold a text. Allocates; one thread at a time. */
#ifndef ROSTRUM_RECORDS_PARTIALS_H
#define ROSTRUM_RECORDS_PARTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

typedef struct partials partials;

/* Everything is borrowed until the next call. */
typedef struct {
    const char *session, *utterance, *text;
    size_t text_bytes, committed;
    double time_ms;
    double speech_start_ms, speech_end_ms; /* negative: not told */
    bool final;
    const void *record; /* for partials_value */
} partial_event;

MUST_CHECK status partials_open(const char *path, partials **out, diag *d);
void partials_close(partials *p); /* takes NULL */

/* The next event; *out_more false at the end of the file. */
MUST_CHECK status partials_next(partials *p, partial_event *out, bool *out_more, diag *d);

/* The value of a slice attribute, "session" and "utterance" included; NULL: none. A
 * slices_value. The text is valid until the next call. */
const char *partials_value(const void *record, const char *attribute);

#endif
