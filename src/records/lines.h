/* records/lines.h: a text file, line by line, with the line's number for error messages.
 *
 * Reads through one growing buffer, so a file of any length costs the memory of its
 * longest line. "-" is standard input. A carriage return before the line feed is dropped,
 * and so is a byte order mark at the beginning; a last line without a line feed counts.
 * Allocates; one thread at a time. */
#ifndef ROSTRUM_RECORDS_LINES_H
#define ROSTRUM_RECORDS_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

#define LINES_BYTES_MAX (1u << 20) /* one line: a record, not a book */

typedef struct lines lines;

/* ERR_IO: d names the file and the reason. */
MUST_CHECK status lines_open(const char *path, lines **out, diag *d);
void lines_close(lines *l); /* takes NULL */

/* The next line: *out_text[*out_n], terminated, valid until the next call. *out_text is
 * NULL at the end of the file. Puts file and line into d, also when it succeeds, so that
 * whatever reads the line names the place for free.
 * ERR_LIMIT: longer than LINES_BYTES_MAX. ERR_SYNTAX: a zero byte in it. ERR_IO. */
MUST_CHECK status lines_next(lines *l, const char **out_text, size_t *out_n, diag *d);

#endif
