/* Many streams in one worker, opened, fed, committed, cleared and closed in random order,
 * each with audio that carries its own mark: no word of one ever shows up in another. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "worker_rig.h"

#define SLOTS 6
#define MARKS 200 /* amplitudes 0.3 .. 0.7 in steps of 0.002: told apart by far */
#define EVENTS 3000

struct rostrum_utterance {
    rostrum_stop stop;
    size_t fed, stepped, n;
    char texts[300][8];
    rostrum_word words[300];
};

static int load(const rostrum_load_config *c, rostrum_model **out, rostrum_error *e) {
    (void)c, (void)e;
    *out = NULL;
    return ROSTRUM_OK;
}

static void unload(rostrum_model *m) {
    (void)m;
}

static int begin(rostrum_model *m, const rostrum_utterance_config *c,
                 rostrum_utterance **out, rostrum_error *e) {
    (void)m, (void)e;
    *out = calloc(1, sizeof **out);
    if (!*out)
        return ROSTRUM_E_MEMORY;
    (*out)->stop = c->stop;
    return ROSTRUM_OK;
}

/* Each 100 ms the word is the mark of the sample there, "m17"; quiet is no word. */
static int feed(rostrum_utterance *u, const float *pcm, size_t n, rostrum_error *e) {
    (void)e;
    for (size_t i = 0; i < n; i++) {
        float level = fabsf(pcm[i]);
        if (u->fed++ % 1600 != 800 || level < 0.29f || u->n >= 300)
            continue;
        char *text = u->texts[u->n];
        snprintf(text, sizeof u->texts[0], "m%d", (int)lroundf((level - 0.3f) / 0.002f));
        u->words[u->n++] = (rostrum_word){text, -1, -1, 1};
    }
    return ROSTRUM_OK;
}

static bool due(const rostrum_utterance *u, rostrum_pressure p) {
    (void)p;
    return u->fed - u->stepped >= 4800;
}

static int step(rostrum_utterance *u, rostrum_hypothesis *out, rostrum_error *e) {
    (void)e;
    u->stepped = u->fed;
    *out = (rostrum_hypothesis){u->words, u->n, u->n};
    return ROSTRUM_OK;
}

static int second(rostrum_utterance *u, rostrum_hypothesis *out, rostrum_error *e) {
    for (size_t i = 0; i < u->n; i++) { /* 1 ms a word, stopped in between */
        if (u->stop.asked(u->stop.context))
            return ROSTRUM_E_CANCELLED;
        usleep(1000);
    }
    return step(u, out, e);
}

static void end(rostrum_utterance *u) {
    free(u);
}

static const rostrum_engine marker = {.abi = ROSTRUM_ENGINE_ABI,
                                      .name = "marker",
                                      .version = "1",
                                      .sample_rate_hz = 16000,
                                      .load = load,
                                      .unload = unload,
                                      .open = begin,
                                      .feed = feed,
                                      .due = due,
                                      .step = step,
                                      .finish = step,
                                      .second_pass = second,
                                      .close = end};

static uint64_t seed = 7;

static unsigned below(unsigned n) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

static struct {
    bool open, closing, manual;
    uint32_t generation;
    uint64_t unconsumed;
} slots[SLOTS];

static unsigned n_texts, n_closed;

static int mark_of(unsigned slot, uint32_t generation) {
    return (int)((generation * 31 + slot * 67) % MARKS);
}

static void check_text(rig *r) {
    char expected[16];
    engine_text *t = rig_text(r);
    snprintf(expected, sizeof expected, "m%d",
             mark_of(r->header.slot, r->header.generation));
    for (uint32_t i = 0; i < t->n_words; i++)
        assert_string_equal(t->words[i].text, expected);
    n_texts += t->n_words > 0;
}

static void take_frame(rig *r) {
    assert_true(rig_next(r));
    unsigned i = r->header.slot;
    uint32_t samples;
    if (r->header.type == FRAME_LOAD)
        return;
    assert_true(i < SLOTS && slots[i].open);
    assert_int_equal(r->header.generation, slots[i].generation);
    assert_int_not_equal(r->header.type, FRAME_ERROR);
    if (r->header.type == FRAME_PARTIAL || r->header.type == FRAME_FINAL)
        check_text(r);
    if (r->header.type == FRAME_CREDIT) {
        assert_int_equal(proto_get_credit(r->payload, r->header.bytes, &samples), OK);
        assert_true(samples <= slots[i].unconsumed);
        slots[i].unconsumed -= samples;
    }
    if (r->header.type == FRAME_CLOSED) {
        assert_true(slots[i].closing);
        slots[i].open = false;
        n_closed++;
    }
}

static bool readable(rig *r) {
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    return r->in.size >= ENGINE_HEADER_BYTES || poll(&p, 1, 0) > 0;
}

static void open_one(rig *r, unsigned i) {
    slots[i].open = true;
    slots[i].closing = false;
    slots[i].generation++;
    slots[i].unconsumed = 0;
    engine_listen listen = engine_listen_default;
    listen.endpoint = below(2) ? ENDPOINT_MANUAL : ENDPOINT_SERVER_VAD;
    listen.max_utterance_ms = 1000 + below(5000);
    listen.silence_ms = 200;
    rig_open(r, (uint16_t)i, slots[i].generation, &listen);
}

static void random_event(rig *r) {
    unsigned i = below(SLOTS), kind = below(20);
    uint16_t slot = (uint16_t)i;
    uint32_t generation = slots[i].generation;
    if (!slots[i].open) {
        open_one(r, i);
    } else if (slots[i].closing || kind == 0) { /* of the stream before: to be dropped */
        rig_sound(r, slot, generation - 1, 0.9f, 100);
    } else if (kind == 1) {
        rig_empty(r, FRAME_CLOSE, slot, generation);
        slots[i].closing = true;
    } else if (kind == 2) {
        rig_empty(r, FRAME_COMMIT, slot, generation);
    } else if (kind == 3) {
        rig_empty(r, FRAME_CLEAR, slot, generation);
    } else {
        unsigned ms = 20 + below(400);
        if (slots[i].unconsumed + (uint64_t)ms * 16 > LIMIT_SLOT_AUDIO_S * 16000)
            return;
        slots[i].unconsumed += (uint64_t)ms * 16;
        float loud = 0.3f + 0.002f * (float)mark_of(i, generation);
        rig_sound(r, slot, generation, below(4) ? loud : 0, ms);
    }
}

static void no_word_of_one_stream_reaches_another(void **state) {
    (void)state;
    engine_hello hello = rig_hello(3, SLOTS);
    rig r = rig_start(NULL, &marker, &hello);
    rig_ready(&r);
    for (int event = 0; event < EVENTS; event++) {
        random_event(&r);
        while (readable(&r))
            take_frame(&r);
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots[i].open && !slots[i].closing)
            rig_empty(&r, FRAME_CLOSE, (uint16_t)i, slots[i].generation);
        slots[i].closing = true;
        while (slots[i].open)
            take_frame(&r);
    }
    assert_true(n_texts > 100); /* it did say something */
    assert_true(n_closed > 20);
    rig_empty(&r, FRAME_DRAIN, 0, 0);
    while (rig_next(&r))
        ;
    assert_int_equal(rig_stop(&r), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_word_of_one_stream_reaches_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
