#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "engine/defaults.h"
#include "engine/slot_internal.h"

/* How late a second pass may be for people who wait; files (no partials) wait longer,
 * because nobody reads along and the better text is the point. */
#define SECOND_AGE_US 2000000u
#define SECOND_AGE_PATIENT_US 60000000u

#define SPEECH_END_SLACK_MS 100 /* a word may ring on after its last loud piece */

static bool asked_to_stop(void *context) {
    const utterance *u = context;
    return atomic_load_explicit(&u->given_up, memory_order_relaxed) ||
           atomic_load_explicit(&u->owner->ending, memory_order_relaxed);
}

/* Engine calls are timed on the thread's own clock: what others use is not ours. */
static uint64_t cpu_us(const slot *s) {
    return s->host->cpu_us(s->host->context);
}

static void check(slot_unit *u, int result, const rostrum_error *error) {
    if (result == ROSTRUM_OK || result == ROSTRUM_E_CANCELLED)
        return;
    log_event(LOG_WARN, "engine", "utterance_failed", "code=%d", result);
    slot_fail(u, error->text);
}

static utterance *free_record(slot *s) {
    for (size_t i = 0; i < SLOT_UTTERANCES; i++)
        if (s->utterances[i].state == UTTERANCE_FREE)
            return &s->utterances[i];
    return NULL;
}

bool slot_can_begin(slot *s) {
    pthread_mutex_lock(&s->lock);
    bool can = free_record(s) != NULL;
    pthread_mutex_unlock(&s->lock);
    return can;
}

static void set_state(utterance *v, utterance_state state) {
    pthread_mutex_lock(&v->owner->lock);
    v->state = state;
    pthread_mutex_unlock(&v->owner->lock);
}

static utterance_state state_of(utterance *v) {
    pthread_mutex_lock(&v->owner->lock);
    utterance_state state = v->state;
    pthread_mutex_unlock(&v->owner->lock);
    return state;
}

/* A record for the next number. */
static utterance *claim(slot *s, utterance_state state, uint64_t from) {
    pthread_mutex_lock(&s->lock);
    utterance *v = free_record(s);
    ASSERT(v);
    v->state = state;
    pthread_mutex_unlock(&s->lock);
    atomic_store(&v->given_up, false);
    v->number = s->next_number++;
    v->flags = 0;
    v->silent = v->sent = v->announced = false;
    v->engine = NULL;
    v->from = v->fed_to = v->stepped_to = v->speech_end = from;
    v->live_committed = 0;
    v->compute_us = v->queue_us = 0;
    words_clear(v->words);
    return v;
}

static void close_engine(utterance *v) {
    v->owner->host->engine->close(v->engine);
    v->engine = NULL;
}

void slot_begin(slot_unit *u, const endpoint_event *start) {
    slot *s = u->s;
    ASSERT(!s->live);
    uint64_t kept = tape_start(&s->recent); /* less than wanted after an UPDATE */
    utterance *v = claim(s, UTTERANCE_LIVE, start->from > kept ? start->from : kept);
    s->live = v;
    rostrum_utterance_config config = {
        .language = s->listen.language,
        .prompt = s->listen.prompt,
        .stop = {asked_to_stop, v},
        .live = s->listen.partials,
    };
    rostrum_error error = {""};
    uint64_t before = cpu_us(s);
    int result = s->host->engine->open(s->host->model, &config, &v->engine, &error);
    v->compute_us += cpu_us(s) - before;
    if (result != ROSTRUM_OK)
        v->engine = NULL;
    check(u, result, &error);
    if (s->failed || s->listen.endpoint != ENDPOINT_SERVER_VAD)
        return;
    v->announced = true;
    engine_mark mark = {v->number, slot_ms(start->at), slot_ms(start->decided)};
    proto_put_mark(u->out, FRAME_SPEECH_STARTED, s->index, s->generation, &mark);
}

