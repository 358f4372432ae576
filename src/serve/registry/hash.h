/* serve/registry/hash.h: SHA-256 of files, with a memory of those that were right.
 *
 * The memory is a fixed table of this process, keyed by what the file system says of
 * a file (device, inode, size, times of change): a worker's restart must not read 100
 * MB again. Nothing is remembered on disk. Loop thread or command line. */
#ifndef ROSTRUM_SERVE_HASH_H
#define ROSTRUM_SERVE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Lower-case hex of the SHA-256 of data[n]. */
void hash_bytes(const void *data, size_t n, char out_hex[65]);

/* OK: the file has this size and hash. ERR_NOT_FOUND: no such regular file; ERR_IO:
 * unreadable; ERR_INTEGRITY: another size or hash. */
MUST_CHECK status hash_file_is(const char *path, uint64_t bytes, const char *sha256_hex);

#endif
