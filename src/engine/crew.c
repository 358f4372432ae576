#include "engine/crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "engine/sched.h"
#include "engine/warm.h"

#define SECOND_NICE 10
#define STACK_BYTES                                                                      \
    (2u << 20) /* counts as memory the worker may write; engines use little */

typedef struct {
    crew *owner;
    pthread_t id;
    bool started, second;
    slot_scratch scratch;
    buf out;
    bool busy;      /* under lock */
    uint64_t units; /* under lock: begun so far */
    uint64_t seen_units;
    unsigned beats; /* heartbeats since units last changed while busy */
} member;

struct crew {
    crew_config config;
    slot_host host;
    slot **slots;    /* [config.slots] */
    member *members; /* [threads + 1], the last one runs second passes */
    unsigned n_members;

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t work;  /* for compute threads */
    pthread_cond_t seconds_work;
    pthread_cond_t changed; /* for whoever waits for the members */
    sched units, seconds;
    sched_entry *unit_entries, *second_entries;
    unsigned n_seconds;   /* waiting second passes */
    unsigned ready, warm; /* members */
    bool go, working, stopping;
    unsigned steps, late;
    warm_result warmed; /* the worst of all members */
    _Atomic float pressure;
};

static uint64_t clock_us(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t now_us(void *context) {
    (void)context;
    return clock_us(CLOCK_MONOTONIC);
}

static uint64_t cpu_us(void *context) {
    (void)context;
    return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

static float pressure(void *context) {
    crew *c = context;
    return atomic_load_explicit(&c->pressure, memory_order_relaxed);
}

static bool want_second(void *context, uint16_t index, unsigned utterance,
                        uint64_t due_us) {
    crew *c = context;
    pthread_mutex_lock(&c->lock);
    size_t entry = (size_t)index * SLOT_UTTERANCES + utterance;
    bool room = c->n_seconds < CREW_SECONDS_MAX || c->second_entries[entry].waiting;
    if (room) {
        c->n_seconds += !c->second_entries[entry].waiting;
        sched_post(&c->seconds, entry, due_us, now_us(NULL));
        pthread_cond_signal(&c->seconds_work);
    }
    pthread_mutex_unlock(&c->lock);
    return room;
}

/* Waits until work may have come; the lock is held. */
static void wait_for_work(crew *c, pthread_cond_t *work, const sched *s) {
    uint64_t wake_us = sched_next_wake_us(s);
    if (wake_us == SCHED_NEVER) {
        pthread_cond_wait(work, &c->lock);
        return;
    }
    struct timespec until = {(time_t)(wake_us / 1000000),
                             (long)(wake_us % 1000000) * 1000};
    pthread_cond_timedwait(work, &c->lock, &until);
}

static void begin_unit(member *m) {
    m->busy = true;
    m->units++;
}

static void update_pressure(crew *c, uint64_t now) {
    atomic_store_explicit(&c->pressure, sched_pressure(&c->units, now),
                          memory_order_relaxed);
}

/* One unit of one slot. The lock is held on entry and on return, not between. */
static void run_unit(member *m, const sched_job *job) {
    crew *c = m->owner;
    begin_unit(m);
    update_pressure(c, now_us(NULL));
    pthread_mutex_unlock(&c->lock);
    buf_clear(&m->out);
    slot_next next = slot_run(c->slots[job->entry], job->waited_us, &m->scratch, &m->out);
    ASSERT(!m->out.failed);
    wire_send(c->config.out, m->out.data, m->out.size);
    pthread_mutex_lock(&c->lock);
    uint64_t now = now_us(NULL);
    m->busy = false;
    c->steps += next.stepped;
    c->late += next.late;
    if (next.due_us != SCHED_NEVER)
        sched_post(&c->units, job->entry, next.due_us, now);
    sched_wake_at(&c->units, job->entry, next.wake_us);
    if (next.wake_us != SCHED_NEVER) /* this thread may be busy when the time comes */
        pthread_cond_signal(&c->work);
    sched_done(&c->units, job->entry, now);
}

static void compute(member *m) {
    crew *c = m->owner;
    sched_job job;
    while (!c->stopping) {
        if (sched_take(&c->units, now_us(NULL), &job))
            run_unit(m, &job);
        else
            wait_for_work(c, &c->work, &c->units);
    }
}

static void compute_seconds(member *m) {
    crew *c = m->owner;
    sched_job job;
    while (!c->stopping) {
        if (!sched_take(&c->seconds, now_us(NULL), &job)) {
            wait_for_work(c, &c->seconds_work, &c->seconds);
            continue;
        }
        c->n_seconds--;
        begin_unit(m);
        pthread_mutex_unlock(&c->lock);
        size_t index = job.entry / SLOT_UTTERANCES;
        bool answered =
            slot_second(c->slots[index], job.entry % SLOT_UTTERANCES, job.waited_us);
        pthread_mutex_lock(&c->lock);
        m->busy = false;
        sched_done(&c->seconds, job.entry, now_us(NULL));
        if (answered) {
            uint64_t now = now_us(NULL);
            sched_post(&c->units, index, now, now);
            pthread_cond_signal(&c->work);
        }
    }
}

static void lower_priority(void) {
    /* Either may be refused; a second pass at normal priority is still right. */
    struct sched_param none = {0};
    (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), SECOND_NICE);
}

static void *member_main(void *arg) {
    member *m = arg;
    crew *c = m->owner;
    if (m->second)
        lower_priority();
    pthread_mutex_lock(&c->lock);
    c->ready++;
    pthread_cond_broadcast(&c->changed);
    while (!c->go && !c->stopping)
        pthread_cond_wait(&c->changed, &c->lock);
    bool stopping = c->stopping;
    pthread_mutex_unlock(&c->lock);
    warm_result warmed = {0};
    if (!stopping)
        warm_up(c->config.engine, c->config.model, m->second, &warmed);
    pthread_mutex_lock(&c->lock);
    if (warmed.code != ROSTRUM_OK)
        c->warmed = warmed;
    c->warmed.vad |= warmed.vad;
    c->warmed.second_pass |= warmed.second_pass;
    c->warm++;
    pthread_cond_broadcast(&c->changed);
    while (!c->working && !c->stopping) /* slots do not exist for anyone before */
        pthread_cond_wait(&c->changed, &c->lock);
    if (m->second)
        compute_seconds(m);
    else
        compute(m);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static status init_sync(crew *c) {
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0)
        return ERR_MEMORY;
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    bool good = pthread_mutex_init(&c->lock, NULL) == 0 &&
                pthread_cond_init(&c->work, &monotonic) == 0 &&
                pthread_cond_init(&c->seconds_work, &monotonic) == 0 &&
                pthread_cond_init(&c->changed, &monotonic) == 0;
    pthread_condattr_destroy(&monotonic);
    return good ? OK : ERR_MEMORY;
}

static status allocate(crew *c) {
    size_t slots = c->config.slots;
    c->members = calloc(c->n_members, sizeof *c->members);
    c->slots = calloc(slots, sizeof *c->slots);
    c->unit_entries = calloc(slots, sizeof *c->unit_entries);
    c->second_entries = calloc(slots * SLOT_UTTERANCES, sizeof *c->second_entries);
    if (!c->members || !c->slots || !c->unit_entries || !c->second_entries)
        return ERR_MEMORY;
    sched_init(&c->units, c->unit_entries, slots, c->config.threads, now_us(NULL));
    sched_init(&c->seconds, c->second_entries, slots * SLOT_UTTERANCES, 1, now_us(NULL));
    for (size_t i = 0; i < slots; i++) {
        status s = slot_create(&c->host, (uint16_t)i, &c->slots[i]);
        if (s != OK)
            return s;
    }
    return OK;
}

static status start_members(crew *c) {
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0)
        return ERR_MEMORY;
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    status s = OK;
    for (unsigned i = 0; i < c->n_members && s == OK; i++) {
        member *m = &c->members[i];
        m->owner = c;
        m->second = i == c->config.threads;
        buf_init(&m->out, 4 * LIMIT_FRAME_BYTES);
        if (pthread_create(&m->id, &attr, member_main, m) == 0)
            m->started = true;
        else
            s = ERR_MEMORY;
    }
    pthread_attr_destroy(&attr);
    pthread_mutex_lock(&c->lock);
    while (s == OK && c->ready < c->n_members)
        pthread_cond_wait(&c->changed, &c->lock);
    pthread_mutex_unlock(&c->lock);
    return s;
}

