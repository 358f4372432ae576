#include "readiness/kayenta/kayenta.h"

#include <math.h>
#include <string.h>
#include "stats/sort.h"

const char *const kayenta_label_names[] = {"Pass", "High", "Low", "Nodata",
                                           "NodataFailMetric"};

const kayenta_options kayenta_defaults = {.tolerance = 0.1,
                                          .confidence = 0.95,
                                          .allowed_decrease = 1,
                                          .allowed_increase = 1,
                                          .critical_decrease = 1,
                                          .critical_increase = 1};

static kayenta_result no_data(const kayenta_options *o) {
    kayenta_result r = {.label = KAYENTA_PASS, .deviation = 1, .reason = ""};
    if (o->replace_nan)
        return r; /* both arms read as zeros: no difference */
    r.label = o->must_have_data && !o->critical ? KAYENTA_NODATA_FAIL : KAYENTA_NODATA;
    r.critical = o->critical;
    r.deviation = NAN;
    r.reason = "an arm has no data";
    return r;
}

static bool identical(const double *x, size_t n, const double *y, size_t m) {
    bool one_value = x[0] == x[n - 1] && y[0] == y[m - 1] && x[0] == y[0];
    return one_value || (n == m && memcmp(x, y, n * sizeof *x) == 0);
}

static kayenta_label label_of(const kayenta_result *r, const kayenta_options *o,
                              double change_low, double change_high, double margin) {
    bool up = o->direction != KAYENTA_DECREASE;
    bool down = o->direction != KAYENTA_INCREASE;
    bool effect = !isnan(r->deviation);
    if (up && change_low > margin && (!effect || r->deviation >= o->allowed_increase))
        return KAYENTA_HIGH;
    if (down && change_high < -margin && (!effect || r->deviation <= o->allowed_decrease))
        return KAYENTA_LOW;
    return KAYENTA_PASS;
}

static bool is_critical(const kayenta_result *r, const kayenta_options *o) {
    if (!o->critical || r->label == KAYENTA_PASS)
        return false;
    return isnan(r->deviation) ||
           (r->label == KAYENTA_HIGH ? r->deviation >= o->critical_increase
                                     : r->deviation <= o->critical_decrease);
}

kayenta_result kayenta_classify(double *experiment, size_t n_experiment, double *control,
                                size_t n_control, const kayenta_options *o) {
    size_t n = o->replace_nan ? kayenta_replace_nan(experiment, n_experiment, 0)
                              : kayenta_remove_nan(experiment, n_experiment);
    size_t m = o->replace_nan ? kayenta_replace_nan(control, n_control, 0)
                              : kayenta_remove_nan(control, n_control);
    if (n == 0 || m == 0)
        return no_data(o);
    stats_sort(experiment, n);
    stats_sort(control, m);
    kayenta_result r = {.label = KAYENTA_PASS, .deviation = 1, .reason = ""};
    if (identical(experiment, n, control, m))
        return r;
    r.deviation = kayenta_effect_size(o->effect, control, m, experiment, n);
    if (o->mean_inequality) {
        double change =
            kayenta_summarise(experiment, n).mean - kayenta_summarise(control, m).mean;
        r.label = label_of(&r, o, change, change, 0);
    } else {
        r.shift = kayenta_mann_whitney(experiment, n, control, m, o->confidence);
        r.label = label_of(&r, o, r.shift.interval.low, r.shift.interval.high,
                           o->tolerance * fabs(r.shift.estimate));
    }
    r.critical = is_critical(&r, o);
    r.reason = r.label == KAYENTA_HIGH  ? "the experiment is higher"
               : r.label == KAYENTA_LOW ? "the experiment is lower"
                                        : "";
    return r;
}
