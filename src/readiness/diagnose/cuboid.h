/* readiness/diagnose/cuboid.h: the rows of a table grouped by every choice of attributes.
 *
 * A cuboid is one choice of attributes; its groups are the slices that occur. Group
 * numbers are dense and follow the first row they occur in. Pure; memory is taken from
 * the caller's arena. Private to the folder. */
#ifndef ROSTRUM_READINESS_DIAGNOSE_CUBOID_H
#define ROSTRUM_READINESS_DIAGNOSE_CUBOID_H

#include "readiness/diagnose/slices.h"

typedef struct {
    uint32_t named;  /* bit a: attribute a is fixed */
    uint32_t groups; /* slices that occur */
    uint32_t *group; /* [rows] */
} cuboid;

typedef struct {
    char *at, *end;
} arena;

/* n elements of size bytes, aligned to 16; an assertion fails past the end, because the
 * size was computed beforehand. */
void *arena_take(arena *a, size_t n, size_t size);

/* The table without its empty rows. */
typedef struct {
    size_t rows, attributes;
    uint32_t *codes; /* [rows * attributes] */
    double *expected, *seen, *spread;
    cuboid *cuboids; /* [n_cuboids], fewest attributes first; the first names none */
    size_t n_cuboids;
} cube;

/* How many choices of at most depth of n attributes there are. */
size_t cuboids_count(size_t n, unsigned depth);

/* Bytes cube_build takes from the arena at most. */
size_t cube_bytes(size_t rows, size_t attributes, unsigned depth);

void cube_build(const slice_table *table, unsigned depth, arena *a, cube *out);

#endif
