/* Where the fetched weights are; the test skips without them. */
#ifndef ROSTRUM_TEST_FETCHED_H
#define ROSTRUM_TEST_FETCHED_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* CACHE/rest; valid until the next call but three. */
static inline const char *fetched(const char *rest) {
    static char paths[4][1024];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    const char *cache = getenv("ROSTRUM_CACHE"), *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (cache && *cache)
        snprintf(path, sizeof paths[0], "%s/%s", cache, rest);
    else if (xdg && *xdg)
        snprintf(path, sizeof paths[0], "%s/rostrum/%s", xdg, rest);
    else
        snprintf(path, sizeof paths[0], "%s/.cache/rostrum/%s", home ? home : ".", rest);
    if (access(path, R_OK) != 0) {
        print_message("weights not fetched\n");
        skip();
    }
    return path;
}

#endif
