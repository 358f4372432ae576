/* serve/session/arrivals.h: when each stretch of a session's audio arrived.
 *
 * Events name places in the audio (stream milliseconds); people wait in wall time.
 * This maps one to the other in fixed space: the newest stretches are exact, older
 * ones are merged in pairs, again and again, so that nothing is forgotten. A merged
 * stretch keeps the earliest arrival of its parts: a latency computed from it may
 * read too long, never too short.
 * Pure. One thread at a time. */
#ifndef ROSTRUM_SERVE_ARRIVALS_H
#define ROSTRUM_SERVE_ARRIVALS_H

#include <stdbool.h>
#include <stdint.h>

/* At 20 ms a frame the newest 1.3 to 2.6 s are exact, the rest coarser with age. */
#define ARRIVALS_MAX 128

typedef struct {
    struct {
        uint32_t end_ms;     /* stream position the stretch ends at */
        uint32_t at_ms;      /* when it arrived, since the session began */
    } stretch[ARRIVALS_MAX]; /* [n], both fields non-decreasing */
    unsigned n;
} arrivals;

/* Audio up to stream position end_ms arrived at at_ms. Positions never go back. */
void arrivals_add(arrivals *a, uint32_t end_ms, uint32_t at_ms);

/* When the sample at stream_ms arrived; past the end, when the last one did. false,
 * *out_at_ms untouched: nothing has arrived. */
bool arrivals_find(const arrivals *a, uint32_t stream_ms, uint32_t *out_at_ms);

#endif
