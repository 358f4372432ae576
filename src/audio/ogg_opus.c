#include "audio/ogg_opus.h"

#include <stdlib.h>
#include <string.h>

#include <ogg/ogg.h>
#include <opus.h>

#include "base/limits.h"

#define PACKET_SAMPLES_MAX 1920 /* 120 ms at 16 kHz: the longest Opus packet */
#define PACKET_BYTES_MAX                                                                 \
    (128u << 10)             /* 48 frames of 1,275 bytes, and its page's rest            \
                              */
#define GRANULE_PER_SAMPLE 3 /* granule positions count at 48 kHz */

enum { NEED_HEAD, NEED_TAGS, IN_AUDIO, OVER };

struct ogg_opus {
    ogg_sync_state sync;
    ogg_stream_state stream;
    bool stream_made;
    unsigned stage;
    int serial;
    OpusDecoder *decoder;
    int64_t granule;     /* at the end of the last page, 48 kHz; -1: none seen */
    int64_t skip;        /* samples still to drop at the front, 16 kHz */
    uint64_t unfinished; /* bytes of pages since a packet was last complete */
    uint64_t in_bytes, out_samples;
};

status ogg_opus_create(ogg_opus **out) {
    ogg_opus *o = calloc(1, sizeof *o);
    if (o == NULL)
        return ERR_MEMORY;
    ogg_sync_init(&o->sync);
    *out = o;
    return OK;
}

void ogg_opus_destroy(ogg_opus *o) {
    if (o == NULL)
        return;
    if (o->stream_made)
        ogg_stream_clear(&o->stream);
    ogg_sync_clear(&o->sync);
    if (o->decoder != NULL)
        opus_decoder_destroy(o->decoder);
    free(o);
}

static uint64_t allowed(const ogg_opus *o) {
    return OGG_OPUS_SLACK_SAMPLES + o->in_bytes * OGG_OPUS_SAMPLES_PER_BYTE;
}

/* A page that begins a stream: the first, or the next of a chain. */
static status begin(ogg_opus *o, const ogg_page *page, diag *d) {
    if (o->stage == IN_AUDIO || o->stage == NEED_TAGS)
        return OK; /* another stream beside ours; its pages are passed over */
    o->serial = ogg_page_serialno(page);
    if (!o->stream_made) {
        if (ogg_stream_init(&o->stream, o->serial) != 0)
            return diag_set(d, ERR_MEMORY, "no memory for an Ogg stream");
        o->stream_made = true;
    } else {
        ogg_stream_reset_serialno(&o->stream, o->serial);
    }
    o->stage = NEED_HEAD;
    o->granule = -1;
    o->unfinished = 0;
    return OK;
}

static status read_head(ogg_opus *o, const ogg_packet *packet, diag *d) {
    const uint8_t *p = packet->packet;
    if (packet->bytes < 19 || memcmp(p, "OpusHead", 8) != 0)
        return diag_set(d, ERR_UNSUPPORTED, "an Ogg stream that is not Opus");
    unsigned channels = p[9], family = p[18];
    if ((p[8] & 0xf0) != 0 || channels < 1 || channels > 2 || family > 1)
        return diag_set(d, ERR_UNSUPPORTED,
                        "Ogg Opus of %u channels, mapping %u; 1 or 2 channels are taken",
                        channels, family);
    if (family == 1 && (packet->bytes < 21 + (long)channels || p[19] != 1))
        return diag_set(d, ERR_UNSUPPORTED, "Ogg Opus of several coupled streams");
    if (o->decoder == NULL) {
        int error = 0;
        o->decoder = opus_decoder_create(LIMIT_SAMPLE_RATE_HZ, 1, &error);
        if (o->decoder == NULL)
            return diag_set(d, ERR_MEMORY, "no memory for an Opus decoder");
    } else {
        opus_decoder_ctl(o->decoder, OPUS_RESET_STATE);
    }
    opus_decoder_ctl(o->decoder, OPUS_SET_GAIN((int16_t)(p[16] | p[17] << 8)));
    o->skip = (p[10] | p[11] << 8) / GRANULE_PER_SAMPLE;
    o->stage = NEED_TAGS;
    return OK;
}

