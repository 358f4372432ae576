/* POST /v1/audio/transcriptions: a whole file to words, as OpenAI defines it.
 * docs/api-transcriptions.md says what is offered. Loop thread only.
 *
 * The upload is kept once, compressed; when it is complete a slot is taken and the file
 * is decoded as fast as the slot has room, a few milliseconds of work at a time. */
#include <stdlib.h>
#include <string.h>

#include "audio/file.h"
#include "serve/api/admit.h"
#include "serve/api/api.h"
#include "serve/api/form.h"
#include "serve/api/multipart.h"
#include "serve/api/transcript.h"
#include "serve/session/listen.h"

#define FORM_BYTES (64u << 10)     /* of a request beside its file */
#define UPLOADS_BYTES (256u << 20) /* of all uploads at a time: ten of the largest */
#define ANSWER_BYTES (32u << 20)   /* verbose_json with words of the longest file */
#define CHUNK_SAMPLES (LIMIT_SAMPLE_RATE_HZ / 2)
#define CHUNKS_A_TURN                                                                    \
    4 /* 2 s of audio decode in about 2 ms; then others have the loop                    \
       */

typedef enum { UPLOADING, WORKING, ANSWERED } phase;

typedef struct {
    app *app;
    net_conn *conn;
    phase phase;
    admission admitted;
    multipart form_parser;
    transcription_form form;
    bool in_file, has_file; /* the part being read is the file; there was one */
    char field[MULTIPART_NAME];
    buf value;               /* of the text field being read */
    buf file;                /* compressed, as it came */
    size_t counted;          /* bytes of it in uploads_bytes */
    int64_t announced_bytes; /* of the whole request; -1: not known */
    audio_file *decoder;
    listen_session *listen;
    transcript words;
    uv_timer_t turn; /* gives the loop to others between pieces of work */
    int16_t chunk[CHUNK_SAMPLES];
    size_t chunk_bytes, chunk_at; /* decoded; of those taken by the slot */
    bool ended;                   /* the whole file was given to the slot */
} transcription;

/* Held by all transcriptions now; the loop thread's. */
static size_t uploads_bytes;

/* --- answering --- */

/* Gives back everything but the memory of the transcription itself. */
static void release(transcription *t) {
    listen_close(t->listen);
    t->listen = NULL;
    audio_file_destroy(t->decoder);
    t->decoder = NULL;
    admission_leave(&t->admitted);
    uploads_bytes -= t->counted;
    t->counted = 0;
    buf_deinit(&t->file);
    buf_deinit(&t->value);
    transcript_deinit(&t->words);
    uv_timer_stop(&t->turn);
}

static void fail(transcription *t, const diag *d, unsigned retry_after_s) {
    bool streaming = t->phase == WORKING && t->form.stream;
    if (t->phase == ANSWERED)
        return;
    t->phase = ANSWERED;
    release(t);
    if (!streaming) {
        openai_refuse_http(t->app, t->conn, d, retry_after_s);
        return;
    }
    buf b;
    buf_init(&b, 4096);
    buf_add_text(&b, "data: {\"error\":");
    openai_error_object(d, NULL, NULL, &b);
    buf_add_text(&b, "}\n\n");
    if (net_stream_write(t->conn, b.data, b.size) == OK)
        net_stream_end(t->conn);
    buf_deinit(&b);
}

static double duration_s(const transcription *t) {
    return (double)listen_audio_ms(t->listen) / 1000.0;
}

static void answer_stream(transcription *t) {
    buf b;
    buf_init(&b, ANSWER_BYTES);
    transcript_done_event(&t->words, duration_s(t), &b);
    buf_add_text(&b, "data: [DONE]\n\n");
    if (!b.failed && net_stream_write(t->conn, b.data, b.size) == OK)
        net_stream_end(t->conn);
    buf_deinit(&b);
}

static void answer(transcription *t) {
    const model_manifest *model = listen_model(t->listen);
    const char *spoken = model->n_languages ? model->languages[0] : "";
    bool words = t->form.words;
    transcript_style style = {.format = t->form.format,
                              .language = t->form.language[0] ? t->form.language : spoken,
                              .duration_s = duration_s(t),
                              .temperature = t->form.temperature,
                              .words = words,
                              .segments = t->form.segments || !words};
    buf b;
    buf_init(&b, ANSWER_BYTES);
    transcript_write(&t->words, &style, &b);
    if (b.failed) {
        diag d = DIAG_INIT;
        (void)diag_set(&d, ERR_MEMORY, "no memory for the answer");
        fail(t, &d, 0);
    } else {
        net_reply(t->conn, 200, transcript_content_type(style.format), NULL, b.data,
                  b.size);
    }
    buf_deinit(&b);
}

static void finish(transcription *t) {
    if (t->form.stream)
        answer_stream(t);
    else
        answer(t);
    if (t->phase != ANSWERED)
        release(t);
    t->phase = ANSWERED;
}

