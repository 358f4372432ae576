/* records/redaction_policy.h: a YAML file to what the redactor does.
 *
 *   classes:
 *     card: label                               # label | mask | remove | keep
 *     phone: {action: label, label: "[TEL]"}
 *   allow: ["800 555 1212", "@example.com", "support@example.com", "example.com"]
 *
 * A class that is not named keeps its label (privacy/redact.h). Allocates; one thread at
 * a time. */
#ifndef ROSTRUM_RECORDS_REDACTION_POLICY_H
#define ROSTRUM_RECORDS_REDACTION_POLICY_H

#include "base/diag.h"
#include "privacy/redact.h"

#define REDACTION_ALLOWED_MAX 1000 /* each is compared with every entity found */

typedef struct {
    redact_policy policy;
    char **allowed; /* [policy.n_allowed], owned */
} redaction_policy;

/* ERR_INVALID, ERR_SYNTAX, ERR_LIMIT: d says what is wrong and where; *out untouched. */
MUST_CHECK status redaction_policy_read(const char *path, redaction_policy *out, diag *d);
MUST_CHECK status redaction_policy_read_text(const char *text, size_t n, const char *name,
                                             redaction_policy *out, diag *d);
void redaction_policy_deinit(redaction_policy *p);

#endif
