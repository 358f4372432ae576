/* records/evidence_payload.h: the numbers of one metric record. Private to src/records,
 * because it shows cJSON. Any thread. */
#ifndef ROSTRUM_RECORDS_EVIDENCE_PAYLOAD_H
#define ROSTRUM_RECORDS_EVIDENCE_PAYLOAD_H

#include "readiness/gate/evidence.h"
#include "records/json.h"

/* Adds to *sample what m's measure is made of (records/evidence.h shows the forms).
 * Impossible numbers set sample->broken. ERR_INVALID: a key that is missing, unknown or
 * not for this measure; a number out of range. ERR_LIMIT: counts beyond 2^53. */
MUST_CHECK status evidence_payload(const cJSON *record, const gate_metric *m,
                                   gate_sample *sample, diag *d);

#endif
