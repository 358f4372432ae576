/* records/slo_events.h: measured events to the timeline an objective is judged on.
 *
 * A file of JSON lines, or CSV with a line of names first. Every row has a `time`
 * (records/instant.h) and says how many requests were good:
 *   counts   two of good, bad, total: whole numbers of requests since the row before
 *   value    one request: the indicator's own field (first_partial_ms, ...) or `value`, a
 *            number; good when value OP the objective's value
 *   success  one request: true or false
 * null (in CSV an empty cell) in place of a value is a request that never got one: bad. A
 * row without the field at all is refused: missing data is never a pass. Rows may stand
 * in any order. Other fields are let pass if they are numbers, true, false or null; a
 * text is refused, because these files hold measurements and no one's words.
 *
 * Allocates; one thread at a time. */
#ifndef ROSTRUM_RECORDS_SLO_EVENTS_H
#define ROSTRUM_RECORDS_SLO_EVENTS_H

#include "readiness/histogram.h"
#include "readiness/slo/timeline.h"
#include "records/slo_file.h"

#define SLO_EVENTS_DAYS_MAX 731 /* two years by the minute: 17 MB */

typedef struct {
    slo_timeline timeline; /* requests, or slices where the objective counts those */
    slo_count *sums;       /* [timeline.n], owned */
    uint64_t rows;
    histogram values; /* of single requests; empty when the rows were counts */
} slo_events;

/* "-": standard input. ERR_INVALID, ERR_SYNTAX: file, line, field. ERR_LIMIT: a longer
 * time than SLO_EVENTS_DAYS_MAX. ERR_UNSUPPORTED: the objective counts RatioTimeslices.
 * ERR_IO, ERR_MEMORY. *out untouched on failure. An empty file is no traffic, not an
 * error. */
MUST_CHECK status slo_events_read(const char *path, const slo_objective *o,
                                  slo_events *out, diag *d);
void slo_events_deinit(slo_events *e);

#endif
