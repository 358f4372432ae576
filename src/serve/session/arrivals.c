#include "serve/session/arrivals.h"

/* Halves the older half: pairs become one stretch with the later end and the earlier
 * arrival. */
static void merge_old(arrivals *a) {
    unsigned to = 0;
    for (unsigned from = 0; from + 1 < ARRIVALS_MAX / 2; from += 2, to++) {
        a->stretch[to].at_ms = a->stretch[from].at_ms;
        a->stretch[to].end_ms = a->stretch[from + 1].end_ms;
    }
    for (unsigned from = ARRIVALS_MAX / 2; from < a->n; from++, to++)
        a->stretch[to] = a->stretch[from];
    a->n = to;
}

void arrivals_add(arrivals *a, uint32_t end_ms, uint32_t at_ms) {
    if (a->n > 0 && end_ms <= a->stretch[a->n - 1].end_ms)
        return;
    if (a->n == ARRIVALS_MAX)
        merge_old(a);
    a->stretch[a->n].end_ms = end_ms;
    a->stretch[a->n].at_ms = at_ms;
    a->n++;
}

bool arrivals_find(const arrivals *a, uint32_t stream_ms, uint32_t *out_at_ms) {
    if (a->n == 0)
        return false;
    unsigned low = 0;
    unsigned high = a->n - 1;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (a->stretch[middle].end_ms > stream_ms)
            high = middle;
        else
            low = middle + 1;
    }
    *out_at_ms = a->stretch[low].at_ms;
    return true;
}
