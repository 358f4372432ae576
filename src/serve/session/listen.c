#include "serve/session/listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "audio/intake.h"
#include "base/assert.h"
#include "base/log.h"
#include "engine/inbox.h"
#include "serve/session/utterances.h"

/* Client bytes decoded at a time: what they become is bounded, and whatever the slot
 * has no room for waits in `held`. A container can expand much (silence in FLAC). */
#define PIECE_BYTES 4096u
#define PIECE_CONTAINER_BYTES 512u
#define DECODED_CEILING (4u << 20)

#define SLOT_SAMPLES ((size_t)LIMIT_SLOT_AUDIO_S * LIMIT_SAMPLE_RATE_HZ)
#define SAMPLES_PER_MS (LIMIT_SAMPLE_RATE_HZ / 1000)
#define AUDIO_METRIC_SAMPLES LIMIT_SAMPLE_RATE_HZ /* count audio once a second */

/* Commands a worker may hold of a session before it has come to their audio. Commits
 * past that wait here, the newest settings replace older ones, clears are refused. */
#define COMMITS_OUT 8
#define UPDATES_OUT 4
#define CLEARS_OUT 4
_Static_assert(COMMITS_OUT + UPDATES_OUT + CLEARS_OUT <= INBOX_COMMANDS,
               "a worker ends a stream that sends more");

struct listen_session {
    app *app;
    const listen_events *events;
    void *owner;
    const char *protocol;
    const model_manifest *model;
    pool_slot *slot; /* NULL after `lost` */
    audio_intake *intake;
    audio_encoding encoding;
    buf held;              /* samples taken that the slot has no room for yet */
    unsigned commits_held; /* commits to send when `held` is empty */
    bool wants_room;       /* listen_audio took less than it was offered */
    engine_listen settings;
    bool settings_due;                /* the slot has not been told of them */
    unsigned commits_out;             /* sent and not answered */
    unsigned updates_out, clears_out; /* sent, at most up to `control_at` */
    uint64_t sent;                    /* samples the slot was given */
    uint64_t control_at;              /* `sent` at the newest update or clear */
    uint64_t fresh_at;                /* `sent` at the newest commit or clear */
    uint64_t opened_ns;
    uint64_t samples;         /* taken so far */
    uint64_t samples_counted; /* of them in the metric */
    uint32_t committed_at_ms; /* wall time of the last commit since opened */
    arrivals arrived;
    utterances live;
    bool in_final, closed; /* listen_close was called inside events->final */
};

/* Samples of the piece being decoded. One for the loop thread, not one a session: it
 * is filled and emptied within one call, and 1,000 sessions would hold 1,000 of them. */
static buf decoded = {.ceiling = DECODED_CEILING};

static uint32_t now_ms(const listen_session *s) {
    return (uint32_t)((uv_hrtime() - s->opened_ns) / 1000000u);
}

static bool is_live(const listen_session *s) {
    return strcmp(s->protocol, "transcriptions") != 0;
}

/* --- audio and commands towards the slot --- */

/* When the worker has taken audio beyond the newest command, it took all of them. */
static void forget_taken(listen_session *s) {
    size_t waiting = SLOT_SAMPLES - pool_room(s->slot);
    if (s->sent - waiting > s->control_at)
        s->updates_out = s->clears_out = 0;
}

/* Settings matter to audio, so they go out before the next of it, and only the newest;
 * if the worker holds too many already, after some more. */
static void send_settings(listen_session *s) {
    if (!s->settings_due || !s->slot)
        return;
    forget_taken(s);
    if (s->updates_out == UPDATES_OUT)
        return;
    s->updates_out++;
    s->control_at = s->sent;
    s->settings_due = false;
    pool_update(s->slot, &s->settings);
}

/* Sends what fits of samples[n]; returns how many went. When it is not all of them, the
 * last call was refused with ERR_LIMIT, so that `credit` will come. */
