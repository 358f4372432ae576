#include "readiness/slo/timeline.h"

#include "base/assert.h"

/* Everything up to and including the minute. */
static slo_count sum_at(const slo_timeline *t, int64_t minute) {
    if (t->n == 0 || minute < t->first)
        return (slo_count){0};
    uint64_t i = (uint64_t)(minute - t->first);
    return t->sums[i < t->n ? i : t->n - 1];
}

slo_count slo_timeline_window(const slo_timeline *t, int64_t minute, int64_t minutes) {
    slo_count to = sum_at(t, minute), from = sum_at(t, minute - minutes);
    return (slo_count){to.total - from.total, to.bad - from.bad};
}

slo_timeline slo_timeline_slices(const slo_timeline *t, int64_t slice_minutes,
                                 double good_target, slo_count *out) {
    ASSERT(slice_minutes > 0);
    slo_count sum = {0};
    for (size_t i = 0; i < t->n; i++) {
        int64_t minute = t->first + (int64_t)i;
        if (minute % slice_minutes == 0) { /* the slice (minute - n, minute] is over */
            slo_count slice = slo_timeline_window(t, minute, slice_minutes);
            if (slice.total > 0) {
                double good = (double)(slice.total - slice.bad) / (double)slice.total;
                sum.total++;
                sum.bad += !slo_beyond(good, SLO_GTE, good_target);
            }
        }
        out[i] = sum;
    }
    return (slo_timeline){.first = t->first, .n = t->n, .sums = out};
}

bool slo_watch_step(slo_watch *w, const slo_rule *rule, double budget,
                    const slo_timeline *t, int64_t minute) {
    status s = slo_judge(rule, budget, slo_timeline_window(t, minute, rule->short_s / 60),
                         slo_timeline_window(t, minute, rule->long_s / 60), &w->verdict);
    ASSERT(s == OK);
    bool before = w->firing, active = w->verdict.answer == SLO_BREACHED;
    if (active && !w->active)
        w->since = minute;
    if (!active)
        w->since = 0;
    w->active = active;
    w->firing = active && minute - w->since >= rule->hold_s / 60;
    return w->firing != before;
}
