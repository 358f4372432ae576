/* audio/mp3.h: MPEG audio (layer 3) in memory to interleaved floats, by libmpg123.
 *
 * Directly, because through libsndfile it writes about broken frames to our stderr, and
 * only who holds its handle can tell it not to. One thread at a time; any thread. */
#ifndef ROSTRUM_AUDIO_MP3_H
#define ROSTRUM_AUDIO_MP3_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

typedef struct mp3_file mp3_file;

typedef struct {
    long rate_hz;
    int channels;  /* 1 or 2 */
    double frames; /* of samples in all; 0: not known */
} mp3_head;

/* Bytes of an ID3v2 tag at the start of data[n]; 0: none. */
size_t mp3_tag_bytes(const uint8_t *data, size_t n);

/* data is borrowed until destroy. ERR_SYNTAX: no MPEG audio in it; ERR_MEMORY. */
MUST_CHECK status mp3_create(const uint8_t *data, size_t n, mp3_file **out,
                             mp3_head *out_head, diag *d);
void mp3_destroy(mp3_file *f); /* takes NULL */

/* Up to max frames into out[max * channels]. 0: the end, or broken from here on. */
size_t mp3_read(mp3_file *f, float *out, size_t max);

#endif
