/* cli/gate_report.h: what `rostrum gate judge` prints. Main thread only. */
#ifndef ROSTRUM_CLI_GATE_REPORT_H
#define ROSTRUM_CLI_GATE_REPORT_H

#include "base/buf.h"
#include "readiness/gate/explain.h"
#include "records/evidence.h"

/* Everything a report is made of. The same values give the same bytes. */
typedef struct {
    const gate_policy *policy;
    const evidence_file *file;
    const gate_verdict *verdict;
    const char *policy_sha256, *evidence_sha256; /* hex */
    double now_s;
    bool now_given; /* else the newest record's time */
} gate_report;

void gate_report_text(const gate_report *r, buf *out);
void gate_report_json(const gate_report *r, buf *out);

#endif
