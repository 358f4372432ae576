#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static log_level threshold = LOG_INFO;

void log_set_level(log_level level) {
    threshold = level;
}

int log_level_parse(const char *name, log_level *out_level) {
    for (int i = 0; i <= LOG_DEBUG; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *out_level = (log_level)i;
            return 0;
        }
    }
    return -1;
}

void log_event(log_level level, const char *area, const char *event, const char *format,
               ...) {
    if (level > threshold)
        return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    gmtime_r(&now.tv_sec, &utc);
    char line[1024];
    size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
    n += (size_t)snprintf(line + n, sizeof line - n, ".%03ldZ %s %s %s ",
                          now.tv_nsec / 1000000, level_names[level], area, event);
    va_list args;
    va_start(args, format);
    int added = vsnprintf(line + n, sizeof line - n, format, args);
    va_end(args);
    if (added > 0)
        n += (size_t)added;
    if (n > sizeof line - 2)
        n = sizeof line - 2;
    for (size_t i = 0; i < n; i++) /* one fact is one line, whatever a path holds */
        if ((unsigned char)line[i] < 0x20)
            line[i] = '?';
    line[n++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, n);
    (void)written; /* a full or closed log must not stop the server */
}
