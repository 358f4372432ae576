/* From checked objects to objectives: references followed, defaults filled in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "readiness/slo/windows.h"
#include "records/instant.h"
#include "records/slo_objects.h"

static const char short_window_key[] = "rostrum/short-window";
static const char indicator_key[] = "rostrum/indicator";

void slo_duration_text(int64_t seconds, char out[24]) {
    static const struct {
        int64_t each;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}};
    for (size_t i = 0; i < 3; i++)
        if (seconds % units[i].each == 0 && seconds > 0) {
            snprintf(out, 24, "%lld%c", (long long)(seconds / units[i].each),
                     units[i].letter);
            return;
        }
    snprintf(out, 24, "%llds", (long long)seconds);
}

/* The object that a reference names; ERR_INVALID with the nearest name. */
static status follow(const slo_files *f, const yaml_node *reference, slo_kind kind,
                     const yaml_node **out, diag *d) {
    const char *name = yaml_text(reference);
    const slo_object *found = slo_object_find(f, kind, name);
    if (found) {
        *out = yaml_root(found->document);
        return OK;
    }
    const char *names[SLO_OBJECTS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++)
        if (f->items[i].kind == kind)
            names[n++] = slo_text(yaml_root(f->items[i].document), "metadata.name");
    const char *nearest = diag_nearest(name, names, n);
    yaml_at(reference, d);
    return diag_field(d, ERR_INVALID, slo_kinds[kind],
                      "no %s \"%.64s\" in the files given%s%s%s", slo_kinds[kind], name,
                      nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                      nearest ? "\"?" : "");
}

/* The whole object (metadata, spec) at a place: written there or named there. */
static status object_at(const slo_files *f, const yaml_node *place, const char *inner,
                        const char *reference, slo_kind kind, const yaml_node **out,
                        diag *d) {
    const yaml_node *named = yaml_get(place, reference);
    if (named)
        return follow(f, named, kind, out, d);
    *out = inner ? yaml_get(place, inner) : place;
    return OK;
}

static slo_op op_of(const char *text) {
    static const char *const words[] = {"gt", "gte", "lt", "lte"}; /* order of slo_op */
    size_t i = 0;
    while (i < 3 && strcmp(words[i], text) != 0)
        i++;
    return (slo_op)i;
}

static double number_at(const yaml_node *map, const char *key, double otherwise) {
    const yaml_node *n = yaml_get(map, key);
    return n ? strtod(yaml_text(n), NULL) : otherwise; /* the schema checked it */
}

static void copy_text(char *out, size_t size, const char *text) {
    snprintf(out, size, "%s", text);
}

/* The query of a metricSource: spec.query, or "" when its spec has none. */
static status read_query(const yaml_node *metric, char out[SLO_QUERY_BYTES], diag *d) {
    const yaml_node *query = slo_get(metric, "metricSource.spec.query");
    if (!query)
        return OK;
    return yaml_string(query, "metricSource.spec.query", out, SLO_QUERY_BYTES, d);
}

static bool from_profile(const yaml_node *metric) {
    return strcmp(slo_text(metric, "metricSource.type"), "rostrum") == 0;
}

static status read_ratio(const yaml_node *ratio, slo_indicator *out, diag *d) {
    const yaml_node *raw = yaml_get(ratio, "raw"), *good = yaml_get(ratio, "good");
    const yaml_node *part = raw ? raw : good ? good : yaml_get(ratio, "bad");
    out->kind = good ? SLI_GOOD_TOTAL : SLI_BAD_TOTAL;
    if (raw)
        out->kind = strcmp(slo_text(ratio, "rawType"), "failure") == 0 ? SLI_RAW_FAILURE
                                                                       : SLI_RAW_SUCCESS;
    out->counter = strcmp(slo_text(ratio, "counter"), "true") == 0;
    status s = read_query(part, out->part_query, d);
    if (s == OK && !raw)
        s = read_query(yaml_get(ratio, "total"), out->total_query, d);
    return s;
}

