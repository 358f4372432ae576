#include "base/assert.h"
#include "engine/slot_internal.h"

/* Frames read in one unit: 1 s of audio is 2 to 3 ms of detector, little enough that
 * a slot with a full inbox holds no one up. */
#define FRAMES_A_UNIT 32
#define CREDIT_SAMPLES (100 * SAMPLES_PER_MS) /* one credit frame in 100 ms is enough */

/* Silence the engine still hears: what a word needs to ring out. */
#define TAIL_SAMPLES (256 * SAMPLES_PER_MS)

/* What an engine hears at least after the last sound. Speech that a commit cuts off
 * tightly is padded with zeros: models were trained on speech that ends before the audio
 * does. Word errors of 241 prompts cut at their last sound, two-pass and tiny: 4.0, 5.5 %
 * with no padding, 3.8, 5.2 with 200 ms, 3.3, 5.3 with 400, 3.2, 5.4 with 600; 3.3 uncut.
 */
#define PAD_SAMPLES (400 * SAMPLES_PER_MS)

/* When work is wanted, after its audio is due. A first partial and a final are waited
 * for; later partials have a hop's time. */
#define FIRST_STEP_BUDGET_US 100000u
#define STEP_BUDGET_US 300000u
#define FINISH_BUDGET_US 100000u
#define CALM_PRESSURE 0.8f /* below it a step in a pause is worth its cost */

static uint64_t due_us(slot *s) {
    pthread_mutex_lock(&s->lock);
    uint64_t due = inbox_due_us(&s->in);
    pthread_mutex_unlock(&s->lock);
    return due;
}

static void want(slot *s, slot_want what, uint64_t budget_us) {
    s->want = what;
    s->want_due_us = due_us(s) + budget_us;
}

static void want_step(slot *s) {
    if (s->want != WANT_NOTHING) /* it keeps its place in the order */
        return;
    bool first = s->live->words->n == 0;
    want(s, WANT_STEP, first ? FIRST_STEP_BUDGET_US : STEP_BUDGET_US);
}

/* Feeds the live utterance, except silence past the tail, which waits on the tape as
 * long as there is room. */
static void feed_live(slot_unit *u) {
    slot *s = u->s;
    utterance *v = s->live;
    uint64_t silence = endpoint_silence(&s->ends);
    uint64_t to = s->recent.end;
    if (s->ends.mode == ENDPOINT_SERVER_VAD && silence > TAIL_SAMPLES) {
        uint64_t tail_end = to - silence + TAIL_SAMPLES;
        uint64_t kept = tape_start(&s->recent) + FRAME_SAMPLES;
        to = tail_end > kept ? tail_end : kept;
        bool just_now = silence - FRAME_SAMPLES <= TAIL_SAMPLES;
        float pressure = s->host->pressure(s->host->context);
        if (just_now && v->stepped_to < tail_end && s->listen.partials &&
            pressure < CALM_PRESSURE) {
            slot_feed_until(u, to);
            want_step(s); /* the last words are shown, and the final finds them decoded */
            return;
        }
    }
    slot_feed_until(u, to);
    if (!s->failed && slot_step_due(s))
        want_step(s);
}

static void stopped(slot_unit *u, const endpoint_event *event, uint8_t flags) {
    slot *s = u->s;
    utterance *v = s->live;
    uint64_t silence = event->decided - s->ends.anchor;
    bool whole = s->listen.endpoint == ENDPOINT_MANUAL || event->continues;
    if (whole || silence <= TAIL_SAMPLES)
        slot_feed_until(u, s->recent.end);
    if (s->failed)
        return;
    bool cut_off = !event->continues && v->fed_to == s->recent.end;
    if (cut_off && v->fed_to < event->at + PAD_SAMPLES)
        slot_pad(u, event->at + PAD_SAMPLES - v->fed_to);
    v->flags = flags;
    v->speech_end = event->at;
    want(s, WANT_FINISH, FINISH_BUDGET_US);
    if (v->announced) {
        engine_mark mark = {v->number, slot_ms(event->at), slot_ms(event->decided)};
        proto_put_mark(u->out, FRAME_SPEECH_STOPPED, s->index, s->generation, &mark);
    }
    if (event->continues) {
        s->continues = true;
        s->start = (endpoint_event){.kind = ENDPOINT_STARTED,
                                    .at = event->decided,
                                    .decided = event->decided,
                                    .from = event->decided};
    }
}

