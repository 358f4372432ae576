/* engine/moonshine/map.h: a whole file, read only, in memory while it is open. */
#ifndef ROSTRUM_MOONSHINE_MAP_H
#define ROSTRUM_MOONSHINE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

typedef struct {
    const uint8_t *data; /* [size] */
    size_t size;
} map;

/* ERR_NOT_FOUND, ERR_INTEGRITY (empty, or not a file); d names the path. */
MUST_CHECK status map_open(const char *path, map *out, diag *d);
void map_close(map *m);

#endif