void slot_feed_until(slot_unit *u, uint64_t to) {
    slot *s = u->s;
    utterance *v = s->live;
    if (!v->engine)
        return;
    uint64_t before = cpu_us(s);
    while (v->fed_to < to && !s->failed) {
        size_t n =
            to - v->fed_to < FRAME_SAMPLES ? (size_t)(to - v->fed_to) : FRAME_SAMPLES;
        tape_read(&s->recent, v->fed_to, n, u->scratch->pcm);
        rostrum_error error = {""};
        check(u, s->host->engine->feed(v->engine, u->scratch->pcm, n, &error), &error);
        v->fed_to += n;
    }
    v->compute_us += cpu_us(s) - before;
}

void slot_pad(slot_unit *u, uint64_t n) {
    slot *s = u->s;
    utterance *v = s->live;
    uint64_t room = LIMIT_UTTERANCE_S * LIMIT_SAMPLE_RATE_HZ - (v->fed_to - v->from);
    uint64_t left = n < room ? n : room;
    uint64_t before = cpu_us(s);
    memset(u->scratch->pcm, 0, sizeof u->scratch->pcm);
    while (v->engine && left > 0 && !s->failed) {
        size_t part = left < FRAME_SAMPLES ? (size_t)left : FRAME_SAMPLES;
        rostrum_error error = {""};
        check(u, s->host->engine->feed(v->engine, u->scratch->pcm, part, &error), &error);
        left -= part;
    }
    v->compute_us += cpu_us(s) - before;
}

bool slot_step_due(const slot *s) {
    const utterance *v = s->live;
    if (!v->engine || !s->listen.partials || v->fed_to == v->stepped_to)
        return false;
    return defaults_due(s->host->engine, v->engine, (size_t)(v->fed_to - v->stepped_to),
                        s->host->pressure(s->host->context));
}

/* By when the last word has ended: soon after the speech has, unless the engine heard a
 * word begin later, which the detector then has missed. */
static uint32_t words_end_ms(const engine_text *t, const word_list *words) {
    uint32_t limit_ms = t->speech_end_ms + SPEECH_END_SLACK_MS;
    if (t->speech_end_ms == 0 || words->n == 0 || limit_ms >= t->end_ms)
        return t->end_ms;
    int32_t last_ms = words->words[words->n - 1].start_ms;
    bool missed = last_ms >= 0 && t->start_ms + (uint32_t)last_ms >= limit_ms;
    return missed ? t->end_ms : limit_ms;
}

static void send_text(slot_unit *u, utterance *v, uint8_t type, uint8_t flags,
                      const word_list *words, uint32_t corrected) {
    slot *s = u->s;
    engine_text *t = &u->scratch->text;
    bool final = type == FRAME_FINAL;
    t->utterance = v->number;
    t->start_ms = slot_ms(v->from);
    t->end_ms = slot_ms(v->fed_to);
    t->speech_end_ms = final ? slot_ms(v->speech_end) : 0;
    t->compute_us = (uint32_t)v->compute_us;
    t->queue_us = (uint32_t)v->queue_us;
    t->corrected = corrected;
    words_fill(words, t->start_ms, words_end_ms(t, words), t);
    if (final)
        t->committed = t->n_words;
    proto_put_text(u->out, type, flags, s->index, s->generation, t);
    v->compute_us = v->queue_us = 0;
}

void slot_step(slot_unit *u) {
    slot *s = u->s;
    utterance *v = s->live;
    rostrum_hypothesis hypothesis = {0};
    rostrum_error error = {""};
    uint64_t before = cpu_us(s);
    int result = s->host->engine->step(v->engine, &hypothesis, &error);
    v->compute_us += cpu_us(s) - before;
    v->queue_us += u->waited_us;
    v->stepped_to = v->fed_to;
    check(u, result, &error);
    if (result != ROSTRUM_OK)
        return;
    word_list *words = &u->scratch->words;
    words_copy(words, &hypothesis);
    if (!words_keep_committed(v->words, words)) {
        log_event(LOG_WARN, "engine", "committed_words_changed", "slot=%u", s->index);
        return; /* the engine broke its promise; the gateway's still stands */
    }
    bool news = words->committed > v->words->committed || !words_same(v->words, words);
    v->live_committed = words->committed;
    words_copy(v->words, &hypothesis);
    if (news)
        send_text(u, v, FRAME_PARTIAL, 0, v->words, 0);
}

