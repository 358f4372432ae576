/* Fuzzes turn records and OTLP traces: any bytes are refused with a place, or each turn's
 * sections sum to its length. */
#include <math.h>
#include <stdint.h>

#include "base/assert.h"
#include "memory_file.h"
#include "records/turn_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static status check(void *context, const turn_trace *t, diag *d) {
    (void)context;
    (void)d;
    double length_ms = (double)(t->spans[0].end - t->spans[0].start) / 1e3;
    ASSERT(fabs(turn_total_ms(&t->sections) - length_ms) <= 1e-6 * (1 + length_ms));
    for (int s = 0; s < TURN_STAGES; s++)
        ASSERT(t->sections.ms[s] >= 0);
    return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    const char *path = memory_file(data, n);
    diag d = DIAG_INIT;
    status s = turn_file_read(path, "cohort", check, NULL, &d);
    ASSERT(s == OK || d.code != OK);
    return 0;
}
