#include "cli/client_frames.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/openssl.h"

static bool copy_part(char *out, size_t size, const char *from, size_t n) {
    if (n >= size)
        return false;
    memcpy(out, from, n);
    out[n] = '\0';
    return true;
}

static bool only_visible(const char *text) {
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

status client_url_parse(const char *text, client_url *out, diag *d) {
    static const struct {
        const char *scheme;
        bool tls;
    } known[] = {
        {"http://", false}, {"ws://", false}, {"https://", true}, {"wss://", true}};
    client_url u = {0};
    const char *at = NULL;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t n = strlen(known[i].scheme);
        if (strncasecmp(text, known[i].scheme, n) == 0) {
            at = text + n;
            u.tls = known[i].tls;
        }
    }
    bool good = at != NULL && only_visible(text);
    if (good && *at == '[') { /* IPv6 */
        size_t n = strcspn(at + 1, "]/");
        good = at[1 + n] == ']' && copy_part(u.host, sizeof u.host, at + 1, n);
        at += good ? n + 2 : 0;
    } else if (good) {
        size_t n = strcspn(at, ":/?#");
        good = copy_part(u.host, sizeof u.host, at, n);
        at += n;
    }
    if (good && *at == ':') {
        size_t n = strspn(at + 1, "0123456789");
        good = n > 0 && n <= 5 && copy_part(u.port, sizeof u.port, at + 1, n) &&
               atoi(u.port) <= 65535;
        at += n + 1;
    } else if (good) {
        memcpy(u.port, u.tls ? "443" : "80", u.tls ? 4 : 3);
    }
    if (good) {
        size_t n = strlen(at);
        while (n > 0 && at[n - 1] == '/')
            n--;
        good = u.host[0] != '\0' && (n == 0 || *at == '/') && strpbrk(at, "?#") == NULL &&
               copy_part(u.base, sizeof u.base, at, n);
    }
    if (!good)
        return diag_field(
            d, ERR_INVALID, "url",
            "an address like http://127.0.0.1:8090 or wss://host is needed");
    *out = u;
    return OK;
}

void client_request(const client_url *url, const char *path_query, const char *nonce,
                    const char *key, buf *out) {
    bool v6 = strchr(url->host, ':') != NULL;
    buf_addf(out, "GET %s%s HTTP/1.1\r\nHost: %s%s%s:%s\r\n", url->base, path_query,
             v6 ? "[" : "", url->host, v6 ? "]" : "", url->port);
    buf_addf(out,
             "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: %s\r\nUser-Agent: rostrum\r\n",
             nonce);
    if (key[0] != '\0')
        buf_addf(out, "Authorization: Bearer %s\r\n", key);
    buf_add_text(out, "\r\n");
}

void client_accept(const char *nonce, char *out) {
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[CLIENT_NONCE_CHARS + sizeof magic];
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    size_t nonce_n = strnlen(nonce, CLIENT_NONCE_CHARS);
    memcpy(text, nonce, nonce_n);
    memcpy(text + nonce_n, magic, sizeof magic - 1);
    out[0] = '\0';
    if (EVP_Digest(text, nonce_n + sizeof magic - 1, hash, &n, EVP_sha1(), NULL) == 1 &&
        n == 20)
        out[client_base64(hash, n, out)] = '\0';
}

/* The value of a header line that starts with name; NULL: another header. */
static const char *header(const char *line, size_t n, const char *name, size_t *out_n) {
    size_t name_n = strlen(name);
    if (n <= name_n || line[name_n] != ':' || strncasecmp(line, name, name_n) != 0)
        return NULL;
    const char *value = line + name_n + 1, *end = line + n;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *out_n = (size_t)(end - value);
    return value;
}

