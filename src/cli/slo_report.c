/* What `rostrum slo burn` prints: tables for a person, JSON for a program. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/slo_state.h"
#include "records/instant.h"
#include "stats/interval.h"

enum { CHANGES_SHOWN = 20 };

static void add_instant(buf *out, int64_t minute) {
    char text[INSTANT_BYTES];
    instant_text(60 * minute, text);
    buf_add_text(out, text);
}

/* "2 d 4 h", "35 min": two units are enough to act on. */
static void add_length(buf *out, double seconds) {
    long long minutes = (long long)(seconds / 60);
    if (minutes >= 1440)
        buf_addf(out, "%lld d %lld h", minutes / 1440, minutes % 1440 / 60);
    else if (minutes >= 60)
        buf_addf(out, "%lld h %lld min", minutes / 60, minutes % 60);
    else
        buf_addf(out, "%lld min", minutes);
}

void slo_promise_text(const slo_objective *o, buf *out) {
    static const char *const words[] = {">", ">=", "<", "<="};
    char period[24], slice[24];
    slo_duration_text(o->period_s, period);
    slo_duration_text(o->slice_s, slice);
    buf_addf(out, "%.10g %% of %s", 100 * o->target,
             o->method == SLO_OCCURRENCES ? "requests" : slice);
    if (o->method != SLO_OCCURRENCES)
        buf_add_text(out, " slices");
    if (o->indicator.kind == SLI_THRESHOLD)
        buf_addf(out, " with %s %s %g%s",
                 o->indicator.speech ? o->indicator.speech->name : "value",
                 words[o->indicator.op], o->indicator.value,
                 o->indicator.speech ? " ms" : "");
    else
        buf_add_text(out, " good");
    buf_addf(out, " over %s%s", period, o->rolling ? "" : " by the calendar");
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static size_t windows_of(const slo_objective *o, int64_t out[2 * SLO_ALERTS_MAX]) {
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < o->n_alerts; i++) {
        out[n++] = o->alerts[i].rule.short_s;
        out[n++] = o->alerts[i].rule.long_s;
    }
    qsort(out, n, sizeof *out, ascending);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || out[i] != out[kept - 1])
            out[kept++] = out[i];
    return kept;
}

static slo_count window_at(const slo_state *s, int64_t window_s) {
    return slo_timeline_window(&s->events->timeline, s->at, window_s / 60);
}

static void add_windows(const slo_state *s, buf *out) {
    int64_t windows[2 * SLO_ALERTS_MAX];
    size_t n = windows_of(s->o, windows);
    buf_add_text(out,
                 "  window    requests         bad     bad %      burn  95 % interval\n");
    for (size_t i = 0; i < n; i++) {
        slo_count c = window_at(s, windows[i]);
        char window[24];
        slo_duration_text(windows[i], window);
        if (c.total == 0) {
            buf_addf(out, "  %-6s %11d           -         -         -  no requests\n",
                     window, 0);
            continue;
        }
        stats_interval share = stats_wilson(c.bad, c.total, 0.95);
        buf_addf(out, "  %-6s %11llu %11llu %9.3f %9.2f  %.2f to %.2f\n", window,
                 (unsigned long long)c.total, (unsigned long long)c.bad,
                 100 * (double)c.bad / (double)c.total, slo_burn(c, s->o->budget),
                 share.low / s->o->budget, share.high / s->o->budget);
    }
}

static const char *answer_word(const slo_watch *w) {
    if (w->firing)
        return "fires";
    if (w->active)
        return "pending";
    return w->verdict.answer == SLO_INSUFFICIENT ? "insufficient traffic" : "quiet";
}

