#include "engine/moonshine/stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "engine/moonshine/commit.h"
#include "engine/moonshine/loudness.h"

#define DONE_MAX 512           /* tokens of one utterance: 200 a piece, few pieces */
#define FIRST_ALLOCATION 65536 /* samples: 4 s, what most utterances need at most */
#define CENTRE_SAMPLES 447     /* middle of what a frame sees, from its first sample */
#define SETTLE_SAMPLES 1600 /* 100 ms of silence a word's end needs to be heard whole */
#define SPEECH_FRAMES 15    /* 300 ms of loud frames: there must be words in it */
#define CUT_POWER 4e-4f     /* RMS 0.02: no cut through anything louder at trim_ms */
#define BROKE_AFTER_MS 600  /* after the last token's centre its word is over */
#define BROKE_BEFORE_MS 300 /* the last sounds may belong to a word not whole yet */
#define BROKE_FRAMES 50     /* 1 s of loud frames between: words are missing */
#define GAP_MS 1500         /* the pause after the last word begins within this */
#define BREAKS_MAX 8        /* of one step */
#define TOKENS_PER_S 8
#define TOKENS_BASE 8

struct stream {
    const stream_settings *settings;
    const tokens *vocabulary;
    rostrum_stop stop;
    int16_t *pcm; /* [capacity] the whole utterance */
    size_t samples;
    size_t capacity;
    hearing *hearing; /* what is kept of the piece between steps */
    moonshine_audio *audio;
    moonshine_state *state;
    size_t base;    /* first sample of the piece in progress */
    size_t decoded; /* samples that the last step had heard; 0: no step yet */
    loudness loud;
    size_t first_loud; /* sample of the first loud frame's end; 0: none */
    size_t committed;  /* tokens of the piece's hypotheses that are settled */
    size_t n_past;     /* hypotheses of this piece, newest first */
    hypothesis past[STREAM_AGREE_MAX];
    size_t n_done; /* tokens of the pieces before */
    timed_token done[DONE_MAX];
    bool finished;
    words words;
};

static size_t of_ms(uint32_t ms) {
    return (size_t)ms * (STREAM_RATE_HZ / 1000);
}

status stream_compute_init(const moonshine_encoder *encoder,
                           const moonshine_decoder *decoder, bool whole,
                           stream_compute *out, diag *d) {
    stream_compute c = {.encoder = encoder, .decoder = decoder};
    c.pcm = malloc((of_ms(STREAM_LEAD_MAX_MS) + STREAM_SAMPLES_MAX) * sizeof *c.pcm);
    status s = c.pcm ? encoder_scratch_create(encoder, &c.scratch) : ERR_MEMORY;
    if (s == OK && whole)
        s = moonshine_state_create(decoder, &c.state);
    if (s == OK && whole)
        s = moonshine_audio_create(decoder, &c.audio);
    if (s == OK && whole)
        s = hearing_create(encoder, &c.hearing);
    if (s != OK) {
        stream_compute_deinit(&c);
        return diag_set(d, s, "no memory for a decoding thread");
    }
    *out = c;
    return OK;
}

void stream_compute_deinit(stream_compute *c) {
    moonshine_state_destroy(c->state);
    moonshine_audio_destroy(c->audio);
    encoder_scratch_destroy(c->scratch);
    hearing_destroy(c->hearing);
    free(c->pcm);
    *c = (stream_compute){0};
}

size_t stream_bytes(const moonshine_encoder *encoder, const moonshine_decoder *decoder) {
    size_t pcm = 2 * STREAM_SAMPLES_MAX * sizeof(int16_t); /* moved once while it grows */
    return sizeof(stream) + pcm + hearing_bytes(encoder) +
           moonshine_audio_bytes(decoder) + moonshine_state_bytes(decoder);
}

