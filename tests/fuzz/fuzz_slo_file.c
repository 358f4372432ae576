/* Fuzzes OpenSLO files: any bytes are refused with a reason, or make objectives whose
 * alerts can be judged and whose rules can be written. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "readiness/slo/timeline.h"
#include "records/slo_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 loses 2 KiB when it refuses a quoted text that is never closed. */
const char *__lsan_default_suppressions(void) {
    return "leak:libfyaml";
}

static void judge(const slo_objective *o) {
    static const slo_count sums[] = {{10, 0}, {12, 1}, {1000, 900}};
    slo_timeline t = {.first = 100, .n = 3, .sums = sums};
    ASSERT(o->budget > 0);
    ASSERT(o->budget <= 1);
    ASSERT(o->n_alerts > 0);
    ASSERT(o->n_alerts <= SLO_ALERTS_MAX);
    for (size_t i = 0; i < o->n_alerts; i++) {
        slo_watch w = {0};
        const slo_rule *r = &o->alerts[i].rule;
        ASSERT(r->short_s >= 60);
        ASSERT(r->short_s <= r->long_s);
        ASSERT(r->hold_s >= 0);
        for (int64_t minute = 99; minute < 104; minute++)
            (void)slo_watch_step(&w, r, o->budget, &t, minute);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    diag d = DIAG_INIT;
    slo_objective *list = NULL;
    size_t count = 0;
    slo_files *f = slo_files_create();
    ASSERT(f != NULL);
    status s = slo_files_read_text(f, (const char *)data, n, "fuzz", &d);
    if (s == OK)
        s = slo_files_objectives(f, &list, &count, &d);
    if (s != OK)
        ASSERT(d.code != OK);
    for (size_t i = 0; s == OK && i < count; i++)
        judge(&list[i]);
    if (s == OK) {
        buf out;
        buf_init(&out, 1u << 20);
        if (slo_rules_write(list, count, &out, &d) != OK)
            ASSERT(d.code != OK);
        buf_deinit(&out);
    }
    free(list);
    slo_files_destroy(f);
    return 0;
}
