#include "score/confusions.h"

#include <stdlib.h>

size_t score_confusions_of(const score_word *ref, const score_word *hyp, const char *ops,
                           score_confusion *out, size_t max) {
    size_t n = 0;
    for (; *ops; ops++) {
        bool from_ref = *ops != 'I', from_hyp = *ops != 'D';
        if (*ops != 'C') {
            if (n < max) {
                out[n] = (score_confusion){.count = 1};
                if (from_ref)
                    out[n].ref = *ref;
                if (from_hyp)
                    out[n].hyp = *hyp;
            }
            n++;
        }
        ref += from_ref;
        hyp += from_hyp;
    }
    return n;
}

static int by_words(const void *a, const void *b) {
    const score_confusion *x = a, *y = b;
    int order = score_compare_words(&x->ref, &y->ref);
    return order ? order : score_compare_words(&x->hyp, &y->hyp);
}

static int by_count(const void *a, const void *b) {
    const score_confusion *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return by_words(a, b);
}

size_t score_confusions_merge(score_confusion *list, size_t n) {
    if (n == 0)
        return 0;
    qsort(list, n, sizeof *list, by_words);
    size_t kept = 0;
    for (size_t i = 1; i < n; i++) {
        if (by_words(&list[kept], &list[i]) == 0)
            list[kept].count += list[i].count;
        else
            list[++kept] = list[i];
    }
    qsort(list, kept + 1, sizeof *list, by_count);
    return kept + 1;
}
