#include "score/align.h"

const score_costs score_levenshtein = {1, 1, 1, SCORE_INSERTION_FIRST};
const score_costs score_sclite = {4, 3, 3, SCORE_DIAGONAL_FIRST};

/* A cell's key is cost << 3 | rank << 1 | differs: the least key is the cheapest step
 * and, among equals, the one of the least rank. Its low bits are what the way back
 * needs. */
#define STEP_BITS 3
#define STEP_MASK 7u
#define FAR (1u << 30) /* larger than any key: 40,000 steps of cost 255 */
#define BAND_FIRST 1
#define BAND_GROWS 4

typedef struct {
    const score_word *ref, *hyp;
    ptrdiff_t n, m;
    score_costs costs;
    uint32_t *row;  /* [width + 1] */
    uint8_t *steps; /* [(n + 1) * min(width, m + 1)] */
} problem;

/* Diagonals lo..hi of the table, j - i being the number of a diagonal. */
typedef struct {
    ptrdiff_t lo, hi, width;
} band;

size_t score_align_scratch(size_t n_ref, size_t n_hyp) {
    return (n_ref + n_hyp + 2) * sizeof(uint32_t) + (n_ref + 1) * (n_hyp + 1) +
           _Alignof(uint32_t);
}

/* Where the steps of row i start, counted so that diagonal k of the band is at + k. A
 * narrow band is stored by diagonals, a wide one as the table it is. */
static inline ptrdiff_t steps_at(const problem *p, band b, ptrdiff_t i) {
    return b.width <= p->m ? i * b.width : i * (p->m + 1) + i + b.lo;
}

/* Fills the band. row[k] is the key of cell (i, i + lo + k) without its low bits, so in
 * the next row the cell above is k + 1 and the one across is k. Returns the last cost. */
static uint32_t fill(const problem *p, band b) {
    const uint32_t rank_insert = p->costs.ties == SCORE_INSERTION_FIRST ? 0 << 1 : 1 << 1;
    const uint32_t rank_delete = p->costs.ties == SCORE_INSERTION_FIRST ? 1 << 1 : 2 << 1;
    const uint32_t rank_across = p->costs.ties == SCORE_INSERTION_FIRST ? 2 << 1 : 0 << 1;
    const uint32_t insertion = (uint32_t)p->costs.insertion << STEP_BITS | rank_insert;
    const uint32_t deletion = (uint32_t)p->costs.deletion << STEP_BITS | rank_delete;
    const uint32_t wrong = (uint32_t)p->costs.substitution << STEP_BITS | rank_across | 1;
    uint32_t *row = p->row;
    for (ptrdiff_t k = 0; k <= b.width; k++)
        row[k] = FAR;
    ptrdiff_t at = steps_at(p, b, 0);
    for (ptrdiff_t j = 0; j <= p->m && j <= b.hi; j++) {
        row[j - b.lo] = (uint32_t)j * p->costs.insertion << STEP_BITS;
        p->steps[at + j - b.lo] = (uint8_t)rank_insert;
    }
    for (ptrdiff_t i = 1; i <= p->n; i++) {
        const score_word *word = &p->ref[i - 1];
        at = steps_at(p, b, i);
        ptrdiff_t k = -(i + b.lo);
        uint32_t left = FAR;
        if (k >= 0) { /* the cell (i, 0) */
            left = (uint32_t)i * p->costs.deletion << STEP_BITS;
            row[k] = left;
            p->steps[at + k] = (uint8_t)rank_delete;
            k++;
        } else {
            k = 0;
        }
        ptrdiff_t last = p->m - i - b.lo < b.width - 1 ? p->m - i - b.lo : b.width - 1;
        for (; k <= last; k++) {
            bool same = score_same(word, &p->hyp[i + b.lo + k - 1]);
            uint32_t key = row[k] + (same ? rank_across : wrong);
            uint32_t other = row[k + 1] + deletion;
            key = other < key ? other : key;
            other = left + insertion;
            key = other < key ? other : key;
            p->steps[at + k] = (uint8_t)(key & STEP_MASK);
            left = key & ~STEP_MASK;
            row[k] = left;
        }
    }
    return row[p->m - p->n - b.lo] >> STEP_BITS;
}

/* Widens the band by `extra` diagonals on each side of those between the corners until
 * the path found is cheaper than any that leaves it. Such a path goes extra + 1 diagonals
 * too far and comes back: as many insertions as deletions besides what the corners need.
 */
static band fill_enough(const problem *p) {
    ptrdiff_t end = p->m - p->n;
    ptrdiff_t to_end = end > 0 ? end * p->costs.insertion : -end * p->costs.deletion;
    for (ptrdiff_t extra = BAND_FIRST;; extra *= BAND_GROWS) {
        band b = {.lo = (end < 0 ? end : 0) - extra, .hi = (end > 0 ? end : 0) + extra};
        if (b.lo < -p->n)
            b.lo = -p->n;
        if (b.hi > p->m)
            b.hi = p->m;
        b.width = b.hi - b.lo + 1;
        ptrdiff_t leaving =
            to_end + (extra + 1) * (p->costs.insertion + p->costs.deletion);
        bool whole = b.lo == -p->n && b.hi == p->m;
        if (fill(p, b) < leaving || whole)
            return b;
    }
}

