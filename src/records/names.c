#include "records/names.h"

#include <stdlib.h>
#include <string.h>

void names_deinit(names *t) {
    for (size_t i = 0; i < t->n; i++)
        free(t->text[i]);
    free(t->text);
    free(t->order);
    *t = (names){0};
}

/* Where text stands, or would stand, in the order. */
static size_t place(const names *t, const char *text, bool *out_found) {
    size_t low = 0, high = t->n;
    *out_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = strcmp(text, t->text[t->order[middle]]);
        if (c == 0) {
            *out_found = true;
            return middle;
        }
        if (c < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static bool grow(names *t) {
    size_t capacity = t->capacity ? 2 * t->capacity : 64;
    char **text = realloc(t->text, capacity * sizeof *text);
    if (text)
        t->text = text;
    uint32_t *order = realloc(t->order, capacity * sizeof *order);
    if (order)
        t->order = order;
    if (!text || !order)
        return false;
    t->capacity = capacity;
    return true;
}

status names_add(names *t, const char *text, uint32_t *out, bool *out_new, diag *d) {
    bool found;
    size_t at = place(t, text, &found);
    if (out_new)
        *out_new = !found;
    if (found) {
        *out = t->order[at];
        return OK;
    }
    if (t->n == NAMES_MAX)
        return diag_set(d, ERR_LIMIT, "more than %d different names", NAMES_MAX);
    char *copy = t->n < t->capacity || grow(t) ? strdup(text) : NULL;
    if (!copy)
        return diag_set(d, ERR_MEMORY, "no memory for names");
    memmove(t->order + at + 1, t->order + at, (t->n - at) * sizeof *t->order);
    t->order[at] = (uint32_t)t->n;
    t->text[t->n] = copy;
    *out = (uint32_t)t->n++;
    return OK;
}

bool names_find(const names *t, const char *text, uint32_t *out) {
    bool found;
    size_t at = place(t, text, &found);
    if (found)
        *out = t->order[at];
    return found;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void names_rank(names *t, uint32_t *rank) {
    for (size_t i = 0; i < t->n; i++)
        rank[t->order[i]] = (uint32_t)i;
    if (t->n > 0)
        qsort(t->text, t->n, sizeof *t->text, by_text);
    for (size_t i = 0; i < t->n; i++)
        t->order[i] = (uint32_t)i;
}
