#include "serve/api/base64.h"

/* 0x80 | value of a character; 0: not one of the alphabet. */
static const uint8_t value[256] = {
    ['A'] = 128, 129, 130, 131, 132,         133, 134, 135,         136,         137, 138,
    139,         140, 141, 142, 143,         144, 145, 146,         147,         148, 149,
    150,         151, 152, 153, ['a'] = 154, 155, 156, 157,         158,         159, 160,
    161,         162, 163, 164, 165,         166, 167, 168,         169,         170, 171,
    172,         173, 174, 175, 176,         177, 178, 179,         ['0'] = 180, 181, 182,
    183,         184, 185, 186, 187,         188, 189, ['+'] = 190, ['/'] = 191,
};

static bool tail(const uint8_t *s, size_t n, uint8_t *to, size_t *out_n) {
    if (n == 1)
        return false;
    uint8_t a = value[s[0]];
    uint8_t b = value[s[1]];
    uint8_t c = n == 3 ? value[s[2]] : 0x80;
    if (!(a & b & c & 0x80))
        return false;
    to[0] = (uint8_t)(a << 2 | (b & 0x3F) >> 4);
    if (n == 3)
        to[1] = (uint8_t)(b << 4 | (c & 0x3F) >> 2);
    *out_n = n - 1;
    return true;
}

bool base64_decode(const char *text, size_t n, uint8_t *out, size_t *out_n) {
    const uint8_t *s = (const uint8_t *)text;
    while (n > 0 && s[n - 1] == '=' && n % 4 != 1)
        n--;
    uint8_t *to = out;
    uint8_t all = 0x80;
    size_t whole = n / 4 * 4;
    for (size_t i = 0; i < whole; i += 4, to += 3) {
        uint8_t a = value[s[i]];
        uint8_t b = value[s[i + 1]];
        uint8_t c = value[s[i + 2]];
        uint8_t d = value[s[i + 3]];
        all &= a & b & c & d;
        uint32_t bits =
            (a & 0x3Fu) << 18 | (b & 0x3Fu) << 12 | (c & 0x3Fu) << 6 | (d & 0x3Fu);
        to[0] = (uint8_t)(bits >> 16);
        to[1] = (uint8_t)(bits >> 8);
        to[2] = (uint8_t)bits;
    }
    if (!all)
        return false;
    size_t more = 0;
    if (n > whole && !tail(s + whole, n - whole, to, &more))
        return false;
    *out_n = (size_t)(to - out) + more;
    return true;
}
