#include "engine/inbox.h"

#include <string.h>

#include "base/assert.h"

#define LEAD_US 500000

static uint64_t duration_us(uint64_t samples) {
    return samples * 1000000 / LIMIT_SAMPLE_RATE_HZ;
}

void inbox_init(inbox *b, int16_t *samples) {
    *b = (inbox){.samples = samples};
}

static void append(inbox *b, const uint8_t *bytes, size_t n) {
    size_t tail = (b->head + b->count) % INBOX_SAMPLES;
    for (size_t i = 0; i < n; i++) {
        b->samples[tail] = (int16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
        if (++tail == INBOX_SAMPLES)
            tail = 0;
    }
    b->count += n;
    b->received += n;
}

status inbox_add_audio(inbox *b, const uint8_t *bytes, size_t n, uint64_t now_us) {
    if (n % 2 != 0)
        return ERR_SYNTAX;
    n /= 2;
    if (n > INBOX_SAMPLES - b->count)
        return ERR_LIMIT;
    if (b->count == 0)
        b->head = 0;
    append(b, bytes, n);
    b->touched = true;
    if (b->received == n)
        b->first_us = now_us;
    if (b->spoken_us < now_us)
        b->spoken_us = now_us;
    b->spoken_us += duration_us(n) * 98 / 100;
    b->arrival_us = now_us;
    return OK;
}

status inbox_add_command(inbox *b, uint8_t type, const engine_listen *update) {
    if (b->n_commands == INBOX_COMMANDS)
        return ERR_LIMIT;
    if (update)
        b->update = *update;
    b->commands[b->n_commands++] = (inbox_command){type, b->received};
    return OK;
}

/* The next n samples, which stay there. */
static void read_ring(const inbox *b, int16_t *out, size_t n) {
    size_t first = INBOX_SAMPLES - b->head;
    if (first > n)
        first = n;
    memcpy(out, b->samples + b->head, first * sizeof *out);
    memcpy(out + first, b->samples, (n - first) * sizeof *out);
}

static size_t available(const inbox *b) {
    if (b->n_commands > 0) {
        uint64_t left = b->commands[0].at - b->taken;
        return left < FRAME_SAMPLES ? (size_t)left : FRAME_SAMPLES;
    }
    return b->count >= FRAME_SAMPLES ? FRAME_SAMPLES : 0;
}

bool inbox_ready(const inbox *b) {
    return b->n_commands > 0 || b->count >= FRAME_SAMPLES;
}

inbox_item inbox_take(inbox *b, int16_t *pcm, size_t *out_n, uint8_t *out_command) {
    size_t n = available(b);
    if (n == 0 && b->n_commands == 0)
        return INBOX_NOTHING;
    if (n == 0) {
        *out_command = b->commands[0].type;
        b->n_commands--;
        memmove(b->commands, b->commands + 1, b->n_commands * sizeof b->commands[0]);
        return INBOX_COMMAND;
    }
    ASSERT(n <= b->count);
    read_ring(b, pcm, n);
    b->head = (b->head + n) % INBOX_SAMPLES;
    b->count -= n;
    b->taken += n;
    *out_n = n;
    return INBOX_AUDIO;
}

bool inbox_rest(inbox *b, uint64_t now_us) {
    if (!b->touched || b->count >= FRAME_SAMPLES ||
        now_us < b->arrival_us + INBOX_REST_US)
        return false;
    int16_t left[FRAME_SAMPLES];
    read_ring(b, left, b->count);
    memcpy(b->samples, left, b->count * sizeof *left);
    b->head = 0;
    b->touched = false;
    return true;
}

uint64_t inbox_due_us(const inbox *b) {
    uint64_t lead = b->spoken_us - b->arrival_us;
    uint64_t early = duration_us(b->count) + (lead < LEAD_US ? lead : LEAD_US);
    uint64_t due = b->spoken_us > early ? b->spoken_us - early : 0;
    return due > b->first_us ? due : b->first_us;
}
