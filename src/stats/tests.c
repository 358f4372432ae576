#include "stats/tests.h"

#include <math.h>
#include <string.h>
#include "stats/sort.h"
#include "stats/special.h"

static const stats_p no_p = {NAN, NAN, NAN};
static const stats_p no_evidence = {1, 1, 1};

/* Twice the smaller tail. */
static stats_p both_sides(double less, double greater) {
    return (stats_p){less, greater, fmin(1, 2 * fmin(less, greater))};
}

/* What a walk over both sorted samples finds. ties = sum over groups of t^3 - t. */
typedef struct {
    double u_x, ties;
} pooled;

static size_t run(const double *x, size_t n, size_t from, double value) {
    size_t end = from;
    while (end < n && x[end] == value)
        end++;
    return end - from;
}

static pooled pool(const double *x, size_t n_x, const double *y, size_t n_y) {
    pooled r = {0};
    size_t i = 0;
    size_t j = 0;
    while (i < n_x || j < n_y) {
        double value = j == n_y || (i < n_x && x[i] < y[j]) ? x[i] : y[j];
        size_t in_x = run(x, n_x, i, value);
        size_t in_y = run(y, n_y, j, value);
        double group = (double)(in_x + in_y);
        r.u_x += (double)in_x * ((double)j + 0.5 * (double)in_y);
        r.ties += group * group * group - group;
        i += in_x;
        j += in_y;
    }
    return r;
}

/* In how many ways each U = 0..n_x n_y comes about: the coefficients of the product of
 * (1 - q^(n_x + k)) / (1 - q^k) over k = 1..n_y, all whole numbers below 2^53. */
static void count_ways(size_t n_x, size_t n_y, double *ways) {
    size_t last = n_x * n_y;
    memset(ways, 0, (last + 1) * sizeof *ways);
    ways[0] = 1;
    for (size_t k = 1; k <= n_y; k++) {
        for (size_t u = last; u >= n_x + k; u--)
            ways[u] -= ways[u - n_x - k];
        for (size_t u = k; u <= last; u++)
            ways[u] += ways[u - k];
    }
}

static stats_p exact_p(size_t n_x, size_t n_y, double u_x) {
    double ways[STATS_EXACT_PAIRS_MAX + 1];
    count_ways(n_x, n_y, ways);
    double below = 0; /* U <= u_x */
    double all = 0;
    for (size_t u = 0; u <= n_x * n_y; u++) {
        all += ways[u];
        if ((double)u <= u_x)
            below += ways[u];
    }
    double here = ways[(size_t)u_x];
    return both_sides(below / all, (all - below + here) / all);
}

static stats_p normal_p(double n_x, double n_y, pooled r) {
    double n = n_x + n_y;
    double variance = n_x * n_y / 12 * (n + 1 - r.ties / (n * (n - 1)));
    if (!(variance > 0))
        return no_evidence;
    double off = r.u_x - 0.5 * n_x * n_y;
    double sd = sqrt(variance);
    return both_sides(stats_normal_cdf((off + 0.5) / sd),
                      stats_normal_upper((off - 0.5) / sd));
}

status stats_mann_whitney(const double *x, size_t n_x, const double *y, size_t n_y,
                          double *scratch, stats_mann_whitney_result *out) {
    for (size_t i = 0; i < n_x + n_y; i++) {
        double value = i < n_x ? x[i] : y[i - n_x];
        if (!isfinite(value))
            return ERR_INVALID;
        scratch[i] = value;
    }
    if (n_x == 0 || n_y == 0) {
        *out = (stats_mann_whitney_result){
            .exact = no_p, .normal = no_evidence, .p = no_evidence, .superiority = 0.5};
        return OK;
    }
    stats_sort(scratch, n_x);
    stats_sort(scratch + n_x, n_y);
    pooled r = pool(scratch, n_x, scratch + n_x, n_y);
    bool exact = r.ties == 0 && n_x <= STATS_EXACT_PAIRS_MAX / n_y;
    stats_mann_whitney_result result = {.u_x = r.u_x,
                                        .exact = exact ? exact_p(n_x, n_y, r.u_x) : no_p,
                                        .normal = normal_p((double)n_x, (double)n_y, r),
                                        .has_exact = exact,
                                        .has_ties = r.ties > 0,
                                        .superiority =
                                            r.u_x / ((double)n_x * (double)n_y)};
    result.p = exact ? result.exact : result.normal;
    *out = result;
    return OK;
}