status stream_create(const stream_settings *settings, const tokens *vocabulary,
                     const moonshine_encoder *encoder, const moonshine_decoder *decoder,
                     rostrum_stop stop, stream **out) {
    ASSERT(settings->agree >= 2 && settings->agree <= STREAM_AGREE_MAX);
    ASSERT(settings->lead_ms <= STREAM_LEAD_MAX_MS);
    stream *s = calloc(1, sizeof *s);
    if (!s || hearing_create(encoder, &s->hearing) != OK ||
        moonshine_audio_create(decoder, &s->audio) != OK ||
        moonshine_state_create(decoder, &s->state) != OK) {
        stream_destroy(s);
        return ERR_MEMORY;
    }
    s->settings = settings;
    s->vocabulary = vocabulary;
    s->stop = stop;
    *out = s;
    return OK;
}

/* What only the live decoding needs, up to 1 MB a second of audio. */
static void forget_live(stream *s) {
    hearing_destroy(s->hearing);
    moonshine_state_destroy(s->state);
    moonshine_audio_destroy(s->audio);
    s->hearing = NULL;
    s->state = NULL;
    s->audio = NULL;
}

void stream_destroy(stream *s) {
    if (!s)
        return;
    forget_live(s);
    free(s->pcm);
    free(s);
}

status stream_feed(stream *s, const float *pcm, size_t n) {
    if (n > STREAM_SAMPLES_MAX - s->samples)
        return ERR_LIMIT;
    if (s->samples + n > s->capacity) {
        size_t more = s->capacity ? s->capacity * 2 : FIRST_ALLOCATION;
        while (more < s->samples + n)
            more *= 2;
        if (more > STREAM_SAMPLES_MAX)
            more = STREAM_SAMPLES_MAX;
        int16_t *grown = realloc(s->pcm, more * sizeof *grown);
        if (!grown)
            return ERR_MEMORY;
        s->pcm = grown;
        s->capacity = more;
    }
    for (size_t i = 0; i < n; i++) {
        float v = pcm[i] * 32768.0f;
        s->pcm[s->samples + i] = v >= 32767.0f    ? 32767
                                 : v <= -32768.0f ? -32768
                                 : v == v         ? (int16_t)lrintf(v)
                                                  : 0;
    }
    loudness_feed(&s->loud, pcm, n);
    s->samples += n;
    if (s->first_loud == 0)
        s->first_loud = s->loud.loud_until;
    return OK;
}

/* Speech has been fed that no step has heard whole. */
static bool unheard(const stream *s) {
    return s->loud.loud_until > 0 &&
           (s->decoded == 0 || s->loud.loud_until + SETTLE_SAMPLES > s->decoded);
}

bool stream_due(const stream *s, float load) {
    const stream_settings *set = s->settings;
    size_t fresh = s->samples - s->decoded;
    if (s->finished || !unheard(s) || s->samples - s->base < MOONSHINE_SAMPLES_MIN)
        return false;
    if (s->samples - s->loud.loud_until >= of_ms(set->pause_ms) &&
        s->decoded < s->loud.loud_until + SETTLE_SAMPLES)
        return true;
    if (s->decoded == 0)
        return s->samples + LOUDNESS_FRAME_SAMPLES - s->first_loud >=
               of_ms(set->first_ms);
    bool silent = s->n_done == 0 && s->past[0].n == 0;
    if (silent) /* nothing to show yet: soon again, the piece is short */
        return fresh >= of_ms(set->first_ms) / 2;
    uint32_t hop = load < 0.75f ? set->hop_ms : load < 1.0f ? set->busy_ms : set->full_ms;
    return fresh >= of_ms(hop);
}

static uint64_t thread_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A piece of audio to decode. */
typedef struct {
    const int16_t *pcm;
    size_t samples;
    size_t lead;   /* zeros before it */
    hearing *into; /* what is known of it from before */
    moonshine_audio *audio;
    moonshine_state *state;
    encoder_settle settle;
} piece;