/* sli: an object with metadata and spec. */
static status read_indicator(const yaml_node *sli, const yaml_node *objective,
                             slo_indicator *out, diag *d) {
    const yaml_node *annotations = slo_get(sli, "metadata.annotations");
    const yaml_node *said = annotations ? yaml_get(annotations, indicator_key) : NULL;
    out->speech =
        slo_speech_find(said ? yaml_text(said) : slo_text(sli, "metadata.name"));
    if (said && !out->speech)
        return slo_refuse(said, indicator_key, d,
                          "needs one of first-partial, first-audio, finalise-latency, "
                          "queue-age, turn-latency, success");
    const yaml_node *threshold = slo_get(sli, "spec.thresholdMetric");
    const yaml_node *value = yaml_get(objective, "value");
    if (!threshold) {
        if (value || yaml_get(objective, "op"))
            return slo_refuse(objective, "spec.objectives[].op", d,
                              "op and value go with a thresholdMetric only");
        return read_ratio(slo_get(sli, "spec.ratioMetric"), out, d);
    }
    if (!value)
        return slo_refuse(objective, "spec.objectives[].value", d,
                          "missing; a thresholdMetric needs the value to compare with");
    const yaml_node *op = yaml_get(objective, "op");
    out->kind = SLI_THRESHOLD;
    out->op = op ? op_of(yaml_text(op)) : SLO_LTE;
    out->value = number_at(objective, "value", 0);
    out->by_profile = from_profile(threshold);
    if (out->by_profile && (!out->speech || out->speech->kind == SPEECH_COUNTERS))
        return slo_refuse(threshold, "metricSource.type", d,
                          "rostrum needs a speech latency: name the SLI first-partial, "
                          "first-audio, finalise-latency, queue-age or turn-latency, or "
                          "annotate it with rostrum/indicator");
    return read_query(threshold, out->part_query, d);
}

static int64_t minutes_of(const yaml_node *n) {
    slo_duration duration = {0};
    if (slo_duration_parse(yaml_text(n), &duration))
        return duration.seconds / 60;
    return (int64_t)strtod(yaml_text(n), NULL);
}

static status read_calendar(const yaml_node *calendar, slo_objective *out, diag *d) {
    const char *zone = slo_text(calendar, "timeZone"),
               *t = slo_text(calendar, "startTime");
    if (!*t)
        return slo_refuse(calendar, "calendar.startTime", d,
                          "missing; a calendar period needs its start");
    if (*zone && strcmp(zone, "UTC") != 0 && strcmp(zone, "Etc/UTC") != 0) {
        yaml_at(yaml_get(calendar, "timeZone"), d);
        return diag_field(d, ERR_UNSUPPORTED, "calendar.timeZone",
                          "only UTC is judged here");
    }
    out->start_s = instant_days(atoi(t), atoi(t + 5), atoi(t + 8)) * 86400 +
                   atoi(t + 11) * 3600 + atoi(t + 14) * 60 + atoi(t + 17);
    return OK;
}

static status read_period(const yaml_node *slo, slo_objective *out, diag *d) {
    const yaml_node *windows = slo_get(slo, "spec.timeWindow");
    if (!windows)
        return slo_refuse(yaml_get(slo, "spec"), "spec.timeWindow", d,
                          "missing; a burn rate needs the period of the budget, e.g. "
                          "[{duration: 30d, isRolling: true}]");
    const yaml_node *window = yaml_item(windows, 0);
    slo_duration duration;
    bool parsed = slo_duration_parse(slo_text(window, "duration"), &duration);
    ASSERT(parsed);
    if (duration.seconds == 0) {
        yaml_at(yaml_get(window, "duration"), d);
        return diag_field(d, ERR_UNSUPPORTED, "spec.timeWindow[0].duration",
                          "months, quarters and years have no fixed length to judge a "
                          "burn by; use 28d or 30d");
    }
    out->period_s = duration.seconds;
    out->rolling = !yaml_get(window, "calendar");
    return out->rolling ? OK : read_calendar(yaml_get(window, "calendar"), out, d);
}

/* 14.4 x 10 % is more than all requests: say so where the target stands. */
static status check_reach(const slo_objective *o, const slo_alert *a,
                          const yaml_node *target, diag *d) {
    if (slo_can_fire(&a->rule, o->budget))
        return OK;
    yaml_at(target, d);
    char window[24];
    slo_duration_text(a->rule.long_s, window);
    double worst = 100 * a->rule.factor * o->budget;
    if (a->rule.op == SLO_LT || a->rule.op == SLO_LTE)
        return diag_field(d, ERR_INVALID, "spec.objectives[].target",
                          "alert %s over %s wants a burn below %g: it can never fire",
                          a->name, window, a->rule.factor);
    return diag_field(d, ERR_INVALID, "spec.objectives[].target",
                      "leaves a budget of %.4g %%; alert %s over %s needs %.4g times "
                      "that, %.4g %% of all requests: it can never fire. Use a target "
                      "above %.6g %% or alertPolicies with lower thresholds",
                      100 * o->budget, a->name, window, a->rule.factor, worst,
                      100 * (1 - 1 / a->rule.factor));
}