/* Samples of the last page beyond *left are padding of the encoder. */
static status read_audio(ogg_opus *o, const ogg_packet *packet, int64_t *left, buf *out,
                         diag *d) {
    int16_t pcm[PACKET_SAMPLES_MAX];
    if (packet->bytes <= 0)
        return OK; /* nothing was sent for this time; the engine needs no filler */
    if (packet->bytes > INT32_MAX)
        return diag_set(d, ERR_LIMIT, "an Opus packet is too large");
    int n = opus_decode(o->decoder, packet->packet, (opus_int32)packet->bytes, pcm,
                        PACKET_SAMPLES_MAX, 0);
    if (n < 0)
        return diag_set(d, ERR_SYNTAX, "a broken Opus packet");
    int64_t from = o->skip < n ? o->skip : n;
    int64_t to = *left < n ? *left : n;
    o->skip -= from;
    *left -= to;
    if (to <= from)
        return OK;
    o->out_samples += (uint64_t)(to - from);
    if (o->out_samples > allowed(o))
        return diag_set(d, ERR_LIMIT,
                        "Opus packets that claim more than %d samples a byte",
                        OGG_OPUS_SAMPLES_PER_BYTE);
    buf_add(out, pcm + from, (size_t)(to - from) * sizeof pcm[0]);
    return OK;
}

static status read_packets(ogg_opus *o, int64_t left, buf *out, diag *d) {
    ogg_packet packet;
    int got;
    while ((got = ogg_stream_packetout(&o->stream, &packet)) != 0) {
        if (got < 0)
            return diag_set(d, ERR_SYNTAX, "an Ogg page is missing");
        status s = OK;
        o->unfinished = 0;
        if (o->stage == NEED_HEAD)
            s = read_head(o, &packet, d);
        else if (o->stage == NEED_TAGS)
            o->stage = IN_AUDIO;
        else
            s = read_audio(o, &packet, &left, out, d);
        if (s != OK)
            return s;
    }
    return OK;
}

static status read_page(ogg_opus *o, ogg_page *page, buf *out, diag *d) {
    if (ogg_page_bos(page)) {
        status s = begin(o, page, d);
        if (s != OK)
            return s;
    }
    if (!o->stream_made)
        return diag_set(d, ERR_SYNTAX, "an Ogg stream without its beginning");
    if (ogg_page_serialno(page) != o->serial || o->stage == OVER)
        return OK;
    uint64_t most = o->stage == IN_AUDIO ? PACKET_BYTES_MAX : OGG_OPUS_HEAD_BYTES_MAX;
    o->unfinished += (uint64_t)page->body_len;
    if (o->unfinished > most)
        return diag_set(d, ERR_LIMIT, "Ogg Opus: a packet of more than %u KiB",
                        (unsigned)(most >> 10));
    if (ogg_stream_pagein(&o->stream, page) != 0)
        return diag_set(d, ERR_SYNTAX, "an Ogg page that does not fit its stream");
    int64_t granule = ogg_page_granulepos(page);
    int64_t left = INT64_MAX;
    if (ogg_page_eos(page) && granule >= 0) {
        int64_t before = o->granule > 0 ? o->granule : 0;
        left = granule > before ? (granule - before) / GRANULE_PER_SAMPLE : 0;
    }
    status s = read_packets(o, left, out, d);
    if (granule >= 0)
        o->granule = granule;
    if (s == OK && ogg_page_eos(page))
        o->stage = OVER;
    return s;
}

status ogg_opus_push(ogg_opus *o, const uint8_t *bytes, size_t n, buf *out, diag *d) {
    char *room = n > 0 ? ogg_sync_buffer(&o->sync, (long)n) : NULL;
    if (n == 0)
        return OK;
    if (room == NULL)
        return diag_set(d, ERR_MEMORY, "no memory for an Ogg page");
    memcpy(room, bytes, n);
    ogg_sync_wrote(&o->sync, (long)n);
    o->in_bytes += n;
    ogg_page page;
    int got;
    while ((got = ogg_sync_pageout(&o->sync, &page)) != 0) {
        if (got < 0)
            return diag_set(d, ERR_SYNTAX, "a broken Ogg page");
        status s = read_page(o, &page, out, d);
        if (s != OK)
            return s;
    }
    return OK;
}
