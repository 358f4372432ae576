/* engine/sched.h: which slot gets the next free thread.
 *
 * A slot is idle, waiting, or running; one that is posted while it runs waits again as
 * soon as it is done. The waiting slot with the earliest deadline is taken; equal
 * deadlines go in order of waiting. A slot may also ask to be woken at a time, at which
 * it waits with that time as its deadline.
 *
 * Deadlines order work, they do not drop it. They come from the stream's own clock
 * (inbox.h), so that a file sent at ten times the speed of speech cannot push a live
 * speaker aside: its audio is not due before it would have been spoken.
 *
 *   busy     = thread time in use / (wall time * threads), smoothed over about 1 s
 *   pressure = busy + overdue_us of the most overdue waiting slot / 250 ms
 *
 * Pure over its caller's memory; time is an argument in microseconds and never goes
 * back. Not thread safe: crew.c locks around it. O(slots) a call, a few hundred ns. */
#ifndef ROSTRUM_ENGINE_SCHED_H
#define ROSTRUM_ENGINE_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHED_NEVER UINT64_MAX

typedef struct {
    bool waiting, running;
    uint64_t since_us;    /* when it began to wait */
    uint64_t deadline_us; /* while waiting */
    uint64_t wake_us;     /* SCHED_NEVER: not asked */
    uint64_t order;       /* of waiting, for ties */
} sched_entry;

typedef struct {
    sched_entry *entries; /* [n], the caller's */
    size_t n;
    unsigned threads;
    unsigned running; /* entries that run */
    uint64_t order;
    double busy;         /* smoothed, 0..1 */
    uint64_t counted_us; /* busy is true up to here */
} sched;

typedef struct {
    size_t entry;
    uint64_t waited_us;
    uint64_t deadline_us;
} sched_job;

void sched_init(sched *s, sched_entry *entries, size_t n, unsigned threads,
                uint64_t now_us);

/* The entry has work due at deadline_us. An earlier deadline wins. */
void sched_post(sched *s, size_t entry, uint64_t deadline_us, uint64_t now_us);

/* Wake it at that time, instead of any time asked before; SCHED_NEVER: not at all. */
void sched_wake_at(sched *s, size_t entry, uint64_t wake_us);

/* The most urgent work; its entry runs until sched_done. False: nothing is due. */
bool sched_take(sched *s, uint64_t now_us, sched_job *out);
void sched_done(sched *s, size_t entry, uint64_t now_us);

/* Earliest wake time asked for, or SCHED_NEVER. */
uint64_t sched_next_wake_us(const sched *s);

/* How long the oldest waiting work has waited; 0: none waits. */
uint64_t sched_oldest_us(const sched *s, uint64_t now_us);

float sched_pressure(sched *s, uint64_t now_us);

#endif
