/* audio/file.h: a whole file in memory or on disk to s16 mono 16 kHz, piece by piece.
 *
 * wav and flac by libsndfile, mp3 by libmpg123, Ogg Opus by ours. Nothing else reaches
 * libsndfile: it would try two dozen rare parsers on any bytes, and its Vorbis reader
 * leaks 5.7 KiB on a broken header (found by fuzz_file). Decodes on demand: the
 * compressed bytes are held once and the samples never all at once. One thread at a time;
 * any thread. */
#ifndef ROSTRUM_AUDIO_FILE_H
#define ROSTRUM_AUDIO_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

typedef struct audio_file audio_file;

typedef struct {
    char format[16]; /* "wav", "flac", "ogg", "mp3" */
    uint32_t rate_hz;
    uint32_t channels;
    double duration_s; /* from the header; 0: not known */
} audio_file_info;

/* data is borrowed until destroy. ERR_UNSUPPORTED: not audio we read; ERR_SYNTAX:
 * broken; ERR_LIMIT: a header that claims absurd rates or channels. out_info may be
 * NULL. */
MUST_CHECK status audio_file_open_memory(const uint8_t *data, size_t n, audio_file **out,
                                         audio_file_info *out_info, diag *d);
/* The same from a path, which is mapped and must not shrink. ERR_NOT_FOUND, ERR_IO: it
 * cannot be read. */
MUST_CHECK status audio_file_open_path(const char *path, audio_file **out,
                                       audio_file_info *out_info, diag *d);
void audio_file_destroy(audio_file *f);

/* Up to max samples into out; *out_n 0 at the end, and only there. ERR_SYNTAX, ERR_LIMIT:
 * broken further on; *out_n is 0 and what was read before is good. */
MUST_CHECK status audio_file_read(audio_file *f, int16_t *out, size_t max, size_t *out_n,
                                  diag *d);

#endif
