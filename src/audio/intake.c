#include "audio/intake.h"

#include <stdlib.h>
#include <string.h>

#include <opus.h>

#include "audio/ogg_opus.h"
#include "audio/pcm.h"
#include "audio/resample.h"
#include "audio/wav.h"
#include "base/limits.h"

#define BLOCK_FRAMES 512
#define FRAME_BYTES_MAX (PCM_CHANNELS_MAX * 8)
#define OPUS_PACKET_SAMPLES 1920 /* 120 ms at 16 kHz */

typedef enum { BY_PCM, BY_OPUS, BY_OGG, BY_WAV_HEAD, BY_MAGIC } stage;

struct audio_intake {
    stage now;
    pcm_kind kind;
    unsigned channels;
    uint64_t left;     /* bytes of PCM still to come; UINT64_MAX: until the end */
    resampler *rate;   /* NULL at 16 kHz */
    OpusDecoder *opus; /* BY_OPUS */
    ogg_opus *ogg;     /* BY_OGG */
    wav_parser *wav;   /* BY_WAV_HEAD */
    uint8_t tail[FRAME_BYTES_MAX]; /* of a frame (BY_PCM) or the magic number */
    unsigned tail_n;
};

static status set_rate(audio_intake *a, uint32_t rate_hz, diag *d) {
    if (rate_hz == LIMIT_SAMPLE_RATE_HZ)
        return OK;
    status s = resampler_create(rate_hz, LIMIT_SAMPLE_RATE_HZ, &a->rate);
    return s == OK ? OK : diag_set(d, s, "cannot resample from %u Hz", rate_hz);
}

static status open_pcm(audio_intake *a, const audio_format *f, diag *d) {
    static const pcm_kind kinds[] = {[AUDIO_S16LE] = PCM_S16,
                                     [AUDIO_F32LE] = PCM_F32,
                                     [AUDIO_MULAW] = PCM_MULAW,
                                     [AUDIO_ALAW] = PCM_ALAW};
    /* Negated, so that no value slips between the two comparisons. */
    if (!(f->rate_hz >= LIMIT_CLIENT_RATE_MIN_HZ &&
          f->rate_hz <= LIMIT_CLIENT_RATE_MAX_HZ))
        return diag_field(d, ERR_INVALID, "rate", "%u Hz; %d to %d are taken", f->rate_hz,
                          LIMIT_CLIENT_RATE_MIN_HZ, LIMIT_CLIENT_RATE_MAX_HZ);
    if (f->channels < 1 || f->channels > 2)
        return diag_field(d, ERR_INVALID, "channels", "%u; 1 or 2 are taken",
                          f->channels);
    a->now = BY_PCM;
    a->kind = kinds[f->encoding];
    a->channels = f->channels;
    a->left = UINT64_MAX;
    return set_rate(a, f->rate_hz, d);
}

static status open_format(audio_intake *a, const audio_format *f, diag *d) {
    int error = 0;
    switch (f->encoding) {
    case AUDIO_S16LE:
    case AUDIO_F32LE:
    case AUDIO_MULAW:
    case AUDIO_ALAW:
        return open_pcm(a, f, d);
    case AUDIO_OPUS:
        a->now = BY_OPUS;
        a->opus = opus_decoder_create(LIMIT_SAMPLE_RATE_HZ, 1, &error);
        return a->opus != NULL ? OK : diag_set(d, ERR_MEMORY, "no memory for Opus");
    case AUDIO_CONTAINER:
        a->now = BY_MAGIC;
        return OK;
    }
    return diag_field(d, ERR_UNSUPPORTED, "encoding",
                      "s16, f32, mu-law, A-law, Opus, WAV and Ogg Opus are taken");
}

status audio_intake_create(const audio_format *format, audio_intake **out, diag *d) {
    audio_intake *a = calloc(1, sizeof *a);
    if (a == NULL)
        return diag_set(d, ERR_MEMORY, "no memory for a session's audio");
    status s = open_format(a, format, d);
    if (s != OK) {
        audio_intake_destroy(a);
        return s;
    }
    *out = a;
    return OK;
}

void audio_intake_destroy(audio_intake *a) {
    if (a == NULL)
        return;
    resampler_destroy(a->rate);
    ogg_opus_destroy(a->ogg);
    if (a->opus != NULL)
        opus_decoder_destroy(a->opus);
    free(a->wav);
    free(a);
}

static void take_frames(audio_intake *a, const uint8_t *bytes, size_t frames, buf *out) {
    int16_t mono[BLOCK_FRAMES];
    const size_t frame_bytes = pcm_sample_bytes(a->kind) * a->channels;
    while (frames > 0) {
        size_t n = frames < BLOCK_FRAMES ? frames : BLOCK_FRAMES;
        pcm_to_mono(a->kind, bytes, a->channels, n, mono);
        if (a->rate != NULL)
            resampler_push(a->rate, mono, n, out);
        else
            buf_add(out, mono, n * sizeof mono[0]);
        bytes += n * frame_bytes;
        frames -= n;
    }
}

