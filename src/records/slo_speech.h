/* records/slo_speech.h: the speech indicators an SLO can name, and where each is
 * measured.
 *
 * An indicator is one of these when its SLI has the annotation rostrum/indicator, or is
 * called by the same name. The profile then says which field of an event holds the value
 * and which metric of the server a rule reads, so that an SLO file says neither.
 *
 *   first-partial     speech started -> first partial transcript
 *   first-audio       final transcript -> first audio byte of the answer
 *   finalise-latency  end of speech -> final transcript
 *   queue-age         age of the oldest request that waits
 *   turn-latency      end of the caller's speech -> answer heard
 *   success           the turn was answered at all
 *
 * Pure table. Any thread. */
#ifndef ROSTRUM_RECORDS_SLO_SPEECH_H
#define ROSTRUM_RECORDS_SLO_SPEECH_H

#include <stddef.h>

typedef enum {
    SPEECH_HISTOGRAM, /* NAME_bucket and NAME_count, in seconds */
    SPEECH_GAUGE,     /* NAME, in seconds: judged once a minute */
    SPEECH_COUNTERS   /* the SLI names its queries itself */
} speech_metric;

typedef struct {
    const char *name;   /* of the indicator */
    const char *field;  /* of an event: ms, or true and false for success */
    const char *metric; /* of the server; "" for counters */
    speech_metric kind;
} slo_speech;

#define SLO_SPEECH_INDICATORS 6
extern const slo_speech slo_speech_table[SLO_SPEECH_INDICATORS];

const slo_speech *slo_speech_find(const char *name); /* NULL: none of them */

#endif