/* Encodes a piece and searches its text. */
static status hear(const stream *s, stream_compute *c, const piece *p, search_plan *plan,
                   hypothesis *out, diag *d) {
    stream_meter *meter = c->meter;
    uint64_t start = meter ? thread_ns() : 0;
    size_t n = p->lead + p->samples;
    memset(c->pcm, 0, p->lead * sizeof *c->pcm);
    for (size_t i = 0; i < p->samples; i++)
        c->pcm[p->lead + i] = (float)p->pcm[i] * (1.0f / 32768.0f);
    const float *states = NULL;
    size_t fresh = 0;
    status result = moonshine_encode(c->encoder, c->scratch, p->into, c->pcm, n,
                                     p->settle, s->stop, &states, &fresh);
    if (result != OK)
        return diag_set(d, result, "the encoder: %s", status_text(result));
    uint64_t encoded = meter ? thread_ns() : 0;
    result = moonshine_audio_update(c->decoder, p->state, p->audio, states,
                                    moonshine_frames(n), fresh);
    if (result != OK)
        return diag_set(d, result, "no memory for a piece of audio");
    if (fresh == 0)
        moonshine_state_listen(p->state, p->audio);
    size_t cached = moonshine_position(p->state);
    plan->cached = cached < plan->forced ? cached : plan->forced;
    uint64_t begun = meter ? thread_ns() : 0;
    plan->tokens_max = TOKENS_BASE + n * TOKENS_PER_S / STREAM_RATE_HZ;
    if (plan->tokens_max > SEARCH_TOKENS_MAX)
        plan->tokens_max = SEARCH_TOKENS_MAX;
    if (plan->tokens_max < plan->forced)
        plan->tokens_max = plan->forced;
    plan->stop = s->stop;
    result = search_run(c->decoder, p->state, plan, out, meter ? &meter->counts : NULL);
    if (meter) {
        meter->encode_ns += encoded - start;
        meter->begin_ns += begun - encoded;
        meter->search_ns += thread_ns() - begun;
        meter->audio_samples += n - fresh * MOONSHINE_FRAME_SAMPLES;
        meter->passes++;
    }
    return result;
}

/* Time of a frame of a piece that starts at sample `base`, in ms from the first sample.
 */
static int32_t frame_ms(size_t base, uint16_t frame, size_t lead) {
    int64_t at =
        (int64_t)base + frame * MOONSHINE_FRAME_SAMPLES + CENTRE_SAMPLES - (int64_t)lead;
    return at < 0 ? 0 : (int32_t)(at * 1000 / STREAM_RATE_HZ);
}

/* Appends tokens [0, n) of h with their times to done. */
static size_t add_timed(timed_token *to, size_t n_to, const hypothesis *h, size_t n,
                        size_t base, size_t lead) {
    const size_t first = n_to;
    for (size_t i = 0; i < n && n_to < DONE_MAX; i++)
        to[n_to++] = (timed_token){.token = h->tokens[i].token,
                                   .ends_word = h->tokens[i].ends_word,
                                   .probability = h->tokens[i].probability,
                                   .at_ms = frame_ms(base, h->tokens[i].frame, lead)};
    words_order_times(to + first, n_to - first, first > 0 ? to[first - 1].at_ms : 0);
    return n_to;
}

/* Sample of the piece that a frame is centred on. */
static size_t frame_sample(uint16_t frame, size_t lead) {
    size_t at = (size_t)frame * MOONSHINE_FRAME_SAMPLES + CENTRE_SAMPLES;
    return at > lead ? at - lead : 0;
}

/* Moves what lies before the cut of the piece to done. */
static void cut_piece(stream *s, const commit_cut *cut) {
    size_t lead = of_ms(s->settings->lead_ms);
    s->n_done = add_timed(s->done, s->n_done, &s->past[0], cut->tokens, s->base, lead);
    if (s->n_done > 0)
        s->done[s->n_done - 1].ends_word = true;
    size_t frames = cut->sample / MOONSHINE_FRAME_SAMPLES;
    for (size_t h = 0; h < s->n_past; h++) {
        hypothesis *p = &s->past[h];
        size_t drop = cut->tokens < p->n ? cut->tokens : p->n;
        memmove(p->tokens, p->tokens + drop, (p->n - drop) * sizeof p->tokens[0]);
        p->n -= drop;
        for (size_t i = 0; i < p->n; i++)
            p->tokens[i].frame =
                (uint16_t)(p->tokens[i].frame > frames ? p->tokens[i].frame - frames : 0);
    }
    hearing_restart(s->hearing);
    s->base += cut->sample;
    s->committed -= cut->tokens;
}

