/* engine/endpoint.h: where an utterance begins and ends.
 *
 * A frame is speech from `vad_threshold` on; speech is over below the release level,
 * threshold - 0.15 (at least 0.01); between the two nothing changes. Two frames of
 * speech in a row start an utterance, silence_ms without speech ends it, max_utterance_ms
 * of audio ends it in any case.
 *
 * Two times are told apart. `decided` is the sample at which the machine made up its
 * mind; `at` is the acoustic truth, the first or last 8 ms piece that stands 6 dB above
 * the noise near that place. Latencies are computed from the truth.
 *
 * Cutting a word in two costs words. In the last quarter of max_utterance_ms the silence
 * that is enough shrinks, down to 96 ms, so that the cut falls in a pause; only speech
 * without any pause is cut hard, and the next utterance then starts at the cut.
 *
 * ENDPOINT_MANUAL: the first frame starts an utterance, only a commit or the maximum
 * ends it; probabilities still tell the true times and the pause to cut at.
 *
 * Positions are samples of the stream since it was opened.
 * Pure: no clock, allocation, I/O or globals. One thread at a time. */
#ifndef ROSTRUM_ENGINE_ENDPOINT_H
#define ROSTRUM_ENGINE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/proto.h"
#include "engine/vad_energy.h"

#define ENDPOINT_ONSET_FRAMES 2 /* speech frames that start an utterance: 64 ms */
#define ENDPOINT_LAG_SAMPLES                                                             \
    1536 /* how far before its first frame speech is looked for */
#define SAMPLES_PER_MS (LIMIT_SAMPLE_RATE_HZ / 1000)

typedef enum { ENDPOINT_NOTHING, ENDPOINT_STARTED, ENDPOINT_STOPPED } endpoint_kind;

typedef struct {
    endpoint_kind kind;
    uint64_t at;      /* first or one past the last sample of speech; <= decided */
    uint64_t decided; /* samples seen */
    uint64_t from;    /* STARTED: first sample of the utterance, padding included */
    bool by_limit;    /* STOPPED: because of max_utterance_ms */
    bool continues;   /* STOPPED hard: the next utterance has started at `decided` */
} endpoint_event;

typedef struct {
    endpoint_mode mode;
    float threshold, release;
    uint64_t prefix, silence, max; /* samples */

    uint64_t position;   /* samples seen */
    uint64_t not_before; /* no utterance reaches back before this sample */
    uint64_t loud;       /* pieces above the noise, newest in bit 0 */
    bool open;           /* in an utterance */
    bool quiet;          /* speech stopped, silence runs */
    unsigned onset;      /* speech frames in a row while not open */
    uint64_t from;       /* of the utterance */
    uint64_t anchor;     /* end of its last speech frame */
    uint64_t loud_end;   /* end of its last loud piece */
} endpoint;

/* listen is in range (proto_get_listen checks). */
void endpoint_init(endpoint *e, const engine_listen *listen);

/* New settings from the next frame on. A change of mode ends nothing by itself. */
void endpoint_configure(endpoint *e, const engine_listen *listen);

/* One frame of FRAME_SAMPLES: its probability of speech 0..1, loudness, noise floor. */
endpoint_event endpoint_frame(endpoint *e, float probability, const frame_levels *levels,
                              float floor_db);

/* n samples without a verdict: what is left before a command, n < FRAME_SAMPLES. */
void endpoint_rest(endpoint *e, size_t n);

/* Opens an utterance at `from` without a verdict (manual mode, after endpoint_rest). */
endpoint_event endpoint_open(endpoint *e, uint64_t from);

/* Ends the utterance here; ENDPOINT_NOTHING when none is open. */
endpoint_event endpoint_commit(endpoint *e);

/* Forgets the utterance, if any; audio before this place is never used again. */
void endpoint_clear(endpoint *e);

/* Samples of silence at the end of the open utterance; 0 while it speaks. */
uint64_t endpoint_silence(const endpoint *e);

#endif
