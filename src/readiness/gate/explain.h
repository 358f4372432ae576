/* readiness/gate/explain.h: a verdict in sentences that a manager can read.
 *
 * Only names of the policy and numbers go in; an approval's person, reason and audience
 * are the report's. Pure: writes into the caller's buffers, always terminated. */
#ifndef ROSTRUM_READINESS_GATE_EXPLAIN_H
#define ROSTRUM_READINESS_GATE_EXPLAIN_H

#include "readiness/gate/judge.h"

#define GATE_SENTENCE_BYTES 640

/* One value of the metric, "7.9 %" or "412 ms"; "-" for NaN. */
void gate_value_text(const gate_metric *m, double value, char out[48]);

/* A change on the metric's scale, signed: "+8.1 %", "-0.40 points", "+700 ms"; "?" when
 * the sample does not bound it. */
void gate_change_text(const gate_metric *m, double change, char out[48]);

/* What was found in a cell. */
void gate_finding_text(const gate_policy *p, const gate_finding *f,
                       char out[GATE_SENTENCE_BYTES]);

/* The verdict. */
void gate_verdict_text(const gate_policy *p, const gate_verdict *v,
                       char out[GATE_SENTENCE_BYTES]);

/* What to do next, step by step in the order to take them. */
void gate_steps(const gate_policy *p, const gate_verdict *v,
                void (*take)(void *context, const char *step), void *context);

/* "metric, sample": names of the bits in needs. */
extern const char *const gate_need_names[GATE_NEEDS];
extern const char *const gate_state_names[GATE_SHOWN + 1];

#endif
