#include "serve/api/multipart.h"

#include <string.h>
#include <strings.h>

/* --- header parameters: `form-data; name="file"; filename="a.wav"` --- */

static const char *skip_blanks(const char *s) {
    while (*s == ' ' || *s == '\t')
        s++;
    return s;
}

/* Reads a token or quoted string at s into out[size]; NULL when it does not fit or its
 * quote never ends. Returns where it stopped. */
static const char *read_value(const char *s, char *out, size_t size) {
    size_t n = 0;
    bool quoted = *s == '"';
    if (quoted)
        s++;
    for (; *s && *s != (quoted ? '"' : ';'); s++) {
        if (!quoted && (*s == ' ' || *s == '\t'))
            break;
        if (quoted && *s == '\\' && s[1])
            s++;
        if (n + 1 >= size)
            return NULL;
        out[n++] = *s;
    }
    out[n] = '\0';
    if (quoted)
        return *s == '"' ? s + 1 : NULL;
    return s;
}

/* Looks for parameter `name` after the first ';' of a header value. */
static bool parameter(const char *value, const char *name, char *out, size_t size) {
    const char *s = strchr(value, ';');
    size_t n = strlen(name);
    char other[256];
    while (s) {
        s = skip_blanks(s + 1);
        bool wanted = strncasecmp(s, name, n) == 0 && s[n] == '=';
        const char *equals = s + strcspn(s, "=;");
        if (*equals != '=') {
            s = *equals ? equals : NULL;
            continue;
        }
        s = wanted ? read_value(equals + 1, out, size)
                   : read_value(equals + 1, other, sizeof other);
        if (wanted)
            return s != NULL;
        s = s ? strchr(s, ';') : NULL;
    }
    return false;
}

status multipart_init(multipart *m, const char *content_type,
                      const multipart_events *events, void *owner, diag *d) {
    static const char type[] = "multipart/form-data";
    char boundary[MULTIPART_BOUNDARY + 1];
    if (strncasecmp(content_type, type, sizeof type - 1) != 0)
        return diag_set(d, ERR_SYNTAX, "the body must be multipart/form-data");
    char given[sizeof boundary + 256] = ""; /* enough to tell how long it is */
    if (!parameter(content_type, "boundary", given, sizeof given) || !given[0] ||
        strpbrk(given, "\r\n"))
        return diag_field(d, ERR_SYNTAX, "Content-Type",
                          "names no boundary, or not as boundary=TEXT");
    if (strlen(given) > MULTIPART_BOUNDARY)
        return diag_field(d, ERR_SYNTAX, "Content-Type",
                          "the boundary has %zu characters; RFC 2046 allows %d",
                          strlen(given), MULTIPART_BOUNDARY);
    memcpy(boundary, given, strlen(given) + 1);
    memset(m, 0, sizeof *m);
    m->events = events;
    m->owner = owner;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary, strlen(boundary));
    m->delimiter_bytes = 4 + strlen(boundary);
    m->matched = m->implied = 2; /* the body may begin with "--boundary" */
    return OK;
}

/* --- the state machine --- */

static status broken(multipart *m, status why, diag *d, const char *text) {
    m->state = MULTIPART_BROKEN;
    return diag_set(d, why, "%s", text);
}

static status emit(multipart *m, const void *data, size_t n, diag *d) {
    if (m->state != MULTIPART_DATA || n == 0)
        return OK;
    return m->events->data(m->owner, data, n, d);
}

static status delimiter_read(multipart *m, diag *d) {
    bool in_part = m->state == MULTIPART_DATA;
    m->state = MULTIPART_DELIMITED;
    m->matched = m->implied = 0;
    m->line_bytes = 0;
    return in_part ? m->events->part_end(m->owner, d) : OK;
}

/* Preamble or part body: everything up to the delimiter. CR occurs in a delimiter only
 * as its first byte, so a failed match can restart only at the byte that failed. */
