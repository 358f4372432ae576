#include "score/matched.h"

#include <math.h>

#include "stats/sort.h"
#include "stats/special.h"

static uint32_t take_insertions(const char **ops) {
    uint32_t n = 0;
    for (; **ops == 'I'; (*ops)++)
        n++;
    return n;
}

bool score_segment_next(const char **ops_a, const char **ops_b, unsigned good_words,
                        score_segment *out) {
    score_segment s = {0};
    for (unsigned good = 0;;) {
        score_segment inserted = {take_insertions(ops_a), take_insertions(ops_b)};
        if (inserted.a || inserted.b)
            good = 0;
        s.a += inserted.a;
        s.b += inserted.b;
        if (!**ops_a || !**ops_b)
            break;
        char a = *(*ops_a)++, b = *(*ops_b)++;
        s.a += a != 'C';
        s.b += b != 'C';
        good = a == 'C' && b == 'C' ? good + 1 : 0;
        if (good >= good_words && (s.a || s.b))
            break;
    }
    if (!s.a && !s.b)
        return false;
    *out = s;
    return true;
}

void score_segments_add(score_segments *to, const score_segment *more) {
    int64_t d = (int64_t)more->a - (int64_t)more->b;
    to->n++;
    to->errors_a += more->a;
    to->errors_b += more->b;
    to->squares += (uint64_t)(d * d);
}

score_mapsswe_result score_mapsswe(const score_segments *s) {
    score_mapsswe_result r = {.p = 1};
    if (s->n == 0)
        return r;
    double n = (double)s->n, sum = (double)s->errors_a - (double)s->errors_b;
    r.mean = sum / n;
    double squares = n * (double)s->squares - sum * sum; /* n^2 times the variance */
    if (s->n < 2 || (squares <= 0 && sum == 0))
        return r;
    if (squares <= 0) {
        r.z = copysign(INFINITY, sum);
        r.p = exp2(1 - n);
        return r;
    }
    r.sd = sqrt(squares / (n * (n - 1)));
    r.z = r.mean / (r.sd / sqrt(n));
    r.p = 2 * stats_normal_upper(fabs(r.z));
    return r;
}

score_wilcoxon_result score_wilcoxon(const double *differences, size_t n, double *scratch,
                                     size_t *order) {
    score_wilcoxon_result r = {.p = 1};
    for (size_t i = 0; i < n; i++)
        scratch[i] = fabs(differences[i]);
    stats_sort_order(scratch, n, order);
    size_t first = 0; /* of those that differ */
    while (first < n && scratch[order[first]] == 0)
        first++;
    for (size_t i = first, end; i < n; i = end) {
        for (end = i + 1; end < n && scratch[order[end]] == scratch[order[i]];)
            end++;
        double rank = ((double)(i - first + 1) + (double)(end - first)) / 2;
        for (size_t k = i; k < end; k++) {
            bool up = differences[order[k]] > 0;
            *(up ? &r.positive : &r.negative) += 1;
            *(up ? &r.positive_ranks : &r.negative_ranks) += rank;
        }
    }
    double m = (double)(n - first);
    if (first == n)
        return r;
    double smaller = fmin(r.positive_ranks, r.negative_ranks);
    r.z = (smaller - m * (m + 1) / 4) / sqrt(m * (m + 1) * (2 * m + 1) / 24);
    r.p = fmin(1, 2 * stats_normal_upper(-r.z));
    return r;
}