/* Cuts the piece when it is too long and has a quiet enough gap. The longer it is, the
 * louder the gap may be: a long piece costs every later step. */
static void trim(stream *s) {
    size_t limit = of_ms(s->settings->trim_ms);
    size_t length = s->samples - s->base;
    if (limit == 0 || length < limit || s->committed == 0)
        return;
    const hypothesis *h = &s->past[0];
    size_t lead = of_ms(s->settings->lead_ms);
    commit_gap gaps[SEARCH_TOKENS_MAX];
    size_t n = 0;
    for (size_t i = 1; i <= s->committed && i < h->n; i++)
        if (tokens_starts_word(s->vocabulary, h->tokens[i].token))
            gaps[n++] = (commit_gap){.tokens = i,
                                     .from = frame_sample(h->tokens[i - 1].frame, lead),
                                     .stop = frame_sample(h->tokens[i].frame, lead)};
    commit_cut cut;
    float over = (float)length / (float)limit;
    if (commit_quietest(gaps, n, s->pcm + s->base, length, length * 35 / 100, length,
                        &cut) &&
        cut.power < CUT_POWER * over * over * over * over)
        cut_piece(s, &cut);
}

static void commit(stream *s) {
    const hypothesis *hyps[STREAM_AGREE_MAX];
    size_t n = s->settings->agree;
    if (s->n_past < n)
        return;
    for (size_t i = 0; i < n; i++)
        hyps[i] = &s->past[i];
    size_t heard_samples = s->decoded - s->base + of_ms(s->settings->lead_ms);
    size_t guard = of_ms(s->settings->guard_ms) + CENTRE_SAMPLES;
    if (heard_samples <= guard)
        return;
    size_t last = (heard_samples - guard) / MOONSHINE_FRAME_SAMPLES;
    size_t settled = commit_agreed(s->vocabulary, hyps, n, s->committed, (uint16_t)last);
    if (settled == s->committed)
        return;
    s->committed = settled;
    s->past[0].tokens[settled - 1].ends_word = true;
}

static void commit_all(stream *s) {
    s->committed = s->n_past ? s->past[0].n : 0;
    s->finished = true;
    forget_live(s); /* utterances queue for their second pass */
}

static size_t frames_of(uint32_t ms) {
    return of_ms(ms) / MOONSHINE_FRAME_SAMPLES;
}

/* True when the voice went on after the last word heard in the samples up to `until`:
 * the decoder sometimes takes a pause for the end. */
static bool broke_off(const stream *s, size_t last_word, size_t until) {
    size_t from = last_word + of_ms(BROKE_AFTER_MS), tail = of_ms(BROKE_BEFORE_MS);
    return until > tail && loudness_count(&s->loud, from, until - tail) >= BROKE_FRAMES;
}

/* The quietest place after the last word of a text that broke off. */
static size_t break_at(const stream *s, size_t last_word, size_t until) {
    commit_gap gap = {.from = last_word, .stop = last_word + of_ms(GAP_MS)};
    commit_cut cut;
    return commit_quietest(&gap, 1, s->pcm, until, 0, until, &cut) ? cut.sample
                                                                   : last_word;
}

/* Sample of the utterance that the last token of the piece at `base` is centred on. */
static size_t last_word_at(const hypothesis *h, size_t base, size_t lead) {
    return h->n ? base + frame_sample(h->tokens[h->n - 1].frame, lead) : base;
}