static void default_alerts(slo_objective *o) {
    for (size_t i = 0; i < SLO_WINDOWS; i++) {
        const slo_window *w = &slo_windows[i];
        slo_alert *a = &o->alerts[o->n_alerts++];
        char window[24];
        slo_duration_text(w->long_s, window);
        a->page = w->page;
        a->rule = slo_window_rule(w, o->period_s);
        const char *severity = w->page ? "page" : "ticket";
        copy_text(a->severity, sizeof a->severity, severity);
        snprintf(a->name, sizeof a->name, "%s-%s", severity, window);
    }
}

static status read_short_window(const yaml_node *condition, slo_rule *rule, diag *d) {
    const yaml_node *annotations = slo_get(condition, "metadata.annotations");
    const yaml_node *said = annotations ? yaml_get(annotations, short_window_key) : NULL;
    if (!said)
        return OK;
    slo_duration duration = {0};
    if (!slo_duration_parse(yaml_text(said), &duration) || duration.seconds == 0 ||
        duration.seconds > rule->long_s)
        return slo_refuse(said, short_window_key, d,
                          "needs a duration such as 5m, not longer than lookbackWindow");
    rule->short_s = duration.seconds;
    return OK;
}

static status read_condition(const yaml_node *condition, slo_alert *a, diag *d) {
    const yaml_node *inner = slo_get(condition, "spec.condition");
    slo_duration window = {0};
    (void)slo_duration_parse(slo_text(inner, "lookbackWindow"), &window);
    if (window.seconds == 0) {
        yaml_at(yaml_get(inner, "lookbackWindow"), d);
        return diag_field(d, ERR_UNSUPPORTED, "lookbackWindow",
                          "months, quarters and years have no fixed length; use days");
    }
    const yaml_node *after = yaml_get(inner, "alertAfter");
    slo_duration wait = {0};
    if (after && slo_duration_parse(yaml_text(after), &wait) && wait.seconds == 0)
        return slo_refuse(after, "alertAfter", d,
                          "months, quarters and years have no fixed length; use days");
    a->rule = (slo_rule){.op = op_of(slo_text(inner, "op")),
                         .factor = number_at(inner, "threshold", 0),
                         .short_s = window.seconds,
                         .long_s = window.seconds,
                         .hold_s = after ? 60 * minutes_of(after) : 0};
    copy_text(a->name, sizeof a->name, slo_text(condition, "metadata.name"));
    copy_text(a->severity, sizeof a->severity, slo_text(condition, "spec.severity"));
    a->page = strcmp(a->severity, "page") == 0;
    return read_short_window(condition, &a->rule, d);
}

static status read_alerts(const slo_files *f, const yaml_node *slo, slo_objective *o,
                          diag *d) {
    const yaml_node *policies = slo_get(slo, "spec.alertPolicies");
    if (!policies || yaml_size(policies) == 0) {
        if (!slo_windows_fit(o->period_s)) {
            yaml_at(slo_get(slo, "spec.timeWindow"), d);
            return diag_field(d, ERR_INVALID, "spec.timeWindow[0].duration",
                              "there are window pairs for 28d and 30d only; another "
                              "period needs alertPolicies of its own");
        }
        default_alerts(o);
        return OK;
    }
    if (yaml_size(policies) > SLO_ALERTS_MAX) {
        yaml_at(policies, d);
        return diag_field(d, ERR_LIMIT, "spec.alertPolicies", "more than %d",
                          SLO_ALERTS_MAX);
    }
    status s = OK;
    for (size_t i = 0; s == OK && i < yaml_size(policies); i++) {
        const yaml_node *policy = NULL, *condition = NULL;
        s = object_at(f, yaml_item(policies, i), NULL, "alertPolicyRef",
                      SLO_KIND_ALERT_POLICY, &policy, d);
        if (s == OK)
            s = object_at(f, yaml_item(slo_get(policy, "spec.conditions"), 0), NULL,
                          "conditionRef", SLO_KIND_ALERT_CONDITION, &condition, d);
        if (s == OK)
            s = read_condition(condition, &o->alerts[o->n_alerts++], d);
    }
    return s;
}

