#include "readiness/gate/explain.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const gate_need_names[] = {"metric", "sample",  "labels",    "approval",
                                       "checks", "traffic", "fresh data"};
const char *const gate_state_names[] = {"within",  "gained", "undecided", "no gain",
                                        "missing", "stale",  "broken",    "breach",
                                        "allowed", "beyond", "shown"};

/* Appends; what does not fit is cut. */
static void __attribute__((format(printf, 3, 4)))
add(char *out, size_t size, const char *format, ...) {
    size_t used = strlen(out);
    va_list values;
    va_start(values, format);
    vsnprintf(out + used, size - used, format, values);
    va_end(values);
}

/* ---- numbers ---- */

static bool in_percent(const gate_metric *m) {
    return m->measure == GATE_FRACTION || (m->measure == GATE_RATIO && !m->unit[0]);
}

static void number_text(double x, bool sign, char out[32]) {
    int digits = fabs(x) >= 100 ? 0 : fabs(x) >= 10 ? 1 : fabs(x) >= 0.1 ? 2 : 4;
    snprintf(out, 32, sign ? "%+.*f" : "%.*f", digits, x);
    size_t used = strlen(out);
    while (digits > 0 && (out[used - 1] == '0' || out[used - 1] == '.')) {
        digits = out[used - 1] == '.' ? 0 : digits;
        out[--used] = '\0';
    }
}

