#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static void
set_text(diag *d, status code, const char *format, va_list args) {
    d->code = code;
    vsnprintf(d->text, sizeof d->text, format, args);
}

status diag_set(diag *d, status code, const char *format, ...) {
    if (d) {
        va_list args;
        va_start(args, format);
        set_text(d, code, format, args);
        va_end(args);
    }
    return code;
}

status diag_field(diag *d, status code, const char *field, const char *format, ...) {
    if (d) {
        va_list args;
        va_start(args, format);
        set_text(d, code, format, args);
        va_end(args);
        snprintf(d->field, sizeof d->field, "%s", field ? field : "");
    }
    return code;
}

void diag_at(diag *d, const char *file, int line, int column) {
    if (!d)
        return;
    if (file && strcmp(d->file, file) != 0) /* readers name the place of every line */
        snprintf(d->file, sizeof d->file, "%s", file);
    d->line = line;
    d->column = column;
}

char *diag_format(const diag *d, char *out, unsigned long size) {
    char place[320] = "";
    if (d->file[0] && d->line && d->column)
        snprintf(place, sizeof place, "%s:%d:%d: ", d->file, d->line, d->column);
    else if (d->file[0] && d->line)
        snprintf(place, sizeof place, "%s:%d: ", d->file, d->line);
    else if (d->file[0])
        snprintf(place, sizeof place, "%s: ", d->file);
    snprintf(out, size, "%s%s%s%s", place, d->field, d->field[0] ? ": " : "",
             d->text[0] ? d->text : status_text(d->code));
    return out;
}

/* Levenshtein distance of two short names; names longer than the row are "far". */
static unsigned edit_distance(const char *a, const char *b) {
    enum { LONGEST = 96 };
    size_t na = strlen(a), nb = strlen(b);
    if (na >= LONGEST || nb >= LONGEST)
        return LONGEST;
    unsigned row[LONGEST];
    for (size_t j = 0; j <= nb; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[nb];
}

const char *diag_nearest(const char *given, const char *const *names, unsigned long n) {
    const char *best = NULL;
    unsigned best_distance = (unsigned)strlen(given) / 3 + 2;
    for (unsigned long i = 0; i < n; i++) {
        unsigned distance = edit_distance(given, names[i]);
        if (distance < best_distance) {
            best_distance = distance;
            best = names[i];
        }
    }
    return best;
}
