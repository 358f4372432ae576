#include "cli/client_measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "score/normalise.h"

void measure_add(measure *m, double value) {
    if (m->n == m->capacity) {
        size_t capacity = m->capacity > 0 ? 2 * m->capacity : 256;
        float *grown = capacity <= MEASURE_VALUES_MAX
                           ? realloc(m->values, capacity * sizeof *grown)
                           : NULL;
        if (grown == NULL) {
            m->full = true;
            return;
        }
        m->values = grown;
        m->capacity = capacity;
    }
    m->values[m->n++] = (float)value;
    m->sorted = false;
}

void measure_add_all(measure *to, const measure *from) {
    for (size_t i = 0; i < from->n; i++)
        measure_add(to, (double)from->values[i]);
}

void measure_clear(measure *m) {
    m->n = 0;
}

void measure_deinit(measure *m) {
    free(m->values);
    *m = (measure){0};
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

double measure_quantile(measure *m, double q) {
    if (m->n == 0)
        return -1;
    if (!m->sorted)
        qsort(m->values, m->n, sizeof m->values[0], by_value);
    m->sorted = true;
    double rank = ceil(q * (double)m->n - 1e-9);
    size_t at = rank < 1 ? 0 : (size_t)rank - 1;
    return (double)m->values[at < m->n ? at : m->n - 1];
}

void measure_json(measure *m, bool values, buf *out) {
    buf_addf(out, "{\"n\":%zu", m->n);
    if (m->n > 0)
        buf_addf(out, ",\"p50\":%.1f,\"p90\":%.1f,\"p95\":%.1f,\"p99\":%.1f,\"max\":%.1f",
                 measure_quantile(m, 0.5), measure_quantile(m, 0.9),
                 measure_quantile(m, 0.95), measure_quantile(m, 0.99),
                 measure_quantile(m, 1));
    if (values) {
        buf_add_text(out, ",\"values\":[");
        for (size_t i = 0; i < m->n; i++)
            buf_addf(out, "%s%.1f", i > 0 ? "," : "", (double)m->values[i]);
        buf_add_text(out, "]");
    }
    buf_add_text(out, "}");
}

/* Normalised words of text; the caller frees *out_text and *out_words. */
static status words_of(const char *text, char **out_text, score_word **out_words,
                       size_t *out_n) {
    size_t bytes = strlen(text), size = score_normalise_bound(bytes), n = 0;
    *out_text = malloc(size);
    if (*out_text == NULL)
        return ERR_MEMORY;
    status s = score_normalise(SCORE_PROFILE_SPOKEN, text, bytes, *out_text, size, &n);
    if (s != OK)
        return s;
    *out_n = score_split(*out_text, n, NULL, 0);
    *out_words = malloc((*out_n + 1) * sizeof **out_words);
    if (*out_words == NULL)
        return ERR_MEMORY;
    (void)score_split(*out_text, n, *out_words, *out_n);
    return OK;
}

status measure_words(const char *reference, const char *hypothesis, score_counts *out) {
    char *ref_text = NULL, *hyp_text = NULL;
    score_word *ref = NULL, *hyp = NULL;
    void *scratch = NULL;
    size_t n_ref = 0, n_hyp = 0;
    status s = words_of(reference, &ref_text, &ref, &n_ref);
    if (s == OK)
        s = words_of(hypothesis, &hyp_text, &hyp, &n_hyp);
    if (s == OK) {
        scratch = malloc(score_align_scratch(n_ref, n_hyp));
        s = scratch != NULL ? score_align(ref, n_ref, hyp, n_hyp, score_levenshtein,
                                          scratch, out, NULL)
                            : ERR_MEMORY;
    }
    free(scratch);
    free(ref);
    free(hyp);
    free(ref_text);
    free(hyp_text);
    return s;
}
