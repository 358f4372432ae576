/* cli/client_recordings.h: recordings to play to a server, with what is said in them.
 *
 * Decoded to the rate that is sent before anything is played, so that playing
 * costs next to nothing. Any thread. */
#ifndef ROSTRUM_CLI_CLIENT_RECORDINGS_H
#define ROSTRUM_CLI_CLIENT_RECORDINGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define CLIENT_RATE_HZ 16000 /* what engines hear: sent as it is, not resampled twice */

typedef struct {
    char *id;        /* name for tables */
    char *reference; /* what is said; NULL: not known */
    char half[8];    /* "eval", "held" or "" */
    int16_t *pcm;    /* [n] at CLIENT_RATE_HZ */
    size_t n;
    double seconds;
    double onset_s; /* start of the first 10 ms over -40 dBFS; 0 when there is none */
    double end_s;   /* end of the last such 10 ms */
} recording;

typedef struct {
    recording *items; /* [n] */
    size_t n, capacity;
} recordings;

#define RECORDINGS_MAX 20000
#define RECORDING_SECONDS_MAX 7200 /* two hours are 345 MB in memory */

/* One file; reference may be NULL. */
MUST_CHECK status recordings_add_file(recordings *r, const char *path,
                                      const char *reference, diag *d);
/* The rows of a manifest.jsonl {id, audio, ref, half}; audio is relative to it. half:
 * "eval", "held" or "all". ERR_SYNTAX with the line. */
MUST_CHECK status recordings_add_manifest(recordings *r, const char *path,
                                          const char *half, diag *d);
void recordings_deinit(recordings *r);

#endif
