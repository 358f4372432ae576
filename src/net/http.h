/* net/http.h: HTTP/1.1 as bytes: request heads, chunked bodies, query strings.
 *
 * Strict where laxness is a hole (RFC 9112): CRLF only, no space before a colon, no
 * folded lines, one Host, one Content-Length, never both lengths. The caller holds the
 * bytes; what is returned points into them. Pure: no allocation, clock or I/O. */
#ifndef ROSTRUM_NET_HTTP_H
#define ROSTRUM_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

/* A slice of the caller's bytes; not terminated. */
typedef struct {
    const char *at;
    size_t n;
} http_text;

typedef struct {
    http_text name, value; /* value without surrounding blanks */
} http_field;

typedef struct {
    http_text method;       /* as sent; methods are case-sensitive */
    http_text path;         /* still percent-encoded; starts with '/', or is "*" */
    http_text query;        /* without '?'; empty when there is none */
    unsigned minor;         /* HTTP/1.minor, 0 or 1 */
    int64_t content_length; /* -1: none stated */
    bool chunked;
    bool keep_alive;
    bool expects_continue;
    bool upgrade_websocket; /* Upgrade: websocket and Connection: upgrade */
    const char *wrong;      /* of a refused head: what, for the client; never NULL then */
    http_field fields[LIMIT_HTTP_FIELDS];
    size_t n_fields;
} http_head;

/* Bytes of a whole head (through its blank line) at the start of data[n], or 0 when more
 * are needed. *scanned remembers how far was searched; start it at 0. */
size_t http_head_end(const char *data, size_t n, size_t *scanned);

/* Reads a whole head of n bytes, as http_head_end measured it. Returns 0, or the HTTP
 * status of the refusal, with out->wrong: 400, 431 (too many lines), 501 (a transfer
 * coding other than chunked), 505 (another version). */
int http_head_read(const char *data, size_t n, http_head *out);

/* Field number `nth` (0 first) of that name, names compared without case. NULL: none. */
const http_field *http_field_find(const http_head *head, const char *name, unsigned nth);

/* True when a comma-separated list value has `token`, compared without case. */
bool http_list_has(http_text list, const char *token);

/* A chunked body as it arrives. Zero it to start. */
typedef struct {
    uint64_t left; /* of the present chunk */
    uint8_t state;
    uint8_t digits;   /* of the size line so far */
    uint16_t skipped; /* bytes of extensions and trailers so far */
} http_chunks;

typedef enum { CHUNKS_MORE, CHUNKS_DATA, CHUNKS_END, CHUNKS_BAD } http_chunks_result;

/* Takes *io_used more bytes of data[n] on return. CHUNKS_DATA: *out[*out_n] is body,
 * inside data; call again with the rest. CHUNKS_MORE: all was taken. CHUNKS_END: the body
 * is complete; the rest of data is the next request. */
http_chunks_result http_chunks_read(http_chunks *c, const uint8_t *data, size_t n,
                                    size_t *out_used, const uint8_t **out, size_t *out_n);

/* Percent-decodes text into out[size], terminated. plus: '+' means a blank. Returns the
 * length; -1: too long, a bad escape, or an escaped NUL. */
int http_decode(http_text text, bool plus, char *out, size_t size);

/* The phrase of a status line. Never NULL. */
const char *http_status_phrase(int status);

#endif
