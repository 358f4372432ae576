#include "cli/client.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "cli/client_track.h"

#define CHUNK_MS_MAX 500
#define CHUNK_SAMPLES_MAX (CHUNK_MS_MAX * CLIENT_RATE_HZ / 1000)
#define QUEUE_BYTES (256u << 10) /* unpaced: what may wait in this process */
#define ANSWER_MS 60000          /* after the last commit */
#define RETRY_COMMITS 3

typedef enum { STARTING, PLAYING, AWAITING, ENDING, OVER } client_stage;

struct client {
    uv_loop_t *loop;
    uv_timer_t timer;
    client_ws *ws; /* NULL once closed */
    client_options options;
    const client_events *events;
    void *owner;
    client_stage stage;
    track track;
    const recording *playing; /* NULL: in the gap */
    size_t at;                /* sample of it to send next */
    size_t silence;           /* samples of gap still to send */
    bool no_more;
    uint64_t sent;   /* samples since the session began */
    double start_ms; /* wall time of stream time 0 */
    uint64_t random;
    unsigned commits; /* tries of the last commit */
    int http_status;
    unsigned retry_after_s;
    diag why;
};

static double now_ms(void) {
    return (double)uv_hrtime() / 1e6;
}

static double stream_ms(const client *c) {
    return (double)c->sent * 1000 / CLIENT_RATE_HZ;
}

static void on_timer(uv_timer_t *timer);

static void over(client *c, status code, const char *text) {
    if (c->stage == OVER)
        return;
    c->stage = OVER;
    if (code != OK)
        (void)diag_set(&c->why, code, "%s", text);
    uv_timer_stop(&c->timer);
    if (c->ws != NULL)
        client_ws_close(c->ws);
}

/* --- sending --- */

static void send_text(client *c, char *text, size_t n) {
    client_ws_send(c->ws, FRAME_TEXT, (uint8_t *)text, n);
}

static void send_audio(client *c, const int16_t *pcm, size_t n) {
    static char message[64 + (CHUNK_SAMPLES_MAX * 2 + 2) / 3 * 4];
    static const char head[] = "{\"type\":\"input_audio_buffer.append\",\"audio\":\"";
    memcpy(message, head, sizeof head - 1);
    size_t at = sizeof head - 1;
    at += client_base64((const uint8_t *)pcm, n * sizeof *pcm, message + at);
    message[at++] = '"';
    message[at++] = '}';
    send_text(c, message, at);
    c->sent += n;
}

static void send_commit(client *c) {
    char message[] = "{\"type\":\"input_audio_buffer.commit\"}";
    c->commits++;
    send_text(c, message, sizeof message - 1);
    uv_timer_start(&c->timer, on_timer, ANSWER_MS, 0);
}

static uint32_t next_random(client *c) {
    c->random = c->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(c->random >> 33);
}

/* The gap after a recording. */
static size_t gap_samples(client *c) {
    unsigned ms = c->options.gap_ms;
    if (c->options.gap_spread_ms > 0)
        ms += next_random(c) % c->options.gap_spread_ms;
    return (size_t)ms * CLIENT_RATE_HZ / 1000;
}

/* Moves on to the next recording. false: there is none. */
static bool take_next(client *c) {
    const recording *r = c->no_more ? NULL : c->events->next(c->owner);
    if (r == NULL) {
        c->no_more = true;
        return false;
    }
    c->playing = r;
    c->at = 0;
    if (track_begin(&c->track, r, stream_ms(c)) != OK) {
        over(c, ERR_TIMEOUT, "the server is further behind than sixteen recordings");
        return false;
    }
    return true;
}

/* Up to n samples of the stream; fewer only at its end (whole: of a recording). */
static size_t fill(client *c, int16_t *out, size_t n) {
    size_t made = 0;
    while (made < n) {
        if (c->playing != NULL) {
            size_t left = c->playing->n - c->at, take = left < n - made ? left : n - made;
            memcpy(out + made, c->playing->pcm + c->at, take * sizeof *out);
            c->at += take;
            made += take;
            c->sent += take; /* so that a recording's start is exact within a chunk */
            if (take == left) {
                c->playing = NULL;
                if (c->options.whole)
                    break;
                c->silence = gap_samples(c);
            }
        } else if (c->silence > 0) {
            size_t take = c->silence < n - made ? c->silence : n - made;
            memset(out + made, 0, take * sizeof *out);
            c->silence -= take;
            made += take;
            c->sent += take;
        } else if (made > 0 && c->options.whole) {
            break;
        } else if (!take_next(c)) {
            break;
        }
    }
    c->sent -= made;
    return made;
}