/* --- file to slot --- */

static void on_turn(uv_timer_t *timer);

/* Offers what is decoded; true: the slot took it all. */
static bool offer_chunk(transcription *t, diag *d) {
    size_t taken = 0;
    status st = listen_audio(t->listen, (const uint8_t *)t->chunk + t->chunk_at,
                             t->chunk_bytes - t->chunk_at, &taken, d);
    if (st != OK) {
        fail(t, d, 0);
        return false;
    }
    t->chunk_at += taken;
    return t->chunk_at == t->chunk_bytes;
}

static bool decode_chunk(transcription *t, diag *d) {
    size_t n = 0;
    status st = audio_file_read(t->decoder, t->chunk, CHUNK_SAMPLES, &n, d);
    if (st != OK) {
        (void)diag_field(d, st, "file", "the audio is broken at %.1f s", duration_s(t));
        fail(t, d, 0);
        return false;
    }
    t->chunk_at = 0;
    t->chunk_bytes = n * sizeof *t->chunk;
    t->ended = n == 0;
    return true;
}

/* Works until the slot is full, the file is read, or it is others' turn. */
static void work(transcription *t) {
    diag d = DIAG_INIT;
    for (int i = 0; i < CHUNKS_A_TURN && t->phase == WORKING && !t->ended; i++) {
        if (t->chunk_at < t->chunk_bytes && !offer_chunk(t, &d))
            return; /* failed, or `room` will go on */
        if (!decode_chunk(t, &d))
            return;
    }
    if (t->phase != WORKING)
        return;
    if (!t->ended)
        uv_timer_start(&t->turn, on_turn, 0, 0);
    else
        listen_commit(t->listen);
}

static void on_turn(uv_timer_t *timer) {
    transcription *t = timer->data;
    if (!t->ended)
        work(t);
}

static void on_room(void *owner) {
    transcription *t = owner;
    if (!t->ended)
        work(t);
}

static void on_final(void *owner, uint8_t flags, const engine_text *text,
                     const listen_timing *timing) {
    transcription *t = owner;
    (void)timing;
    if ((flags & TEXT_FIRST_PASS) || t->phase != WORKING)
        return;
    if (t->form.stream && text->n_words > 0) {
        buf b;
        buf_init(&b, ANSWER_BYTES);
        transcript_delta_event(&t->words, text, &b);
        status st = net_stream_write(t->conn, b.data, b.size);
        buf_deinit(&b);
        if (st != OK) { /* it does not read; the connection is being closed */
            t->phase = ANSWERED;
            release(t);
            return;
        }
    }
    if (transcript_add(&t->words, text) != OK) {
        diag d = DIAG_INIT;
        (void)diag_set(&d, ERR_MEMORY, "no memory for the transcript");
        fail(t, &d, 0);
    } else if (flags & TEXT_BY_COMMIT) {
        finish(t);
    }
}

static void on_lost(void *owner, status why) {
    diag d = DIAG_INIT;
    (void)diag_set(&d, why,
                   "the speech engine ended before the transcript was complete; "
                   "send the request again");
    fail(owner, &d, 0);
}

static const listen_events session_events = {
    .final = on_final,
    .room = on_room,
    .lost = on_lost,
};

static status open_file(transcription *t, diag *d) {
    if (!multipart_complete(&t->form_parser))
        return diag_set(d, ERR_SYNTAX, "the form ends before its last boundary");
    if (!t->has_file)
        return diag_field(d, ERR_INVALID, "file", "the form needs an audio file");
    if (t->file.size == 0)
        return diag_field(d, ERR_INVALID, "file", "the file is empty");
    status st = form_check(&t->form, d);
    if (st != OK)
        return st;
    st = audio_file_open_memory(t->file.data, t->file.size, &t->decoder, NULL, d);
    if (st != OK)
        return diag_field(d, ERR_UNSUPPORTED, "file",
                          "not audio that is read here: send wav, flac, ogg (opus, "
                          "vorbis) or mp3");
    return OK;
}

static status open_session(transcription *t, unsigned *retry_after_s, diag *d) {
    listen_config how = {.model = t->form.model,
                         .format = {.encoding = AUDIO_S16LE,
                                    .rate_hz = LIMIT_SAMPLE_RATE_HZ,
                                    .channels = 1},
                         .protocol = "transcriptions"};
    listen_defaults(t->app, &how.listen);
    how.listen.partials = false;
    how.listen.second_pass = true;
    memcpy(how.listen.language, t->form.language, sizeof how.listen.language);
    memcpy(how.listen.prompt, t->form.prompt, sizeof how.listen.prompt);
    return listen_open(t->app, &how, &session_events, t, &t->listen, retry_after_s, d);
}

/* --- upload --- */