status crew_create(const crew_config *config, crew **out, diag *d) {
    ASSERT(config->threads > 0);
    ASSERT(config->slots > 0);
    crew *c = calloc(1, sizeof *c);
    if (!c || init_sync(c) != OK) {
        free(c);
        return diag_set(d, ERR_MEMORY, "no memory for the worker's threads");
    }
    c->config = *config;
    c->n_members = config->threads + (config->engine->second_pass != NULL);
    c->host = (slot_host){.engine = config->engine,
                          .model = config->model,
                          .context = c,
                          .now_us = now_us,
                          .cpu_us = cpu_us,
                          .pressure = pressure,
                          .want_second = want_second};
    status s = allocate(c);
    if (s == OK)
        s = start_members(c);
    if (s != OK) {
        crew_destroy(c);
        return diag_set(d, s, "no memory for %u threads and %u slots", config->threads,
                        config->slots);
    }
    *out = c;
    return OK;
}

void crew_destroy(crew *c) {
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_broadcast(&c->changed);
    pthread_cond_broadcast(&c->work);
    pthread_cond_broadcast(&c->seconds_work);
    pthread_mutex_unlock(&c->lock);
    for (unsigned i = 0; c->members && i < c->n_members; i++) {
        if (c->members[i].started)
            pthread_join(c->members[i].id, NULL);
        buf_deinit(&c->members[i].out);
    }
    for (unsigned i = 0; c->slots && i < c->config.slots; i++)
        slot_destroy(c->slots[i]);
    pthread_cond_destroy(&c->work);
    pthread_cond_destroy(&c->seconds_work);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c->unit_entries);
    free(c->second_entries);
    free(c->slots);
    free(c->members);
    free(c);
}

