/* records/slo_rules.h: objectives as Prometheus recording and alerting rules.
 *
 * One group an objective, evaluated every minute, so that its alerts fire and clear in
 * the minutes slo_watch_step says (readiness/slo/timeline.h):
 *   slo:bad_ratio:rate5m{slo,service}       bad / total over each window
 *   slo:requests:increase1h{slo,service}    total over each long window
 *   SLOBurn{slo,service,severity,alert}     both windows beyond factor * budget, and the
 *                                           evidence of slo_evidence_nats
 *
 * Queries (metricSource.spec.query): a metric selector, alone or in sum(...); or any
 * expression with {{.window}} where the window goes, that gives a rate a second. Counters
 * are read with rate(), other counts with sum_over_time(); a threshold on a metric is
 * judged once a minute. A raw ratio has no counts, so its alerts lack the evidence.
 * Source metricSource type rostrum: the metric of records/slo_speech.h; its histogram
 * must have a bucket that ends at the objective's value. Writes memory only. Any thread.
 */
#ifndef ROSTRUM_RECORDS_SLO_RULES_H
#define ROSTRUM_RECORDS_SLO_RULES_H

#include "base/buf.h"
#include "records/slo_file.h"

/* The rule file of list[n] as YAML. ERR_UNSUPPORTED: time slices, which a recording rule
 * cannot count. ERR_INVALID: no query, or one that cannot take a window. d.field is the
 * SLO's name. out then holds a part: throw it away. */
MUST_CHECK status slo_rules_write(const slo_objective *list, size_t n, buf *out, diag *d);

#endif
