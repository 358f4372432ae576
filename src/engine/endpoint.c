#include "engine/endpoint.h"

#include "base/assert.h"

#define HYSTERESIS 0.15f
#define LOUD_DB 6.0f                       /* above the floor */
#define SOFT_SILENCE (96 * SAMPLES_PER_MS) /* the shortest pause worth a cut */
#define END_SEARCH (160 * SAMPLES_PER_MS)  /* how far a decay may lag the verdict */
#define END_GRACE (2 * FRAME_SAMPLES)      /* loud pieces still belong to speech */
#define LAG_PIECES (ENDPOINT_LAG_SAMPLES / PIECE_SAMPLES)
#define ONSET_PIECES (ENDPOINT_ONSET_FRAMES * FRAME_PIECES)

void endpoint_configure(endpoint *e, const engine_listen *listen) {
    e->mode = listen->endpoint;
    e->threshold = listen->vad_threshold;
    e->release = listen->vad_threshold - HYSTERESIS;
    if (e->release < 0.01f)
        e->release = 0.01f;
    e->prefix = (uint64_t)listen->prefix_padding_ms * SAMPLES_PER_MS;
    e->silence = (uint64_t)listen->silence_ms * SAMPLES_PER_MS;
    e->max = (uint64_t)listen->max_utterance_ms * SAMPLES_PER_MS;
}

void endpoint_init(endpoint *e, const engine_listen *listen) {
    *e = (endpoint){.position = 0};
    endpoint_configure(e, listen);
}

static uint64_t later(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static uint64_t before(uint64_t position, uint64_t samples) {
    return position > samples ? position - samples : 0;
}

static void open_at(endpoint *e, uint64_t from) {
    e->open = true;
    e->quiet = false;
    e->onset = 0;
    e->from = from;
    e->anchor = from;
    e->loud_end = from;
}

/* Moves loud_end to the last loud piece of the newest frame, if it has one. */
static void note_loud(endpoint *e) {
    for (unsigned piece = 0; piece < FRAME_PIECES; piece++) {
        if (e->loud >> piece & 1) {
            e->loud_end = e->position - (uint64_t)piece * PIECE_SAMPLES;
            return;
        }
    }
}

/* The first loud piece: back from the first speech frame while it stays loud (one quiet
 * piece is forgiven), else forward into the frames that were called speech. */
static uint64_t true_start(const endpoint *e) {
    unsigned first = ONSET_PIECES; /* pieces back from the position */
    while (first < ONSET_PIECES + LAG_PIECES &&
           ((e->loud >> first & 1) || (e->loud >> (first + 1) & 1)))
        first++;
    while (first > 0 && !(e->loud >> (first - 1) & 1))
        first--;
    if (first == 0) /* nothing loud at all: the verdict is all there is */
        first = ONSET_PIECES;
    return later(before(e->position, (uint64_t)first * PIECE_SAMPLES), e->not_before);
}

static endpoint_event start(endpoint *e) {
    uint64_t at = true_start(e);
    open_at(e, later(before(at, e->prefix), e->not_before));
    e->anchor = e->position;
    note_loud(e);
    return (endpoint_event){
        .kind = ENDPOINT_STARTED, .at = at, .decided = e->position, .from = e->from};
}

static endpoint_event stop(endpoint *e) {
    bool near = e->loud_end > e->from && e->loud_end + END_SEARCH >= e->anchor;
    endpoint_event event = {.kind = ENDPOINT_STOPPED,
                            .at = near ? e->loud_end : e->anchor,
                            .decided = e->position};
    ASSERT(event.at <= event.decided);
    e->open = false;
    e->quiet = false;
    e->onset = 0;
    e->not_before = event.at;
    return event;
}

static void follow_speech(endpoint *e, float probability) {
    if (probability >= e->threshold || (!e->quiet && probability >= e->release)) {
        e->quiet = false;
        e->anchor = e->position;
    } else {
        e->quiet = true;
    }
    if (e->position - e->anchor > END_GRACE)
        return;
    note_loud(e);
}

/* Silence that ends an utterance that is `length` long. */
static uint64_t enough_silence(const endpoint *e, uint64_t length) {
    uint64_t wanted = e->mode == ENDPOINT_MANUAL ? UINT64_MAX : e->silence;
    uint64_t last_quarter = e->max / 4;
    if (length <= e->max - last_quarter)
        return wanted;
    uint64_t left = e->max > length ? e->max - length : 0;
    uint64_t soft = later(SOFT_SILENCE, e->silence * left / last_quarter);
    return soft < wanted ? soft : wanted;
}

static endpoint_event judge_end(endpoint *e) {
    uint64_t length = e->position - e->from;
    uint64_t silence = endpoint_silence(e);
    if (length + FRAME_SAMPLES > e->max) {
        endpoint_event event = stop(e);
        event.by_limit = true;
        event.continues = true;
        e->not_before = e->position;
        open_at(e, e->position);
        return event;
    }
    if (silence == 0 || silence < enough_silence(e, length))
        return (endpoint_event){.kind = ENDPOINT_NOTHING};
    bool by_limit = e->mode == ENDPOINT_MANUAL || silence < e->silence;
    endpoint_event event = stop(e);
    event.by_limit = by_limit;
    if (e->mode == ENDPOINT_MANUAL) /* every sample belongs to some utterance */
        e->not_before = e->position;
    return event;
}

endpoint_event endpoint_frame(endpoint *e, float probability, const frame_levels *levels,
                              float floor_db) {
    for (size_t p = 0; p < FRAME_PIECES; p++) {
        float level = levels->piece_db[p];
        bool loud = level > floor_db + LOUD_DB && level > LEVEL_AUDIBLE_DB;
        e->loud = e->loud << 1 | loud;
    }
    uint64_t frame_start = e->position;
    e->position += FRAME_SAMPLES;
    if (e->open) {
        follow_speech(e, probability);
        return judge_end(e);
    }
    if (e->mode == ENDPOINT_MANUAL) {
        open_at(e, frame_start);
        follow_speech(e, probability);
        return (endpoint_event){.kind = ENDPOINT_STARTED,
                                .at = frame_start,
                                .decided = e->position,
                                .from = frame_start};
    }
    e->onset = probability >= e->threshold ? e->onset + 1 : 0;
    if (e->onset >= ENDPOINT_ONSET_FRAMES)
        return start(e);
    return (endpoint_event){.kind = ENDPOINT_NOTHING};
}

void endpoint_rest(endpoint *e, size_t n) {
    ASSERT(n < FRAME_SAMPLES);
    e->position += n;
}

endpoint_event endpoint_open(endpoint *e, uint64_t from) {
    ASSERT(!e->open);
    open_at(e, from);
    e->anchor = e->position;
    return (endpoint_event){
        .kind = ENDPOINT_STARTED, .at = from, .decided = e->position, .from = from};
}

endpoint_event endpoint_commit(endpoint *e) {
    if (!e->open) {
        e->onset = 0;
        e->not_before = e->position;
        return (endpoint_event){.kind = ENDPOINT_NOTHING, .decided = e->position};
    }
    endpoint_event event = stop(e);
    e->not_before = e->position;
    return event;
}

void endpoint_clear(endpoint *e) {
    e->open = false;
    e->quiet = false;
    e->onset = 0;
    e->not_before = e->position;
}

uint64_t endpoint_silence(const endpoint *e) {
    return e->open && e->quiet ? e->position - e->anchor : 0;
}