static status scan(multipart *m, const uint8_t **at, const uint8_t *end, diag *d) {
    const uint8_t *s = *at;
    while (s < end) {
        if (m->matched == 0) {
            const uint8_t *cr = memchr(s, '\r', (size_t)(end - s));
            const uint8_t *stop = cr ? cr : end;
            status st = emit(m, s, (size_t)(stop - s), d);
            if (st != OK)
                return st;
            s = stop;
            if (!cr)
                break;
        }
        if (*s == (uint8_t)m->delimiter[m->matched]) {
            s++;
            if (++m->matched == m->delimiter_bytes) {
                *at = s;
                return delimiter_read(m, d);
            }
            continue;
        }
        status st = emit(m, m->delimiter + m->implied, m->matched - m->implied, d);
        m->matched = m->implied = 0;
        if (st != OK)
            return st;
        if (*s == '\r')
            continue;
        st = emit(m, s, 1, d);
        if (st != OK)
            return st;
        s++;
    }
    *at = s;
    return OK;
}

/* What stands between a delimiter and its CRLF: nothing, blanks, or "--". */
static status delimited(multipart *m, uint8_t c, diag *d) {
    if (m->line_bytes < 2)
        m->line[m->line_bytes] = (char)c;
    m->line_bytes++;
    if (m->line_bytes == 2 && memcmp(m->line, "--", 2) == 0) {
        m->state = MULTIPART_COMPLETE;
        return OK;
    }
    if (c == '\n') {
        if (++m->parts > MULTIPART_PARTS)
            return broken(m, ERR_LIMIT, d, "the form has too many parts");
        m->state = MULTIPART_HEADERS;
        m->line_bytes = 0;
        m->header_lines = 0;
        m->named = m->is_file = false;
        return OK;
    }
    bool blank = c == ' ' || c == '\t' || c == '\r' || (c == '-' && m->line_bytes == 1);
    if (!blank || m->line_bytes > 64)
        return broken(m, ERR_SYNTAX, d, "the boundary is followed by something else");
    return OK;
}

static status header_line(multipart *m, diag *d) {
    static const char header[] = "content-disposition:";
    char file[MULTIPART_LINE];
    if (++m->header_lines > MULTIPART_HEADER_LINES)
        return broken(m, ERR_LIMIT, d, "a part of the form has too many headers");
    if (strncasecmp(m->line, header, sizeof header - 1) != 0)
        return OK;
    const char *value = m->line + sizeof header - 1;
    if (!parameter(value, "name", m->name, sizeof m->name))
        return broken(m, ERR_SYNTAX, d, "a part of the form has no usable name");
    m->named = true;
    m->is_file = parameter(value, "filename", file, sizeof file) ||
                 parameter(value, "filename*", file, sizeof file);
    return OK;
}

static status headers(multipart *m, uint8_t c, diag *d) {
    if (c != '\n') {
        if (m->line_bytes + 1 >= sizeof m->line)
            return broken(m, ERR_LIMIT, d, "a header line of the form is too long");
        if (c == '\0')
            return broken(m, ERR_SYNTAX, d, "a header line of the form holds a NUL");
        m->line[m->line_bytes++] = (char)c;
        return OK;
    }
    if (m->line_bytes > 0 && m->line[m->line_bytes - 1] == '\r')
        m->line_bytes--;
    m->line[m->line_bytes] = '\0';
    bool last = m->line_bytes == 0;
    m->line_bytes = 0;
    if (!last)
        return header_line(m, d);
    if (!m->named)
        return broken(m, ERR_SYNTAX, d, "a part of the form has no Content-Disposition");
    m->state = MULTIPART_DATA;
    m->matched = m->implied = 2; /* an empty part: its delimiter follows at once */
    return m->events->part(m->owner, m->name, m->is_file, d);
}

status multipart_push(multipart *m, const uint8_t *data, size_t n, diag *d) {
    const uint8_t *s = data;
    const uint8_t *end = n ? data + n : data;
    status st = OK;
    while (st == OK && s < end) {
        switch (m->state) {
        case MULTIPART_PREAMBLE:
        case MULTIPART_DATA:
            st = scan(m, &s, end, d);
            break;
        case MULTIPART_DELIMITED:
            st = delimited(m, *s++, d);
            break;
        case MULTIPART_HEADERS:
            st = headers(m, *s++, d);
            break;
        case MULTIPART_COMPLETE:
            return OK;
        case MULTIPART_BROKEN:
            return diag_set(d, ERR_SYNTAX, "the form was already found broken");
        }
    }
    if (st != OK)
        m->state = MULTIPART_BROKEN;
    return st;
}

bool multipart_complete(const multipart *m) {
    return m->state == MULTIPART_COMPLETE;
}