static char name_of(unsigned step, score_ties ties) {
    unsigned rank = step >> 1;
    bool across = rank == (ties == SCORE_INSERTION_FIRST ? 2 : 0);
    if (across)
        return step & 1 ? 'S' : 'C';
    return rank == (ties == SCORE_INSERTION_FIRST ? 0 : 1) ? 'I' : 'D';
}

/* The way back through the band; ops come out last first. Returns how many. */
static size_t walk_back(const problem *p, band b, score_counts *counts, char *out_ops) {
    ptrdiff_t i = p->n, j = p->m;
    size_t n = 0;
    while (i > 0 || j > 0) {
        char op = name_of(p->steps[steps_at(p, b, i) + j - i - b.lo], p->costs.ties);
        counts->correct += op == 'C';
        counts->substitutions += op == 'S';
        counts->deletions += op == 'D';
        counts->insertions += op == 'I';
        if (out_ops)
            out_ops[n++] = op;
        i -= op != 'I';
        j -= op != 'D';
    }
    return n;
}

static void reverse(char *text, size_t n) {
    for (size_t i = 0; i < n / 2; i++) {
        char keep = text[i];
        text[i] = text[n - 1 - i];
        text[n - 1 - i] = keep;
    }
}

/* Takes equal words off the ends, where the preferred alignment is known to match them:
 * at the start when insertions come first (they end where the equal words end), at the
 * end when matches come first. Where only counts are wanted, the start may go in both
 * cases: what may match there differently counts the same. */
static void trim(problem *p, bool counts_only, size_t *out_before, size_t *out_behind) {
    bool diagonal = p->costs.ties == SCORE_DIAGONAL_FIRST;
    size_t before = 0, behind = 0;
    if (diagonal)
        while (p->n > 0 && p->m > 0 && score_same(&p->ref[p->n - 1], &p->hyp[p->m - 1])) {
            p->n--;
            p->m--;
            behind++;
        }
    if (!diagonal || counts_only)
        while (p->n > 0 && p->m > 0 && score_same(p->ref, p->hyp)) {
            p->ref++;
            p->hyp++;
            p->n--;
            p->m--;
            before++;
        }
    *out_before = before;
    *out_behind = behind;
}

status score_align(const score_word *ref, size_t n_ref, const score_word *hyp,
                   size_t n_hyp, score_costs costs, void *scratch,
                   score_counts *out_counts, char *out_ops) {
    if (n_ref > SCORE_WORDS_MAX || n_hyp > SCORE_WORDS_MAX)
        return ERR_LIMIT;
    uintptr_t start = (uintptr_t)scratch;
    start = (start + _Alignof(uint32_t) - 1) & ~(uintptr_t)(_Alignof(uint32_t) - 1);
    problem p = {.ref = ref,
                 .hyp = hyp,
                 .n = (ptrdiff_t)n_ref,
                 .m = (ptrdiff_t)n_hyp,
                 .costs = costs,
                 .row = (uint32_t *)start,
                 .steps = (uint8_t *)((uint32_t *)start + n_ref + n_hyp + 2)};
    size_t before, behind, n = 0;
    trim(&p, !out_ops, &before, &behind);
    score_counts counts = {.correct = before + behind};
    if (p.n == 0 || p.m == 0) {
        counts.deletions = (uint64_t)p.n;
        counts.insertions = (uint64_t)p.m;
        n = (size_t)(p.n + p.m);
        if (out_ops)
            memset(out_ops + before, p.n ? 'D' : 'I', n);
    } else {
        band b = fill_enough(&p);
        n = walk_back(&p, b, &counts, out_ops ? out_ops + before : NULL);
        if (out_ops)
            reverse(out_ops + before, n);
    }
    if (out_ops) {
        memset(out_ops, 'C', before);
        memset(out_ops + before + n, 'C', behind);
        out_ops[before + n + behind] = '\0';
    }
    *out_counts = counts;
    return OK;
}

void score_add(score_counts *to, const score_counts *more) {
    to->correct += more->correct;
    to->substitutions += more->substitutions;
    to->deletions += more->deletions;
    to->insertions += more->insertions;
}

uint64_t score_reference_words(const score_counts *c) {
    return c->correct + c->substitutions + c->deletions;
}

uint64_t score_hypothesis_words(const score_counts *c) {
    return c->correct + c->substitutions + c->insertions;
}

uint64_t score_errors(const score_counts *c) {
    return c->substitutions + c->deletions + c->insertions;
}

double score_wer(const score_counts *c) {
    uint64_t words = score_reference_words(c);
    if (words == 0)
        return (double)c->insertions;
    return (double)score_errors(c) / (double)words;
}

double score_mer(const score_counts *c) {
    uint64_t places = score_reference_words(c) + c->insertions;
    return places ? (double)score_errors(c) / (double)places : 0;
}

double score_wil(const score_counts *c) {
    uint64_t ref = score_reference_words(c), hyp = score_hypothesis_words(c);
    if (ref == 0 || hyp == 0)
        return ref == hyp ? 0 : 1;
    double correct = (double)c->correct;
    return 1 - correct / (double)ref * (correct / (double)hyp);
}
