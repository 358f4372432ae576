/* base/status.h: one list of result codes for everything that can fail.
 *
 * A function that can fail returns `status`, takes its inputs first and its
 * outputs last, and leaves the outputs untouched unless it returns OK. Expected
 * outcomes (hold, no data yet) are values, not errors.
 * Pure. Safe from any thread. */
#ifndef ROSTRUM_BASE_STATUS_H
#define ROSTRUM_BASE_STATUS_H

typedef enum {
#define X(code, wire, text) code,
#include "base/errors.def"
#undef X
    STATUS_COUNT
} status;

#define MUST_CHECK __attribute__((warn_unused_result))

/* Text for a person. Never NULL; "unknown error" outside the list. */
const char *status_text(status s);

/* Stable name for JSON, logs and metric labels. Never NULL. */
const char *status_name(status s);

#endif