static size_t send_samples(listen_session *s, const int16_t *samples, size_t n) {
    size_t sent = 0;
    if (n > 0)
        send_settings(s);
    while (sent < n && s->slot) {
        size_t room = pool_room(s->slot);
        size_t piece = n - sent < room || room == 0 ? n - sent : room;
        if (piece > SLOT_SAMPLES)
            piece = SLOT_SAMPLES;
        if (pool_audio(s->slot, samples + sent, piece) != OK)
            return sent;
        sent += piece;
        s->sent += piece;
    }
    return n;
}

/* Sends held audio, and held commits after the last of it, as far as the worker takes
 * them. true: nothing is held. */
static bool flush_held(listen_session *s) {
    size_t n = s->held.size / sizeof(int16_t);
    buf_drop(&s->held,
             send_samples(s, (const int16_t *)(void *)s->held.data, n) * sizeof(int16_t));
    if (s->held.size > 0)
        return false;
    for (; s->commits_held > 0 && s->commits_out < COMMITS_OUT; s->commits_held--) {
        if (!s->slot)
            continue;
        send_settings(s);
        s->commits_out++;
        s->fresh_at = s->sent;
        pool_commit(s->slot);
    }
    return s->commits_held == 0;
}

static void count_audio(listen_session *s) {
    metric_add(s->app->metrics, M_AUDIO, s->protocol,
               (double)(s->samples - s->samples_counted) / LIMIT_SAMPLE_RATE_HZ);
    s->samples_counted = s->samples;
}

/* Takes over everything in `decoded`. */
static status take_decoded(listen_session *s, diag *d) {
    size_t n = decoded.size / sizeof(int16_t);
    if (n == 0)
        return OK;
    size_t sent = 0; /* behind what is held, if anything is */
    if (s->held.size == 0)
        sent = send_samples(s, (const int16_t *)(void *)decoded.data, n);
    if (sent < n)
        buf_add(&s->held, decoded.data + sent * sizeof(int16_t),
                (n - sent) * sizeof(int16_t));
    if (s->held.failed)
        return diag_set(d, ERR_MEMORY, "no memory to hold this session's audio");
    s->samples += n;
    arrivals_add(&s->arrived, (uint32_t)(s->samples / SAMPLES_PER_MS), now_ms(s));
    if (s->samples - s->samples_counted >= AUDIO_METRIC_SAMPLES)
        count_audio(s);
    return OK;
}

static size_t piece_bytes(const listen_session *s, size_t n) {
    size_t most = s->encoding == AUDIO_CONTAINER ? PIECE_CONTAINER_BYTES : PIECE_BYTES;
    return s->encoding == AUDIO_OPUS || n < most ? n : most;
}

/* The stream has ended, well or not: the intake goes. Returns st. */
static status give_up(listen_session *s, status st, diag *d) {
    audio_intake_destroy(s->intake);
    s->intake = NULL;
    /* ERR_LIMIT would read as "later"; a stream that claims too much is broken */
    return st == ERR_LIMIT ? diag_set(d, ERR_SYNTAX, "the audio stream is broken") : st;
}

static status decode(listen_session *s, const uint8_t *bytes, size_t n, diag *d) {
    buf_clear(&decoded);
    status st = audio_intake_push(s->intake, bytes, n, &decoded, d);
    if (st == OK)
        st = take_decoded(s, d);
    return st == OK ? OK : give_up(s, st, d);
}

status listen_audio(listen_session *s, const uint8_t *bytes, size_t n, size_t *out_taken,
                    diag *d) {
    size_t taken = 0;
    if (!s->intake)
        return diag_set(d, ERR_STATE, "the audio stream of this session has ended");
    while (taken < n && flush_held(s)) {
        size_t piece = piece_bytes(s, n - taken);
        status st = decode(s, bytes + taken, piece, d);
        if (st != OK)
            return st;
        taken += piece;
    }
    s->wants_room = taken < n;
    *out_taken = taken;
    return OK;
}

