#include "audio/wav.h"

#include <string.h>

#include "audio/resample.h"

enum { AT_RIFF, AT_CHUNK, AT_FORMAT, AT_DONE };

void wav_init(wav_parser *p) {
    *p = (wav_parser){.want = 12};
}

static uint32_t u32(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static unsigned u16(const uint8_t *at) {
    return at[0] | (unsigned)at[1] << 8;
}

static bool kind_of(unsigned tag, unsigned bits, pcm_kind *out) {
    static const struct {
        unsigned tag, bits;
        pcm_kind kind;
    } known[] = {
        {1, 8, PCM_U8},   {1, 16, PCM_S16}, {1, 24, PCM_S24}, {1, 32, PCM_S32},
        {3, 32, PCM_F32}, {3, 64, PCM_F64}, {6, 8, PCM_ALAW}, {7, 8, PCM_MULAW},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].tag == tag && known[i].bits == bits) {
            *out = known[i].kind;
            return true;
        }
    return false;
}

/* field holds the fmt chunk, 16, 18 or 40 bytes of it. */
static status read_format(wav_parser *p, diag *d) {
    static const uint8_t guid_tail[14] = {0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80,
                                          0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71};
    const uint8_t *f = p->field;
    unsigned tag = u16(f), channels = u16(f + 2), block = u16(f + 12), bits = u16(f + 14);
    uint32_t rate = u32(f + 4);
    if (tag == 0xfffe) {
        if (p->have < 40 || memcmp(f + 26, guid_tail, sizeof guid_tail) != 0)
            return diag_set(d, ERR_UNSUPPORTED, "WAV: unknown extensible encoding");
        tag = u16(f + 24);
    }
    wav_format w = {.channels = channels, .rate_hz = rate};
    if (!kind_of(tag, bits, &w.kind))
        return diag_set(d, ERR_UNSUPPORTED,
                        "WAV: encoding %u with %u bits; PCM 8 to 32, float 32 and 64, "
                        "A-law and mu-law are taken",
                        tag, bits);
    if (channels < 1 || channels > PCM_CHANNELS_MAX)
        return diag_set(d, ERR_UNSUPPORTED, "WAV: %u channels; 1 to %d are taken",
                        channels, PCM_CHANNELS_MAX);
    if (rate < RESAMPLE_RATE_MIN_HZ || rate > RESAMPLE_RATE_MAX_HZ)
        return diag_set(d, ERR_UNSUPPORTED, "WAV: %u Hz; %d to %d are taken", rate,
                        RESAMPLE_RATE_MIN_HZ, RESAMPLE_RATE_MAX_HZ);
    if (block != channels * pcm_sample_bytes(w.kind))
        return diag_set(d, ERR_SYNTAX,
                        "WAV: block size %u does not fit %u channels of "
                        "%u bits",
                        block, channels, bits);
    p->format = w;
    p->have_format = true;
    return OK;
}

static void expect(wav_parser *p, unsigned state, unsigned want) {
    p->state = state;
    p->have = 0;
    p->want = want;
}

static status read_chunk_head(wav_parser *p, diag *d) {
    uint32_t size = u32(p->field + 4);
    uint64_t padded = (uint64_t)size + (size & 1);
    if (memcmp(p->field, "fmt ", 4) == 0) {
        if (size < 16)
            return diag_set(d, ERR_SYNTAX, "WAV: format chunk of %u bytes", size);
        unsigned want = size < 40 ? 16 : 40;
        p->skip = 0;
        expect(p, AT_FORMAT, want);
        p->format.data_bytes = padded - want; /* kept here until the format is read */
    } else if (memcmp(p->field, "data", 4) == 0) {
        if (!p->have_format)
            return diag_set(d, ERR_SYNTAX, "WAV: data before the format");
        bool unknown = size == 0 || size >= 0x7fffff00u;
        p->format.data_bytes = unknown ? UINT64_MAX : size;
        p->state = AT_DONE;
    } else {
        p->skip = padded;
        expect(p, AT_CHUNK, 8);
    }
    return OK;
}

static status read_field(wav_parser *p, diag *d) {
    if (p->state == AT_RIFF) {
        if ((memcmp(p->field, "RIFF", 4) != 0 && memcmp(p->field, "RF64", 4) != 0) ||
            memcmp(p->field + 8, "WAVE", 4) != 0)
            return diag_set(d, ERR_SYNTAX, "not a WAV stream");
        expect(p, AT_CHUNK, 8);
        return OK;
    }
    if (p->state == AT_CHUNK)
        return read_chunk_head(p, d);
    uint64_t rest = p->format.data_bytes;
    status s = read_format(p, d);
    p->skip = rest;
    expect(p, AT_CHUNK, 8);
    return s;
}

status wav_push(wav_parser *p, const uint8_t *bytes, size_t n, size_t *out_used,
                bool *out_done, diag *d) {
    size_t used = 0;
    while (used < n && p->state != AT_DONE) {
        size_t left = n - used;
        if (p->skip > 0) {
            size_t pass = p->skip < left ? (size_t)p->skip : left;
            p->skip -= pass;
            p->seen += pass;
            used += pass;
        } else {
            size_t take = p->want - p->have < left ? p->want - p->have : left;
            memcpy(p->field + p->have, bytes + used, take);
            p->have += (unsigned)take;
            p->seen += take;
            used += take;
        }
        if (p->seen > WAV_HEAD_BYTES_MAX || p->skip > WAV_HEAD_BYTES_MAX)
            return diag_set(d, ERR_LIMIT, "WAV: no data within the first %u KiB",
                            WAV_HEAD_BYTES_MAX >> 10);
        if (p->have == p->want && p->skip == 0) {
            status s = read_field(p, d);
            if (s != OK)
                return s;
        }
    }
    *out_used = used;
    *out_done = p->state == AT_DONE;
    return OK;
}
