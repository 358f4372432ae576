/* records/lab_file.h: the inputs of the lesson's labs, from JSON.
 *
 * Keys are the lesson's. A missing or non-numeric field is refused with its name; what
 * the numbers mean is checked by readiness/lab. Keys the lab does not use are let pass
 * among metrics (a canary has more of them), and refused beside keys with a default,
 * where a slip of the fingers would silently mean the default.
 * max bytes of a file: LAB_FILE_BYTES. Allocates; one thread at a time. */
#ifndef ROSTRUM_RECORDS_LAB_FILE_H
#define ROSTRUM_RECORDS_LAB_FILE_H

#include <stddef.h>

#include "readiness/lab/burn.h"
#include "readiness/lab/cost.h"
#include "readiness/lab/gate.h"

#define LAB_FILE_BYTES (64u << 20) /* about three million latencies */

typedef struct {
    double *latencies_ms; /* [n], owned; NULL when n == 0 */
    size_t n;
    double threshold_ms, allowed_bad_fraction;
} lab_burn_input;

typedef struct {
    lab_cost_period old_period, new_period;
    double tolerance;
} lab_cost_input;

/* path "-": standard input. Failures: as json_read_file, and ERR_INVALID with d.field,
 * ERR_MEMORY. *out untouched. */
MUST_CHECK status lab_gate_read(const char *path, lab_gate_metrics *out, diag *d);
MUST_CHECK status lab_burn_read(const char *path, lab_burn_input *out, diag *d);
MUST_CHECK status lab_cost_read(const char *path, lab_cost_input *out, diag *d);

/* The same, from text[n]. */
MUST_CHECK status lab_gate_parse(const char *text, size_t n, lab_gate_metrics *out,
                                 diag *d);
MUST_CHECK status lab_burn_parse(const char *text, size_t n, lab_burn_input *out,
                                 diag *d);
MUST_CHECK status lab_cost_parse(const char *text, size_t n, lab_cost_input *out,
                                 diag *d);

void lab_burn_input_deinit(lab_burn_input *b);

#endif
