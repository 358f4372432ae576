#include "engine/sched.h"

#include <math.h>

#include "base/assert.h"

#define SMOOTH_US 1e6
#define OVERDUE_UNIT_US 250e3

void sched_init(sched *s, sched_entry *entries, size_t n, unsigned threads,
                uint64_t now_us) {
    ASSERT(threads > 0);
    *s = (sched){.entries = entries, .n = n, .threads = threads, .counted_us = now_us};
    for (size_t i = 0; i < n; i++)
        entries[i] = (sched_entry){.wake_us = SCHED_NEVER};
}

/* Brings `busy` up to now; called before the number of running entries changes. */
static void count_busy(sched *s, uint64_t now_us) {
    if (now_us <= s->counted_us)
        return;
    double share = (double)s->running / s->threads;
    double keep = exp(-(double)(now_us - s->counted_us) / SMOOTH_US);
    s->busy = share + (s->busy - share) * keep;
    s->counted_us = now_us;
}

void sched_post(sched *s, size_t entry, uint64_t deadline_us, uint64_t now_us) {
    ASSERT(entry < s->n);
    sched_entry *e = &s->entries[entry];
    if (!e->waiting) {
        e->waiting = true;
        e->since_us = now_us;
        e->deadline_us = deadline_us;
        e->order = s->order++;
    } else if (deadline_us < e->deadline_us) {
        e->deadline_us = deadline_us;
    }
}

void sched_wake_at(sched *s, size_t entry, uint64_t wake_us) {
    ASSERT(entry < s->n);
    s->entries[entry].wake_us = wake_us;
}

static bool before(const sched_entry *a, const sched_entry *b) {
    if (a->deadline_us != b->deadline_us)
        return a->deadline_us < b->deadline_us;
    return a->order < b->order;
}

bool sched_take(sched *s, uint64_t now_us, sched_job *out) {
    size_t best = s->n;
    for (size_t i = 0; i < s->n; i++) {
        sched_entry *e = &s->entries[i];
        if (e->wake_us <= now_us) {
            uint64_t wake_us = e->wake_us;
            e->wake_us = SCHED_NEVER;
            sched_post(s, i, wake_us, now_us);
        }
        if (e->waiting && !e->running && (best == s->n || before(e, &s->entries[best])))
            best = i;
    }
    if (best == s->n)
        return false;
    sched_entry *e = &s->entries[best];
    count_busy(s, now_us);
    e->waiting = false;
    e->running = true;
    s->running++;
    *out = (sched_job){.entry = best,
                       .waited_us = now_us > e->since_us ? now_us - e->since_us : 0,
                       .deadline_us = e->deadline_us};
    return true;
}

void sched_done(sched *s, size_t entry, uint64_t now_us) {
    ASSERT(entry < s->n);
    ASSERT(s->entries[entry].running);
    count_busy(s, now_us);
    s->entries[entry].running = false;
    s->running--;
    if (s->entries[entry].waiting) /* the time it ran is not time it waited */
        s->entries[entry].since_us = now_us;
}

uint64_t sched_next_wake_us(const sched *s) {
    uint64_t next = SCHED_NEVER;
    for (size_t i = 0; i < s->n; i++)
        if (!s->entries[i].running && s->entries[i].wake_us < next)
            next = s->entries[i].wake_us;
    return next;
}

uint64_t sched_oldest_us(const sched *s, uint64_t now_us) {
    uint64_t oldest = 0;
    for (size_t i = 0; i < s->n; i++) {
        const sched_entry *e = &s->entries[i];
        if (e->waiting && !e->running && now_us > e->since_us &&
            now_us - e->since_us > oldest)
            oldest = now_us - e->since_us;
    }
    return oldest;
}

float sched_pressure(sched *s, uint64_t now_us) {
    count_busy(s, now_us);
    uint64_t overdue = 0;
    for (size_t i = 0; i < s->n; i++) {
        const sched_entry *e = &s->entries[i];
        if (e->waiting && !e->running && now_us > e->deadline_us &&
            now_us - e->deadline_us > overdue)
            overdue = now_us - e->deadline_us;
    }
    return (float)(s->busy + (double)overdue / OVERDUE_UNIT_US);
}
