/* base/diag.h: what a person needs to mend an error.
 *
 * The caller owns the diag (usually on its stack) and passes it down; a callee
 * that fails fills it and returns its status. Every function that takes a diag
 * accepts NULL. A diag may name paths, fields, limits and numbers. It must never
 * hold audio, transcripts, prompts or key material: those classes reach no error
 * text. Pure. Safe from any thread. */
#ifndef ROSTRUM_BASE_DIAG_H
#define ROSTRUM_BASE_DIAG_H

#include "base/status.h"

typedef struct {
    status code;
    int line;       /* 1-based; 0: not known */
    int column;     /* 1-based; 0: not known */
    char file[256]; /* path as the user wrote it; "" when there is none */
    char field[96]; /* dotted field name, e.g. session.audio.input.format */
    char text[384]; /* one sentence: what is wrong and what would be valid */
} diag;

#define DIAG_INIT ((diag){.code = OK})

/* Sets code and text (printf style), keeps file, line and field. Returns code, so
 * that a callee can `return diag_set(d, ERR_INVALID, "...")`. */
status diag_set(diag *d, status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, and names the field. field may be NULL. */
status diag_field(diag *d, status code, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Names the place. file may be NULL (kept as it is). */
void diag_at(diag *d, const char *file, int line, int column);

/* Writes "file:line:column: field: text" with the parts that are known, always
 * terminated; returns out. size >= 1. */
char *diag_format(const diag *d, char *out, unsigned long size);

/* The entry of names[n] nearest to `given` by edit distance, or NULL when none is
 * near enough to be a slip of the fingers. For "unknown key x; did you mean y?". */
const char *diag_nearest(const char *given, const char *const *names, unsigned long n);

#endif
