/* Fuzzes the policy file and the JSON lines and subtitles that are redacted by it. The
 * first byte chooses the reader. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "records/redaction_lines.h"
#include "records/redaction_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char *const fields[] = {"text", "t"};
    if (n < 1)
        return 0;
    const char *text = (const char *)data + 1;
    diag d = DIAG_INIT;
    n--;
    if (data[0] % 3 == 0) {
        redaction_policy p;
        if (redaction_policy_read_text(text, n, "policy", &p, &d) == OK) {
            for (size_t i = 0; i < ENTITY_COUNT; i++)
                ASSERT(p.policy.of[i].action <= REDACT_REMOVE &&
                       memchr(p.policy.of[i].label, 0, REDACT_LABEL_BYTES));
            redaction_policy_deinit(&p);
        } else {
            ASSERT(d.code != OK);
        }
        return 0;
    }
    redact_policy policy;
    uint64_t counts[ENTITY_COUNT] = {0};
    buf out;
    redact_policy_init(&policy);
    buf_init(&out, 64u << 20);
    char *line = strndup(text, n);
    ASSERT(line);
    status s = data[0] % 3 == 1 ? redaction_json_line(line, strlen(line), fields, 2,
                                                      &policy, &out, counts, &d)
                                : redaction_subtitles(text, n, &policy, &out, counts, &d);
    ASSERT(s == OK || d.code != OK);
    free(line);
    buf_deinit(&out);
    return 0;
}