static status on_part(void *owner, const char *name, bool is_file, diag *d) {
    transcription *t = owner;
    t->in_file = strcmp(name, "file") == 0;
    if (t->in_file != is_file || (t->in_file && t->has_file))
        return diag_field(d, ERR_INVALID, name, "the form has one file, named file");
    t->has_file |= t->in_file;
    memcpy(t->field, name, strlen(name) + 1);
    buf_clear(&t->value);
    return OK;
}

/* bytes: of the request, as announced; -1: not known. */
static status too_large(int64_t bytes, diag *d) {
    if (bytes < 0)
        return diag_field(d, ERR_LIMIT, "file",
                          "the file is larger than %u bytes (25 MiB), the most taken",
                          LIMIT_UPLOAD_BYTES);
    return diag_field(d, ERR_LIMIT, "file",
                      "the request has %lld bytes; its file may have at most %u (25 MiB)",
                      (long long)bytes, LIMIT_UPLOAD_BYTES);
}

static status on_data(void *owner, const uint8_t *data, size_t n, diag *d) {
    transcription *t = owner;
    buf *to = t->in_file ? &t->file : &t->value;
    if (t->in_file && uploads_bytes + n > UPLOADS_BYTES)
        return diag_set(d, ERR_CAPACITY, "too many files are being uploaded");
    buf_add(to, data, n);
    if (to->failed && to->size + n > to->ceiling && t->in_file)
        return too_large(t->announced_bytes, d);
    if (to->failed && to->size + n > to->ceiling)
        return diag_field(d, ERR_LIMIT, t->field, "a text of at most %zu bytes is taken",
                          to->ceiling);
    if (to->failed)
        return diag_set(d, ERR_MEMORY, "no memory for the upload");
    if (t->in_file) {
        uploads_bytes += n;
        t->counted += n;
    }
    return OK;
}

static status on_part_end(void *owner, diag *d) {
    transcription *t = owner;
    if (t->in_file)
        return OK;
    if (t->value.size > 0 && memchr(t->value.data, '\0', t->value.size))
        return diag_field(d, ERR_INVALID, t->field, "holds a NUL");
    return form_field(&t->form, t->field, buf_text(&t->value), d);
}

static const multipart_events form_events = {
    .part = on_part,
    .data = on_data,
    .part_end = on_part_end,
};

/* --- the connection --- */

static void on_timer_closed(uv_handle_t *handle) {
    free(handle->data);
}

static status enter(transcription *t, const net_request *request, diag *d) {
    char type[512];
    status st = admission_enter(t->app, t->conn, &t->admitted, d);
    if (st != OK)
        return st;
    if (request->content_length > (int64_t)LIMIT_UPLOAD_BYTES + FORM_BYTES)
        return too_large(request->content_length, d);
    t->announced_bytes = request->content_length;
    if (net_header(t->conn, "content-type", type, sizeof type) < 0)
        type[0] = '\0';
    return multipart_init(&t->form_parser, type, &form_events, t, d);
}

static void *on_open(net_conn *c, const net_request *request, void *context) {
    app *a = context;
    diag d = DIAG_INIT;
    transcription *t = calloc(1, sizeof *t);
    if (!t) {
        (void)diag_set(&d, ERR_MEMORY, "no memory for a request");
        openai_refuse_http(a, c, &d, 0);
        return NULL;
    }
    t->app = a;
    t->conn = c;
    form_init(&t->form);
    buf_init(&t->value, LIMIT_PROMPT_BYTES);
    buf_init(&t->file, LIMIT_UPLOAD_BYTES);
    transcript_init(&t->words);
    if (enter(t, request, &d) != OK) {
        openai_refuse_http(a, c, &d, 0);
        admission_leave(&t->admitted);
        free(t);
        return NULL;
    }
    uv_timer_init(a->loop, &t->turn);
    t->turn.data = t;
    return t;
}

static void on_body(void *state, const uint8_t *data, size_t n) {
    transcription *t = state;
    diag d = DIAG_INIT;
    if (t->phase == UPLOADING && multipart_push(&t->form_parser, data, n, &d) != OK)
        fail(t, &d, 0);
}

static void on_body_end(void *state) {
    transcription *t = state;
    diag d = DIAG_INIT;
    unsigned retry_after_s = 0;
    if (t->phase != UPLOADING)
        return;
    status st = open_file(t, &d);
    if (st == OK)
        st = open_session(t, &retry_after_s, &d);
    if (st != OK) {
        fail(t, &d, retry_after_s);
        return;
    }
    t->phase = WORKING;
    if (t->form.stream)
        net_stream_begin(t->conn, 200, "text/event-stream",
                         "Cache-Control: no-cache\r\n");
    work(t);
}

static void on_closed(void *state) {
    transcription *t = state;
    if (t->phase != ANSWERED)
        release(t);
    t->phase = ANSWERED;
    uv_close((uv_handle_t *)&t->turn, on_timer_closed);
}

const net_handler transcriptions_handler = {
    .open = on_open,
    .body = on_body,
    .body_end = on_body_end,
    .closed = on_closed,
};
