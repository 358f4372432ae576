/* An Ogg Opus stream for tests: a tone, encoded with libopus. */
#ifndef ROSTRUM_TESTS_OGG_MAKE_H
#define ROSTRUM_TESTS_OGG_MAKE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <ogg/ogg.h>
#include <opus.h>

#include "base/buf.h"

typedef struct {
    int packets;        /* of 20 ms */
    int channels;       /* in the head and of the encoder */
    int end_trim;       /* samples at 48 kHz cut off by the last granule position */
    int packets_a_page; /* 0: as libogg likes */
    int serial;
    const char *tags; /* second packet; NULL: a small OpusTags */
    size_t tags_bytes;
} ogg_recipe;

static inline void ogg_pages(ogg_stream_state *s, buf *out, int flush) {
    ogg_page page;
    while (flush ? ogg_stream_flush(s, &page) : ogg_stream_pageout(s, &page)) {
        buf_add(out, page.header, (size_t)page.header_len);
        buf_add(out, page.body, (size_t)page.body_len);
    }
}

/* Appends the stream to out. pre-skip is 312, as libopus asks for. */
static inline void ogg_make(const ogg_recipe *r, buf *out) {
    ogg_stream_state s;
    ogg_stream_init(&s, r->serial);
    unsigned char head[19] = "OpusHead";
    head[8] = 1;
    head[9] = (unsigned char)r->channels;
    head[10] = 312 & 0xff;
    head[11] = 312 >> 8;
    ogg_packet p = {.packet = head, .bytes = 19, .b_o_s = 1};
    ogg_stream_packetin(&s, &p);
    ogg_pages(&s, out, 1);
    char tags[] = "OpusTags\x04\0\0\0test\0\0\0\0";
    p = (ogg_packet){
        .packet = (unsigned char *)(r->tags != NULL ? (char *)r->tags : tags),
        .bytes = r->tags != NULL ? (long)r->tags_bytes : (long)sizeof tags - 1,
        .packetno = 1};
    ogg_stream_packetin(&s, &p);
    ogg_pages(&s, out, 1);
    OpusEncoder *e =
        opus_encoder_create(48000, r->channels, OPUS_APPLICATION_AUDIO, NULL);
    for (int i = 0; i < r->packets; i++) {
        float pcm[960 * 2];
        unsigned char packet[1500];
        for (int k = 0; k < 960; k++)
            for (int c = 0; c < r->channels; c++)
                pcm[k * r->channels + c] =
                    0.5f * sinf((float)(i * 960 + k) * 2 * 3.14159265f * 500 / 48000);
        int n = opus_encode_float(e, pcm, 960, packet, sizeof packet);
        int last = i == r->packets - 1;
        p = (ogg_packet){.packet = packet, .bytes = n, .e_o_s = last, .packetno = 2 + i};
        p.granulepos = (i + 1) * 960 - (last ? r->end_trim : 0);
        ogg_stream_packetin(&s, &p);
        ogg_pages(&s, out, r->packets_a_page > 0 && (i + 1) % r->packets_a_page == 0);
    }
    ogg_pages(&s, out, 1);
    opus_encoder_destroy(e);
    ogg_stream_clear(&s);
}

#endif
