/* records/turn_file.h: turns from a file of traces.
 *
 * Two forms are read, also mixed, one JSON object a line (an OTLP file may also be one
 * object over many lines, up to 64 MiB):
 *
 *   our record   {"turn":"t1","cohort":"control","total_ms":912.5,"spans":[
 *                  {"stage":"asr","start_ms":310,"end_ms":402.5},
 *                  {"id":"a","stage":"llm",...},{"parent":"a","stage":"retry",...}]}
 *                times are from the end of the caller's speech; a span without a parent
 *                hangs on the turn itself. "attributes":{"name":"text"} may stand beside.
 *   OTLP/JSON    {"resourceSpans":[...]}: a trace is a turn, its root span the whole of
 * it. A span's stage is its attribute rostrum.stage, or else read off its name (the first
 * stage word in it: "llm.chat", "queue wait", "tts-synthesis").
 *
 * Only ids, stages, times and the cohort are read. Allocates; one thread at a time. */
#ifndef ROSTRUM_RECORDS_TURN_FILE_H
#define ROSTRUM_RECORDS_TURN_FILE_H

#include "readiness/trace/turn.h"

/* One turn, valid during the call. */
typedef struct {
    const char *id;
    const char *cohort;       /* "" when there is none */
    size_t n;                 /* spans; the first is the root */
    const trace_span *spans;  /* [n] microseconds */
    const turn_stage *stages; /* [n] */
    const char *const *names; /* [n] */
    size_t n_path;
    const trace_section *path; /* [n_path] latest first */
    turn_sections sections;
} turn_trace;

/* Called for each turn, in the order of the file (OTLP: of the first span of a trace).
 * What is not OK ends the reading and is returned. */
typedef status turn_visit(void *context, const turn_trace *turn, diag *d);

/* cohort: NULL, or the attribute that names a turn's cohort ("cohort" of our record
 * counts as one). ERR_SYNTAX, ERR_INVALID: d names file, line and field. */
MUST_CHECK status turn_file_read(const char *path, const char *cohort, turn_visit *visit,
                                 void *context, diag *d);

#endif
