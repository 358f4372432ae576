#include "cli/file_bytes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

#include "net/openssl.h"

static void hash(const buf *b, char out[65]) {
    unsigned char value[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    int done = EVP_Digest(b->data, b->size, value, &n, EVP_sha256(), NULL);
    ASSERT(done == 1);
    ASSERT(n == 32);
    for (unsigned i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", value[i]);
}

status file_bytes_read(const char *path, size_t max_bytes, file_bytes *out, diag *d) {
    bool standard = strcmp(path, "-") == 0;
    diag_at(d, standard ? "standard input" : path, 0, 0);
    FILE *file = standard ? stdin : fopen(path, "rb");
    if (!file)
        return diag_set(d, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot be read: %s",
                        strerror(errno));
    file_bytes f = {.sha256 = ""};
    buf_init(&f.bytes, max_bytes);
    char piece[16384];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, file)) > 0 && !f.bytes.failed)
        buf_add(&f.bytes, piece, n);
    int error = ferror(file) ? errno : 0;
    if (!standard)
        (void)fclose(file);
    status s = OK;
    if (error)
        s = diag_set(d, ERR_IO, "reading failed: %s", strerror(error));
    else if (f.bytes.failed)
        s = diag_set(d, ERR_LIMIT, "larger than %zu bytes", max_bytes);
    if (s != OK) {
        file_bytes_deinit(&f);
        return s;
    }
    hash(&f.bytes, f.sha256);
    *out = f;
    return OK;
}

void file_bytes_deinit(file_bytes *f) {
    buf_deinit(&f->bytes);
}
