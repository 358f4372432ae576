#include "engine/slot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "engine/slot_internal.h"

#define LISTEN_BUDGET_US 40000u /* the detector's answer, after its audio was due */

static size_t rounded_up(size_t bytes, size_t to) {
    return (bytes + to - 1) / to * to;
}

/* Hands out `bytes` of the slot's mapping. */
static void *carve(uint8_t **at, size_t bytes) {
    void *part = *at;
    *at += rounded_up(bytes, 64);
    return part;
}

/* Pages are touched as they are used, so a slot costs what it uses. The detector's state
 * and the start of the inbox share the first page; the rest of the inbox has pages of its
 * own, to be given back alone. */
static status map_memory(slot *s) {
    size_t vad = s->host->engine->vad_state_bytes;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inbox_end =
        rounded_up(rounded_up(vad, 64) + sizeof(int16_t) * INBOX_SAMPLES, page);
    size_t bytes = inbox_end + sizeof(int16_t) * TAPE_SAMPLES +
                   SLOT_UTTERANCES * sizeof(word_list) + (1 + SLOT_UTTERANCES) * 64;
    uint8_t *at =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return ERR_MEMORY;
    s->memory = at;
    s->memory_bytes = bytes;
    s->vad_state = carve(&at, vad);
    s->in.samples = (int16_t *)(void *)at;
    at = (uint8_t *)s->memory + inbox_end;
    s->rest_from =
        rounded_up(rounded_up(vad, 64) + sizeof(int16_t) * FRAME_SAMPLES, page);
    s->rest_bytes = inbox_end - s->rest_from;
    s->recent.samples = carve(&at, sizeof(int16_t) * TAPE_SAMPLES);
    for (size_t i = 0; i < SLOT_UTTERANCES; i++)
        s->utterances[i].words = carve(&at, sizeof(word_list));
    ASSERT(at <= (uint8_t *)s->memory + bytes);
    return OK;
}

status slot_create(const slot_host *host, uint16_t index, slot **out) {
    slot *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_MEMORY;
    s->host = host;
    s->index = index;
    for (size_t i = 0; i < SLOT_UTTERANCES; i++)
        s->utterances[i].owner = s;
    status result = map_memory(s);
    if (result == OK && pthread_mutex_init(&s->lock, NULL) != 0) {
        munmap(s->memory, s->memory_bytes);
        result = ERR_MEMORY;
    }
    if (result != OK) {
        free(s);
        return result;
    }
    *out = s;
    return OK;
}

void slot_destroy(slot *s) {
    if (!s)
        return;
    for (size_t i = 0; i < SLOT_UTTERANCES; i++)
        s->host->engine->close(s->utterances[i].engine);
    pthread_mutex_destroy(&s->lock);
    munmap(s->memory, s->memory_bytes);
    free(s);
}

status slot_open(slot *s, uint32_t generation, const engine_listen *listen) {
    pthread_mutex_lock(&s->lock);
    bool free_slot = !s->in_use;
    if (free_slot) {
        s->in_use = true;
        s->generation = generation;
        s->broken = NULL;
        s->listen = *listen;
        inbox_init(&s->in, s->in.samples);
        endpoint_init(&s->ends, listen);
        tape_init(&s->recent, s->recent.samples, listen->prefix_padding_ms);
        vad_energy_init(&s->energy);
        memset(s->vad_state, 0, s->host->engine->vad_state_bytes);
        s->credit = 0;
        s->next_number = s->next_final = 0;
        s->live = NULL;
        s->continues = s->failed = s->error_sent = false;
        s->want = WANT_NOTHING;
        atomic_store(&s->ending, false);
    }
    pthread_mutex_unlock(&s->lock);
    return free_slot ? OK : ERR_STATE;
}

static bool takes(const slot *s, uint32_t generation) {
    return s->in_use && s->generation == generation && !atomic_load(&s->ending) &&
           !s->broken;
}

status slot_audio(slot *s, uint32_t generation, const uint8_t *bytes, size_t n) {
    uint64_t now_us = s->host->now_us(s->host->context);
    status result = ERR_NOT_FOUND;
    pthread_mutex_lock(&s->lock);
    if (takes(s, generation)) {
        result = inbox_add_audio(&s->in, bytes, n, now_us);
        if (result == ERR_LIMIT)
            s->broken = "more audio was sent than the slot's credit allows";
        else if (result != OK)
            s->broken = "an audio frame ended inside a sample";
    }
    pthread_mutex_unlock(&s->lock);
    return result;
}

status slot_command(slot *s, uint32_t generation, uint8_t type,
                    const engine_listen *update) {
    status result = ERR_NOT_FOUND;
    pthread_mutex_lock(&s->lock);
    if (takes(s, generation)) {
        result = inbox_add_command(&s->in, type, update);
        if (result != OK)
            s->broken = "too many commands wait for their audio";
    }
    pthread_mutex_unlock(&s->lock);
    return result;
}