status crew_start(crew *c, crew_facts *out, diag *d) {
    pthread_mutex_lock(&c->lock);
    c->go = true;
    pthread_cond_broadcast(&c->changed);
    while (c->warm < c->n_members)
        pthread_cond_wait(&c->changed, &c->lock);
    warm_result warmed = c->warmed;
    if (warmed.code == ROSTRUM_OK) {
        c->host.second_pass = warmed.second_pass;
        c->working = true;
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    if (warmed.code != ROSTRUM_OK)
        return diag_set(d, ERR_ENGINE, "warm-up failed: %s", warmed.error.text);
    *out = (crew_facts){warmed.vad, warmed.second_pass};
    return OK;
}

slot *crew_slot(crew *c, unsigned i) {
    ASSERT(i < c->config.slots);
    return c->slots[i];
}

void crew_post(crew *c, unsigned i) {
    uint64_t due_us = slot_due_us(c->slots[i]);
    if (due_us == SCHED_NEVER)
        return;
    pthread_mutex_lock(&c->lock);
    sched_post(&c->units, i, due_us, now_us(NULL));
    pthread_cond_signal(&c->work);
    pthread_mutex_unlock(&c->lock);
}

/* Counted in heartbeats, not in time: a process that was stopped and goes on is not
 * stuck. The lock is held. */
static bool stuck(member *m) {
    m->beats = m->busy && m->units == m->seen_units ? m->beats + 1 : 0;
    m->seen_units = m->units;
    unsigned limit_ms = m->second ? CREW_STUCK_SECOND_MS : CREW_STUCK_MS;
    return m->beats * LIMIT_HEARTBEAT_MS > limit_ms;
}

bool crew_report(crew *c, engine_load *out) {
    out->slots = c->config.slots;
    out->open = 0;
    for (unsigned i = 0; i < c->config.slots; i++) {
        out->open += slot_in_use(c->slots[i]);
        slot_rest(c->slots[i]);
    }
    bool well = true;
    pthread_mutex_lock(&c->lock);
    uint64_t now = now_us(NULL);
    uint64_t oldest = sched_oldest_us(&c->units, now);
    out->queue_us = oldest < UINT32_MAX ? (uint32_t)oldest : UINT32_MAX;
    out->late_permille = c->steps ? c->late * 1000 / c->steps : 0;
    c->steps = c->late = 0;
    update_pressure(c, now);
    out->pressure = atomic_load(&c->pressure);
    for (unsigned i = 0; i < c->n_members; i++)
        well = !stuck(&c->members[i]) && well;
    pthread_mutex_unlock(&c->lock);
    return well;
}
