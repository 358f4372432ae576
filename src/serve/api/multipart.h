/* serve/api/multipart.h: multipart/form-data (RFC 7578) as it arrives.
 *
 * Bytes in, parts out, in any cut: nothing but one header line is kept, so the body
 * may be of any size and lies wherever the owner puts it. Foreign bytes: fuzzed.
 * Pure but for the owner's callbacks. One thread at a time. */
#ifndef ROSTRUM_SERVE_MULTIPART_H
#define ROSTRUM_SERVE_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define MULTIPART_NAME 64         /* bytes of a field or file name, with terminator */
#define MULTIPART_BOUNDARY 70     /* RFC 2046, section 5.1.1 */
#define MULTIPART_LINE 1024       /* one header line of a part */
#define MULTIPART_HEADER_LINES 16 /* of a part */
#define MULTIPART_PARTS 64        /* of a body: no form of ours has half as many */

/* Any may stop the parser by returning other than OK (and filling d). */
typedef struct {
    status (*part)(void *owner, const char *name, bool is_file, diag *d);
    status (*data)(void *owner, const uint8_t *data, size_t n, diag *d);
    status (*part_end)(void *owner, diag *d);
} multipart_events;

typedef enum {
    MULTIPART_PREAMBLE,  /* before the first delimiter */
    MULTIPART_DELIMITED, /* a delimiter was read: CRLF or "--" follows */
    MULTIPART_HEADERS,
    MULTIPART_DATA,
    MULTIPART_COMPLETE, /* the closing delimiter was read; the rest is ignored */
    MULTIPART_BROKEN
} multipart_state;

typedef struct {
    const multipart_events *events;
    void *owner;
    multipart_state state;
    char delimiter[MULTIPART_BOUNDARY + 5]; /* CR LF "--" boundary */
    size_t delimiter_bytes;
    size_t matched; /* bytes of the delimiter matched so far */
    size_t implied; /* of them, those that were never read: a line end before the first */
    char line[MULTIPART_LINE];
    size_t line_bytes;
    unsigned header_lines, parts;
    bool named; /* the part has a Content-Disposition with a name */
    bool is_file;
    char name[MULTIPART_NAME];
} multipart;

/* content_type: the request's header value. ERR_SYNTAX: it is not multipart/form-data
 * or its boundary is not usable. events and owner are borrowed for life. */
MUST_CHECK status multipart_init(multipart *m, const char *content_type,
                                 const multipart_events *events, void *owner, diag *d);

/* ERR_SYNTAX: not a multipart body; ERR_LIMIT: a limit above. After any error the
 * parser takes nothing more. */
MUST_CHECK status multipart_push(multipart *m, const uint8_t *data, size_t n, diag *d);

/* The closing delimiter has been read. */
bool multipart_complete(const multipart *m);

#endif
