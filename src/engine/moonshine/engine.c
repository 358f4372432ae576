/* engine/moonshine/engine.c: Moonshine behind the engine vtable. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/moonshine/model.h"

struct rostrum_model {
    model *inner;
};

struct rostrum_utterance {
    model *model;
    stream *stream;
};

static int code_of(status s) {
    switch (s) {
    case OK:
        return ROSTRUM_OK;
    case ERR_INVALID:
    case ERR_LIMIT:
    case ERR_SYNTAX:
        return ROSTRUM_E_INVALID;
    case ERR_NOT_FOUND:
    case ERR_UNSUPPORTED:
        return ROSTRUM_E_MISSING;
    case ERR_INTEGRITY:
        return ROSTRUM_E_INTEGRITY;
    case ERR_MEMORY:
        return ROSTRUM_E_MEMORY;
    case ERR_CANCELLED:
        return ROSTRUM_E_CANCELLED;
    default:
        return ROSTRUM_E_FAILED;
    }
}

static int fail(status s, const diag *d, rostrum_error *error) {
    if (s != OK && error) {
        if (d->text[0])
            diag_format(d, error->text, sizeof error->text);
        else
            snprintf(error->text, sizeof error->text, "%s", status_text(s));
    }
    return code_of(s);
}

static int load(const rostrum_load_config *config, rostrum_model **out_model,
                rostrum_error *error) {
    diag d = DIAG_INIT;
    rostrum_model *m = calloc(1, sizeof *m);
    status s = m ? model_load(config, &m->inner, &d) : ERR_MEMORY;
    if (s != OK) {
        free(m);
        return fail(s, &d, error);
    }
    *out_model = m;
    return ROSTRUM_OK;
}

static void unload(rostrum_model *m) {
    if (!m)
        return;
    model_destroy(m->inner);
    free(m);
}

static int open_utterance(rostrum_model *m, const rostrum_utterance_config *config,
                          rostrum_utterance **out, rostrum_error *error) {
    diag d = DIAG_INIT;
    rostrum_utterance *u = calloc(1, sizeof *u);
    status s = u ? stream_create(&model_settings(m->inner)->stream,
                                 model_tokens(m->inner), model_encoder(m->inner),
                                 model_decoder(m->inner), config->stop, &u->stream)
                 : ERR_MEMORY;
    if (s != OK) {
        free(u);
        return fail(s, &d, error);
    }
    u->model = m->inner;
    *out = u;
    return ROSTRUM_OK;
}

static int feed(rostrum_utterance *u, const float *pcm, size_t n, rostrum_error *error) {
    diag d = DIAG_INIT;
    return fail(stream_feed(u->stream, pcm, n), &d, error);
}

static bool due(const rostrum_utterance *u, rostrum_pressure pressure) {
    return stream_due(u->stream, pressure.load);
}

typedef status (*stream_work)(stream *s, stream_compute *c, diag *d);

/* Does one piece of work on a lane of its own. */
static int work(rostrum_utterance *u, lane_kind kind, stream_work what,
                rostrum_hypothesis *out, rostrum_error *error) {
    diag d = DIAG_INIT;
    stream_compute *lane = model_take(u->model, kind);
    status s = what(u->stream, lane, &d);
    model_give(u->model, kind, lane);
    if (s == OK)
        *out = stream_words(u->stream);
    return fail(s, &d, error);
}

static int step(rostrum_utterance *u, rostrum_hypothesis *out, rostrum_error *error) {
    return work(u, LANE_LIVE, stream_step, out, error);
}

static int finish(rostrum_utterance *u, rostrum_hypothesis *out, rostrum_error *error) {
    return work(u, LANE_LIVE, stream_finish, out, error);
}

static int second_pass(rostrum_utterance *u, rostrum_hypothesis *out,
                       rostrum_error *error) {
    if (!model_has_final(u->model)) {
        *out = stream_words(u->stream);
        return ROSTRUM_OK;
    }
    return work(u, LANE_FINAL, stream_second_pass, out, error);
}

static void close_utterance(rostrum_utterance *u) {
    if (!u)
        return;
    stream_destroy(u->stream);
    free(u);
}

static float vad(rostrum_model *m, void *state, const float *pcm) {
    const silero *v = model_vad(m->inner);
    return v ? silero_step(v, state, pcm) : -1;
}

static size_t utterance_bytes(const rostrum_model *m) {
    return stream_bytes(model_encoder(m->inner), model_decoder(m->inner));
}

static const rostrum_engine moonshine = {
    .abi = ROSTRUM_ENGINE_ABI,
    .name = "moonshine",
    .version = "1",
    .sample_rate_hz = STREAM_RATE_HZ,
    .load = load,
    .unload = unload,
    .open = open_utterance,
    .feed = feed,
    .due = due,
    .step = step,
    .finish = finish,
    .second_pass = second_pass,
    .close = close_utterance,
    .vad_state_bytes = sizeof(silero_state),
    .vad = vad,
    .utterance_bytes = utterance_bytes,
};

int main(int argc, char **argv) {
    return rostrum_engine_main(&moonshine, argc, argv);
}