status client_answer_parse(const uint8_t *data, size_t n, const char *nonce,
                           bool *out_complete, client_answer *out, diag *d) {
    const char *text = (const char *)data;
    const uint8_t *end = memmem(data, n, "\r\n\r\n", 4);
    client_answer a = {0};
    if (n >= 5 && memcmp(text, "HTTP/", 5) != 0)
        return diag_set(d, ERR_SYNTAX, "the server does not speak HTTP");
    *out_complete = end != NULL;
    if (end == NULL)
        return OK;
    a.bytes = (size_t)(end - data) + 4;
    const char *space = memchr(text, ' ', a.bytes);
    for (int i = 1; space != NULL && i <= 3 && isdigit((unsigned char)space[i]); i++)
        a.http_status = a.http_status * 10 + (space[i] - '0');
    if (a.http_status < 100)
        return diag_set(d, ERR_SYNTAX, "the server does not speak HTTP");
    char accept[CLIENT_ACCEPT_CHARS + 1];
    client_accept(nonce, accept);
    for (const char *line = text, *stop = text + a.bytes - 2; line < stop;) {
        const char *next = memmem(line, (size_t)(stop - line) + 2, "\r\n", 2);
        size_t line_n = (size_t)(next - line), value_n = 0;
        const char *value = header(line, line_n, "Sec-WebSocket-Accept", &value_n);
        if (value != NULL && value_n == strlen(accept) &&
            memcmp(value, accept, value_n) == 0)
            a.accepted = a.http_status == 101;
        value = header(line, line_n, "Retry-After", &value_n);
        for (size_t i = 0; value != NULL && i < value_n && i < 6; i++)
            if (isdigit((unsigned char)value[i]))
                a.retry_after_s = a.retry_after_s * 10 + (unsigned)(value[i] - '0');
        line = next + 2;
    }
    *out = a;
    return OK;
}

size_t frame_head(frame_kind kind, uint64_t n, const uint8_t mask[4],
                  uint8_t out[FRAME_HEAD_MAX]) {
    size_t at = 2;
    out[0] = (uint8_t)(0x80 | (unsigned)kind);
    unsigned length_bytes = n < 126 ? 0 : n < 65536 ? 2 : 8;
    out[1] = (uint8_t)(0x80 | (length_bytes == 0 ? n : length_bytes == 2 ? 126 : 127));
    for (unsigned i = length_bytes; i-- > 0;)
        out[at++] = (uint8_t)(n >> (8 * i));
    memcpy(out + at, mask, 4);
    return at + 4;
}

void frame_mask(uint8_t *data, size_t n, const uint8_t mask[4]) {
    uint64_t wide;
    uint8_t eight[8];
    for (int i = 0; i < 8; i++)
        eight[i] = mask[i % 4];
    memcpy(&wide, eight, 8);
    size_t at = 0;
    for (; at + 8 <= n; at += 8) {
        uint64_t v;
        memcpy(&v, data + at, 8);
        v ^= wide;
        memcpy(data + at, &v, 8);
    }
    for (; at < n; at++)
        data[at] ^= mask[at % 4];
}

status frame_read(const uint8_t *data, size_t n, bool *out_complete, frame_info *out,
                  diag *d) {
    *out_complete = false;
    if (n < 2)
        return OK;
    frame_info f = {.kind = (frame_kind)(data[0] & 15), .last = (data[0] & 0x80) != 0};
    bool control = f.kind >= FRAME_CLOSE;
    bool known =
        f.kind <= FRAME_BINARY || (f.kind >= FRAME_CLOSE && f.kind <= FRAME_PONG);
    f.n = data[1] & 127;
    if ((data[0] & 0x70) != 0 || !known || (data[1] & 0x80) != 0 ||
        (control && (!f.last || f.n > 125)))
        return diag_set(d, ERR_SYNTAX, "the server sent a malformed WebSocket frame");
    unsigned length_bytes = f.n == 126 ? 2 : f.n == 127 ? 8 : 0;
    f.head = 2 + length_bytes;
    if (n < f.head)
        return OK;
    if (length_bytes > 0)
        f.n = 0;
    for (unsigned i = 0; i < length_bytes; i++)
        f.n = f.n << 8 | data[2 + i];
    *out_complete = true;
    *out = f;
    return OK;
}

size_t client_base64(const uint8_t *data, size_t n, char *out) {
    static const char digit[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *to = out;
    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t v = (uint32_t)data[i] << 16 |
                     (have > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                     (have > 2 ? data[i + 2] : 0);
        *to++ = digit[v >> 18];
        *to++ = digit[v >> 12 & 63];
        *to++ = have > 1 ? digit[v >> 6 & 63] : '=';
        *to++ = have > 2 ? digit[v & 63] : '=';
    }
    return (size_t)(to - out);
}
