/* serve/pool/admission.h: how many sessions a worker takes, and when it takes none.
 *
 * Two rules. (1) A number: what the operator configured, else what `engine calibrate`
 * measured on this machine, else the manifest's safe guess. Measured is the number at
 * which first partials were still as fast as unloaded. (2) A gate for what no number
 * foresees (a busy neighbour, heavier audio): two bad load reports in a row close it,
 * four good ones in a row open it. Between good and bad nothing changes.
 *
 *   bad   pressure > 1.4, or late > 10 %
 *   good  pressure < 1.1, and late < 3 %
 *
 * Pressure is busy + overdue / 250 ms (engine/sched.h). Busy cores alone are no reason: a
 * file sent faster than speech keeps them busy and nobody waiting. Overdue work is.
 *
 * Pure: no clock, allocation or I/O. */
#ifndef ROSTRUM_SERVE_ADMISSION_H
#define ROSTRUM_SERVE_ADMISSION_H

#include <stdbool.h>

#include "engine/proto.h"

/* Where the number came from. */
typedef enum { SLOTS_CONFIGURED, SLOTS_CALIBRATED, SLOTS_GUESSED } slots_source;

typedef struct {
    unsigned ask;   /* slots the worker is asked to have */
    unsigned guess; /* what to fall back to if the measurement was another engine's */
    slots_source source;
    char engine_version[32]; /* that the measurement was made with */
} admission_plan;

const char *slots_source_name(slots_source source);

/* configured, calibrated: 0 when not known. threads >= 1. Both ends of the result are
 * kept within 1..LIMIT_WORKER_SLOTS. */
admission_plan admission_choose(unsigned configured, unsigned calibrated,
                                unsigned slots_per_thread, unsigned slots_max,
                                unsigned threads);

typedef struct {
    bool closed;
    unsigned bad, good; /* reports in a row */
} admission_gate;

/* One load report. Returns true when the gate changed. A report whose pressure is no
 * finite number is bad. */
bool admission_report(admission_gate *gate, const engine_load *load);

/* Seconds until a slot is likely free, 1..60: with n sessions of mean length m one ends
 * every m / n. session_ms 0 (none ended yet): 5. */
unsigned admission_retry_after_s(double session_ms, unsigned slots);

#endif
