#include "audio/mp3.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mpg123.h>

struct mp3_file {
    const uint8_t *data;
    off_t size, at;
    mpg123_handle *decoder;
    mp3_head head;
    bool over;
};

static ssize_t memory_read(void *user, void *to, size_t n) {
    mp3_file *f = user;
    if (n > (size_t)(f->size - f->at))
        n = (size_t)(f->size - f->at);
    memcpy(to, f->data + f->at, n);
    f->at += (off_t)n;
    return (ssize_t)n;
}

static off_t memory_seek(void *user, off_t offset, int whence) {
    mp3_file *f = user;
    off_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? f->at : f->size;
    if (offset < -from || offset > f->size - from)
        return -1;
    f->at = from + offset;
    return f->at;
}

size_t mp3_tag_bytes(const uint8_t *data, size_t n) {
    if (n < 10 || memcmp(data, "ID3", 3) != 0)
        return 0;
    size_t size = 10; /* of the head; four times 7 bits follow */
    for (int i = 0; i < 4; i++)
        size += (size_t)(data[6 + i] & 0x7f) << (21 - 7 * i);
    return size < n ? size : n;
}

static bool open_decoder(mp3_file *f, mp3_head *head) {
    int encoding = 0;
    f->decoder = mpg123_new(NULL, NULL);
    if (f->decoder == NULL)
        return false;
    return mpg123_param(f->decoder, MPG123_ADD_FLAGS,
                        MPG123_QUIET | MPG123_FORCE_FLOAT | MPG123_GAPLESS,
                        0) == MPG123_OK &&
           mpg123_param(f->decoder, MPG123_REMOVE_FLAGS, MPG123_AUTO_RESAMPLE, 0) ==
               MPG123_OK &&
           mpg123_replace_reader_handle(f->decoder, memory_read, memory_seek, NULL) ==
               MPG123_OK &&
           mpg123_open_handle(f->decoder, f) == MPG123_OK &&
           mpg123_getformat(f->decoder, &head->rate_hz, &head->channels, &encoding) ==
               MPG123_OK &&
           mpg123_scan(f->decoder) == MPG123_OK; /* for the true length */
}

status mp3_create(const uint8_t *data, size_t n, mp3_file **out, mp3_head *out_head,
                  diag *d) {
    mp3_file *f = calloc(1, sizeof *f);
    if (f == NULL)
        return diag_set(d, ERR_MEMORY, "no memory to read a file");
    f->data = data;
    f->size = (off_t)n;
    mp3_head head = {0};
    if (!open_decoder(f, &head)) {
        mp3_destroy(f);
        return diag_set(d, ERR_SYNTAX, "the file is broken");
    }
    off_t frames = mpg123_length(f->decoder);
    head.frames = frames > 0 ? (double)frames : 0;
    *out_head = f->head = head;
    *out = f;
    return OK;
}

void mp3_destroy(mp3_file *f) {
    if (f == NULL)
        return;
    mpg123_delete(f->decoder);
    free(f);
}

/* A file goes on as it begins. (A decoder told to take nothing else would complain on
 * stderr.) */
static bool same_format(const mp3_file *f) {
    long rate_hz = 0;
    int channels = 0, encoding = 0;
    return mpg123_getformat(f->decoder, &rate_hz, &channels, &encoding) == MPG123_OK &&
           rate_hz == f->head.rate_hz && channels == f->head.channels;
}

size_t mp3_read(mp3_file *f, float *out, size_t max) {
    const size_t frame_bytes = (size_t)f->head.channels * sizeof *out;
    size_t done = 0;
    while (done == 0 && !f->over) {
        int result =
            mpg123_read(f->decoder, (unsigned char *)out, max * frame_bytes, &done);
        f->over = result == MPG123_NEW_FORMAT ? !same_format(f) : result != MPG123_OK;
    }
    return done / frame_bytes;
}