stats_welch_result stats_welch(const stats_moments *x, const stats_moments *y) {
    double off = x->mean - y->mean;
    if (!isfinite(off) || !(x->m2 >= 0 && y->m2 >= 0))
        return (stats_welch_result){NAN, NAN, no_p};
    if (x->n < 2 || y->n < 2)
        return (stats_welch_result){0, 0, no_evidence};
    double a = stats_variance(x) / x->n;
    double b = stats_variance(y) / y->n;
    double df = (a + b) * (a + b) / (a * a / (x->n - 1) + b * b / (y->n - 1));
    if (a + b == 0 && off == 0)
        return (stats_welch_result){0, 0, no_evidence};
    if (a + b == 0)
        return (stats_welch_result){
            off > 0 ? INFINITY : -INFINITY, 0, {off < 0 ? 0 : 1, off > 0 ? 0 : 1, 0}};
    double t = off / sqrt(a + b);
    return (stats_welch_result){
        t, df, both_sides(stats_student_upper(df, -t), stats_student_upper(df, t))};
}

/* Chance of the table, relative to the one we have: the ratio of neighbours is exact and
 * cheap, so no log-gamma is needed. */
stats_p stats_fisher(uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    double row = (double)a + (double)b;
    double column = (double)a + (double)c;
    double n = row + (double)c + (double)d;
    double first = fmax(0, row + column - n);
    double last = fmin(row, column);
    double below = 0; /* tables with a smaller a; above: with a larger one */
    double above = 0;
    double as_rare = 1; /* this one and all no likelier */
    double chance = 1;
    for (double k = (double)a; k < last; k++) {
        chance *= (row - k) * (column - k) / ((k + 1) * (n - row - column + k + 1));
        above += chance;
        as_rare += chance <= 1 + 1e-7 ? chance : 0;
    }
    chance = 1;
    for (double k = (double)a; k > first; k--) {
        chance *= k * (n - row - column + k) / ((row - k + 1) * (column - k + 1));
        below += chance;
        as_rare += chance <= 1 + 1e-7 ? chance : 0;
    }
    double all = below + 1 + above;
    return (stats_p){(below + 1) / all, (above + 1) / all, fmin(1, as_rare / all)};
}

static stats_chi_square_result judged(double chi_square, double df) {
    double p = df > 0 ? stats_chi_square_upper(df, chi_square) : 1;
    return (stats_chi_square_result){chi_square, df, p};
}

stats_chi_square_result stats_chi_square_fit(const uint64_t *counts, const double *shares,
                                             size_t n) {
    double total = 0;
    double whole = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(shares[i] > 0 && shares[i] < INFINITY))
            return (stats_chi_square_result){NAN, NAN, NAN};
        total += (double)counts[i];
        whole += shares[i];
    }
    if (total == 0 || n < 2)
        return judged(0, 0);
    double chi_square = 0;
    for (size_t i = 0; i < n; i++) {
        double expected = total * shares[i] / whole;
        double off = (double)counts[i] - expected;
        chi_square += off * off / expected;
    }
    return judged(chi_square, (double)(n - 1));
}

static double row_sum(const uint64_t *counts, size_t columns, size_t row) {
    double sum = 0;
    for (size_t j = 0; j < columns; j++)
        sum += (double)counts[row * columns + j];
    return sum;
}

static double column_sum(const uint64_t *counts, size_t rows, size_t columns,
                         size_t column) {
    double sum = 0;
    for (size_t i = 0; i < rows; i++)
        sum += (double)counts[i * columns + column];
    return sum;
}

stats_chi_square_result stats_chi_square_table(const uint64_t *counts, size_t rows,
                                               size_t columns) {
    double total = 0;
    double used_rows = 0;
    for (size_t i = 0; i < rows; i++) {
        double sum = row_sum(counts, columns, i);
        total += sum;
        used_rows += sum > 0;
    }
    double used_columns = 0;
    double chi_square = 0;
    for (size_t j = 0; j < columns; j++) {
        double in_column = column_sum(counts, rows, columns, j);
        used_columns += in_column > 0;
        for (size_t i = 0; i < rows && in_column > 0; i++) {
            double expected = row_sum(counts, columns, i) * in_column / total;
            double off = (double)counts[i * columns + j] - expected;
            chi_square += expected > 0 ? off * off / expected : 0;
        }
    }
    if (used_rows < 2 || used_columns < 2)
        return judged(0, 0);
    return judged(chi_square, (used_rows - 1) * (used_columns - 1));
}

stats_chi_square_result stats_sample_ratio(uint64_t control, uint64_t candidate,
                                           double control_share) {
    uint64_t counts[2] = {control, candidate};
    double shares[2] = {control_share, 1 - control_share};
    return stats_chi_square_fit(counts, shares, 2);
}

stats_p stats_mcnemar(uint64_t only_x, uint64_t only_y) {
    double n = (double)only_x + (double)only_y;
    return both_sides(stats_binomial_lower(n, 0.5, (double)only_x),
                      stats_binomial_upper(n, 0.5, (double)only_x));
}
