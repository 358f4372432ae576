/* records/gate_policy.h: release policies as YAML files that a person can review.
 *
 *   gate: asr-canary
 *   kind: streaming ASR                    # shown in reports
 *   arms: {control: 0.5, candidate: 0.5}   # shares of traffic, as intended
 *   alpha: 0.05                            # chance of ever announcing a false breach
 *   evidence:                              # what must be there, for every metric
 *     sample: 500                          # observations an arm, and / or
 *     detectable: 0.02                     # smallest harm the sample can show
 *     max_age: 24h
 *     traffic_alpha: 0.001                 # of the sample ratio check
 *     labels: {audited: 200, wrong: 0.05}  # for metrics with labels: true
 *   slices:
 *     - slice: device=far-field
 *       role: protected                    # or exploratory
 *       routable: true                     # can be told at admission
 *       on_breach: hold                    # or pause, rollback (default)
 *   approval:                              # what a recorded decision needs
 *     audience: 0.05
 *     longest: 14d
 *     checks: [fallback-voice, alerts]
 *   metrics:
 *     - metric: wer
 *       measure: ratio      # mean ratio fraction latency quantile spread count
 *       quantile: 0.99      # of the measure quantile
 *       unit: ms            # shown
 *       better: lower       # or higher
 *       role: gain          # stop protect gain watch
 *       gain: {relative: 0.02}
 *       tolerance: {relative: 0.03}        # or {absolute: 100}, in the metric's unit
 *       stop: {relative: 0.15}             # harm that no approval covers
 *       slices: [device=far-field]         # or all; without it, all traffic only
 *       labels: true
 *       approvable: true
 *       evidence: {sample: 800}            # instead of the policy's
 *       on_breach: rollback                # on all traffic; default rollback
 *       advice: what to do about a breach
 *
 * Durations are a number and m, h, d or w. Unknown keys are errors. What the values mean:
 * readiness/gate/policy.h. Allocates while reading; one thread at a time. */
#ifndef ROSTRUM_RECORDS_GATE_POLICY_H
#define ROSTRUM_RECORDS_GATE_POLICY_H

#include "readiness/gate/policy.h"

/* ERR_INVALID, ERR_SYNTAX, ERR_LIMIT with file:line:column and the field; *out is
 * untouched then. text[n] is the file, name what it is called in messages. */
MUST_CHECK status gate_policy_read_text(const char *text, size_t n, const char *name,
                                        gate_policy *out, diag *d);

#endif
