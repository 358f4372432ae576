#include "net/http.h"

#include <string.h>
#include <strings.h>

static bool is_token(unsigned char c) {
    static const char others[] = "!#$%&'*+-.^_`|~";
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr(others, c));
}

/* Bytes that may stand in a field value: all but controls, tab excepted. */
static bool is_value(unsigned char c) {
    return (c >= 0x20 && c != 0x7F) || c == '\t';
}

static bool same(http_text text, const char *word) {
    return text.n == strlen(word) && strncasecmp(text.at, word, text.n) == 0;
}

static http_text trim(http_text t) {
    while (t.n && (t.at[0] == ' ' || t.at[0] == '\t')) {
        t.at++;
        t.n--;
    }
    while (t.n && (t.at[t.n - 1] == ' ' || t.at[t.n - 1] == '\t'))
        t.n--;
    return t;
}

size_t http_head_end(const char *data, size_t n, size_t *scanned) {
    size_t from = *scanned > 3 ? *scanned - 3 : 0;
    const char *end = n > from ? memmem(data + from, n - from, "\r\n\r\n", 4) : NULL;
    *scanned = n;
    return end ? (size_t)(end - data) + 4 : 0;
}

/* The line at *at, without its CRLF; false when there is none before end. */
static bool next_line(const char **at, const char *end, http_text *out) {
    const char *stop = memmem(*at, (size_t)(end - *at), "\r\n", 2);
    if (!stop)
        return false;
    *out = (http_text){*at, (size_t)(stop - *at)};
    *at = stop + 2;
    return true;
}

/* "http://authority/path" is legal towards a server too; only its path counts. */
static http_text without_authority(http_text target) {
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t skip = strlen(schemes[i]);
        if (target.n <= skip || strncasecmp(target.at, schemes[i], skip) != 0)
            continue;
        const char *slash = memchr(target.at + skip, '/', target.n - skip);
        if (!slash)
            return (http_text){"/", 1};
        return (http_text){slash, target.n - (size_t)(slash - target.at)};
    }
    return target;
}

static int refuse(http_head *out, int status, const char *wrong) {
    out->wrong = wrong;
    return status;
}

#define REQUEST_LINE "the request line must be METHOD PATH HTTP/1.1"
#define BAD_LINE "a header line is not Name: value"
#define TEXT(number) #number
#define NUMBER(macro) TEXT(macro)

static int read_request_line(http_text line, http_head *out) {
    const char *end = line.at + line.n;
    const char *first = memchr(line.at, ' ', line.n);
    if (!first)
        return refuse(out, 400, REQUEST_LINE);
    out->method = (http_text){line.at, (size_t)(first - line.at)};
    if (out->method.n == 0)
        return refuse(out, 400, REQUEST_LINE);
    for (size_t i = 0; i < out->method.n; i++)
        if (!is_token((unsigned char)out->method.at[i]))
            return refuse(out, 400, REQUEST_LINE);
    const char *second = memchr(first + 1, ' ', (size_t)(end - first - 1));
    if (!second)
        return refuse(out, 400, REQUEST_LINE);
    http_text version = {second + 1, (size_t)(end - second - 1)};
    if (version.n != 8 || memcmp(version.at, "HTTP/", 5) != 0 || version.at[6] != '.')
        return refuse(out, 400, REQUEST_LINE);
    if (version.at[5] != '1' || version.at[7] < '0' || version.at[7] > '9')
        return refuse(out, 505, "the version spoken here is HTTP/1.1");
    out->minor = version.at[7] == '0' ? 0 : 1;

    http_text target = {first + 1, (size_t)(second - first - 1)};
    for (size_t i = 0; i < target.n; i++)
        if ((unsigned char)target.at[i] <= 0x20 || (unsigned char)target.at[i] >= 0x7F)
            return refuse(out, 400, REQUEST_LINE);
    target = without_authority(target);
    if (target.n == 0 || (target.at[0] != '/' && !same(target, "*")))
        return refuse(out, 400, REQUEST_LINE);
    const char *mark = memchr(target.at, '?', target.n);
    out->path = target;
    out->query = (http_text){"", 0};
    if (mark) {
        out->path.n = (size_t)(mark - target.at);
        out->query = (http_text){mark + 1, target.n - out->path.n - 1};
    }
    return 0;
}

