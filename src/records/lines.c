#include "records/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES (64u << 10)
#define BYTE_ORDER_MARK "\xEF\xBB\xBF" /* spreadsheets write it before UTF-8 */

struct lines {
    FILE *file;
    char *data; /* [capacity]: the bytes read and not yet given out start at `start` */
    size_t start, end, capacity;
    int line;
    bool at_end;
    char name[256];
};

static status fail(const lines *l, diag *d, status s, const char *text) {
    diag_at(d, l->name, l->line, 0);
    return diag_set(d, s, "%s", text);
}

status lines_open(const char *path, lines **out, diag *d) {
    bool standard = strcmp(path, "-") == 0;
    const char *name = standard ? "standard input" : path;
    lines *l = calloc(1, sizeof *l);
    if (!l)
        return diag_set(d, ERR_MEMORY, "no memory to read %s", name);
    snprintf(l->name, sizeof l->name, "%s", name);
    l->file = standard ? stdin : fopen(path, "rb");
    if (!l->file) {
        int reason = errno;
        free(l);
        diag_at(d, name, 0, 0);
        return diag_set(d, ERR_IO, "cannot be read: %s", strerror(reason));
    }
    *out = l;
    return OK;
}

void lines_close(lines *l) {
    if (!l)
        return;
    if (l->file != stdin)
        (void)fclose(l->file);
    free(l->data);
    free(l);
}

/* Makes room for a piece behind `end` (and a terminator) and reads one. */
static status read_piece(lines *l, diag *d) {
    if (l->start > 0) {
        memmove(l->data, l->data + l->start, l->end - l->start);
        l->end -= l->start;
        l->start = 0;
    }
    if (l->capacity < l->end + PIECE_BYTES + 1) {
        size_t capacity = 2 * l->capacity + PIECE_BYTES + 1;
        char *grown = realloc(l->data, capacity);
        if (!grown)
            return fail(l, d, ERR_MEMORY, "no memory for this line");
        l->data = grown;
        l->capacity = capacity;
    }
    size_t n = fread(l->data + l->end, 1, PIECE_BYTES, l->file);
    if (n == 0 && ferror(l->file)) {
        diag_at(d, l->name, l->line, 0);
        return diag_set(d, ERR_IO, "reading failed: %s", strerror(errno));
    }
    l->at_end = n == 0;
    l->end += n;
    return OK;
}

/* Finds the next line feed, reading on as needed; NULL: the rest is the last line. */
static status find_end(lines *l, char **out_feed, diag *d) {
    size_t searched = 0;
    for (;;) {
        char *from = l->data + l->start + searched;
        size_t n = l->end - l->start - searched;
        *out_feed = n > 0 ? memchr(from, '\n', n) : NULL;
        searched += n;
        if (*out_feed || l->at_end)
            return OK;
        if (searched > LINES_BYTES_MAX)
            return OK; /* the caller refuses it */
        status s = read_piece(l, d);
        if (s != OK)
            return s;
    }
}

status lines_next(lines *l, const char **out_text, size_t *out_n, diag *d) {
    l->line++;
    if (!l->data) {
        status s = read_piece(l, d);
        if (s != OK)
            return s;
    }
    char *feed;
    status s = find_end(l, &feed, d);
    if (s != OK)
        return s;
    if (l->line == 1 && l->end >= 3 && memcmp(l->data, BYTE_ORDER_MARK, 3) == 0)
        l->start = 3;
    char *text = l->data + l->start;
    size_t n = feed ? (size_t)(feed - text) : l->end - l->start;
    if (n > LINES_BYTES_MAX)
        return fail(l, d, ERR_LIMIT, "the line is longer than 1 MiB");
    diag_at(d, l->name, l->line, 0);
    if (!feed && n == 0) {
        *out_text = NULL;
        *out_n = 0;
        return OK;
    }
    if (memchr(text, '\0', n))
        return fail(l, d, ERR_SYNTAX, "a zero byte: this is not a text file");
    l->start += n + (feed != NULL);
    if (n > 0 && text[n - 1] == '\r')
        n--;
    text[n] = '\0'; /* over the line feed, or in the room read_piece keeps */
    *out_text = text;
    *out_n = n;
    return OK;
}