/* 1 - 0.999 is 0.0010000000000000009 in doubles; 0.001 is meant. 12 digits stay. */
static double as_written(double share) {
    char text[32];
    snprintf(text, sizeof text, "%.12g", share);
    return strtod(text, NULL);
}

static status read_objective(const slo_files *f, const yaml_node *slo,
                             const yaml_node *objective, slo_objective *o, diag *d) {
    static const char *const methods[] = {"Occurrences", "Timeslices", "RatioTimeslices"};
    const yaml_node *spec = yaml_get(slo, "spec");
    const yaml_node *target = yaml_get(objective, "target");
    const yaml_node *percent = yaml_get(objective, "targetPercent");
    const char *title = slo_text(objective, "displayName");
    copy_text(o->title, sizeof o->title,
              *title ? title : slo_text(slo, "metadata.displayName"));
    if (strlen(slo_text(spec, "service")) >= sizeof o->service)
        return slo_refuse(yaml_get(spec, "service"), "spec.service", d,
                          "longer than 63 bytes");
    copy_text(o->service, sizeof o->service, slo_text(spec, "service"));
    o->budget = as_written(
        target ? 1 - number_at(objective, "target", 0)
               : slo_budget_percent(number_at(objective, "targetPercent", 0)) / 100);
    o->target = target ? number_at(objective, "target", 0)
                       : number_at(objective, "targetPercent", 0) / 100;
    while (strcmp(methods[o->method], slo_text(spec, "budgetingMethod")) != 0)
        o->method++;
    o->slice_target = number_at(objective, "timeSliceTarget", 0);
    const yaml_node *slice = yaml_get(objective, "timeSliceWindow");
    o->slice_s = slice ? 60 * minutes_of(slice) : 0;
    if (slice && o->slice_s <= 0)
        return slo_refuse(slice, "spec.objectives[].timeSliceWindow", d,
                          "needs whole minutes, at least 1m");
    bool own = yaml_get(objective, "indicator") || yaml_get(objective, "indicatorRef");
    const yaml_node *sli = NULL;
    status s = object_at(f, own ? objective : spec, "indicator", "indicatorRef",
                         SLO_KIND_SLI, &sli, d);
    if (s == OK)
        s = read_indicator(sli, objective, &o->indicator, d);
    if (s == OK && !own && o->indicator.kind == SLI_THRESHOLD &&
        yaml_size(yaml_get(spec, "objectives")) > 1)
        s = slo_refuse(yaml_get(spec, "objectives"), "spec.objectives", d,
                       "a thresholdMetric has exactly one objective");
    if (s == OK)
        s = read_period(slo, o, d);
    if (s == OK)
        s = read_alerts(f, slo, o, d);
    for (size_t i = 0; s == OK && i < o->n_alerts; i++)
        s = check_reach(o, &o->alerts[i], target ? target : percent, d);
    return s;
}

status slo_files_objectives(const slo_files *f, slo_objective **out_list, size_t *out_n,
                            diag *d) {
    slo_objective *list = NULL;
    size_t n = 0;
    status s = OK;
    for (size_t i = 0; s == OK && i < f->n; i++) {
        if (f->items[i].kind != SLO_KIND_SLO)
            continue;
        const yaml_node *slo = yaml_root(f->items[i].document);
        const yaml_node *objectives = slo_get(slo, "spec.objectives");
        for (size_t k = 0; s == OK && k < yaml_size(objectives); k++) {
            slo_objective *grown = realloc(list, (n + 1) * sizeof *list);
            if (!grown) {
                s = diag_set(d, ERR_MEMORY, "no memory for the objectives");
                break;
            }
            list = grown;
            memset(&list[n], 0, sizeof list[n]);
            const char *name = slo_text(slo, "metadata.name");
            copy_text(list[n].name, sizeof list[n].name, name);
            if (yaml_size(objectives) > 1)
                snprintf(list[n].name, sizeof list[n].name, "%s/%zu", name, k + 1);
            s = read_objective(f, slo, yaml_item(objectives, k), &list[n], d);
            n += s == OK;
        }
    }
    if (s != OK) {
        free(list);
        return s;
    }
    *out_list = list;
    *out_n = n;
    return OK;
}
