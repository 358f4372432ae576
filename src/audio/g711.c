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

/* Position of the highest set bit of v, at least 0. */
static int top_bit(unsigned v) {
    int bit = 0;
    while (v >>= 1)
        bit++;
    return bit;
}

uint8_t g711_to_mulaw(int16_t sample) {
    int value = sample;
    int sign = value < 0 ? 0x80 : 0;
    int magnitude = value < 0 ? -value : value;
    magnitude = (magnitude > 32635 ? 32635 : magnitude) + 132;
    int segment = top_bit((unsigned)magnitude) - 7;
    int mantissa = (magnitude >> (segment + 3)) & 0x0f;
    return (uint8_t) ~(sign | segment << 4 | mantissa);
}

uint8_t g711_to_alaw(int16_t sample) {
    int value = sample;
    int sign = value < 0 ? 0 : 0x80;
    int magnitude = (value < 0 ? -value - 1 : value) >> 4;
    int segment = magnitude < 16 ? 0 : top_bit((unsigned)magnitude) - 3;
    int mantissa = (segment < 2 ? magnitude : magnitude >> (segment - 1)) & 0x0f;
    return (uint8_t)((sign | segment << 4 | mantissa) ^ 0x55);
}
