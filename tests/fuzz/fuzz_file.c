/* An uploaded audio file from hostile bytes, decoded to its end (or 60 s of it). */
#include <stdint.h>
#include <stdlib.h>

#include "audio/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    audio_file *f = NULL;
    audio_file_info info;
    diag d = DIAG_INIT;
    if (audio_file_open_memory(data, size, &f, &info, &d) != OK)
        return 0;
    if (info.duration_s < 0 || info.channels == 0)
        abort();
    size_t total = 0;
    for (size_t n = 1; n > 0 && total < 60u * 16000u; total += n) {
        int16_t pcm[1600];
        if (audio_file_read(f, pcm, 1600, &n, &d) != OK)
            break;
        if (n > 1600)
            abort();
    }
    audio_file_destroy(f);
    return 0;
}
