#include "score/compound.h"

/* How many of parts[n], from the first on, make up whole; 0: they do not. */
static size_t parts_of(const score_word *parts, size_t n, const score_word *whole) {
    size_t bytes = 0, k = 0;
    while (k < n && bytes + parts[k].bytes <= whole->bytes &&
           memcmp(whole->text + bytes, parts[k].text, parts[k].bytes) == 0)
        bytes += parts[k++].bytes;
    return k >= 2 && bytes == whole->bytes ? k : 0;
}

/* One side on its way through the alignment. */
typedef struct {
    score_word *words;
    size_t read, written;
} side;

static void keep(side *s, size_t n) {
    memmove(s->words + s->written, s->words + s->read, n * sizeof *s->words);
    s->written += n;
    s->read += n;
}

static void put(side *s, score_word word, size_t read) {
    s->words[s->written++] = word;
    s->read += read;
}

/* The first join within the next n words of ref and m of hyp; false: none is left. */
static bool join_one(side *ref, size_t *n, side *hyp, size_t *m) {
    for (size_t i = 0; i < *n; i++) {
        for (size_t j = 0; j < *m; j++) {
            const score_word *r = &ref->words[ref->read + i],
                             *h = &hyp->words[hyp->read + j];
            size_t from_ref = parts_of(r, *n - i, h), from_hyp = parts_of(h, *m - j, r);
            if (!from_ref && !from_hyp)
                continue;
            score_word whole = from_ref ? *h : *r;
            from_ref = from_ref ? from_ref : 1;
            from_hyp = from_hyp ? from_hyp : 1;
            keep(ref, i);
            keep(hyp, j);
            put(ref, whole, from_ref);
            put(hyp, whole, from_hyp);
            *n -= i + from_ref;
            *m -= j + from_hyp;
            return true;
        }
    }
    return false;
}

size_t score_join_compounds(score_word *ref_words, size_t *n_ref, score_word *hyp_words,
                            size_t *n_hyp, const char *ops) {
    side ref = {.words = ref_words}, hyp = {.words = hyp_words};
    size_t joined = 0;
    while (*ops) {
        if (*ops == 'C') {
            keep(&ref, 1);
            keep(&hyp, 1);
            ops++;
            continue;
        }
        size_t n = 0, m = 0;
        for (; *ops && *ops != 'C'; ops++) {
            n += *ops != 'I';
            m += *ops != 'D';
        }
        while (join_one(&ref, &n, &hyp, &m))
            joined++;
        keep(&ref, n);
        keep(&hyp, m);
    }
    *n_ref = ref.written;
    *n_hyp = hyp.written;
    return joined;
}
