#include "readiness/slo/windows.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

const slo_window slo_windows[SLO_WINDOWS] = {
    {true, 2, 5 * MINUTE, 1 * HOUR},
    {true, 5, 30 * MINUTE, 6 * HOUR},
    {false, 10, 2 * HOUR, 1 * DAY},
    {false, 10, 6 * HOUR, 3 * DAY},
};

double slo_factor(const slo_window *w, int64_t period_s) {
    double period_h = (double)period_s / HOUR, long_h = (double)w->long_s / HOUR;
    return (w->budget_percent * period_h / 100) / long_h;
}

bool slo_windows_fit(int64_t period_s) {
    return period_s == 28 * DAY || period_s == 30 * DAY;
}

slo_rule slo_window_rule(const slo_window *w, int64_t period_s) {
    return (slo_rule){.op = SLO_GT,
                      .factor = slo_factor(w, period_s),
                      .short_s = w->short_s,
                      .long_s = w->long_s};
}

double slo_budget_percent(double objective_percent) {
    return 100 - objective_percent;
}