/* Why there is no answer: nothing came, too little to see a burn, or too few bad ones. */
static void add_insufficient(const slo_state *s, size_t i, buf *out) {
    const slo_verdict *v = &s->watches[i].verdict;
    slo_count far = window_at(s, s->o->alerts[i].rule.long_s);
    if (far.total == 0)
        buf_add_text(out, ": no requests");
    else if (far.total < v->requests_needed && far.bad == 0)
        buf_addf(out, ": %llu requests, a burn of %g shows in %llu",
                 (unsigned long long)far.total, s->o->alerts[i].rule.factor,
                 (unsigned long long)v->requests_needed);
    else
        buf_addf(out, ": %llu bad of %llu could be chance", (unsigned long long)far.bad,
                 (unsigned long long)far.total);
}

static void add_alerts(const slo_state *s, buf *out) {
    buf_add_text(out, "  alert               burn over  windows     answer\n");
    for (size_t i = 0; i < s->o->n_alerts; i++) {
        const slo_alert *a = &s->o->alerts[i];
        const slo_watch *w = &s->watches[i];
        char near[24], far[24];
        slo_duration_text(a->rule.short_s, near);
        slo_duration_text(a->rule.long_s, far);
        bool pair = a->rule.short_s != a->rule.long_s;
        buf_addf(out, "  %-18s %10.4g  %-4s%s %-5s %s", a->name, a->rule.factor, far,
                 pair ? "+" : " ", pair ? near : "", answer_word(w));
        if (w->active) {
            buf_add_text(out, " since ");
            add_instant(out, w->firing ? w->since + a->rule.hold_s / 60 : w->since);
        } else if (w->verdict.answer == SLO_INSUFFICIENT) {
            add_insufficient(s, i, out);
        }
        buf_add_text(out, "\n");
    }
}

static void add_budget(const slo_state *s, buf *out) {
    char window[24];
    slo_duration_text(s->o->alerts[0].rule.long_s, window);
    if (s->left > 0)
        buf_addf(out, "  budget left  %.2f %% (", 100 * s->left);
    else
        buf_addf(out, "  budget used up, overspent by %.2f %% (", -100 * s->left);
    add_length(out, (double)s->observed_s);
    buf_add_text(out, " of the period were observed)\n");
    if (isfinite(s->exhaustion_s) && s->left > 0) {
        buf_addf(out, "  at the burn of the last %s it is used up in ", window);
        add_length(out, s->exhaustion_s);
        buf_add_text(out, "\n");
    }
}

static void add_changes(const slo_state *s, buf *out) {
    size_t skipped = s->n_changes > CHANGES_SHOWN ? s->n_changes - CHANGES_SHOWN : 0;
    if (s->n_changes == 0)
        return;
    buf_add_text(out, "  what happened\n");
    if (skipped > 0)
        buf_addf(out, "    (%zu earlier changes: --json lists them)\n", skipped);
    for (size_t i = skipped; i < s->n_changes; i++) {
        buf_add_text(out, "    ");
        add_instant(out, s->changes[i].minute);
        buf_addf(out, "  %s %s\n", s->o->alerts[s->changes[i].alert].name,
                 s->changes[i].firing ? "fires" : "clears");
    }
}

void slo_state_text(const slo_state *s, buf *out) {
    buf_addf(out, "%s (%s): ", s->o->name, s->o->service);
    slo_promise_text(s->o, out);
    buf_add_text(out, "\nat ");
    add_instant(out, s->at);
    buf_add_text(out, "\n\n");
    add_windows(s, out);
    buf_add_text(out, "\n");
    add_alerts(s, out);
    buf_add_text(out, "\n");
    add_budget(s, out);
    const histogram *h = &s->events->values;
    if (histogram_total(h) > 0)
        buf_addf(out, "  values of the file: p50 %.4g, p95 %.4g, p99 %.4g, worst %.4g\n",
                 histogram_quantile(h, 0.5), histogram_quantile(h, 0.95),
                 histogram_quantile(h, 0.99), h->max);
    add_changes(s, out);
}

static void add_number(buf *out, const char *key, double value) {
    buf_addf(out, "\"%s\":", key);
    buf_add_number(out, value);
}

