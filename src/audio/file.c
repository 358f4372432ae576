#include "audio/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sndfile.h>

#include "audio/pcm.h"
#include "audio/resample.h"
#include "base/buf.h"
#include "base/limits.h"

#define BLOCK_FRAMES 512
#define PENDING_BYTES                                                                    \
    (64u << 10)            /* 512 frames at 4 kHz become 4 KiB; the rest is slack */
#define DURATION_MAX_S 1e6 /* a header that claims more is not believed */

struct audio_file {
    SNDFILE *snd;
    const uint8_t *data; /* borrowed; NULL: from a path */
    sf_count_t size, at;
    int channels;
    resampler *rate; /* NULL at 16 kHz */
    buf pending;     /* samples made and not yet read */
    size_t given;    /* bytes of pending already read */
    int ended;
};

static sf_count_t memory_size(void *user) {
    return ((audio_file *)user)->size;
}

static sf_count_t memory_seek(sf_count_t offset, int whence, void *user) {
    audio_file *f = user;
    sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? f->at : f->size;
    if (offset < -from || offset > f->size - from)
        return -1;
    f->at = from + offset;
    return f->at;
}

static sf_count_t memory_read(void *to, sf_count_t n, void *user) {
    audio_file *f = user;
    if (n <= 0)
        return 0;
    if (n > f->size - f->at)
        n = f->size - f->at;
    memcpy(to, f->data + f->at, (size_t)n);
    f->at += n;
    return n;
}

static sf_count_t memory_write(const void *from, sf_count_t n, void *user) {
    (void)from, (void)n, (void)user;
    return 0;
}

static sf_count_t memory_tell(void *user) {
    return ((audio_file *)user)->at;
}

static const char *format_name(int format) {
    switch (format & SF_FORMAT_TYPEMASK) {
    case SF_FORMAT_WAV:
    case SF_FORMAT_WAVEX:
    case SF_FORMAT_RF64:
    case SF_FORMAT_W64:
        return "wav";
    case SF_FORMAT_FLAC:
        return "flac";
    case SF_FORMAT_OGG:
        return "ogg";
    case SF_FORMAT_MPEG:
        return "mp3";
    case SF_FORMAT_AIFF:
        return "aiff";
    case SF_FORMAT_AU:
        return "au";
    case SF_FORMAT_CAF:
        return "caf";
    default:
        return NULL;
    }
}

static status open_failed(diag *d) {
    int why = sf_error(NULL);
    if (why == SF_ERR_MALFORMED_FILE)
        return diag_set(d, ERR_SYNTAX, "the file is broken");
    if (why == SF_ERR_UNRECOGNISED_FORMAT || why == SF_ERR_UNSUPPORTED_ENCODING)
        return diag_set(d, ERR_UNSUPPORTED,
                        "not audio we read; wav, flac, ogg, mp3, aiff, au and caf are");
    /* libsndfile's other codes name the damage it met in a header of a known kind. */
    return diag_set(d, ERR_SYNTAX, "the file cannot be read as audio");
}

static status check(audio_file *f, const SF_INFO *info, audio_file_info *out, diag *d) {
    const char *name = format_name(info->format);
    if (name == NULL)
        return diag_set(d, ERR_UNSUPPORTED,
                        "not audio we read; wav, flac, ogg, mp3, aiff, au and caf are");
    if (info->channels < 1 || info->channels > PCM_CHANNELS_MAX)
        return diag_set(d, ERR_LIMIT, "%d channels; 1 to %d are taken", info->channels,
                        PCM_CHANNELS_MAX);
    if (info->samplerate < RESAMPLE_RATE_MIN_HZ ||
        info->samplerate > RESAMPLE_RATE_MAX_HZ)
        return diag_set(d, ERR_LIMIT, "%d Hz; %d to %d are taken", info->samplerate,
                        RESAMPLE_RATE_MIN_HZ, RESAMPLE_RATE_MAX_HZ);
    f->channels = info->channels;
    if (info->samplerate != LIMIT_SAMPLE_RATE_HZ) {
        status s = resampler_create((uint32_t)info->samplerate, &f->rate);
        if (s != OK)
            return diag_set(d, s, "no memory to resample");
    }
    if (out != NULL) {
        double seconds = (double)info->frames / info->samplerate;
        *out = (audio_file_info){.rate_hz = (uint32_t)info->samplerate,
                                 .channels = (uint32_t)info->channels};
        out->duration_s = seconds > 0 && seconds <= DURATION_MAX_S ? seconds : 0;
        snprintf(out->format, sizeof out->format, "%s", name);
    }
    return OK;
}