static int read_field(http_text line, http_head *out) {
    const char *colon = memchr(line.at, ':', line.n);
    if (!colon || colon == line.at)
        return refuse(
            out, 400,
            BAD_LINE); /* also a folded line: it starts with a blank, which is no token */
    http_field f = {{line.at, (size_t)(colon - line.at)},
                    {colon + 1, line.n - (size_t)(colon - line.at) - 1}};
    for (size_t i = 0; i < f.name.n; i++)
        if (!is_token((unsigned char)f.name.at[i]))
            return refuse(out, 400, BAD_LINE);
    for (size_t i = 0; i < f.value.n; i++)
        if (!is_value((unsigned char)f.value.at[i]))
            return refuse(out, 400, BAD_LINE);
    f.value = trim(f.value);
    if (out->n_fields == LIMIT_HTTP_FIELDS)
        return refuse(out, 431,
                      "there are more than " NUMBER(LIMIT_HTTP_FIELDS) " header lines");
    out->fields[out->n_fields++] = f;
    return 0;
}

const http_field *http_field_find(const http_head *head, const char *name, unsigned nth) {
    for (size_t i = 0; i < head->n_fields; i++)
        if (same(head->fields[i].name, name) && nth-- == 0)
            return &head->fields[i];
    return NULL;
}

bool http_list_has(http_text list, const char *token) {
    while (list.n) {
        const char *comma = memchr(list.at, ',', list.n);
        size_t n = comma ? (size_t)(comma - list.at) : list.n;
        if (same(trim((http_text){list.at, n}), token))
            return true;
        size_t step = comma ? n + 1 : n;
        list.at += step;
        list.n -= step;
    }
    return false;
}

static bool any_list_has(const http_head *head, const char *name, const char *token) {
    const http_field *f;
    for (unsigned i = 0; (f = http_field_find(head, name, i)); i++)
        if (http_list_has(f->value, token))
            return true;
    return false;
}

static int64_t read_length(http_text text) {
    int64_t value = 0;
    if (text.n == 0 || text.n > 15) /* 15 digits cannot overflow and are a petabyte */
        return -1;
    for (size_t i = 0; i < text.n; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return -1;
        value = value * 10 + (text.at[i] - '0');
    }
    return value;
}

/* How long the body is and what becomes of the connection. Two answers to the first
 * question are how requests are smuggled past a proxy: refuse them all. */
static int read_framing(http_head *out) {
#define TWICE(name)                                                                      \
    { name, "the header " name " is given more than once" }
    static const struct {
        const char *name, *wrong;
    } once[] = {TWICE("Host"),
                TWICE("Content-Length"),
                TWICE("Authorization"),
                TWICE("Transfer-Encoding"),
                TWICE("Expect"),
                TWICE("Sec-WebSocket-Key"),
                TWICE("Sec-WebSocket-Version")};
#undef TWICE
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++)
        if (http_field_find(out, once[i].name, 1))
            return refuse(out, 400, once[i].wrong);
    if (out->minor == 1 && !http_field_find(out, "host", 0))
        return refuse(out, 400, "the header Host is missing: HTTP/1.1 needs it");

    const http_field *length = http_field_find(out, "content-length", 0);
    const http_field *coding = http_field_find(out, "transfer-encoding", 0);
    if (length && coding)
        return refuse(out, 400,
                      "Content-Length and Transfer-Encoding are both given: send one");
    out->content_length = -1;
    if (length && (out->content_length = read_length(length->value)) < 0)
        return refuse(out, 400, "Content-Length must be a number of at most 15 digits");
    if (coding) {
        if (!same(coding->value, "chunked") || out->minor == 0)
            return refuse(out, 501,
                          "the only transfer coding spoken here is chunked, in HTTP/1.1");
        out->chunked = true;
    }
    out->keep_alive = out->minor == 1 ? !any_list_has(out, "connection", "close")
                                      : any_list_has(out, "connection", "keep-alive");
    const http_field *expect = http_field_find(out, "expect", 0);
    out->expects_continue =
        expect && out->minor == 1 && same(expect->value, "100-continue");
    out->upgrade_websocket = any_list_has(out, "upgrade", "websocket") &&
                             any_list_has(out, "connection", "upgrade");
    return 0;
}