static void add_windows_json(const slo_state *s, buf *out) {
    int64_t windows[2 * SLO_ALERTS_MAX];
    size_t n = windows_of(s->o, windows);
    for (size_t i = 0; i < n; i++) {
        slo_count c = window_at(s, windows[i]);
        stats_interval share = stats_wilson(c.bad, c.total, 0.95);
        buf_addf(out, "%s{\"window_s\":%lld,\"total\":%llu,\"bad\":%llu,", i ? "," : "",
                 (long long)windows[i], (unsigned long long)c.total,
                 (unsigned long long)c.bad);
        add_number(out, "burn", c.total ? slo_burn(c, s->o->budget) : NAN);
        buf_add_text(out, ",");
        add_number(out, "burn_low", share.low / s->o->budget);
        buf_add_text(out, ",");
        add_number(out, "burn_high", share.high / s->o->budget);
        buf_add_text(out, "}");
    }
}

static void add_alert_json(const slo_state *s, size_t i, buf *out) {
    const slo_alert *a = &s->o->alerts[i];
    const slo_watch *w = &s->watches[i];
    static const char *const words[] = {"gt", "gte", "lt", "lte"};
    buf_add_text(out, "{\"alert\":");
    buf_add_json(out, a->name);
    buf_add_text(out, ",\"severity\":");
    buf_add_json(out, a->severity);
    buf_addf(out, ",\"page\":%s,\"op\":\"%s\",", a->page ? "true" : "false",
             words[a->rule.op]);
    add_number(out, "factor", a->rule.factor);
    buf_addf(out, ",\"short_s\":%lld,\"long_s\":%lld,\"hold_s\":%lld,\"answer\":\"%s\",",
             (long long)a->rule.short_s, (long long)a->rule.long_s,
             (long long)a->rule.hold_s, answer_word(w));
    add_number(out, "evidence_nats", w->verdict.evidence_nats);
    buf_addf(out, ",\"requests_needed\":%llu,\"firing\":%s,\"active_since\":",
             (unsigned long long)w->verdict.requests_needed,
             w->firing ? "true" : "false");
    if (w->active) {
        buf_add_text(out, "\"");
        add_instant(out, w->since);
        buf_add_text(out, "\"}");
    } else {
        buf_add_text(out, "null}");
    }
}

void slo_state_json(const slo_state *s, buf *out) {
    buf_add_text(out, "{\"slo\":");
    buf_add_json(out, s->o->name);
    buf_add_text(out, ",\"service\":");
    buf_add_json(out, s->o->service);
    buf_add_text(out, ",\"at\":\"");
    add_instant(out, s->at);
    buf_add_text(out, "\",");
    add_number(out, "target", s->o->target);
    buf_add_text(out, ",");
    add_number(out, "budget", s->o->budget);
    buf_addf(out, ",\"period_s\":%lld,\"rows\":%llu,\"windows\":[",
             (long long)s->o->period_s, (unsigned long long)s->events->rows);
    add_windows_json(s, out);
    buf_add_text(out, "],\"alerts\":[");
    for (size_t i = 0; i < s->o->n_alerts; i++) {
        buf_add_text(out, i ? "," : "");
        add_alert_json(s, i, out);
    }
    buf_addf(out, "],\"total\":%llu,\"bad\":%llu,\"observed_s\":%lld,",
             (unsigned long long)s->seen.total, (unsigned long long)s->seen.bad,
             (long long)s->observed_s);
    add_number(out, "budget_left", s->left);
    buf_add_text(out, ",");
    add_number(out, "exhaustion_s", s->exhaustion_s);
    buf_add_text(out, ",\"changes\":[");
    for (size_t i = 0; i < s->n_changes; i++) {
        buf_add_text(out, i ? ",{\"time\":\"" : "{\"time\":\"");
        add_instant(out, s->changes[i].minute);
        buf_add_text(out, "\",\"alert\":");
        buf_add_json(out, s->o->alerts[s->changes[i].alert].name);
        buf_addf(out, ",\"firing\":%s}", s->changes[i].firing ? "true" : "false");
    }
    buf_addf(out, "],\"pages\":%s}", slo_state_pages(s) ? "true" : "false");
}