bool listen_keeps_up(listen_session *s) {
    bool up = flush_held(s);
    s->wants_room = s->wants_room || !up;
    return up;
}

/* The last milliseconds, which the resampler holds back. */
static status flush_intake(listen_session *s, diag *d) {
    buf_clear(&decoded);
    status st = audio_intake_flush(s->intake, &decoded, d);
    return st == OK ? take_decoded(s, d) : st;
}

status listen_end(listen_session *s, diag *d) {
    if (!s->intake)
        return OK;
    return give_up(s, flush_intake(s, d), d);
}

status listen_reformat(listen_session *s, const audio_format *format, diag *d) {
    audio_intake *fresh = NULL;
    status st = audio_intake_create(format, &fresh, d);
    if (st != OK)
        return st;
    st = listen_end(s, d);
    s->intake = fresh;
    s->encoding = format->encoding;
    return st;
}

void listen_commit(listen_session *s) {
    diag d = DIAG_INIT;
    status st = s->intake ? flush_intake(s, &d) : OK;
    if (st != OK) /* no memory: the next audio is told that the stream has ended */
        give_up(s, st, &d);
    s->committed_at_ms = now_ms(s);
    s->commits_held++;
    flush_held(s);
}

/* Drops what the slot never saw, in `held` and in the resampler. Its stream and ours stay
 * counted alike. */
static void drop_unsent(listen_session *s) {
    diag d = DIAG_INIT;
    count_audio(s);
    s->samples -= s->held.size / sizeof(int16_t);
    s->samples_counted = s->samples;
    buf_clear(&s->held);
    buf_clear(&decoded);
    status st = s->intake ? audio_intake_flush(s->intake, &decoded, &d) : OK;
    if (st != OK)
        give_up(s, st, &d);
}

status listen_clear(listen_session *s, diag *d) {
    if (s->commits_held > 0) /* what is held belongs to a commit already made */
        return OK;
    if (s->slot && s->sent > s->fresh_at) {
        forget_taken(s);
        if (s->clears_out == CLEARS_OUT)
            return diag_set(d, ERR_QUOTA,
                            "%d clears wait for their audio to be heard; send more "
                            "audio, then clear again",
                            CLEARS_OUT);
        s->clears_out++;
        s->control_at = s->fresh_at = s->sent;
        pool_clear(s->slot);
    }
    drop_unsent(s);
    return OK;
}

static bool same_settings(const engine_listen *a, const engine_listen *b) {
    return a->endpoint == b->endpoint && a->vad_threshold == b->vad_threshold &&
           a->prefix_padding_ms == b->prefix_padding_ms &&
           a->silence_ms == b->silence_ms && a->max_utterance_ms == b->max_utterance_ms &&
           a->partials == b->partials && a->second_pass == b->second_pass &&
           strcmp(a->language, b->language) == 0 && strcmp(a->prompt, b->prompt) == 0;
}

void listen_update(listen_session *s, const engine_listen *listen) {
    if (same_settings(&s->settings, listen))
        return;
    s->settings = *listen;
    s->settings_due = true;
}

/* --- events from the slot --- */

static void on_started(void *session, const engine_mark *mark) {
    listen_session *s = session;
    utterance_started(utterances_at(&s->live, mark->utterance), &s->arrived, mark->at_ms);
    if (s->events->speech_started)
        s->events->speech_started(s->owner, mark);
}

static void on_stopped(void *session, const engine_mark *mark) {
    listen_session *s = session;
    if (s->events->speech_stopped)
        s->events->speech_stopped(s->owner, mark);
}