/* Decodes the piece in progress; settle says what may be kept of it. */
static status decode_piece(stream *s, stream_compute *c, encoder_settle settle,
                           hypothesis *out, diag *d) {
    static const hypothesis nothing;
    piece p = {.pcm = s->pcm + s->base,
               .samples = s->samples - s->base,
               .lead = of_ms(s->settings->lead_ms),
               .into = s->hearing,
               .audio = s->audio,
               .state = s->state,
               .settle = settle};
    search_plan plan = {.draft = s->n_past ? &s->past[0] : &nothing,
                        .forced = s->committed,
                        .never_empty =
                            s->base == 0 && s->loud.loud_frames >= SPEECH_FRAMES};
    return hear(s, c, &p, &plan, out, d);
}

/* Ends the piece after its last word; the next begins in the pause that follows. */
static void break_piece(stream *s, const hypothesis *h) {
    size_t lead = of_ms(s->settings->lead_ms);
    size_t at = break_at(s, last_word_at(h, s->base, lead), s->samples);
    s->n_done = add_timed(s->done, s->n_done, h, h->n, s->base, lead);
    s->done[s->n_done - 1].ends_word = true;
    hearing_restart(s->hearing);
    s->base = at;
    s->n_past = 0;
    s->committed = 0;
}

/* Decodes the piece in progress into past[0]. When the text breaks off it is heard once
 * more without anything kept, and if that does not help in two pieces. */
static status decode(stream *s, stream_compute *c, diag *d) {
    encoder_settle settle = {.lower = frames_of(s->settings->settle_lower_ms),
                             .upper = frames_of(s->settings->settle_ms)};
    hypothesis newest;
    status result = decode_piece(s, c, settle, &newest, d);
    for (size_t i = 0; result == OK && i < BREAKS_MAX && newest.n > 0; i++) {
        size_t last = last_word_at(&newest, s->base, of_ms(s->settings->lead_ms));
        if (!broke_off(s, last, s->samples))
            break;
        if (i > 0)
            break_piece(s, &newest);
        hearing_restart(s->hearing);
        if (s->samples - s->base < MOONSHINE_SAMPLES_MIN)
            newest.n = 0;
        else
            result = decode_piece(s, c, settle, &newest, d);
    }
    if (result != OK)
        return result;
    size_t keep = s->settings->agree;
    memmove(&s->past[1], &s->past[0], (keep - 1) * sizeof s->past[0]);
    s->past[0] = newest;
    if (s->n_past < keep)
        s->n_past++;
    s->decoded = s->samples;
    return OK;
}

status stream_step(stream *s, stream_compute *c, diag *d) {
    ASSERT(!s->finished);
    if (s->samples - s->base < MOONSHINE_SAMPLES_MIN)
        return OK;
    status result = decode(s, c, d);
    if (result != OK)
        return result;
    commit(s);
    trim(s);
    return OK;
}

status stream_finish(stream *s, stream_compute *c, diag *d) {
    ASSERT(!s->finished);
    if (unheard(s) && s->samples - s->base >= MOONSHINE_SAMPLES_MIN) {
        status result = decode(s, c, d);
        if (result != OK)
            return result;
    }
    commit_all(s);
    return OK;
}

/* Puts the tokens of spoken[from..stop) into a draft without times. */
static void draft_of(const timed_token *spoken, size_t from, size_t stop,
                     hypothesis *out) {
    out->n = 0;
    for (size_t i = from; i < stop && out->n < SEARCH_TOKENS_MAX; i++)
        out->tokens[out->n++] = (heard){.token = spoken[i].token};
}

