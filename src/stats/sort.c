#include "stats/sort.h"

#include <math.h>
#include <stdbool.h>

static void sift(double *x, size_t root, size_t n) {
    double value = x[root];
    for (size_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        if (child + 1 < n && x[child + 1] > x[child])
            child++;
        if (!(x[child] > value))
            break;
        x[root] = x[child];
        root = child;
    }
    x[root] = value;
}

void stats_sort(double *x, size_t n) {
    for (size_t i = n / 2; i > 0; i--)
        sift(x, i - 1, n);
    for (size_t end = n; end > 1; end--) {
        double top = x[0];
        x[0] = x[end - 1];
        x[end - 1] = top;
        sift(x, 0, end - 1);
    }
}

static bool after(const double *key, size_t a, size_t b) {
    return key[a] > key[b] || (key[a] == key[b] && a > b);
}

static void sift_order(const double *key, size_t *order, size_t root, size_t n) {
    size_t value = order[root];
    for (size_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        if (child + 1 < n && after(key, order[child + 1], order[child]))
            child++;
        if (!after(key, order[child], value))
            break;
        order[root] = order[child];
        root = child;
    }
    order[root] = value;
}

void stats_sort_order(const double *key, size_t n, size_t *order) {
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n / 2; i > 0; i--)
        sift_order(key, order, i - 1, n);
    for (size_t end = n; end > 1; end--) {
        size_t top = order[0];
        order[0] = order[end - 1];
        order[end - 1] = top;
        sift_order(key, order, 0, end - 1);
    }
}

double stats_sorted_quantile(const double *sorted, size_t n, double p) {
    double position = p * (double)(n - 1);
    size_t below = (size_t)floor(position);
    if (below + 1 >= n)
        return sorted[n - 1];
    double share = position - (double)below;
    return sorted[below] + share * (sorted[below + 1] - sorted[below]);
}

static size_t count(const double *sorted, size_t n, double x, bool with_equal) {
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < x || (with_equal && sorted[middle] == x))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t stats_count_below(const double *sorted, size_t n, double x) {
    return count(sorted, n, x, false);
}

size_t stats_count_at_most(const double *sorted, size_t n, double x) {
    return count(sorted, n, x, true);
}