/* The parts of a live text that partials and first-pass finals share. */
static void note_live_words(listen_session *s, utterance_clock *c,
                            const engine_text *text) {
    if (!utterance_keeps_promise(c, text)) {
        metric_add(s->app->metrics, M_COMMIT_VIOLATIONS, s->model->name, 1);
        log_event(LOG_ERROR, "session", "committed_word_changed", "model=%s utterance=%u",
                  s->model->name, text->utterance);
    }
    float first = utterance_first_partial(c, &s->arrived, text, now_ms(s));
    if (first >= 0 && is_live(s))
        metric_observe(s->app->metrics, M_FIRST_PARTIAL, s->model->name, first / 1000);
}

static void note_final(listen_session *s, uint8_t flags, const engine_text *text,
                       float finalise_ms) {
    metrics *m = s->app->metrics;
    const char *model = s->model->name;
    bool spoken = text->n_words > 0 || text->speech_end_ms > text->start_ms;
    if (!spoken) /* a commit of nothing or of silence */
        return;
    metric_add(m, M_UTTERANCES, model, 1);
    if (text->n_words == 0)
        metric_add(m, M_UTTERANCES_EMPTY, model, 1);
    if (text->corrected > 0)
        metric_add(m, M_WORDS_CORRECTED, model, text->corrected);
    if (flags & TEXT_DEGRADED)
        metric_add(m, M_DEGRADED, model, 1);
    metric_observe(m, M_FINALISE_COMPUTE, model, text->compute_us / 1e6);
    if (finalise_ms >= 0 && text->n_words > 0 && is_live(s))
        metric_observe(m, M_FINALISE, model, finalise_ms / 1000);
}

static void on_credit(void *session) {
    listen_session *s = session;
    if (!flush_held(s) || !s->wants_room)
        return;
    s->wants_room = false;
    if (s->events->room)
        s->events->room(s->owner);
}

static void commit_answered(listen_session *s) {
    if (s->commits_out > 0)
        s->commits_out--;
    on_credit(s);
}

static void on_final(listen_session *s, uint8_t flags, const engine_text *text) {
    utterance_clock *c = utterances_at(&s->live, text->utterance);
    if (!(flags & TEXT_SECOND_PASS))
        note_live_words(s, c, text);
    float ms =
        utterance_finalise(&s->arrived, text, flags, s->committed_at_ms, now_ms(s));
    if (!(flags & TEXT_SECOND_PASS) && c->first_pass_ms < 0)
        c->first_pass_ms = ms;
    listen_timing timing = {.first_partial_ms = c->first_partial_ms,
                            .finalise_ms = flags & TEXT_FIRST_PASS ? -1 : ms,
                            .first_pass_ms = c->first_pass_ms};
    if (!(flags & TEXT_FIRST_PASS)) {
        note_final(s, flags, text, ms);
        c->used = false;
    }
    s->in_final = true;
    if (s->events->final)
        s->events->final(s->owner, flags, text, &timing);
    s->in_final = false;
    if (s->closed)
        free(s);
    else if ((flags & TEXT_BY_COMMIT) && !(flags & TEXT_FIRST_PASS))
        commit_answered(s);
}

static void on_text(void *session, uint8_t type, uint8_t flags, const engine_text *text) {
    listen_session *s = session;
    if (type == FRAME_FINAL) {
        on_final(s, flags, text);
        return;
    }
    note_live_words(s, utterances_at(&s->live, text->utterance), text);
    if (s->events->partial)
        s->events->partial(s->owner, flags, text);
}

static void on_lost(void *session, status why) {
    listen_session *s = session;
    s->slot = NULL;
    metric_add(s->app->metrics, M_SESSIONS_LOST, "", 1);
    if (s->events->lost)
        s->events->lost(s->owner, why);
}

static const pool_events slot_events = {
    .speech_started = on_started,
    .speech_stopped = on_stopped,
    .text = on_text,
    .credit = on_credit,
    .lost = on_lost,
};

/* --- life --- */

void listen_defaults(const app *a, engine_listen *out) {
    *out = engine_listen_default;
    out->silence_ms = (uint32_t)a->config->silence_ms;
    out->prefix_padding_ms = (uint32_t)a->config->prefix_padding_ms;
    out->max_utterance_ms = (uint32_t)a->config->max_utterance_ms;
}

