#include "readiness/diagnose/cuboid.h"

#include <math.h>
#include <string.h>

#include "base/assert.h"

void *arena_take(arena *a, size_t n, size_t size) {
    size_t bytes = (n * size + 15) & ~(size_t)15;
    ASSERT((size_t)(a->end - a->at) >= bytes);
    void *taken = a->at;
    a->at += bytes;
    return taken;
}

size_t cuboids_count(size_t n, unsigned depth) {
    size_t count = 0;
    for (uint32_t named = 0; named < 1u << n; named++)
        count += (unsigned)__builtin_popcount(named) <= depth;
    return count;
}

/* Slots of a hash table for `rows` entries: a power of two, at most half full. */
static size_t slots_for(size_t rows) {
    size_t slots = 16;
    while (slots < 2 * rows)
        slots *= 2;
    return slots;
}

typedef struct {
    uint64_t *key;   /* [slots] */
    uint32_t *value; /* [slots]; UINT32_MAX: free */
    size_t mask;
} numbering;

/* The number of the key, a new one for a new key. */
static uint32_t number(numbering *t, uint64_t key, uint32_t *next) {
    size_t at = (size_t)((key * 0x9E3779B97F4A7C15u) >> 20) & t->mask;
    while (t->value[at] != UINT32_MAX && t->key[at] != key)
        at = (at + 1) & t->mask;
    if (t->value[at] == UINT32_MAX) {
        t->key[at] = key;
        t->value[at] = (*next)++;
    }
    return t->value[at];
}

/* Splits each group of `from` by attribute a. Keys are group * values + code. */
static uint32_t split(const uint32_t *from, const uint32_t *codes, size_t rows,
                      size_t attributes, size_t a, uint64_t values, numbering *t,
                      uint32_t *group) {
    memset(t->value, 0xFF, (t->mask + 1) * sizeof *t->value);
    uint32_t n = 0;
    for (size_t r = 0; r < rows; r++)
        group[r] = number(t, from[r] * values + codes[r * attributes + a], &n);
    return n;
}

size_t cube_bytes(size_t rows, size_t attributes, unsigned depth) {
    size_t cuboids = cuboids_count(attributes, depth);
    size_t a_row = attributes * 4 + 3 * 8 + cuboids * 4;
    return rows * a_row + slots_for(rows) * 12 + cuboids * sizeof(cuboid) +
           16 * (16 + cuboids);
}

/* Copies the rows that hold anything. */
static void copy_rows(const slice_table *t, cube *c) {
    for (size_t r = 0; r < t->rows; r++) {
        if (!(t->expected[r] > 0) && !(t->seen[r] > 0))
            continue;
        size_t to = c->rows++;
        memcpy(c->codes + to * t->attributes, t->codes + r * t->attributes,
               t->attributes * sizeof *c->codes);
        c->expected[to] = t->expected[r];
        c->seen[to] = t->seen[r];
        c->spread[to] = t->spread ? t->spread[r] : 1 / fmax(t->expected[r], t->seen[r]);
    }
}

void cube_build(const slice_table *t, unsigned depth, arena *a, cube *c) {
    *c = (cube){.attributes = t->attributes};
    c->codes = arena_take(a, t->rows * t->attributes, sizeof *c->codes);
    c->expected = arena_take(a, t->rows, sizeof(double));
    c->seen = arena_take(a, t->rows, sizeof(double));
    c->spread = arena_take(a, t->rows, sizeof(double));
    size_t slots = slots_for(t->rows);
    numbering hash = {.key = arena_take(a, slots, sizeof(uint64_t)),
                      .value = arena_take(a, slots, sizeof(uint32_t)),
                      .mask = slots - 1};
    copy_rows(t, c);
    c->n_cuboids = cuboids_count(t->attributes, depth);
    c->cuboids = arena_take(a, c->n_cuboids, sizeof *c->cuboids);
    uint32_t place[1u << SLICES_ATTRIBUTES_MAX]; /* named -> index */
    size_t n = 0;
    for (unsigned size = 0; size <= depth; size++)
        for (uint32_t named = 0; named < 1u << t->attributes; named++) {
            if ((unsigned)__builtin_popcount(named) != size)
                continue;
            cuboid *now = &c->cuboids[n];
            place[named] = (uint32_t)n++;
            *now = (cuboid){named, 1, arena_take(a, c->rows, sizeof(uint32_t))};
            if (named == 0) {
                memset(now->group, 0, c->rows * sizeof *now->group);
                continue;
            }
            size_t last = 31u - (size_t)__builtin_clz(named);
            const cuboid *from = &c->cuboids[place[named & ~(1u << last)]];
            now->groups = split(from->group, c->codes, c->rows, c->attributes, last,
                                t->values[last], &hash, now->group);
        }
}