int http_head_read(const char *data, size_t n, http_head *out) {
    const char *at = data, *end = data + n;
    memset(out, 0, offsetof(http_head, fields));
    out->n_fields = 0;
    http_text line;
    if (!next_line(&at, end, &line))
        return refuse(out, 400, REQUEST_LINE);
    int refusal = read_request_line(line, out);
    while (!refusal && next_line(&at, end, &line) && line.n)
        refusal = read_field(line, out);
    return refusal ? refusal : read_framing(out);
}

enum {
    SIZE_DIGITS,
    SIZE_EXTENSION,
    SIZE_LF,
    CHUNK,
    CHUNK_CR,
    CHUNK_LF,
    TRAILER_START,
    TRAILER,
    TRAILER_LF,
    LAST_LF,
    ENDED
};

#define CHUNK_NOISE_BYTES                                                                \
    4096 /* extensions and trailers of one body: nobody sends any                        \
          */

static int hex_value(unsigned char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One byte outside chunk data. False: the body is broken. */
static bool chunk_step(http_chunks *c, unsigned char byte) {
    int digit;
    switch (c->state) {
    case SIZE_DIGITS:
        if ((digit = hex_value(byte)) >= 0) {
            c->left = c->left << 4 | (unsigned)digit;
            return ++c->digits <= 8;
        }
        if (c->digits == 0)
            return false;
        c->state = byte == '\r' ? SIZE_LF : SIZE_EXTENSION;
        return byte == '\r' || byte == ';' || byte == ' ' || byte == '\t';
    case SIZE_EXTENSION:
        if (byte == '\r')
            c->state = SIZE_LF;
        return is_value(byte) ? ++c->skipped < CHUNK_NOISE_BYTES : byte == '\r';
    case SIZE_LF:
        c->state = c->left ? CHUNK : TRAILER_START;
        return byte == '\n';
    case CHUNK_CR:
        c->state = CHUNK_LF;
        return byte == '\r';
    case CHUNK_LF:
        c->state = SIZE_DIGITS;
        c->digits = 0;
        return byte == '\n';
    case TRAILER_START:
        c->state = byte == '\r' ? LAST_LF : TRAILER;
        return byte == '\r' || is_token(byte);
    case TRAILER:
        if (byte == '\r')
            c->state = TRAILER_LF;
        return is_value(byte) ? ++c->skipped < CHUNK_NOISE_BYTES : byte == '\r';
    case TRAILER_LF:
        c->state = TRAILER_START;
        return byte == '\n';
    case LAST_LF:
        c->state = ENDED;
        return byte == '\n';
    default:
        return false;
    }
}

http_chunks_result http_chunks_read(http_chunks *c, const uint8_t *data, size_t n,
                                    size_t *out_used, const uint8_t **out,
                                    size_t *out_n) {
    size_t used = 0;
    while (used < n && c->state != ENDED) {
        if (c->state != CHUNK) {
            if (!chunk_step(c, data[used++]))
                return CHUNKS_BAD;
            continue;
        }
        size_t take = n - used < c->left ? n - used : (size_t)c->left;
        *out = data + used;
        *out_n = take;
        c->left -= take;
        if (c->left == 0)
            c->state = CHUNK_CR;
        *out_used = used + take;
        return CHUNKS_DATA;
    }
    *out_used = used;
    return c->state == ENDED ? CHUNKS_END : CHUNKS_MORE;
}

int http_decode(http_text text, bool plus, char *out, size_t size) {
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if (byte == '%') {
            int high = i + 2 < text.n ? hex_value((unsigned char)text.at[i + 1]) : -1;
            int low = i + 2 < text.n ? hex_value((unsigned char)text.at[i + 2]) : -1;
            if (high < 0 || low < 0 || (high | low) == 0)
                return -1;
            byte = (unsigned char)(high << 4 | low);
            i += 2;
        } else if (byte == '+' && plus) {
            byte = ' ';
        }
        if (n + 1 >= size)
            return -1;
        out[n++] = (char)byte;
    }
    if (n >= size)
        return -1;
    out[n] = '\0';
    return (int)n;
}

const char *http_status_phrase(int status) {
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Unknown";
}
