/* cli/file_bytes.h: a whole file and the SHA-256 of exactly these bytes.
 *
 * Read once, so that what was judged is what was hashed. Allocates. Any thread. */
#ifndef ROSTRUM_CLI_FILE_BYTES_H
#define ROSTRUM_CLI_FILE_BYTES_H

#include "base/buf.h"
#include "base/diag.h"

typedef struct {
    buf bytes;
    char sha256[65]; /* lower-case hex */
} file_bytes;

/* "-": standard input. ERR_NOT_FOUND, ERR_IO, ERR_LIMIT: d names the file; *out is
 * untouched. */
MUST_CHECK status file_bytes_read(const char *path, size_t max_bytes, file_bytes *out,
                                  diag *d);
void file_bytes_deinit(file_bytes *f); /* takes all zeros */

#endif