/* The next piece of the second pass: from sample `from`, first live token `first`. */
static commit_cut next_piece(const stream *s, const timed_token *live, size_t n,
                             size_t from, size_t first) {
    size_t longest = of_ms(s->settings->final_piece_ms);
    size_t left = s->samples - from;
    commit_cut cut = {.tokens = n, .sample = left};
    if (left <= longest)
        return cut;
    commit_gap gaps[DONE_MAX];
    size_t n_gaps = 0;
    for (size_t i = first + 1; i < n; i++) {
        if (!tokens_starts_word(s->vocabulary, live[i].token))
            continue;
        size_t before = of_ms((uint32_t)live[i - 1].at_ms),
               at = of_ms((uint32_t)live[i].at_ms);
        if (before >= from)
            gaps[n_gaps++] =
                (commit_gap){.tokens = i, .from = before - from, .stop = at - from};
    }
    commit_cut found;
    if (commit_quietest(gaps, n_gaps, s->pcm + from, left, longest / 2, longest, &found))
        return found;
    cut.sample = longest; /* no word boundary at all: cut anywhere, decode on */
    for (cut.tokens = first; cut.tokens < n; cut.tokens++)
        if (of_ms((uint32_t)live[cut.tokens].at_ms) >= from + longest)
            break;
    return cut;
}

status stream_second_pass(stream *s, stream_compute *c, diag *d) {
    ASSERT(s->finished);
    if (s->loud.loud_frames == 0 || s->samples < MOONSHINE_SAMPLES_MIN)
        return OK;
    size_t lead = of_ms(s->settings->lead_ms);
    size_t final_lead = of_ms(s->settings->final_lead_ms);
    timed_token live[DONE_MAX];
    memcpy(live, s->done, s->n_done * sizeof live[0]);
    size_t n_live =
        s->n_past ? add_timed(live, s->n_done, &s->past[0], s->past[0].n, s->base, lead)
                  : s->n_done;
    timed_token better[DONE_MAX];
    size_t n_better = 0, first = 0;
    for (size_t from = 0; s->samples - from >= MOONSHINE_SAMPLES_MIN;) {
        commit_cut cut = next_piece(s, live, n_live, from, first);
        hypothesis draft, out;
        draft_of(live, first, cut.tokens, &draft);
        piece p = {.pcm = s->pcm + from,
                   .samples = cut.sample,
                   .lead = final_lead,
                   .into = c->hearing,
                   .audio = c->audio,
                   .state = c->state,
                   .settle = {.lower = SIZE_MAX, .upper = SIZE_MAX}};
        hearing_restart(c->hearing);
        search_plan plan = {.draft = &draft,
                            .never_empty =
                                from == 0 && s->loud.loud_frames >= SPEECH_FRAMES};
        status result = hear(s, c, &p, &plan, &out, d);
        if (result != OK)
            return result;
        n_better = add_timed(better, n_better, &out, out.n, from, final_lead);
        if (n_better > 0)
            better[n_better - 1].ends_word = true;
        size_t last = last_word_at(&out, from, final_lead);
        if (out.n > 0 && broke_off(s, last, from + cut.sample)) {
            from = break_at(s, last, from + cut.sample);
            while (first < n_live && of_ms((uint32_t)live[first].at_ms) < from)
                first++;
        } else {
            from += cut.sample;
            first = cut.tokens;
        }
    }
    words_borrow_times(better, n_better, live, n_live);
    memcpy(s->done, better, n_better * sizeof better[0]);
    s->n_done = n_better;
    s->n_past = 0;
    s->committed = 0;
    return OK;
}

rostrum_hypothesis stream_words(stream *s) {
    timed_token all[DONE_MAX];
    size_t lead = of_ms(s->settings->lead_ms);
    memcpy(all, s->done, s->n_done * sizeof all[0]);
    size_t settled =
        s->n_past ? add_timed(all, s->n_done, &s->past[0], s->committed, s->base, lead)
                  : s->n_done;
    words_build(s->vocabulary, all, settled, &s->words);
    size_t committed = s->words.n;
    if (s->n_past && s->past[0].n > s->committed) {
        size_t n = add_timed(all, s->n_done, &s->past[0], s->past[0].n, s->base, lead);
        words_build(s->vocabulary, all, n, &s->words);
    }
    return (rostrum_hypothesis){.words = s->words.n ? s->words.words : NULL,
                                .n_words = s->words.n,
                                .committed = committed};
}
