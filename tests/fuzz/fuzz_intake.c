/* A session's audio from hostile bytes: any format, any pieces. */
#include <stdint.h>
#include <stdlib.h>

#include "audio/intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Byte 0: encoding and channels; byte 1: rate; byte 2: size of the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint32_t rates[] = {8000,  11025, 16000, 24000,
                                     44100, 48000, 12345, 31999};
    if (size < 3 || size > (256u << 10))
        return 0;
    audio_format f = {(audio_encoding)(data[0] % 6), rates[data[1] % 8],
                      (uint8_t)(1 + data[0] / 6 % 2)};
    size_t step = 1 + (size_t)data[2] * 16;
    audio_intake *a = NULL;
    diag d = DIAG_INIT;
    if (audio_intake_create(&f, &a, &d) != OK)
        abort();
    buf out;
    buf_init(&out, 1u << 30);
    status s = OK;
    for (size_t at = 3; at < size && s == OK; at += step) {
        size_t n = size - at < step ? size - at : step;
        buf_clear(&out);
        s = audio_intake_push(a, data + at, n, &out, &d);
    }
    if (s == OK && audio_intake_flush(a, &out, &d) != OK)
        abort();
    audio_intake_destroy(a);
    buf_deinit(&out);
    return 0;
}
