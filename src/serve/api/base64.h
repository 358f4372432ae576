/* serve/api/base64.h: base64 (RFC 4648, section 4) to bytes. Pure. Any thread. */
#ifndef ROSTRUM_SERVE_BASE64_H
#define ROSTRUM_SERVE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most bytes that n characters can become. */
#define BASE64_BYTES(n) (((n) + 3) / 4 * 3)

/* Decodes text[n]; padding may be left out. false: a character that is not base64, or
 * a length that no byte string has; out[BASE64_BYTES(n)] then holds rubbish. */
bool base64_decode(const char *text, size_t n, uint8_t *out, size_t *out_n);

#endif