static float speech_probability(slot_unit *u, float energy_says) {
    slot *s = u->s;
    const rostrum_engine *engine = s->host->engine;
    if (s->ends.mode != ENDPOINT_SERVER_VAD || !engine->vad)
        return energy_says;
    float p = engine->vad(s->host->model, s->vad_state, u->scratch->pcm);
    return p >= 0 && p <= 1 ? p : energy_says; /* also when NaN */
}

static void take_frame(slot_unit *u) {
    slot *s = u->s;
    tape_add(&s->recent, u->scratch->samples, FRAME_SAMPLES);
    tape_read(&s->recent, s->recent.end - FRAME_SAMPLES, FRAME_SAMPLES, u->scratch->pcm);
    frame_levels levels = levels_measure(u->scratch->pcm);
    float floor_db = s->energy.floor_db; /* as it was before this frame */
    float p = speech_probability(u, vad_energy_frame(&s->energy, &levels));
    endpoint_event event = endpoint_frame(&s->ends, p, &levels, floor_db);
    if (event.kind == ENDPOINT_STARTED)
        slot_begin(u, &event);
    if (s->failed)
        return;
    if (event.kind == ENDPOINT_STOPPED)
        stopped(u, &event, event.by_limit ? TEXT_BY_LIMIT : 0);
    else if (s->live)
        feed_live(u);
}

/* Less than a frame, in front of a command. It starts no utterance, but in manual mode
 * every sample counts, even when there are no more of them than this. */
static void take_rest(slot_unit *u, size_t n) {
    slot *s = u->s;
    uint64_t from = s->recent.end;
    tape_add(&s->recent, u->scratch->samples, n);
    endpoint_rest(&s->ends, n);
    if (s->live) {
        if (endpoint_silence(&s->ends) <= TAIL_SAMPLES)
            slot_feed_until(u, s->recent.end);
    } else if (s->ends.mode == ENDPOINT_MANUAL) {
        endpoint_event start = endpoint_open(&s->ends, from);
        slot_begin(u, &start);
        if (!s->failed)
            slot_feed_until(u, s->recent.end);
    }
}

static void update(slot_unit *u) {
    slot *s = u->s;
    pthread_mutex_lock(&s->lock);
    s->listen = s->in.update;
    pthread_mutex_unlock(&s->lock);
    endpoint_configure(&s->ends, &s->listen);
    if (s->live) /* a shorter tape may not have room for what was held back */
        slot_feed_until(u, s->recent.end);
    tape_set_prefix(&s->recent, s->listen.prefix_padding_ms);
}

static void take_command(slot_unit *u, uint8_t type) {
    slot *s = u->s;
    if (type == FRAME_UPDATE) {
        update(u);
    } else if (type == FRAME_CLEAR) {
        endpoint_clear(&s->ends);
        s->want = WANT_NOTHING;
        if (s->live)
            slot_drop_live(u);
    } else {
        ASSERT(type == FRAME_COMMIT);
        endpoint_event event = endpoint_commit(&s->ends);
        if (s->live)
            stopped(u, &event, TEXT_BY_COMMIT);
        else
            slot_answer_commit(u);
    }
}

static inbox_item take(slot_unit *u, size_t *out_n, uint8_t *out_command) {
    pthread_mutex_lock(&u->s->lock);
    inbox_item item = inbox_take(&u->s->in, u->scratch->samples, out_n, out_command);
    pthread_mutex_unlock(&u->s->lock);
    return item;
}

static void give_credit(slot_unit *u, uint32_t at_least) {
    slot *s = u->s;
    if (s->credit < at_least || s->credit == 0)
        return;
    proto_put_credit(u->out, s->index, s->generation, s->credit);
    s->credit = 0;
}

void slot_take_audio(slot_unit *u) {
    slot *s = u->s;
    if (s->continues && slot_can_begin(s)) {
        s->continues = false;
        slot_begin(u, &s->start);
    }
    /* With step work at hand (it is late, else we were not here) only the end of the
     * utterance stops the reading: that makes the step superfluous. */
    slot_want stop_at = s->want == WANT_STEP ? WANT_FINISH : WANT_STEP;
    for (int i = 0; i < FRAMES_A_UNIT && !s->failed && s->want < stop_at; i++) {
        size_t n = 0;
        uint8_t command = 0;
        if (!s->live && !slot_can_begin(s))
            break;
        inbox_item item = take(u, &n, &command);
        if (item == INBOX_NOTHING)
            break;
        if (item == INBOX_COMMAND)
            take_command(u, command);
        else if (n == FRAME_SAMPLES)
            take_frame(u);
        else
            take_rest(u, n);
        s->credit += (uint32_t)n;
    }
    give_credit(u, s->want == WANT_FINISH ? 1 : CREDIT_SAMPLES);
}
