/* Fuzzes event files, for an objective on a value and one on counts: any bytes are
 * refused with a reason, or make a timeline that only grows and never has more bad than
 * all. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "memory_file.h"
#include "records/slo_events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_as(const char *path, const slo_objective *o) {
    diag d = DIAG_INIT;
    slo_events e;
    if (slo_events_read(path, o, &e, &d) != OK) {
        ASSERT(d.code != OK);
        ASSERT(d.text[0] != '\0');
        return;
    }
    slo_count before = {0};
    for (size_t i = 0; i < e.timeline.n; i++) {
        slo_count now = e.timeline.sums[i];
        ASSERT(now.bad <= now.total);
        ASSERT(now.bad >= before.bad);
        ASSERT(now.total - now.bad >= before.total - before.bad);
        before = now;
    }
    slo_events_deinit(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    const char *path = memory_file(data, n);
    slo_objective *o = calloc(1, sizeof *o);
    ASSERT(o != NULL);
    o->indicator.kind = SLI_GOOD_TOTAL;
    read_as(path, o);
    o->indicator.kind = SLI_THRESHOLD;
    o->indicator.op = SLO_LTE;
    o->indicator.value = 700;
    o->indicator.speech = slo_speech_find("first-partial");
    o->method = SLO_TIMESLICES;
    o->slice_s = 300;
    o->slice_target = 0.9;
    read_as(path, o);
    free(o);
    return 0;
}
