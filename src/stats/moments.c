#include "stats/moments.h"

void stats_moments_add(stats_moments *m, double x) {
    m->n += 1;
    double off = x - m->mean;
    m->mean += off / m->n;
    m->m2 += off * (x - m->mean);
}

void stats_moments_merge(stats_moments *m, const stats_moments *more) {
    if (more->n == 0)
        return;
    double n = m->n + more->n;
    double off = more->mean - m->mean;
    m->m2 += more->m2 + off * off * m->n * more->n / n;
    m->mean += off * more->n / n;
    m->n = n;
}

stats_moments stats_moments_of(const double *x, size_t n) {
    stats_moments m = {0};
    for (size_t i = 0; i < n; i++)
        stats_moments_add(&m, x[i]);
    return m;
}

double stats_variance(const stats_moments *m) {
    return m->n < 2 ? 0 : m->m2 / (m->n - 1);
}

void stats_pairs_add(stats_pairs *p, double x, double y) {
    p->n += 1;
    double off_x = x - p->mean_x;
    double off_y = y - p->mean_y;
    p->mean_x += off_x / p->n;
    p->mean_y += off_y / p->n;
    p->c_xx += off_x * (x - p->mean_x);
    p->c_xy += off_x * (y - p->mean_y);
    p->c_yy += off_y * (y - p->mean_y);
}

void stats_pairs_merge(stats_pairs *p, const stats_pairs *more) {
    if (more->n == 0)
        return;
    double n = p->n + more->n;
    double off_x = more->mean_x - p->mean_x;
    double off_y = more->mean_y - p->mean_y;
    double weight = p->n * more->n / n;
    p->c_xx += more->c_xx + off_x * off_x * weight;
    p->c_xy += more->c_xy + off_x * off_y * weight;
    p->c_yy += more->c_yy + off_y * off_y * weight;
    p->mean_x += off_x * more->n / n;
    p->mean_y += off_y * more->n / n;
    p->n = n;
}
