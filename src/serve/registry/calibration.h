/* serve/registry/calibration.h: what `engine calibrate` measured, kept as JSON in
 * CACHE/calibration/MODEL.json.
 *
 * A measurement holds for one processor, one manifest and one engine version; the
 * first two are checked on reading, the last by who knows the running engine. Loop
 * thread or command line; file I/O. */
#ifndef ROSTRUM_SERVE_CALIBRATION_H
#define ROSTRUM_SERVE_CALIBRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "serve/registry/manifest.h"

typedef struct {
    char engine_version[32];
    char cpu[128];    /* name and number of cores */
    unsigned threads; /* compute threads it was measured with */
    unsigned slots;   /* sessions of continuous speech it sustains */
    double slots_per_core;
    double rtf; /* CPU seconds per second of audio of one session */
    double memory_per_slot_kib;
    double unloaded_ms;  /* first partial p95 of one session alone */
    double loaded_ms;    /* and at `slots` */
    char recording[128]; /* what was played, for a person */
    uint64_t measured_unix_s;
} calibration;

/* This machine's processor as the validity key has it. */
void calibration_cpu(char *out, size_t size);

/* False: none, not readable, or of another processor or manifest. */
bool calibration_read(const model_manifest *m, calibration *out);

/* Replaces the file atomically; makes its folder. ERR_IO names the path. */
MUST_CHECK status calibration_write(const model_manifest *m, const calibration *c,
                                    diag *d);

#endif