bool slot_close(slot *s, uint32_t generation) {
    pthread_mutex_lock(&s->lock);
    bool ours = s->in_use && s->generation == generation;
    if (ours)
        atomic_store(&s->ending, true);
    pthread_mutex_unlock(&s->lock);
    return ours;
}

bool slot_in_use(slot *s) {
    pthread_mutex_lock(&s->lock);
    bool used = s->in_use;
    pthread_mutex_unlock(&s->lock);
    return used;
}

uint64_t slot_due_us(slot *s) {
    uint64_t due = SCHED_NEVER;
    pthread_mutex_lock(&s->lock);
    if (s->in_use && (atomic_load(&s->ending) || s->broken))
        due = 0; /* a free slot is worth more than any audio */
    else if (s->in_use && inbox_ready(&s->in))
        due = inbox_due_us(&s->in) + LISTEN_BUDGET_US;
    pthread_mutex_unlock(&s->lock);
    return due;
}

void slot_rest(slot *s) {
    uint64_t now_us = s->host->now_us(s->host->context);
    pthread_mutex_lock(&s->lock);
    if (s->in_use && inbox_rest(&s->in, now_us))
        madvise((uint8_t *)s->memory + s->rest_from, s->rest_bytes, MADV_DONTNEED);
    pthread_mutex_unlock(&s->lock);
}

void slot_fail(slot_unit *u, const char *text) {
    slot *s = u->s;
    if (s->failed)
        return;
    s->failed = true;
    if (atomic_exchange(&s->ending, true)) /* closed meanwhile: nobody asks any more */
        return;
    if (!text || !text[0])
        text = "the engine failed and gave no reason";
    size_t n = proto_utf8_valid(text, strnlen(text, sizeof(rostrum_error)));
    proto_put_bytes(u->out, FRAME_ERROR, 0, s->index, s->generation, 0, text, n);
    s->error_sent = true;
}

/* Frees what can be freed; the slot itself when no second pass runs on it any more. */
static void end_stream(slot_unit *u) {
    slot *s = u->s;
    if (!slot_release_utterances(s))
        return;
    proto_put_empty(u->out, FRAME_CLOSED, 0, s->index, s->generation);
    /* Gives the memory back, and leaves nothing of what was said. */
    madvise(s->memory, s->memory_bytes, MADV_DONTNEED);
    memset(&s->listen, 0, sizeof s->listen);
    pthread_mutex_lock(&s->lock);
    memset(&s->in.update, 0, sizeof s->in.update);
    s->in_use = false;
    pthread_mutex_unlock(&s->lock);
}

static void do_unit(slot_unit *u, slot_next *next) {
    slot *s = u->s;
    slot_want what = s->want;
    bool late = u->now_us > s->want_due_us;
    if (what == WANT_STEP && late && slot_due_us(s) != SCHED_NEVER)
        what = WANT_NOTHING; /* too late for this one: see what has come since */
    if (what == WANT_NOTHING) {
        slot_take_audio(u);
        return;
    }
    s->want = WANT_NOTHING;
    if (what == WANT_STEP)
        slot_step(u);
    else
        slot_finish(u);
    next->stepped = true;
    next->late = s->host->now_us(s->host->context) > s->want_due_us;
}

static void look_ahead(slot *s, slot_next *next) {
    next->wake_us = slot_second_deadline(s);
    if (s->want != WANT_NOTHING)
        next->due_us = s->want_due_us;
    else if (s->live || slot_can_begin(s))
        next->due_us = s->continues ? s->want_due_us : slot_due_us(s);
}

slot_next slot_run(slot *s, uint64_t waited_us, slot_scratch *scratch, buf *out) {
    slot_unit u = {.s = s,
                   .scratch = scratch,
                   .out = out,
                   .now_us = s->host->now_us(s->host->context),
                   .waited_us = waited_us};
    slot_next next = {.due_us = SCHED_NEVER, .wake_us = SCHED_NEVER};
    if (!slot_in_use(s))
        return next;
    size_t sent_before = out->size;
    pthread_mutex_lock(&s->lock);
    const char *broken = s->broken;
    pthread_mutex_unlock(&s->lock);
    if (broken)
        slot_fail(&u, broken);
    if (!atomic_load(&s->ending)) {
        slot_send_finals(&u);
        do_unit(&u, &next);
        slot_send_finals(&u);
    }
    if (atomic_load(&s->ending)) {
        if (!s->error_sent)
            out->size = sent_before; /* closed: nothing more is wanted */
        end_stream(&u);
        return next;
    }
    look_ahead(s, &next);
    return next;
}
