#include "readiness/kayenta/kayenta.h"

#include <math.h>

/* What counts for one group: good / all; missing data counts for neither. */
typedef struct {
    double good, all, missing;
} tally;

static tally count_group(const kayenta_metric *metrics, size_t n, size_t group) {
    tally t = {0};
    for (size_t i = 0; i < n; i++) {
        if (!(metrics[i].groups & 1u << group))
            continue;
        bool missing = metrics[i].label == KAYENTA_NODATA;
        t.missing += missing;
        t.all += !missing;
        t.good += metrics[i].label == KAYENTA_PASS;
    }
    return t;
}

/* What a group without a weight gets of what the others leave. */
static double rest_of(const double *weights, size_t n_groups) {
    double left = 100, sharing = 0;
    for (size_t g = 0; g < n_groups; g++) {
        left -= isnan(weights[g]) ? 0 : weights[g];
        sharing += isnan(weights[g]);
    }
    return sharing > 0 ? fmax(left, 0) / sharing : 0;
}

static bool fails_at_once(const kayenta_metric *metrics, size_t n) {
    size_t missing = 0;
    bool critical = false;
    for (size_t i = 0; i < n; i++) {
        missing += metrics[i].label == KAYENTA_NODATA;
        critical = critical || (metrics[i].critical && metrics[i].label != KAYENTA_PASS);
    }
    return critical || 2 * missing >= n;
}

double kayenta_score(const kayenta_metric *metrics, size_t n, const double *weights,
                     size_t n_groups, double *out) {
    double rest = rest_of(weights, n_groups);
    double sum = 0;
    for (size_t g = 0; g < n_groups; g++) {
        tally t = count_group(metrics, n, g);
        double score = t.all > 0 ? 100 * t.good / t.all : 0;
        bool only_missing = t.all == 0 && t.missing > 0;
        out[g] = round(100 * score) / 100;
        sum += (isnan(weights[g]) ? rest : weights[g]) * (only_missing ? 100 : score);
    }
    return fails_at_once(metrics, n) ? 0 : round(sum) / 100;
}
