/* engine/moonshine/stream.h: one utterance, decoded again and again while it grows.
 *
 * The model hears whole pieces only, so each step encodes the piece in progress anew;
 * what keeps that cheap and steady:
 *
 *   committed prefix   words that the last `agree` hypotheses share and that were spoken
 *                      more than guard_ms ago are committed: given to the decoder,
 *                      never shown otherwise again
 *   draft              the rest of the last hypothesis is checked in one decoder run
 *   trim               past trim_ms the piece is cut at the quietest gap between
 *                      committed words; the words before it are done
 *   hop                a step every hop_ms, less often under pressure, and one soon after
 *                      speech pauses (pause_ms), so that the end of an utterance is
 *                      usually decoded before anyone decides that it is the end
 *   quiet              audio that has only silence added to it is not decoded again
 *   lead               lead_ms of zeros before each piece: an abrupt start otherwise
 *                      reads as the end of text
 *
 * After finish the second pass decodes the whole utterance with a better model, in
 * pieces of at most final_piece_ms cut at pauses, with the live words as its draft.
 *
 * Source: the feasibility study's run K, and what bench_moonshine_wer says since. A
 * stream is used by one thread at a time. Memory while it lives: 4.5 MB (tiny) for 3 s of
 * audio, 14 MB for 10 s, and no more than a piece of trim_ms needs; nothing after. */
#ifndef ROSTRUM_MOONSHINE_STREAM_H
#define ROSTRUM_MOONSHINE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "engine/moonshine/decoder.h"
#include "engine/moonshine/encoder.h"
#include "engine/moonshine/search.h"
#include "engine/moonshine/words.h"
#include "rostrum/engine.h"

#define STREAM_RATE_HZ 16000
#define STREAM_SAMPLES_MAX (LIMIT_UTTERANCE_S * STREAM_RATE_HZ)
#define STREAM_AGREE_MAX 4
#define STREAM_LEAD_MAX_MS 500

/* How to decode live; all but agree in milliseconds. */
typedef struct {
    uint32_t first_ms;        /* audio before the first step */
    uint32_t hop_ms;          /* new audio before another step, load below 0.75 */
    uint32_t busy_ms;         /* the same for a load below 1 */
    uint32_t full_ms;         /* the same for a load of 1 and above */
    uint32_t pause_ms;        /* silence after which a step comes early */
    uint32_t guard_ms;        /* younger words are not committed */
    uint32_t trim_ms;         /* piece length that asks for a cut; 0: never cut */
    uint32_t lead_ms;         /* zeros before a piece, <= STREAM_LEAD_MAX_MS */
    uint32_t settle_ms;       /* audio after a frame that settles its encoding for good */
    uint32_t settle_lower_ms; /* the same for the lower layers, <= settle_ms */
    uint32_t agree;           /* hypotheses that must agree, 2..STREAM_AGREE_MAX */
    uint32_t final_lead_ms;   /* second pass: zeros before a piece */
    uint32_t final_piece_ms;  /* second pass: longest piece */
} stream_settings;

/* Where a pass's time went, in thread CPU nanoseconds; for measuring only. */
typedef struct {
    uint64_t encode_ns;
    uint64_t begin_ns;
    uint64_t search_ns;
    uint64_t audio_samples; /* encoded, lead included */
    uint32_t passes;
    search_counts counts;
} stream_meter;

/* One model and the scratch memory of one thread: what decoding a piece needs. */
typedef struct {
    const moonshine_encoder *encoder;
    const moonshine_decoder *decoder;
    encoder_scratch *scratch;
    moonshine_state *state; /* NULL in a lane for live steps only: a stream has its own */
    moonshine_audio *audio; /* the same */
    hearing *hearing;       /* the same */
    float *pcm;             /* [STREAM_LEAD_MAX + STREAM_SAMPLES_MAX] */
    stream_meter *meter;    /* NULL: nothing is measured */
} stream_compute;

/* whole: for stream_second_pass. */
MUST_CHECK status stream_compute_init(const moonshine_encoder *encoder,
                                      const moonshine_decoder *decoder, bool whole,
                                      stream_compute *out, diag *d);
void stream_compute_deinit(stream_compute *c); /* takes a zeroed one */

typedef struct stream stream;

/* Bytes a stream of the longest utterance may take. */
size_t stream_bytes(const moonshine_encoder *encoder, const moonshine_decoder *decoder);

/* All but stop outlive the stream; encoder and decoder are those of the lanes that will
 * step it.
 * stop.asked may be NULL. ERR_MEMORY. */
MUST_CHECK status stream_create(const stream_settings *settings, const tokens *vocabulary,
                                const moonshine_encoder *encoder,
                                const moonshine_decoder *decoder, rostrum_stop stop,
                                stream **out);
void stream_destroy(stream *s); /* takes NULL */

/* Appends pcm[n]. ERR_LIMIT: past STREAM_SAMPLES_MAX, nothing kept; ERR_MEMORY. */
MUST_CHECK status stream_feed(stream *s, const float *pcm, size_t n);

/* A step now would be worth its cost. load as rostrum_pressure. */
bool stream_due(const stream *s, float load);

/* Decodes what was fed. ERR_CANCELLED, ERR_ENGINE. */
MUST_CHECK status stream_step(stream *s, stream_compute *c, diag *d);

/* Decodes the rest, if any of it was speech, and commits everything. */
MUST_CHECK status stream_finish(stream *s, stream_compute *c, diag *d);

/* The whole utterance by `c` after stream_finish; replaces the words. */
MUST_CHECK status stream_second_pass(stream *s, stream_compute *c, diag *d);

/* The present words; valid until the next call. */
rostrum_hypothesis stream_words(stream *s);

#endif
