#include "score/align.h"

const score_costs score_levenshtein = {1, 1, 1};
const score_costs score_sclite = {4, 3, 3};

enum step { STEP_MATCH, STEP_SUBSTITUTE, STEP_DELETE, STEP_INSERT };

/* Two bits a cell would be enough; a byte is faster and 10 x 10 words are common. */
size_t score_align_scratch(size_t n_ref, size_t n_hyp) {
    return (n_hyp + 1) * sizeof(uint32_t) + (n_ref + 1) * (n_hyp + 1) +
           _Alignof(uint32_t);
}

/* Fills steps[(n_ref + 1)(n_hyp + 1)] with the last step of the best way to each
 * cell. row[j] holds the cost of the cell (i, j) of the row in work. */
static void fill(const score_word *ref, size_t n_ref, const score_word *hyp, size_t n_hyp,
                 score_costs costs, uint32_t *row, uint8_t *steps) {
    size_t width = n_hyp + 1;
    row[0] = 0;
    for (size_t j = 1; j <= n_hyp; j++) {
        row[j] = row[j - 1] + costs.insertion;
        steps[j] = STEP_INSERT;
    }
    for (size_t i = 1; i <= n_ref; i++) {
        uint8_t *line = steps + i * width;
        uint32_t diagonal = row[0];
        row[0] += costs.deletion;
        line[0] = STEP_DELETE;
        for (size_t j = 1; j <= n_hyp; j++) {
            bool same = score_same(&ref[i - 1], &hyp[j - 1]);
            uint32_t best = row[j - 1] + costs.insertion;
            uint8_t step = STEP_INSERT;
            if (row[j] + costs.deletion < best) {
                best = row[j] + costs.deletion;
                step = STEP_DELETE;
            }
            uint32_t across = diagonal + (same ? 0 : costs.substitution);
            if (across < best) {
                best = across;
                step = same ? STEP_MATCH : STEP_SUBSTITUTE;
            }
            diagonal = row[j];
            row[j] = best;
            line[j] = step;
        }
    }
}

static void count_step(enum step step, score_counts *counts) {
    switch (step) {
    case STEP_MATCH:
        counts->correct++;
        break;
    case STEP_SUBSTITUTE:
        counts->substitutions++;
        break;
    case STEP_DELETE:
        counts->deletions++;
        break;
    case STEP_INSERT:
        counts->insertions++;
        break;
    }
}

static void reverse(char *text, size_t n) {
    for (size_t i = 0; i < n / 2; i++) {
        char keep = text[i];
        text[i] = text[n - 1 - i];
        text[n - 1 - i] = keep;
    }
}

status score_align(const score_word *ref, size_t n_ref, const score_word *hyp,
                   size_t n_hyp, score_costs costs, void *scratch,
                   score_counts *out_counts, char *out_ops) {
    if (n_ref > SCORE_WORDS_MAX || n_hyp > SCORE_WORDS_MAX)
        return ERR_LIMIT;
    uintptr_t start = (uintptr_t)scratch;
    start = (start + _Alignof(uint32_t) - 1) & ~(uintptr_t)(_Alignof(uint32_t) - 1);
    uint32_t *row = (uint32_t *)start;
    uint8_t *steps = (uint8_t *)(row + n_hyp + 1);
    fill(ref, n_ref, hyp, n_hyp, costs, row, steps);

    score_counts counts = {0};
    size_t i = n_ref, j = n_hyp, n = 0;
    while (i > 0 || j > 0) {
        enum step step = (enum step)steps[i * (n_hyp + 1) + j];
        count_step(step, &counts);
        if (out_ops)
            out_ops[n++] = "CSDI"[step];
        i -= step != STEP_INSERT;
        j -= step != STEP_DELETE;
    }
    if (out_ops) {
        reverse(out_ops, n);
        out_ops[n] = '\0';
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

uint64_t score_errors(const score_counts *c) {
    return c->substitutions + c->deletions + c->insertions;
}

double score_wer(const score_counts *c) {
    uint64_t words = score_reference_words(c);
    if (words == 0)
        return (double)c->insertions;
    return (double)score_errors(c) / (double)words;
}
