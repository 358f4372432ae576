/* tests/fuzz/memory_file.h: the fuzzer's bytes behind a path, for readers of files. */
#ifndef ROSTRUM_FUZZ_MEMORY_FILE_H
#define ROSTRUM_FUZZ_MEMORY_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"

/* A path whose file holds data[n] until the next call. One a program, one thread. */
static inline const char *memory_file(const uint8_t *data, size_t n) {
    static char path[64];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
        ASSERT(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    ASSERT(ftruncate(fd, 0) == 0);
    ASSERT(pwrite(fd, data, n, 0) == (ssize_t)n);
    return path;
}

#endif
