#include "base/buf.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

void buf_init(buf *b, size_t ceiling) {
    *b = (buf){.ceiling = ceiling};
}

void buf_deinit(buf *b) {
    free(b->data);
    *b = (buf){.ceiling = b->ceiling};
}

void buf_clear(buf *b) {
    b->size = 0;
    b->failed = false;
}

/* Room for n more bytes and a terminator. */
static bool reserve(buf *b, size_t n) {
    if (b->failed)
        return false;
    if (n > b->ceiling - b->size) {
        b->failed = true;
        return false;
    }
    size_t wanted = b->size + n + 1;
    if (wanted <= b->capacity)
        return true;
    size_t capacity = b->capacity ? b->capacity : 256;
    while (capacity < wanted)
        capacity *= 2;
    uint8_t *grown = realloc(b->data, capacity);
    if (!grown) {
        b->failed = true;
        return false;
    }
    b->data = grown;
    b->capacity = capacity;
    return true;
}

void buf_add(buf *b, const void *data, size_t n) {
    if (n == 0 || !reserve(b, n))
        return;
    memcpy(b->data + b->size, data, n);
    b->size += n;
}

void buf_add_text(buf *b, const char *text) {
    buf_add(b, text, strlen(text));
}

void buf_addf(buf *b, const char *format, ...) {
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n > 0 && reserve(b, (size_t)n)) {
        vsnprintf((char *)b->data + b->size, (size_t)n + 1, format, again);
        b->size += (size_t)n;
    }
    va_end(again);
}

/* Bytes of the well-formed UTF-8 sequence at s, 0 when it is not one. */
static size_t utf8_length(const unsigned char *s) {
    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xC2 && s[0] <= 0xDF)
        return (s[1] & 0xC0) == 0x80 ? 2 : 0;
    if (s[0] >= 0xE0 && s[0] <= 0xEF) {
        unsigned char low = s[0] == 0xE0 ? 0xA0 : 0x80;
        unsigned char high = s[0] == 0xED ? 0x9F : 0xBF;
        if (s[1] < low || s[1] > high)
            return 0;
        return (s[2] & 0xC0) == 0x80 ? 3 : 0;
    }
    if (s[0] >= 0xF0 && s[0] <= 0xF4) {
        unsigned char low = s[0] == 0xF0 ? 0x90 : 0x80;
        unsigned char high = s[0] == 0xF4 ? 0x8F : 0xBF;
        if (s[1] < low || s[1] > high || (s[2] & 0xC0) != 0x80)
            return 0;
        return (s[3] & 0xC0) == 0x80 ? 4 : 0;
    }
    return 0;
}

void buf_add_json(buf *b, const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    buf_add(b, "\"", 1);
    while (*s) {
        const unsigned char *plain = s;
        size_t n;
        while (*s >= 0x20 && *s != '"' && *s != '\\' && (n = utf8_length(s)) > 0)
            s += n;
        buf_add(b, plain, (size_t)(s - plain));
        if (!*s)
            break;
        if (*s == '"' || *s == '\\')
            buf_addf(b, "\\%c", *s);
        else if (*s == '\n')
            buf_add_text(b, "\\n");
        else if (*s < 0x20)
            buf_addf(b, "\\u%04x", *s);
        else
            buf_add_text(b, "\xEF\xBF\xBD");
        s++;
    }
    buf_add(b, "\"", 1);
}

void buf_add_number(buf *b, double value) {
    char text[32] = "null";
    for (int digits = 15; isfinite(value) && digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buf_add_text(b, text);
}

void buf_drop(buf *b, size_t n) {
    ASSERT(n <= b->size);
    b->size -= n;
    if (b->size > 0)
        memmove(b->data, b->data + n, b->size);
}

const char *buf_text(buf *b) {
    if (!reserve(b, 0))
        return "";
    b->data[b->size] = '\0';
    return (const char *)b->data;
}
