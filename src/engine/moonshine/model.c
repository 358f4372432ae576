#include "engine/moonshine/model.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

/* One set of weights. */
typedef struct {
    moonshine_encoder *encoder;
    moonshine_decoder *decoder;
} network;

typedef struct {
    stream_compute *lanes; /* [n] */
    stream_compute **idle; /* [n_idle] */
    size_t n, n_idle;
    pthread_mutex_t lock;
    pthread_cond_t given;
} lane_pool;

struct model {
    moonshine_settings settings;
    network live, final;
    tokens *vocabulary;
    silero *vad;
    lane_pool pools[2];
};

static status path_of(char *out, size_t size, const char *a, const char *b, const char *c,
                      diag *d) {
    int n = snprintf(out, size, "%s/%s%s%s", a, b, c[0] ? "/" : "", c);
    return n > 0 && (size_t)n < size ? OK
                                     : diag_set(d, ERR_INVALID, "a path is too long");
}

static status load_network(const char *folder, const char *name, const kernels *set,
                           network *out, diag *d) {
    char path[1024];
    status s = path_of(path, sizeof path, folder, name, "decoder_model_merged.onnx", d);
    if (s == OK)
        s = moonshine_decoder_load(path, set, &out->decoder, d);
    if (s == OK)
        s = path_of(path, sizeof path, folder, name, "encoder_model.onnx", d);
    if (s == OK)
        s = moonshine_encoder_load(path, set, &out->encoder, d);
    if (s == OK &&
        moonshine_encoder_width(out->encoder) != moonshine_decoder_width(out->decoder))
        s = diag_set(d, ERR_INTEGRITY, "encoder and decoder of %s are of two models",
                     name);
    return s;
}

static status pool_init(lane_pool *p, const network *n, size_t lanes, bool whole,
                        diag *d) {
    p->lanes = calloc(lanes, sizeof *p->lanes);
    p->idle = calloc(lanes, sizeof(stream_compute *));
    if (!p->lanes || !p->idle)
        return diag_set(d, ERR_MEMORY, "no memory for decoding threads");
    for (; p->n < lanes; p->n++) {
        status s = stream_compute_init(n->encoder, n->decoder, whole, &p->lanes[p->n], d);
        if (s != OK)
            return s;
        p->idle[p->n_idle++] = &p->lanes[p->n];
    }
    return OK;
}

/* Runs each network once: first runs are slower, and from then on no file is opened. */
static status warm_up(model *m, lane_kind kind, diag *d) {
    float pcm[STREAM_RATE_HZ / 2];
    for (size_t i = 0; i < sizeof pcm / sizeof pcm[0]; i++)
        pcm[i] = (float)((int)(i * 7919 % 201) - 100) / 2000.0f;
    stream *s = NULL;
    rostrum_stop never = {0};
    stream_compute *lane = model_take(m, kind);
    status result = stream_create(&m->settings.stream, m->vocabulary, lane->encoder,
                                  lane->decoder, never, &s);
    if (result == OK)
        result = stream_feed(s, pcm, sizeof pcm / sizeof pcm[0]);
    if (result == OK)
        result = stream_finish(s, lane, d);
    model_give(m, kind, lane);
    stream_destroy(s);
    return result;
}

static status load_all(const rostrum_load_config *config, model *m, diag *d) {
    const char *folder = config->model_dir;
    char path[1024];
    status s = settings_read(config->settings, config->n_settings, &m->settings, d);
    if (s == OK)
        s = path_of(path, sizeof path, folder, m->settings.live, "tokens.txt", d);
    if (s == OK)
        s = tokens_load(path, &m->vocabulary, d);
    if (s == OK)
        s = load_network(folder, m->settings.live, m->settings.set, &m->live, d);
    if (s == OK)
        s = pool_init(&m->pools[LANE_LIVE], &m->live, config->threads, false, d);
    if (s == OK && m->settings.final[0]) {
        size_t lanes =
            config->threads < MODEL_FINAL_LANES ? config->threads : MODEL_FINAL_LANES;
        s = load_network(folder, m->settings.final, m->settings.set, &m->final, d);
        if (s == OK)
            s = pool_init(&m->pools[LANE_FINAL], &m->final, lanes, true, d);
    }
    if (s == OK && m->settings.vad[0]) {
        s = path_of(path, sizeof path, folder, m->settings.vad, "", d);
        if (s == OK)
            s = silero_load(path, m->settings.set, &m->vad, d);
    }
    if (s == OK)
        s = warm_up(m, LANE_LIVE, d);
    if (s == OK && m->final.encoder)
        s = warm_up(m, LANE_FINAL, d);
    return s;
}

status model_load(const rostrum_load_config *config, model **out, diag *d) {
    model *m = calloc(1, sizeof *m);
    if (!m)
        return diag_set(d, ERR_MEMORY, "no memory for the model");
    for (size_t i = 0; i < 2; i++) {
        pthread_mutex_init(&m->pools[i].lock, NULL);
        pthread_cond_init(&m->pools[i].given, NULL);
    }
    status s = config->threads >= 1
                   ? load_all(config, m, d)
                   : diag_set(d, ERR_INVALID, "threads must be at least 1");
    if (s != OK) {
        model_destroy(m);
        return s;
    }
    *out = m;
    return OK;
}

static void network_deinit(network *n) {
    moonshine_encoder_destroy(n->encoder);
    moonshine_decoder_destroy(n->decoder);
}

void model_destroy(model *m) {
    if (!m)
        return;
    for (size_t i = 0; i < 2; i++) {
        lane_pool *p = &m->pools[i];
        ASSERT(p->n_idle == p->n); /* nobody is decoding */
        for (size_t k = 0; k < p->n; k++)
            stream_compute_deinit(&p->lanes[k]);
        free(p->lanes);
        free(p->idle);
        pthread_mutex_destroy(&p->lock);
        pthread_cond_destroy(&p->given);
    }
    network_deinit(&m->live);
    network_deinit(&m->final);
    silero_destroy(m->vad);
    tokens_destroy(m->vocabulary);
    free(m);
}

const moonshine_settings *model_settings(const model *m) {
    return &m->settings;
}

const tokens *model_tokens(const model *m) {
    return m->vocabulary;
}

const moonshine_encoder *model_encoder(const model *m) {
    return m->live.encoder;
}

const moonshine_decoder *model_decoder(const model *m) {
    return m->live.decoder;
}

const silero *model_vad(const model *m) {
    return m->vad;
}

bool model_has_final(const model *m) {
    return m->final.encoder != NULL;
}

stream_compute *model_take(model *m, lane_kind kind) {
    lane_pool *p = &m->pools[kind];
    pthread_mutex_lock(&p->lock);
    while (p->n_idle == 0)
        pthread_cond_wait(&p->given, &p->lock);
    stream_compute *lane = p->idle[--p->n_idle];
    pthread_mutex_unlock(&p->lock);
    return lane;
}

void model_give(model *m, lane_kind kind, stream_compute *lane) {
    lane_pool *p = &m->pools[kind];
    pthread_mutex_lock(&p->lock);
    p->idle[p->n_idle++] = lane;
    pthread_cond_signal(&p->given);
    pthread_mutex_unlock(&p->lock);
}