static void end_playing(client *c) {
    c->stage = c->no_more ? ENDING : AWAITING;
    c->commits = 0;
    send_commit(c);
}

/* Sends one chunk. false: nothing is left to send now. */
static bool send_chunk(client *c) {
    int16_t pcm[CHUNK_SAMPLES_MAX];
    size_t n = (size_t)c->options.chunk_ms * CLIENT_RATE_HZ / 1000;
    size_t made = fill(c, pcm, n);
    if (c->stage != PLAYING)
        return false;
    if (made > 0)
        send_audio(c, pcm, made);
    if (made < n || (c->options.whole && c->playing == NULL)) {
        if (c->sent == 0)
            over(c, OK, ""); /* there was nothing to play */
        else if (made == 0 && c->options.whole)
            over(c, OK, "");
        else
            end_playing(c);
        return false;
    }
    return c->stage == PLAYING;
}

static double due_ms(const client *c) {
    return c->start_ms + stream_ms(c) + c->options.chunk_ms;
}

static void play_paced(client *c) {
    while (now_ms() >= due_ms(c))
        if (!send_chunk(c))
            return;
    double wait = due_ms(c) - now_ms();
    uv_timer_start(&c->timer, on_timer, wait > 0 ? (uint64_t)wait + 1 : 1, 0);
}

static void play_fast(client *c) {
    while (client_ws_queued(c->ws) < QUEUE_BYTES)
        if (!send_chunk(c))
            return;
    uv_timer_start(&c->timer, on_timer, 5, 0);
}

static void play(client *c) {
    if (c->options.paced)
        play_paced(c);
    else
        play_fast(c);
}

static void on_timer(uv_timer_t *timer) {
    client *c = timer->data;
    if (c->stage == PLAYING)
        play(c);
    else if (c->stage == AWAITING || c->stage == ENDING)
        over(c, ERR_TIMEOUT, "no final came within a minute of the end of the audio");
}

/* Stream time goes on from now. */
static void start_clock(client *c, double delay_ms) {
    c->stage = PLAYING;
    c->start_ms = now_ms() + delay_ms - stream_ms(c);
    c->track.stream_start_ms = c->start_ms;
    uv_update_time(c->loop);
    uv_timer_start(&c->timer, on_timer, (uint64_t)delay_ms, 0);
}

/* --- listening --- */

static const char *text_of(const cJSON *event, const char *key) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, key));
    return text != NULL ? text : "";
}

static double number_of(const cJSON *event, const char *key, double otherwise) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(event, key);
    return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}

static unsigned count_of(const cJSON *event, const char *key) {
    double v = number_of(event, key, 0);
    return v >= 0 && v <= 1e6 ? (unsigned)v : 0;
}

static void on_partial(client *c, const cJSON *event) {
    const char *before = "", *committed = text_of(event, "committed");
    const char *tentative = text_of(event, "tentative");
    const recording *r =
        track_partial(&c->track, now_ms(), text_of(event, "item_id"), committed,
                      tentative, count_of(event, "committed_words"),
                      number_of(event, "audio_start_ms", 0), &before);
    if (r != NULL && c->events->partial != NULL)
        c->events->partial(c->owner, r, before, committed, tentative);
}

static void on_final(client *c, const cJSON *event) {
    static double end_ms[TRACK_WORDS]; /* one loop, one event at a time */
    track_final_event e = {
        .item = text_of(event, "item_id"),
        .transcript = text_of(event, "transcript"),
        .passes = (int)count_of(event, "passes"),
        .degraded = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(event, "degraded")),
        .corrected = count_of(event, "corrected"),
        .audio_start_ms = number_of(event, "audio_start_ms", 0),
        .speech_end_ms = number_of(event, "speech_end_ms", 0),
        .first_pass_ms = number_of(event, "first_pass_ms", -1),
        .server_final_ms = number_of(event, "finalise_ms", -1),
        .word_end_ms = end_ms,
    };
    const cJSON *word;
    cJSON_ArrayForEach(word, cJSON_GetObjectItemCaseSensitive(event, "words")) {
        if (e.n_words < TRACK_WORDS)
            end_ms[e.n_words++] = number_of(word, "end_ms", 0);
    }
    track_final(&c->track, now_ms(), &e);
    bool by_commit = strcmp(text_of(event, "ended_by"), "commit") == 0;
    if (!by_commit || (c->stage != AWAITING && c->stage != ENDING))
        return;
    track_end(&c->track);
    if (c->stage == ENDING)
        over(c, OK, "");
    else
        start_clock(c, 0);
}

