#include "engine/moonshine/map.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

status map_open(const char *path, map *out, diag *d) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    diag_at(d, path, 0, 0);
    if (fd < 0)
        return diag_set(d, ERR_NOT_FOUND, "cannot open: %s", strerror(errno));
    struct stat st;
    void *data = MAP_FAILED;
    if (fstat(fd, &st) == 0 && st.st_size > 0)
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (data == MAP_FAILED)
        return diag_set(d, ERR_INTEGRITY, "cannot be read, or is empty");
    *out = (map){.data = data, .size = (size_t)st.st_size};
    return OK;
}

void map_close(map *m) {
    munmap((void *)(uintptr_t)m->data, m->size);
    *m = (map){0};
}