/* Thousands apart: 12,400. */
static void count_text(double n, char out[32]) {
    char plain[32];
    snprintf(plain, sizeof plain, "%.0f", n);
    size_t digits = strlen(plain), used = 0;
    for (size_t i = 0; i < digits && used < 30; i++) {
        if (i > 0 && (digits - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = plain[i];
    }
    out[used] = '\0';
}

void gate_value_text(const gate_metric *m, double value, char out[48]) {
    char text[32];
    if (isnan(value)) {
        snprintf(out, 48, "-");
    } else if (in_percent(m)) {
        snprintf(out, 48, "%.*f %%", value < 0.01 ? 3 : 2, 100 * value);
    } else if (m->measure == GATE_COUNT) {
        snprintf(out, 48, "%.0f", value);
    } else {
        number_text(value, false, text);
        snprintf(out, 48, "%s%s%s", text, m->unit[0] ? " " : "", m->unit);
    }
}

/* A change without its sign or with it. */
static void amount_text(const gate_metric *m, double change, bool sign, char out[48]) {
    char text[32];
    if (isnan(change) || isinf(change)) {
        snprintf(out, 48, "?");
    } else if (m->relative) {
        double percent = fabs(change) < 0.0005 ? 0 : 100 * change; /* not "-0.0 %" */
        snprintf(out, 48, sign ? "%+.1f %%" : "%.1f %%", percent);
    } else if (in_percent(m)) {
        snprintf(out, 48, sign ? "%+.2f points" : "%.2f points", 100 * change);
    } else {
        number_text(change, sign, text);
        snprintf(out, 48, "%s%s%s", text, m->unit[0] ? " " : "", m->unit);
    }
}

void gate_change_text(const gate_metric *m, double change, char out[48]) {
    if (m->measure == GATE_COUNT)
        snprintf(out, 48, "%.0f", change);
    else
        amount_text(m, change, true, out);
}

/* ---- one cell ---- */

static void add_subject(const gate_policy *p, const gate_finding *f, char *out) {
    add(out, GATE_SENTENCE_BYTES, "%s", p->metrics[f->metric].name);
    if (f->slice > 0)
        add(out, GATE_SENTENCE_BYTES, " on %s", p->slices[f->slice].name);
}

/* "is 8.1 % worse (+6.2 % to +10.0 %)" */
static void add_change(const gate_policy *p, const gate_finding *f, char *out) {
    const gate_metric *m = &p->metrics[f->metric];
    char amount[48], low[48], high[48];
    bool worse = m->higher_is_better ? f->change < 0 : f->change > 0;
    amount_text(m, fabs(f->change), false, amount);
    amount_text(m, f->low, true, low);
    amount_text(m, f->high, true, high);
    if (isnan(f->change))
        add(out, GATE_SENTENCE_BYTES, " cannot be compared (the control's value is 0)");
    else if (f->change == 0)
        add(out, GATE_SENTENCE_BYTES, " is the same");
    else
        add(out, GATE_SENTENCE_BYTES, " is %s %s", amount, worse ? "worse" : "better");
    if (isfinite(f->low) && isfinite(f->high))
        add(out, GATE_SENTENCE_BYTES, " (%s to %s)", low, high);
    else if (isfinite(f->low))
        add(out, GATE_SENTENCE_BYTES, " (%s at least)", low);
    else if (isfinite(f->high))
        add(out, GATE_SENTENCE_BYTES, " (%s at most)", high);
}

static void add_count(const gate_finding *f, const gate_metric *m, char *out) {
    char n[32];
    count_text(f->n[1], n);
    add(out, GATE_SENTENCE_BYTES, ": %.0f in %s of the candidate; ", f->change, n);
    if (m->tolerance == 0)
        add(out, GATE_SENTENCE_BYTES, "one would be too many");
    else
        add(out, GATE_SENTENCE_BYTES, "up to %.0f are allowed", m->tolerance);
}

static void add_sample(const gate_finding *f, char *out) {
    char have[32], need[32];
    count_text(fmin(f->n[0], f->n[1]), have);
    count_text(f->needed, need);
    add(out, GATE_SENTENCE_BYTES, "; the %s observations an arm cannot tell yet", have);
    if (isfinite(f->needed) && f->needed > 0)
        add(out, GATE_SENTENCE_BYTES, ", about %s are needed", need);
    else if (f->needed > 0)
        add(out, GATE_SENTENCE_BYTES,
            ", and as it looks now more will not show it to be good enough");
}

static void add_judgement(const gate_policy *p, const gate_finding *f, char *out) {
    const gate_metric *m = &p->metrics[f->metric];
    char limit[48], stop[48];
    amount_text(m, fabs(f->limit), false, limit);
    amount_text(m, m->stop, false, stop);
    switch (f->state) {
    case GATE_BREACH:
        amount_text(m, m->tolerance, false, limit);
        add(out, GATE_SENTENCE_BYTES, ", more than the %s allowed", limit);
        if (f->slice > 0 && f->is_protected)
            add(out, GATE_SENTENCE_BYTES,
                ": a protected slice, which no average gain outweighs");
        break;
    case GATE_ALLOWED:
        amount_text(m, m->tolerance, false, limit);
        add(out, GATE_SENTENCE_BYTES,
            ", more than the %s allowed: a recorded approval covers it up to %s", limit,
            isfinite(m->stop) ? stop : "any amount");
        break;
    case GATE_BEYOND:
        add(out, GATE_SENTENCE_BYTES, ", beyond the %s that nothing excuses", stop);
        break;
    case GATE_WITHIN:
        add(out, GATE_SENTENCE_BYTES, "; up to %s worse is allowed", limit);
        break;
    case GATE_GAINED:
        add(out, GATE_SENTENCE_BYTES, "; %s better was asked for", limit);
        break;
    case GATE_NO_GAIN:
        add(out, GATE_SENTENCE_BYTES, ": the %s better that was asked for is not shown",
            limit);
        break;
    case GATE_UNDECIDED:
        add_sample(f, out);
        break;
    default:
        add(out, GATE_SENTENCE_BYTES, "; %s, it decides nothing",
            m->role == GATE_WATCH ? "only watched" : "exploratory");
        break;
    }
}

void gate_finding_text(const gate_policy *p, const gate_finding *f,
                       char out[GATE_SENTENCE_BYTES]) {
    const gate_metric *m = &p->metrics[f->metric];
    out[0] = '\0';
    add_subject(p, f, out);
    if (f->state == GATE_MISSING) {
        bool candidate = !(f->n[1] > 0);
        bool both = candidate && !(f->n[0] > 0);
        add(out, GATE_SENTENCE_BYTES,
            " has no data of %s%s%s: missing data is never a pass",
            both ? "either arm" : "the ", both ? "" : p->arms[candidate],
            both ? "" : " arm");
    } else if (f->state == GATE_STALE) {
        add(out, GATE_SENTENCE_BYTES,
            ": its newest data is older than the %.3g h the policy takes as proof",
            p->max_age_s / 3600);
    } else if (f->state == GATE_BROKEN) {
        add(out, GATE_SENTENCE_BYTES,
            " holds data that cannot be (more bad than all, or sums that no values "
            "have): nothing can be said");
    } else if (m->measure == GATE_COUNT) {
        add_count(f, m, out);
    } else {
        add_change(p, f, out);
        add_judgement(p, f, out);
    }
    if (f->needs & GATE_NEEDS_LABELS)
        add(out, GATE_SENTENCE_BYTES, "; its labels are not audited");
    add(out, GATE_SENTENCE_BYTES, ".");
}

/* ---- the verdict ---- */

static size_t count_of(const gate_verdict *v, gate_state state) {
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        n += v->findings[i].state == state;
    return n;
}

static void add_needs(const gate_verdict *v, char *out) {
    const char *comma = " Missing:";
    for (unsigned i = 0; i < GATE_NEEDS; i++) {
        if (!(v->needs & 1u << i))
            continue;
        add(out, GATE_SENTENCE_BYTES, "%s %s", comma, gate_need_names[i]);
        comma = ",";
    }
    add(out, GATE_SENTENCE_BYTES, v->needs ? "." : "");
}

static bool any_route(const gate_policy *p, const gate_verdict *v) {
    bool any = false;
    for (size_t i = 1; i < p->n_slices; i++)
        any = any || v->route[i];
    return any;
}

static void add_hold(const gate_policy *p, const gate_verdict *v, char *out) {
    size_t breaches = count_of(v, GATE_BREACH);
    add(out, GATE_SENTENCE_BYTES, "HOLD. ");
    if (breaches == 0)
        add(out, GATE_SENTENCE_BYTES,
            "Nothing is shown to be too bad, and not everything is shown to be good.");
    else if (v->needs & GATE_NEEDS_APPROVAL)
        add(out, GATE_SENTENCE_BYTES,
            "Do not ship by default: %zu limit%s broken, which only a recorded product "
            "decision for a narrow audience can accept.",
            breaches, breaches == 1 ? " is" : "s are");
    else
        add(out, GATE_SENTENCE_BYTES,
            "Do not launch broadly: %zu protected limit%s broken%s.", breaches,
            breaches == 1 ? " is" : "s are",
            any_route(p, v) ? "; a canary without the slice is possible" : "");
    add_needs(v, out);
}

void gate_verdict_text(const gate_policy *p, const gate_verdict *v,
                       char out[GATE_SENTENCE_BYTES]) {
    out[0] = '\0';
    switch (v->outcome) {
    case GATE_PASS:
        add(out, GATE_SENTENCE_BYTES,
            v->approval ? "PASS, for the approved audience only: a broken limit was "
                          "accepted by a recorded decision, until it expires."
                        : "PASS. Every protected limit is shown to hold.");
        break;
    case GATE_HOLD:
        add_hold(p, v, out);
        break;
    case GATE_PAUSE:
        add(out, GATE_SENTENCE_BYTES, "PAUSE. Do not grow the release: %s.",
            count_of(v, GATE_NO_GAIN) > 0 ? "the gain it was meant to bring is not there"
                                          : "it broke a limit");
        add_needs(v, out);
        break;
    case GATE_ROLLBACK:
        add(out, GATE_SENTENCE_BYTES,
            "ROLLBACK. Send all traffic back to %s: a stop condition is met, and no gain "
            "outweighs it.",
            p->arms[0]);
        break;
    case GATE_INVALID:
        add(out, GATE_SENTENCE_BYTES, "INVALID. Nothing can be concluded: %s.",
            v->from_the_future ? "the evidence is from after the time to judge at"
            : v->split_broken  ? "traffic is not split as the policy says, so assignment "
                                 "or logging is broken"
                               : "the data holds figures that cannot be");
        break;
    }
}

/* ---- what to do ---- */

typedef struct {
    const gate_policy *policy;
    const gate_verdict *v;
    void (*take)(void *, const char *);
    void *context;
} steps;

static void step(const steps *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void step(const steps *s, const char *format, ...) {
    char text[GATE_SENTENCE_BYTES];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    s->take(s->context, text);
}

static bool broke(const gate_finding *f) {
    return f->state == GATE_BREACH || f->state == GATE_BEYOND || f->state == GATE_ALLOWED;
}

/* The policy's own advice on what broke, each once. */
static void advise(const steps *s) {
    for (size_t i = 0; i < s->v->n; i++) {
        const gate_finding *f = &s->v->findings[i];
        const gate_metric *m = &s->policy->metrics[f->metric];
        bool said = false;
        for (size_t k = 0; k < i; k++)
            said = said ||
                   (s->v->findings[k].metric == f->metric && broke(&s->v->findings[k]));
        if (broke(f) && m->advice[0] && !said)
            step(s, "%s: %s", m->name, m->advice);
    }
}

static void protect_slices(const steps *s) {
    if (s->v->outcome != GATE_HOLD && s->v->outcome != GATE_PAUSE)
        return;
    for (size_t i = 1; i < s->policy->n_slices; i++) {
        const gate_slice *slice = &s->policy->slices[i];
        bool broken = false;
        for (size_t k = 0; k < s->v->n; k++)
            broken =
                broken || (s->v->findings[k].slice == i &&
                           s->v->findings[k].is_protected && broke(&s->v->findings[k]));
        if (!broken)
            continue;
        if (slice->routable)
            step(s,
                 "Routing rule: keep %s on %s (it can be told at admission), and go on "
                 "with a canary of the rest.",
                 slice->name, s->policy->arms[0]);
        else
            step(s,
                 "%s cannot be told at admission, so no routing rule can protect it: the "
                 "release waits until it is good there.",
                 slice->name);
    }
}

static void audit_labels(const steps *s) {
    char slices[256] = "";
    for (size_t i = 0; i < s->v->n; i++) {
        const gate_finding *f = &s->v->findings[i];
        bool said = false;
        for (size_t k = 0; k < i; k++)
            said = said || (s->v->findings[k].slice == f->slice &&
                            s->v->findings[k].needs & GATE_NEEDS_LABELS);
        if (f->needs & GATE_NEEDS_LABELS && !said)
            add(slices, sizeof slices, "%s%s", slices[0] ? ", " : "",
                s->policy->slices[f->slice].name);
    }
    step(s,
         "Audit the labels of %s: %.0f a slice listened to again, at most %.3g %% wrong "
         "(upper 95 %% limit). A regression may be one of the references.",
         slices, s->policy->audited, 100 * s->policy->wrong);
}

static void ask_for_checks(const steps *s) {
    for (size_t i = 0; i < s->policy->n_checks; i++)
        if (s->v->checks_missing & 1u << i)
            step(s, "Record the check %s as done and good.", s->policy->checks[i]);
}

static void ask_for_evidence(const steps *s) {
    unsigned needs = s->v->outcome == GATE_HOLD ? s->v->needs : 0;
    if (needs & GATE_NEEDS_METRIC)
        step(s, "Collect what is missing: an empty cell is never a pass.");
    if (needs & GATE_NEEDS_FRESH)
        step(s, "Collect newer data.");
    if (needs & GATE_NEEDS_TRAFFIC)
        step(s, "Record how many sessions each arm was given: without it nobody knows "
                "whether the arms can be compared.");
    if (needs & GATE_NEEDS_SAMPLE)
        step(s, "Keep the canary at its size and look again; looking often is safe.");
}

static void go_on(const steps *s) {
    if (s->v->outcome == GATE_PASS && s->v->approval)
        step(s,
             "Send %s to the approved audience only, and keep the way back ready: the "
             "permission ends with the approval.",
             s->policy->arms[1]);
    else if (s->v->outcome == GATE_PASS)
        step(s, "Take the next step of the release and judge again.");
}

void gate_steps(const gate_policy *p, const gate_verdict *v,
                void (*take)(void *context, const char *step), void *context) {
    const steps s = {p, v, take, context};
    if (v->outcome == GATE_ROLLBACK)
        step(&s,
             "Route all new sessions to %s; live ones finish where they began, "
             "except on a privacy error.",
             p->arms[0]);
    if (v->split_broken)
        step(&s,
             "Find out why the arms get other shares than %.3g : %.3g; discard this "
             "evidence and start again.",
             p->shares[0], p->shares[1]);
    protect_slices(&s);
    if (v->needs & GATE_NEEDS_LABELS)
        audit_labels(&s);
    if (v->needs & GATE_NEEDS_APPROVAL)
        step(&s,
             "Either mend it, or record an approval: who, why, the audience (at most "
             "%.3g %% of traffic) and when it expires (within %.3g days).",
             100 * p->audience, p->longest_s / 86400);
    ask_for_checks(&s);
    advise(&s);
    ask_for_evidence(&s);
    go_on(&s);
}
