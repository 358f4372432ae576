#include "engine/moonshine/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MARK "\xe2\x96\x81" /* U+2581 */
#define WORD_MARK_BYTES 3
#define PIECE_BYTES_MAX 255

typedef struct {
    uint32_t at; /* offset in text */
    uint8_t bytes;
    bool starts_word;
} piece;

struct tokens {
    piece *pieces;
    size_t count;
    size_t capacity;
    char *text; /* all pieces, one after the other */
    size_t text_bytes;
};

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes in[n] to out (PIECE_BYTES_MAX). Returns the bytes or -1. */
static int base64_decode(const char *in, size_t n, char *out) {
    while (n > 0 && in[n - 1] == '=')
        n--;
    if (n % 4 == 1 || n * 3 / 4 > PIECE_BYTES_MAX)
        return -1;
    uint32_t bits = 0;
    int have = 0, written = 0;
    for (size_t i = 0; i < n; i++) {
        int v = base64_value(in[i]);
        if (v < 0)
            return -1;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[written++] = (char)(bits >> have & 0xff);
        }
    }
    return written;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Takes one decoded piece: finds its mark, byte or control form. */
static void add_piece(tokens *t, const char *text, size_t n) {
    piece *p = &t->pieces[t->count++];
    *p = (piece){.at = (uint32_t)t->text_bytes};
    if (n == 6 && memcmp(text, "<0x", 3) == 0 && hex_value(text[3]) >= 0 &&
        hex_value(text[4]) >= 0) {
        t->text[t->text_bytes++] = (char)(hex_value(text[3]) << 4 | hex_value(text[4]));
        p->bytes = 1;
        return;
    }
    if (n >= 3 && text[0] == '<' && text[n - 1] == '>')
        return;
    while (n >= WORD_MARK_BYTES && memcmp(text, WORD_MARK, WORD_MARK_BYTES) == 0) {
        p->starts_word = true;
        text += WORD_MARK_BYTES;
        n -= WORD_MARK_BYTES;
    }
    memcpy(t->text + t->text_bytes, text, n);
    t->text_bytes += n;
    p->bytes = (uint8_t)n;
}

static status parse_line(tokens *t, const char *line, size_t n, int number, diag *d) {
    const char *blank = memchr(line, ' ', n);
    char decoded[PIECE_BYTES_MAX + 3];
    char digits[16] = "";
    int bytes = blank ? base64_decode(line, (size_t)(blank - line), decoded) : -1;
    size_t rest = blank ? n - (size_t)(blank - line) - 1 : 0;
    diag_at(d, NULL, number, 0);
    if (bytes < 0 || rest == 0 || rest >= sizeof digits)
        return diag_set(d, ERR_SYNTAX, "not a line \"BASE64PIECE ID\"");
    memcpy(digits, blank + 1, rest);
    char *end = NULL;
    unsigned long id = strtoul(digits, &end, 10);
    if (*end != 0 || digits[0] < '0' || digits[0] > '9' || id != t->count)
        return diag_set(d, ERR_SYNTAX, "id %zu expected here", t->count);
    if (t->count == TOKENS_MAX)
        return diag_set(d, ERR_LIMIT, "more than %d tokens", TOKENS_MAX);
    if (t->count == t->capacity) {
        size_t more = t->capacity ? t->capacity * 2 : 1024;
        piece *grown = realloc(t->pieces, more * sizeof *grown);
        if (!grown)
            return diag_set(d, ERR_MEMORY, "no memory for the vocabulary");
        t->pieces = grown;
        t->capacity = more;
    }
    add_piece(t, decoded, (size_t)bytes);
    return OK;
}

status tokens_parse(const char *text, size_t n, tokens **out, diag *d) {
    tokens *t = calloc(1, sizeof *t);
    if (t)
        t->text = malloc(n + 1); /* decoded text is shorter than its base64 */
    if (!t || !t->text) {
        tokens_destroy(t);
        return diag_set(d, ERR_MEMORY, "no memory for the vocabulary");
    }
    int number = 0;
    for (size_t at = 0; at < n;) {
        const char *stop = memchr(text + at, '\n', n - at);
        size_t length = stop ? (size_t)(stop - text) - at : n - at;
        status s = length ? parse_line(t, text + at, length, ++number, d) : OK;
        if (s != OK) {
            tokens_destroy(t);
            return s;
        }
        at += length + 1;
    }
    if (t->count == 0) {
        tokens_destroy(t);
        return diag_set(d, ERR_SYNTAX, "the vocabulary is empty");
    }
    *out = t;
    return OK;
}

status tokens_load(const char *path, tokens **out, diag *d) {
    diag_at(d, path, 0, 0);
    FILE *f = fopen(path, "rb");
    if (!f)
        return diag_set(d, ERR_NOT_FOUND, "the vocabulary is not there");
    char *text = malloc(TOKENS_FILE_BYTES + 1);
    size_t n = text ? fread(text, 1, TOKENS_FILE_BYTES + 1, f) : 0;
    fclose(f);
    status s;
    if (!text)
        s = diag_set(d, ERR_MEMORY, "no memory for the vocabulary");
    else if (n > TOKENS_FILE_BYTES)
        s = diag_set(d, ERR_LIMIT, "longer than %u bytes", TOKENS_FILE_BYTES);
    else
        s = tokens_parse(text, n, out, d);
    free(text);
    return s;
}

void tokens_destroy(tokens *t) {
    if (!t)
        return;
    free(t->pieces);
    free(t->text);
    free(t);
}

size_t tokens_count(const tokens *t) {
    return t->count;
}

const char *tokens_text(const tokens *t, int32_t id, size_t *out_bytes) {
    if (id < 0 || (size_t)id >= t->count) {
        *out_bytes = 0;
        return "";
    }
    *out_bytes = t->pieces[id].bytes;
    return t->text + t->pieces[id].at;
}

bool tokens_starts_word(const tokens *t, int32_t id) {
    return id >= 0 && (size_t)id < t->count && t->pieces[id].starts_word;
}
