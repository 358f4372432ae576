/* records/evidence.h: evidence of two arms from JSON lines, aggregates only.
 *
 * One record a line, each with a time ("2026-11-20T10:00:00Z" or seconds since 1970).
 * Records of the same metric, slice and arm add up, so a minute's counters can be
 * appended as they come. "slice" may be left out: all traffic.
 *
 *   {"record":"traffic","time":T,"arm":"control","sessions":5012}
 *   {"record":"metric","time":T,"metric":"wer","slice":"device=far-field","arm":"control",
 *    and what the metric's measure is made of:
 *      mean             "sums":{"n":..,"sum":..,"sum2":..}
 *      ratio            "blocks":[[errors,words],..] one pair a speaker, session, rater;
 *                       or
 * "block_sums":{"n","top","bottom","top2","top_bottom","bottom2"} fraction, count
 * "counts":{"bad":..,"total":..} latency, spread  "ln_sums":{"n","sum","sum2"} of
 * ln(value), spread also sum3 and sum4; or a sketch quantile
 * "sketch":{"scale","offset","counts":[..]} and, where known, "zero", "min", "max": an
 * OTLP exponential histogram (bucket i holds (b^(offset+i), b^(offset+i+1)], b =
 * 2^(2^-scale)) }
 *   {"record":"labels","time":T,"slice":..,"audited":400,"wrong":5}
 *   {"record":"check","time":T,"check":"fallback-voice","good":true}   the newest counts
 *   {"record":"approval","time":T,"who":..,"why":..,"audience":..,"share":0.02,
 *    "expires":T,"metrics":["first-audio-p99"]}
 *
 * Texts, speakers and sessions have no key here, and an unknown key is an error. Metrics,
 * slices and checks that the policy does not name are counted and left out. What cannot
 * be (more bad than all, sums that no values have) marks its cell as broken: the verdict
 * is then invalid, which is an answer and not an error.
 *
 * Allocates; one thread at a time. */
#ifndef ROSTRUM_RECORDS_EVIDENCE_H
#define ROSTRUM_RECORDS_EVIDENCE_H

#include "readiness/gate/evidence.h"

#define EVIDENCE_BYTES_MAX (256u << 20) /* a file: a month of minutes of 50 cells */

typedef struct {
    gate_evidence evidence; /* its cells are owned here */
    size_t records;
    size_t ignored; /* of metrics, slices or checks that the policy does not name */
    char first_ignored[GATE_NAME_BYTES];
} evidence_file;

/* text[n] is the file, name what it is called in messages. ERR_INVALID, ERR_SYNTAX,
 * ERR_LIMIT with name:line and the field; *out is untouched then. */
MUST_CHECK status evidence_read_text(const char *text, size_t n, const char *name,
                                     const gate_policy *p, evidence_file *out, diag *d);
void evidence_deinit(evidence_file *f); /* takes all zeros */

#endif