static void push_pcm(audio_intake *a, const uint8_t *bytes, size_t n, buf *out) {
    const size_t frame_bytes = pcm_sample_bytes(a->kind) * a->channels;
    if (n > a->left)
        n = (size_t)a->left; /* what follows a WAV's data is not sound */
    if (a->left != UINT64_MAX)
        a->left -= n;
    if (a->tail_n > 0) {
        size_t take = frame_bytes - a->tail_n < n ? frame_bytes - a->tail_n : n;
        memcpy(a->tail + a->tail_n, bytes, take);
        a->tail_n += (unsigned)take;
        bytes += take;
        n -= take;
        if (a->tail_n < frame_bytes)
            return;
        take_frames(a, a->tail, 1, out);
        a->tail_n = 0;
    }
    size_t frames = n / frame_bytes;
    take_frames(a, bytes, frames, out);
    a->tail_n = (unsigned)(n - frames * frame_bytes);
    if (a->tail_n > 0)
        memcpy(a->tail, bytes + frames * frame_bytes, a->tail_n);
}

static status push_opus(audio_intake *a, const uint8_t *bytes, size_t n, buf *out,
                        diag *d) {
    int16_t pcm[OPUS_PACKET_SAMPLES];
    if (n == 0)
        return OK;
    if (n > INT32_MAX)
        return diag_set(d, ERR_LIMIT, "an Opus packet is too large");
    int got = opus_decode(a->opus, bytes, (opus_int32)n, pcm, OPUS_PACKET_SAMPLES, 0);
    if (got < 0)
        return diag_set(d, ERR_SYNTAX, "a broken Opus packet; one message is one packet");
    buf_add(out, pcm, (size_t)got * sizeof pcm[0]);
    return OK;
}

static status push_wav_head(audio_intake *a, const uint8_t *bytes, size_t n, buf *out,
                            diag *d) {
    size_t used = 0;
    bool done = false;
    status s = wav_push(a->wav, bytes, n, &used, &done, d);
    if (s != OK || !done)
        return s;
    wav_format w = a->wav->format;
    free(a->wav);
    a->wav = NULL;
    a->now = BY_PCM;
    a->kind = w.kind;
    a->channels = w.channels;
    a->left = w.data_bytes;
    s = set_rate(a, w.rate_hz, d);
    if (s == OK)
        push_pcm(a, bytes + used, n - used, out);
    return s;
}

static status push_any(audio_intake *a, const uint8_t *bytes, size_t n, buf *out,
                       diag *d);

/* The first four bytes of a container name it. */
static status push_magic(audio_intake *a, const uint8_t *bytes, size_t n, buf *out,
                         diag *d) {
    size_t take = 4 - a->tail_n < n ? 4 - a->tail_n : n;
    memcpy(a->tail + a->tail_n, bytes, take);
    a->tail_n += (unsigned)take;
    if (a->tail_n < 4)
        return OK;
    status s = OK;
    if (memcmp(a->tail, "OggS", 4) == 0) {
        a->now = BY_OGG;
        s = ogg_opus_create(&a->ogg);
    } else if (memcmp(a->tail, "RIFF", 4) == 0 || memcmp(a->tail, "RF64", 4) == 0) {
        a->now = BY_WAV_HEAD;
        a->wav = malloc(sizeof *a->wav);
        if (a->wav == NULL)
            s = ERR_MEMORY;
        else
            wav_init(a->wav);
    } else {
        return diag_set(d, ERR_UNSUPPORTED,
                        "the stream does not begin as WAV or Ogg Opus; raw audio needs "
                        "its encoding and rate stated");
    }
    if (s != OK)
        return diag_set(d, s, "no memory for a container");
    uint8_t magic[4];
    memcpy(magic, a->tail, sizeof magic);
    a->tail_n = 0;
    s = push_any(a, magic, sizeof magic, out, d);
    return s == OK ? push_any(a, bytes + take, n - take, out, d) : s;
}

static status push_any(audio_intake *a, const uint8_t *bytes, size_t n, buf *out,
                       diag *d) {
    switch (a->now) {
    case BY_PCM:
        push_pcm(a, bytes, n, out);
        return OK;
    case BY_OPUS:
        return push_opus(a, bytes, n, out, d);
    case BY_OGG:
        return ogg_opus_push(a->ogg, bytes, n, out, d);
    case BY_WAV_HEAD:
        return push_wav_head(a, bytes, n, out, d);
    case BY_MAGIC:
        return push_magic(a, bytes, n, out, d);
    }
    return ERR_STATE;
}

status audio_intake_push(audio_intake *a, const uint8_t *bytes, size_t n, buf *out,
                         diag *d) {
    status s = n > 0 ? push_any(a, bytes, n, out, d) : OK;
    if (s == OK && out->failed)
        return diag_set(d, ERR_LIMIT, "more audio at once than there is room for");
    return s;
}

status audio_intake_flush(audio_intake *a, buf *out, diag *d) {
    if (a->rate != NULL)
        resampler_end(a->rate, out);
    if (out->failed)
        return diag_set(d, ERR_LIMIT, "more audio at once than there is room for");
    return OK;
}
