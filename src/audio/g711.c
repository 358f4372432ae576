#include "audio/g711.h"

int16_t g711_mulaw(uint8_t code) {
    code = (uint8_t)~code;
    int magnitude = ((((code & 0x0f) << 3) + 132) << ((code >> 4) & 7)) - 132;
    return (int16_t)(code & 0x80 ? -magnitude : magnitude);
}

int16_t g711_alaw(uint8_t code) {
    code ^= 0x55;
    int segment = (code >> 4) & 7;
    int magnitude = ((code & 0x0f) << 4) + 8;
    if (segment > 0)
        magnitude = (magnitude + 256) << (segment - 1);
    return (int16_t)(code & 0x80 ? magnitude : -magnitude);
}