/* Queues the second pass. False: it will not happen. */
static bool queue_second(slot_unit *u, utterance *v) {
    slot *s = u->s;
    pthread_mutex_lock(&s->lock);
    uint64_t lead = s->in.spoken_us - s->in.arrival_us; /* nobody hears it before then */
    v->state = UTTERANCE_WAITING;
    pthread_mutex_unlock(&s->lock);
    uint64_t spoken_us = (v->fed_to - v->from) * 1000 / SAMPLES_PER_MS;
    uint64_t age = s->listen.partials ? SECOND_AGE_US : SECOND_AGE_PATIENT_US;
    v->second_due_us = u->now_us + lead + age + spoken_us / 10;
    unsigned index = (unsigned)(v - s->utterances);
    return s->host->want_second(s->host->context, s->index, index, v->second_due_us);
}

void slot_finish(slot_unit *u) {
    slot *s = u->s;
    utterance *v = s->live;
    s->live = NULL;
    rostrum_hypothesis hypothesis = {0};
    rostrum_error error = {""};
    uint64_t before = cpu_us(s);
    int result = defaults_finish(s->host->engine, v->engine, &hypothesis, &error);
    v->compute_us += cpu_us(s) - before;
    v->queue_us += u->waited_us;
    check(u, result, &error);
    if (result != ROSTRUM_OK) {
        set_state(v, UTTERANCE_OVER);
        return;
    }
    word_list *words = &u->scratch->words;
    words_copy(words, &hypothesis);
    if (words_corrected(v->words, v->live_committed, words) > 0)
        log_event(LOG_WARN, "engine", "committed_words_changed", "slot=%u", s->index);
    words_copy(v->words, &hypothesis);
    bool second = s->listen.second_pass && s->host->second_pass;
    if (second && queue_second(u, v)) {
        send_text(u, v, FRAME_FINAL, v->flags | TEXT_FIRST_PASS, v->words, 0);
        return;
    }
    if (second)
        v->flags |= TEXT_DEGRADED;
    close_engine(v);
    set_state(v, UTTERANCE_OVER);
}

void slot_drop_live(slot_unit *u) {
    utterance *v = u->s->live;
    u->s->live = NULL;
    close_engine(v);
    v->silent = true;
    set_state(v, UTTERANCE_OVER);
}

void slot_answer_commit(slot_unit *u) {
    utterance *v = claim(u->s, UTTERANCE_OVER, u->s->recent.end);
    v->flags = TEXT_BY_COMMIT;
}

static void release(utterance *v) {
    close_engine(v);
    set_state(v, UTTERANCE_FREE);
}

static void send_second(slot_unit *u, utterance *v) {
    if (v->second_result != ROSTRUM_OK) {
        send_text(u, v, FRAME_FINAL, v->flags | TEXT_DEGRADED, v->words, 0);
        return;
    }
    word_list *words = &u->scratch->words;
    words_copy(words, &v->second);
    v->compute_us = v->second_compute_us;
    v->queue_us = v->second_queue_us;
    uint32_t corrected = words_corrected(v->words, v->live_committed, words);
    send_text(u, v, FRAME_FINAL, v->flags | TEXT_SECOND_PASS, words, corrected);
}