static status finish_open(audio_file *f, const SF_INFO *info, audio_file **out,
                          audio_file_info *out_info, diag *d) {
    status s = f->snd != NULL ? check(f, info, out_info, d) : open_failed(d);
    if (s != OK) {
        audio_file_destroy(f);
        return s;
    }
    *out = f;
    return OK;
}

static audio_file *make(void) {
    audio_file *f = calloc(1, sizeof *f);
    if (f != NULL)
        buf_init(&f->pending, PENDING_BYTES);
    return f;
}

status audio_file_open_memory(const uint8_t *data, size_t n, audio_file **out,
                              audio_file_info *out_info, diag *d) {
    static SF_VIRTUAL_IO memory = {memory_size, memory_seek, memory_read, memory_write,
                                   memory_tell};
    audio_file *f = make();
    if (f == NULL)
        return diag_set(d, ERR_MEMORY, "no memory to read a file");
    SF_INFO info = {0};
    f->data = data;
    f->size = (sf_count_t)n;
    f->snd = sf_open_virtual(&memory, SFM_READ, &info, f);
    return finish_open(f, &info, out, out_info, d);
}

status audio_file_open_path(const char *path, audio_file **out, audio_file_info *out_info,
                            diag *d) {
    FILE *probe = fopen(path, "rb"); /* libsndfile does not say why it could not */
    diag_at(d, path, 0, 0);
    if (probe == NULL)
        return diag_set(d, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s",
                        strerror(errno));
    fclose(probe);
    audio_file *f = make();
    if (f == NULL)
        return diag_set(d, ERR_MEMORY, "no memory to read a file");
    SF_INFO info = {0};
    f->snd = sf_open(path, SFM_READ, &info);
    return finish_open(f, &info, out, out_info, d);
}

void audio_file_destroy(audio_file *f) {
    if (f == NULL)
        return;
    if (f->snd != NULL)
        sf_close(f->snd);
    resampler_destroy(f->rate);
    buf_deinit(&f->pending);
    free(f);
}

/* Decodes one block into pending. */
static void refill(audio_file *f) {
    float block[BLOCK_FRAMES * PCM_CHANNELS_MAX];
    int16_t mono[BLOCK_FRAMES];
    buf_clear(&f->pending);
    f->given = 0;
    sf_count_t got = sf_readf_float(f->snd, block, BLOCK_FRAMES);
    for (sf_count_t i = 0; i < got; i++) {
        float sum = 0;
        for (int c = 0; c < f->channels; c++)
            sum += block[i * f->channels + c];
        mono[i] = pcm_from_float(sum / (float)f->channels);
    }
    if (got <= 0) {
        f->ended = 1;
        if (f->rate != NULL)
            resampler_end(f->rate, &f->pending);
    } else if (f->rate != NULL) {
        resampler_push(f->rate, mono, (size_t)got, &f->pending);
    } else {
        buf_add(&f->pending, mono, (size_t)got * sizeof mono[0]);
    }
}

status audio_file_read(audio_file *f, int16_t *out, size_t max, size_t *out_n, diag *d) {
    size_t n = 0;
    while (n < max) {
        size_t left = (f->pending.size - f->given) / sizeof *out;
        if (left == 0 && f->ended)
            break;
        if (left == 0) {
            refill(f);
            if (f->pending.failed)
                return diag_set(d, ERR_MEMORY, "no memory to decode a file");
            continue;
        }
        size_t take = left < max - n ? left : max - n;
        memcpy(out + n, f->pending.data + f->given, take * sizeof *out);
        f->given += take * sizeof *out;
        n += take;
    }
    *out_n = n;
    return OK;
}
