#include "records/slices.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

status slices_init(slices *s, const char *by, diag *d) {
    *s = (slices){0};
    for (const char *at = by;; at++) {
        size_t n = strcspn(at, ",");
        if (n == 0)
            return diag_set(d, ERR_INVALID, "an empty attribute name in \"%.60s\"", by);
        if (s->n_by == SLICES_BY_MAX)
            return diag_set(d, ERR_LIMIT, "more than %d attributes", SLICES_BY_MAX);
        char *name = strndup(at, n);
        if (!name)
            return diag_set(d, ERR_MEMORY, "no memory");
        for (size_t i = 0; i < s->n_by; i++)
            if (strcmp(s->by[i], name) == 0) {
                free(name);
                return diag_set(d, ERR_INVALID,
                                "an attribute is named twice in "
                                "\"%.60s\"",
                                by);
            }
        s->by[s->n_by++] = name;
        at += n;
        if (!*at)
            return OK;
    }
}

void slices_deinit(slices *s) {
    for (size_t i = 0; i < s->n_by; i++)
        free(s->by[i]);
    for (size_t i = 0; i < s->n; i++)
        free(s->names[i]);
    free(s->names);
    free(s->slots);
    *s = (slices){0};
}

static size_t slot_of(const slices *s, const char *name) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    for (size_t slot = hash & (s->n_slots - 1);; slot = (slot + 1) & (s->n_slots - 1))
        if (s->slots[slot] == 0 || strcmp(s->names[s->slots[slot] - 1], name) == 0)
            return slot;
}

static status grow(slices *s, diag *d) {
    size_t capacity = s->capacity ? 2 * s->capacity : 64;
    char **names = realloc(s->names, capacity * sizeof *names);
    if (names)
        s->names = names;
    uint32_t *slots = calloc(2 * capacity, sizeof *slots);
    if (!names || !slots) {
        free(slots);
        return diag_set(d, ERR_MEMORY, "no memory for %zu slices", capacity);
    }
    free(s->slots);
    s->slots = slots;
    s->n_slots = 2 * capacity;
    s->capacity = capacity;
    for (size_t i = 0; i < s->n; i++)
        s->slots[slot_of(s, s->names[i])] = (uint32_t)i + 1;
    return OK;
}

static bool append(char out[SLICES_NAME_BYTES], size_t *n, const char *text) {
    size_t more = strlen(text);
    if (more >= SLICES_NAME_BYTES - *n)
        return false;
    memcpy(out + *n, text, more + 1);
    *n += more;
    return true;
}

static status name_of(const slices *s, const void *record, slices_value *value,
                      char out[SLICES_NAME_BYTES], diag *d) {
    size_t n = 0;
    for (size_t i = 0; i < s->n_by; i++) {
        const char *v = value(record, s->by[i]);
        if (!append(out, &n, i ? "," : "") || !append(out, &n, s->by[i]) ||
            !append(out, &n, "=") || !append(out, &n, v ? v : "-"))
            return diag_field(d, ERR_LIMIT, s->by[i],
                              "the name of the slice is longer than %d bytes",
                              SLICES_NAME_BYTES - 1);
    }
    return OK;
}

status slices_of(slices *s, const void *record, slices_value *value, size_t *out,
                 diag *d) {
    char name[SLICES_NAME_BYTES];
    status result = name_of(s, record, value, name, d);
    if (result != OK)
        return result;
    if (s->n == s->capacity) {
        result = grow(s, d);
        if (result != OK)
            return result;
    }
    size_t slot = slot_of(s, name);
    if (s->slots[slot] == 0) {
        if (s->n == SLICES_MAX)
            return diag_set(d, ERR_LIMIT, "more than %u slices; slice by less",
                            SLICES_MAX);
        char *kept = strdup(name);
        if (!kept)
            return diag_set(d, ERR_MEMORY, "no memory");
        s->names[s->n++] = kept;
        s->slots[slot] = (uint32_t)s->n;
    }
    *out = s->slots[slot] - 1;
    return OK;
}

typedef struct {
    const char *name;
    size_t slice;
} named;

static int by_name(const void *a, const void *b) {
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

void slices_sort(const slices *s, size_t *order) {
    named *list = malloc((s->n + 1) * sizeof *list);
    for (size_t i = 0; i < s->n; i++) {
        order[i] = i;
        if (list)
            list[i] = (named){s->names[i], i};
    }
    if (!list)
        return; /* the order of appearance is a right one too */
    qsort(list, s->n, sizeof *list, by_name);
    for (size_t i = 0; i < s->n; i++)
        order[i] = list[i].slice;
    free(list);
}
