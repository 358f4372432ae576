#include "audio/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sndfile.h>

#include "audio/mp3.h"
#include "audio/ogg_opus.h"
#include "audio/pcm.h"
#include "audio/resample.h"
#include "base/buf.h"
#include "base/limits.h"

#define BLOCK_FRAMES 512
#define BLOCK_OGG_BYTES 512
#define PENDING_BYTES                                                                    \
    (48u << 20)            /* a hostile Ogg page of 64 KiB at the densest we take */
#define DURATION_MAX_S 1e6 /* a header that claims more is not believed */
#define FORMATS "wav, flac, mp3 and Ogg Opus are read"

struct audio_file {
    const uint8_t *data; /* [size]; borrowed, or mapped */
    sf_count_t size, at;
    bool mapped;
    SNDFILE *snd;  /* or */
    mp3_file *mp3; /* or */
    ogg_opus *ogg;
    int channels;
    resampler *rate; /* NULL at 16 kHz */
    buf pending;     /* samples made and not yet read */
    size_t given;    /* bytes of pending already read */
    bool ended;
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

static SF_VIRTUAL_IO memory = {memory_size, memory_seek, memory_read, memory_write,
                               memory_tell};

/* What the first bytes say. NULL: none of ours. */
static const char *format_of(const uint8_t *data, size_t n) {
    if (n < 4)
        return NULL;
    if (memcmp(data, "RIFF", 4) == 0 || memcmp(data, "RF64", 4) == 0)
        return n >= 12 && memcmp(data + 8, "WAVE", 4) == 0 ? "wav" : NULL;
    if (memcmp(data, "fLaC", 4) == 0)
        return "flac";
    if (memcmp(data, "OggS", 4) == 0)
        return "ogg";
    size_t tag = mp3_tag_bytes(data, n);
    if (tag > 0) /* some put one before flac, too */
        return n - tag >= 4 && memcmp(data + tag, "fLaC", 4) == 0 ? "flac" : "mp3";
    bool frame = data[0] == 0xff && (data[1] & 0xe6) == 0xe2; /* MPEG audio, layer 3 */
    return frame ? "mp3" : NULL;
}

static bool is_format(int format, const char *name) {
    switch (format & SF_FORMAT_TYPEMASK) {
    case SF_FORMAT_WAV:
    case SF_FORMAT_WAVEX:
    case SF_FORMAT_RF64:
        return strcmp(name, "wav") == 0;
    case SF_FORMAT_FLAC:
        return strcmp(name, "flac") == 0;
    default:
        return false;
    }
}

/* What a container's head says, in samples of all channels at a time. */
static status take_head(audio_file *f, long rate_hz, int channels, double frames,
                        audio_file_info *info, diag *d) {
    if (channels < 1 || channels > PCM_CHANNELS_MAX)
        return diag_set(d, ERR_LIMIT, "%d channels; 1 to %d are taken", channels,
                        PCM_CHANNELS_MAX);
    if (rate_hz < RESAMPLE_RATE_MIN_HZ || rate_hz > RESAMPLE_RATE_MAX_HZ)
        return diag_set(d, ERR_LIMIT, "%ld Hz; %d to %d are taken", rate_hz,
                        RESAMPLE_RATE_MIN_HZ, RESAMPLE_RATE_MAX_HZ);
    f->channels = channels;
    if (rate_hz != LIMIT_SAMPLE_RATE_HZ) {
        status s = resampler_create((uint32_t)rate_hz, LIMIT_SAMPLE_RATE_HZ, &f->rate);
        if (s != OK)
            return diag_set(d, s, "no memory to resample");
    }
    double seconds = frames / (double)rate_hz;
    info->rate_hz = (uint32_t)rate_hz;
    info->channels = (uint32_t)channels;
    info->duration_s = seconds > 0 && seconds <= DURATION_MAX_S ? seconds : 0;
    return OK;
}

static status open_snd(audio_file *f, const char *name, audio_file_info *info, diag *d) {
    SF_INFO head = {0};
    f->snd = sf_open_virtual(&memory, SFM_READ, &head, f);
    if (f->snd == NULL) {
        int why = sf_error(NULL);
        bool other =
            why == SF_ERR_UNRECOGNISED_FORMAT || why == SF_ERR_UNSUPPORTED_ENCODING;
        return diag_set(d, other ? ERR_UNSUPPORTED : ERR_SYNTAX,
                        other ? "the file's encoding is not read; " FORMATS
                              : "the file is broken");
    }
    if (!is_format(head.format, name))
        return diag_set(d, ERR_UNSUPPORTED, "the file is not audio we know; " FORMATS);
    return take_head(f, head.samplerate, head.channels, (double)head.frames, info, d);
}

static status open_mp3(audio_file *f, audio_file_info *info, diag *d) {
    mp3_head head;
    status s = mp3_create(f->data, (size_t)f->size, &f->mp3, &head, d);
    return s == OK ? take_head(f, head.rate_hz, head.channels, head.frames, info, d) : s;
}

/* Seconds by the last page's granule position; 0: not found. */
static double ogg_duration(const uint8_t *data, size_t n) {
    size_t stop = n > (128u << 10) ? n - (128u << 10) : 0;
    for (size_t at = n >= 27 ? n - 27 : 0; at > stop; at--) {
        if (memcmp(data + at, "OggS", 4) != 0 || data[at + 4] != 0)
            continue;
        int64_t granule = 0;
        for (int i = 7; i >= 0; i--)
            granule = (int64_t)((uint64_t)granule << 8 | data[at + 6 + (size_t)i]);
        double seconds = (double)granule / 48000;
        return seconds > 0 && seconds <= DURATION_MAX_S ? seconds : 0;
    }
    return 0;
}

/* Decodes the first packets, so that what is no Opus is refused here and not later. */
static status open_ogg(audio_file *f, audio_file_info *info, diag *d) {
    static const char head[] = "OpusHead";
    if (f->size < 28 + 19 || memcmp(f->data + 28, head, sizeof head - 1) != 0)
        return diag_set(d, ERR_UNSUPPORTED, "an Ogg file that is not Opus; " FORMATS);
    unsigned channels = f->data[28 + 9];
    if (channels < 1 || channels > PCM_CHANNELS_MAX)
        return diag_set(d, ERR_LIMIT, "%u channels; 1 to %d are taken", channels,
                        PCM_CHANNELS_MAX);
    status s = ogg_opus_create(&f->ogg);
    if (s != OK)
        return diag_set(d, s, "no memory to decode a file");
    info->rate_hz = 48000;
    info->channels = channels;
    info->duration_s = ogg_duration(f->data, (size_t)f->size);
    sf_count_t first = f->size < 4096 ? f->size : 4096;
    s = ogg_opus_push(f->ogg, f->data, (size_t)first, &f->pending, d);
    f->at = first;
    return s;
}

static status open_bytes(const uint8_t *data, size_t n, bool mapped, audio_file **out,
                         audio_file_info *out_info, diag *d) {
    audio_file *f = calloc(1, sizeof *f);
    if (f == NULL) {
        if (mapped)
            munmap((void *)(uintptr_t)data, n);
        return diag_set(d, ERR_MEMORY, "no memory to read a file");
    }
    buf_init(&f->pending, PENDING_BYTES);
    f->data = data;
    f->size = (sf_count_t)n;
    f->mapped = mapped;
    audio_file_info info = {0};
    const char *name = format_of(data, n);
    status s;
    if (name == NULL)
        s = diag_set(d, ERR_UNSUPPORTED, "the file is not audio we know; " FORMATS);
    else if (strcmp(name, "ogg") == 0)
        s = open_ogg(f, &info, d);
    else if (strcmp(name, "mp3") == 0)
        s = open_mp3(f, &info, d);
    else
        s = open_snd(f, name, &info, d);
    if (s != OK) {
        audio_file_destroy(f);
        return s;
    }
    snprintf(info.format, sizeof info.format, "%s", name);
    if (out_info != NULL)
        *out_info = info;
    *out = f;
    return OK;
}

status audio_file_open_memory(const uint8_t *data, size_t n, audio_file **out,
                              audio_file_info *out_info, diag *d) {
    return open_bytes(data, n, false, out, out_info, d);
}

status audio_file_open_path(const char *path, audio_file **out, audio_file_info *out_info,
                            diag *d) {
    diag_at(d, path, 0, 0);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        return diag_set(d, why == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s", strerror(why));
    }
    if (!S_ISREG(st.st_mode) || st.st_size == 0) {
        close(fd);
        return diag_set(d, ERR_UNSUPPORTED, "the file is empty or not a regular one");
    }
    size_t n = (size_t)st.st_size;
    void *data = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (data == MAP_FAILED)
        return diag_set(d, ERR_IO, "%s", strerror(errno));
    return open_bytes(data, n, true, out, out_info, d);
}

void audio_file_destroy(audio_file *f) {
    if (f == NULL)
        return;
    if (f->snd != NULL)
        sf_close(f->snd);
    mp3_destroy(f->mp3);
    ogg_opus_destroy(f->ogg);
    resampler_destroy(f->rate);
    buf_deinit(&f->pending);
    if (f->mapped)
        munmap((void *)(uintptr_t)f->data, (size_t)f->size);
    free(f);
}

static void refill_frames(audio_file *f) {
    float block[BLOCK_FRAMES * PCM_CHANNELS_MAX];
    int16_t mono[BLOCK_FRAMES];
    sf_count_t got = f->mp3 != NULL ? (sf_count_t)mp3_read(f->mp3, block, BLOCK_FRAMES)
                                    : sf_readf_float(f->snd, block, BLOCK_FRAMES);
    for (sf_count_t i = 0; i < got; i++) {
        float sum = 0;
        for (int c = 0; c < f->channels; c++)
            sum += block[i * f->channels + c];
        mono[i] = pcm_from_float(sum / (float)f->channels);
    }
    if (got <= 0) {
        f->ended = true;
        if (f->rate != NULL)
            resampler_end(f->rate, &f->pending);
    } else if (f->rate != NULL) {
        resampler_push(f->rate, mono, (size_t)got, &f->pending);
    } else {
        buf_add(&f->pending, mono, (size_t)got * sizeof mono[0]);
    }
}

static status refill_ogg(audio_file *f, diag *d) {
    sf_count_t left = f->size - f->at;
    sf_count_t n = left < BLOCK_OGG_BYTES ? left : BLOCK_OGG_BYTES;
    status s = ogg_opus_push(f->ogg, f->data + f->at, (size_t)n, &f->pending, d);
    f->at += n;
    f->ended = s != OK || f->at == f->size;
    return s;
}

/* Decodes one block into pending. */
static status refill(audio_file *f, diag *d) {
    status s = OK;
    buf_clear(&f->pending);
    f->given = 0;
    if (f->ogg != NULL)
        s = refill_ogg(f, d);
    else
        refill_frames(f);
    if (s == OK && f->pending.failed)
        s = diag_set(d, ERR_MEMORY, "no memory to decode a file");
    return s;
}

status audio_file_read(audio_file *f, int16_t *out, size_t max, size_t *out_n, diag *d) {
    size_t n = 0;
    *out_n = 0;
    while (n < max) {
        size_t left = (f->pending.size - f->given) / sizeof *out;
        if (left == 0 && f->ended)
            break;
        if (left == 0) {
            status s = refill(f, d);
            if (s != OK)
                return s;
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
