/* engine/inbox.h: what the gateway has sent to a slot and nobody has looked at yet.
 *
 * Audio, at most LIMIT_SLOT_AUDIO_S of it, and the commands between, in the order they
 * were sent. It comes out in frames of FRAME_SAMPLES; only in front of a command may a
 * piece be shorter.
 *
 * The stream's clock tells by when audio is wanted:
 *
 *   spoken(newest) = max(arrival, spoken(newest before)) + 0.98 * its duration
 *   due(next)      = spoken(newest) - waiting - min(0.5 s, spoken(newest) - arrival),
 *                    not before the first arrival
 *
 * For a live stream that is about the arrival of the next sample: 0.5 s of jitter (late
 * packets come in a bunch) and 2 % of clock skew change nothing. A stream sent faster
 * than it would be spoken runs ahead into the future, and so yields to live ones as long
 * as they need the processor.
 *
 * Pure over its caller's memory. Not thread safe: the slot's lock is held around it. */
#ifndef ROSTRUM_ENGINE_INBOX_H
#define ROSTRUM_ENGINE_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/proto.h"
#include "engine/vad_energy.h"

#define INBOX_SAMPLES (LIMIT_SLOT_AUDIO_S * LIMIT_SAMPLE_RATE_HZ)
#define INBOX_REST_US 2000000
#define INBOX_COMMANDS 16 /* commands between two pieces of audio: one would be usual */

typedef struct {
    uint8_t type; /* FRAME_COMMIT, FRAME_CLEAR, FRAME_UPDATE */
    uint64_t at;  /* takes effect when so many samples were taken */
} inbox_command;

typedef struct {
    int16_t *samples; /* [INBOX_SAMPLES], a ring; its start again whenever it is empty,
                         so that a stream that keeps up touches few pages */
    size_t head, count;
    uint64_t received, taken; /* samples since OPEN */
    bool touched;             /* since inbox_rest: memory of the ring */
    uint64_t spoken_us;       /* clock of the newest sample */
    uint64_t arrival_us;      /* when it came */
    uint64_t first_us;        /* when the first came */
    inbox_command commands[INBOX_COMMANDS];
    size_t n_commands;
    engine_listen update; /* of the newest FRAME_UPDATE: the last one wins */
} inbox;

typedef enum { INBOX_NOTHING, INBOX_AUDIO, INBOX_COMMAND } inbox_item;

/* samples [INBOX_SAMPLES] stays the caller's. */
void inbox_init(inbox *b, int16_t *samples);

/* Appends s16 little-endian samples. ERR_LIMIT, nothing taken: more than
 * LIMIT_SLOT_AUDIO_S would wait. ERR_SYNTAX: half a sample. */
MUST_CHECK status inbox_add_audio(inbox *b, const uint8_t *bytes, size_t n,
                                  uint64_t now_us);

/* update: of FRAME_UPDATE, else NULL. ERR_LIMIT: too many commands wait. */
MUST_CHECK status inbox_add_command(inbox *b, uint8_t type, const engine_listen *update);

/* Takes the next item: samples into pcm[FRAME_SAMPLES] and *out_n (1..FRAME_SAMPLES),
 * or a command into *out_command. */
inbox_item inbox_take(inbox *b, int16_t *pcm, size_t *out_n, uint8_t *out_command);

/* True when inbox_take would give something. */
bool inbox_ready(const inbox *b);

/* Tells once after a burst that the ring's memory can be given back but for the first
 * FRAME_SAMPLES, where what is left of the last frame lies now: nothing has come for
 * INBOX_REST_US. */
bool inbox_rest(inbox *b, uint64_t now_us);

/* When the next sample to be taken is wanted. */
uint64_t inbox_due_us(const inbox *b);

#endif