/* Bytes of the primary subtag: "en" of "en-GB". */
static size_t primary_subtag(const char *language) {
    return strcspn(language, "-_");
}

status listen_language_fits(const model_manifest *m, const char *language, diag *d) {
    size_t n = primary_subtag(language);
    if (n == 0 || m->n_languages == 0)
        return OK;
    char offered[128] = "";
    size_t used = 0;
    for (size_t i = 0; i < m->n_languages; i++) {
        const char *has = m->languages[i];
        if (primary_subtag(has) == n && strncasecmp(has, language, n) == 0)
            return OK;
        size_t room = sizeof offered - used;
        int wrote = snprintf(offered + used, room, "%s%s", i ? ", " : "", has);
        used += wrote < 0 || (size_t)wrote >= room ? 0 : (size_t)wrote;
    }
    return diag_field(d, ERR_UNSUPPORTED, "language", "model %s listens to: %s", m->name,
                      offered);
}

/* Names of the served models, as many as fit. Returns out. */
static char *served_names(const app *a, char *out, size_t size) {
    const model_manifest *m;
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; (m = pool_model(a->pool, i)); i++) {
        int n = snprintf(out + used, size - used, "%s%s", i ? ", " : "", m->name);
        if (n < 0 || (size_t)n >= size - used)
            break;
        used += (size_t)n;
    }
    return out;
}

static status find_model(const app *a, const listen_config *how,
                         const model_manifest **out, diag *d) {
    const model_manifest *m = app_model(a, how->model);
    if (!m) {
        char names[256];
        return diag_field(d, ERR_NOT_FOUND, "model",
                          "no such model is served here; there are: %s",
                          served_names(a, names, sizeof names));
    }
    status st = listen_language_fits(m, how->listen.language, d);
    if (st == OK)
        *out = m;
    return st;
}

status listen_open(app *a, const listen_config *how, const listen_events *events,
                   void *owner, listen_session **out, unsigned *out_retry_after_s,
                   diag *d) {
    const model_manifest *model = NULL;
    status st = find_model(a, how, &model, d);
    if (st != OK)
        return st;
    listen_session *s = calloc(1, sizeof *s);
    if (!s)
        return diag_set(d, ERR_MEMORY, "no memory for a session");
    s->app = a;
    s->events = events;
    s->owner = owner;
    s->protocol = how->protocol;
    s->model = model;
    s->encoding = how->format.encoding;
    s->settings = how->listen;
    s->opened_ns = uv_hrtime();
    buf_init(&s->held, DECODED_CEILING);
    st = audio_intake_create(&how->format, &s->intake, d);
    if (st == OK)
        st = pool_acquire(a->pool, model->name, &how->listen, &slot_events, s, &s->slot,
                          out_retry_after_s, d);
    if (st != OK) {
        audio_intake_destroy(s->intake);
        free(s);
        return st;
    }
    metric_add(a->metrics, M_SESSIONS, s->protocol, 1);
    metric_add(a->metrics, M_SESSIONS_OPEN, s->protocol, 1);
    *out = s;
    return OK;
}

uint64_t listen_audio_ms(const listen_session *s) {
    return s->samples / SAMPLES_PER_MS;
}

const model_manifest *listen_model(const listen_session *s) {
    return s->model;
}

void listen_trim(listen_session *s) {
    if (s->held.size == 0)
        buf_deinit(&s->held);
}

void listen_close(listen_session *s) {
    if (!s)
        return;
    pool_release(s->slot);
    count_audio(s);
    metric_add(s->app->metrics, M_SESSIONS_OPEN, s->protocol, -1);
    audio_intake_destroy(s->intake);
    buf_deinit(&s->held);
    s->closed = true;
    if (!s->in_final)
        free(s);
}