static void on_error(client *c, const cJSON *event) {
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(event, "error");
    if (strcmp(text_of(error, "code"), "input_audio_buffer_commit_empty") == 0 &&
        c->commits < RETRY_COMMITS) {
        int16_t silence[CLIENT_RATE_HZ / 5] = {0};
        send_audio(c, silence, sizeof silence / sizeof silence[0]);
        send_commit(c);
        return;
    }
    char text[300];
    snprintf(text, sizeof text, "the server says: %s", text_of(error, "message"));
    over(c, ERR_STATE, text);
}

static void on_created(client *c) {
    char update[256];
    int n = snprintf(
        update, sizeof update,
        "{\"type\":\"session.update\",\"session\":{\"type\":\"transcription\","
        "\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcm\",\"rate\":%d}%s}}}}",
        CLIENT_RATE_HZ, c->options.whole ? ",\"turn_detection\":null" : "");
    send_text(c, update, (size_t)n);
}

static void on_text(void *owner, const char *text, size_t n) {
    client *c = owner;
    if (c->stage == OVER)
        return;
    cJSON *event = cJSON_ParseWithLength(text, n);
    const char *type = text_of(event, "type");
    if (strcmp(type, "rostrum.transcription.partial") == 0)
        on_partial(c, event);
    else if (strcmp(type, "rostrum.transcription.final") == 0)
        on_final(c, event);
    else if (strcmp(type, "session.created") == 0)
        on_created(c);
    else if (strcmp(type, "session.updated") == 0 && c->stage == STARTING)
        start_clock(c, c->options.delay_ms);
    else if (strcmp(type, "error") == 0)
        on_error(c, event);
    else if (strcmp(type, "conversation.item.input_audio_transcription.failed") == 0)
        on_error(c, event);
    cJSON_Delete(event);
}

static void on_open(void *owner) {
    (void)owner; /* session.created follows */
}

static void on_result(void *owner, const client_result *result) {
    client *c = owner;
    c->events->result(c->owner, result);
}

static void on_timer_closed(uv_handle_t *handle) {
    client *c = handle->data;
    track_deinit(&c->track);
    c->events->closed(c->owner, c->http_status, c->retry_after_s, &c->why);
    free(c);
}

static void on_closed(void *owner, int code, const client_answer *refused,
                      const diag *d) {
    client *c = owner;
    (void)code;
    c->ws = NULL;
    if (refused != NULL) {
        c->http_status = refused->http_status;
        c->retry_after_s = refused->retry_after_s;
    }
    if (c->why.code == OK && d->code != OK)
        c->why = *d;
    else if (c->stage != OVER && c->why.code == OK)
        (void)diag_set(&c->why, ERR_LOST, "the server closed the session early");
    c->stage = OVER;
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

static const client_ws_events ws_events = {on_open, on_text, on_closed};

status client_create(uv_loop_t *loop, const client_options *options,
                     const client_events *events, void *owner, client **out, diag *d) {
    client_url url;
    status s = client_url_parse(options->url, &url, d);
    if (s != OK)
        return s;
    for (const char *m = options->model; *m != '\0'; m++)
        if (!isalnum((unsigned char)*m) && strchr("._:/-", *m) == NULL)
            return diag_field(d, ERR_INVALID, "model", "letters, digits and ._:/- only");
    ASSERT(options->chunk_ms >= 1);
    ASSERT(options->chunk_ms <= CHUNK_MS_MAX);
    client *c = calloc(1, sizeof *c);
    if (c == NULL)
        return diag_set(d, ERR_MEMORY, "no memory for a session");
    c->loop = loop;
    c->options = *options;
    c->events = events;
    c->owner = owner;
    c->random = options->seed * 0x9e3779b97f4a7c15u + 1;
    char path[512];
    snprintf(path, sizeof path,
             "/v1/realtime?intent=transcription&include=rostrum.partial&"
             "include=rostrum.final%s%.128s",
             options->model[0] != '\0' ? "&model=" : "", options->model);
    track_init(&c->track, options->paced, on_result, c);
    s = client_ws_create(loop, &url, path, options->key, &ws_events, c, &c->ws, d);
    if (s != OK) {
        track_deinit(&c->track);
        free(c);
        return s;
    }
    uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    *out = c;
    return OK;
}

void client_finish(client *c) {
    c->no_more = true;
}

double client_sent_s(const client *c) {
    return (double)c->sent / CLIENT_RATE_HZ;
}
