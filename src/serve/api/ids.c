#include "serve/api/ids.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/assert.h"

static void random_bytes(uint8_t *out, size_t n) {
    ASSERT(getrandom(out, n, 0) == (ssize_t)n); /* up to 256 bytes it is never short */
}

void id_make(const char *prefix, char out[ID_BYTES]) {
    uint8_t r[12];
    random_bytes(r, sizeof r);
    int n = snprintf(out, ID_BYTES, "%.14s_", prefix);
    for (unsigned i = 0; i < sizeof r; i++)
        n += snprintf(out + n, ID_BYTES - (size_t)n, "%02x", r[i]);
}

void id_uuid(char out[ID_BYTES]) {
    uint8_t r[16];
    random_bytes(r, sizeof r);
    r[6] = (uint8_t)((r[6] & 0x0F) | 0x40);
    r[8] = (uint8_t)((r[8] & 0x3F) | 0x80);
    int n = 0;
    for (unsigned i = 0; i < sizeof r; i++) {
        const char *dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
        n += snprintf(out + n, ID_BYTES - (size_t)n, "%s%02x", dash, r[i]);
    }
}