/* Takes v back from the queue of second passes, or tells the running one to stop. */
static void give_up_second(utterance *v) {
    atomic_store(&v->given_up, true);
    pthread_mutex_lock(&v->owner->lock);
    if (v->state == UTTERANCE_WAITING)
        v->state = UTTERANCE_OVER;
    pthread_mutex_unlock(&v->owner->lock);
}

/* The last final of v, if it can be told now. False: not yet. */
static bool send_last(slot_unit *u, utterance *v) {
    utterance_state state = state_of(v);
    if (state == UTTERANCE_LIVE)
        return false;
    if (state == UTTERANCE_OVER) {
        if (!v->silent)
            send_text(u, v, FRAME_FINAL, v->flags, v->words, 0);
    } else if (state == UTTERANCE_ANSWERED) {
        send_second(u, v);
    } else {
        if (u->now_us < v->second_due_us)
            return false;
        give_up_second(v);
        send_text(u, v, FRAME_FINAL, v->flags | TEXT_DEGRADED, v->words, 0);
    }
    v->sent = true;
    return true;
}

static utterance *numbered(slot *s, uint32_t number) {
    for (size_t i = 0; i < SLOT_UTTERANCES; i++)
        if (state_of(&s->utterances[i]) != UTTERANCE_FREE &&
            s->utterances[i].number == number)
            return &s->utterances[i];
    return NULL;
}

void slot_send_finals(slot_unit *u) {
    slot *s = u->s;
    utterance *v;
    while (!s->failed && (v = numbered(s, s->next_final)) && send_last(u, v))
        s->next_final++;
    for (size_t i = 0; i < SLOT_UTTERANCES; i++) {
        v = &s->utterances[i];
        if (v->sent && state_of(v) != UTTERANCE_SECOND) {
            v->sent = false;
            release(v);
        }
    }
}

uint64_t slot_second_deadline(slot *s) {
    uint64_t earliest = SCHED_NEVER;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < SLOT_UTTERANCES; i++) {
        const utterance *v = &s->utterances[i];
        bool second = v->state == UTTERANCE_WAITING || v->state == UTTERANCE_SECOND;
        if (second && !v->sent && v->second_due_us < earliest)
            earliest = v->second_due_us;
    }
    pthread_mutex_unlock(&s->lock);
    return earliest;
}

bool slot_release_utterances(slot *s) {
    bool all = true;
    for (size_t i = 0; i < SLOT_UTTERANCES; i++) {
        utterance *v = &s->utterances[i];
        pthread_mutex_lock(&s->lock);
        bool busy = v->state == UTTERANCE_SECOND;
        if (!busy && v->state != UTTERANCE_FREE)
            v->state = UTTERANCE_OVER; /* the second-pass thread leaves it alone now */
        pthread_mutex_unlock(&s->lock);
        all = all && !busy;
        if (!busy && v->state == UTTERANCE_OVER)
            release(v);
    }
    s->live = NULL;
    return all;
}

bool slot_second(slot *s, unsigned index, uint64_t waited_us) {
    ASSERT(index < SLOT_UTTERANCES);
    utterance *v = &s->utterances[index];
    pthread_mutex_lock(&s->lock);
    bool mine = v->state == UTTERANCE_WAITING;
    if (mine)
        v->state = UTTERANCE_SECOND;
    pthread_mutex_unlock(&s->lock);
    if (!mine)
        return false;
    rostrum_hypothesis hypothesis = {0};
    rostrum_error error = {""};
    uint64_t before = cpu_us(s);
    int result = s->host->engine->second_pass(v->engine, &hypothesis, &error);
    v->second_compute_us = cpu_us(s) - before;
    v->second_queue_us = waited_us;
    v->second = hypothesis;
    v->second_result = result;
    if (result != ROSTRUM_OK && result != ROSTRUM_E_CANCELLED)
        log_event(LOG_WARN, "engine", "second_pass_failed", "slot=%u code=%d", s->index,
                  result);
    set_state(v, UTTERANCE_ANSWERED);
    return true;
}
