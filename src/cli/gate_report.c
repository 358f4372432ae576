#include "cli/gate_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "records/instant.h"

static void add_instant(buf *out, double s) {
    char text[INSTANT_BYTES];
    instant_text((int64_t)floor(s), text);
    buf_add_text(out, text);
}

/* ---- for a person ---- */

/* Columns of the table; widths follow the content. */
enum { COLUMNS = 9, CELL_BYTES = 64, ROWS_MAX = GATE_CELLS_MAX + 1 };
typedef char table_row[COLUMNS][CELL_BYTES];

static const char *limit_word(const gate_metric *m, const gate_finding *f) {
    if (m->role == GATE_GAIN && f->slice == 0)
        return "asked";
    return "allowed";
}

static void fill_row(const gate_policy *p, const gate_finding *f, table_row row) {
    const gate_metric *m = &p->metrics[f->metric];
    char low[48], high[48], limit[48];
    snprintf(row[0], CELL_BYTES, "%.63s", m->name);
    snprintf(row[1], CELL_BYTES, "%.63s", p->slices[f->slice].name);
    gate_value_text(m, f->value[0], row[2]);
    gate_value_text(m, f->value[1], row[3]);
    gate_change_text(m, f->change, row[4]);
    gate_change_text(m, f->low, low);
    gate_change_text(m, f->high, high);
    if (m->measure == GATE_COUNT || (isinf(f->low) && isinf(f->high)))
        snprintf(row[5], CELL_BYTES, "-");
    else
        snprintf(row[5], CELL_BYTES, "%.26s to %.26s", low, high);
    if (isinf(f->limit)) {
        snprintf(row[6], CELL_BYTES, "-");
    } else {
        gate_change_text(m, f->limit, limit);
        snprintf(row[6], CELL_BYTES, "%s %.40s", limit_word(m, f), limit);
    }
    if (m->measure == GATE_COUNT)
        snprintf(row[7], CELL_BYTES, "%.0f", f->n[1]);
    else
        snprintf(row[7], CELL_BYTES, "%.0f / %.0f", f->n[0], f->n[1]);
    snprintf(row[8], CELL_BYTES, "%s%s", gate_state_names[f->state],
             f->leads_to == GATE_PASS ? "" : " ->");
    if (f->leads_to != GATE_PASS) {
        size_t used = strlen(row[8]);
        snprintf(row[8] + used, CELL_BYTES - used, " %s",
                 gate_outcome_names[f->leads_to]);
    }
}

static void add_row(buf *out, const table_row row, const int *widths) {
    for (int c = 0; c < COLUMNS; c++) {
        bool left = c < 2 || c == COLUMNS - 1;
        if (c == COLUMNS - 1)
            buf_addf(out, "  %s\n", row[c]);
        else
            buf_addf(out, left ? "%s%-*s" : "%s%*s", c ? "  " : "", widths[c], row[c]);
    }
}

static void add_table(const gate_report *r, buf *out) {
    static const table_row head = {"metric",    "slice",  "control",
                                   "candidate", "change", "limits of the change",
                                   "policy",    "sample", "finding"};
    int widths[COLUMNS];
    table_row row;
    for (int c = 0; c < COLUMNS; c++)
        widths[c] = (int)strlen(head[c]);
    for (size_t i = 0; i < r->verdict->n; i++) {
        fill_row(r->policy, &r->verdict->findings[i], row);
        for (int c = 0; c < COLUMNS; c++)
            widths[c] = (int)strlen(row[c]) > widths[c] ? (int)strlen(row[c]) : widths[c];
    }
    add_row(out, head, widths);
    for (size_t i = 0; i < r->verdict->n; i++) {
        fill_row(r->policy, &r->verdict->findings[i], row);
        add_row(out, (const char(*)[CELL_BYTES])row, widths);
    }
    buf_addf(out,
             "\nEach limit of a change holds with %.4g %%, at every look together.\n",
             100 * (1 - r->policy->alpha));
}

static void add_traffic(const gate_report *r, buf *out) {
    const gate_evidence *e = &r->file->evidence;
    if (!r->verdict->has_traffic) {
        buf_add_text(out, "traffic: not recorded\n");
        return;
    }
    buf_addf(out, "traffic: %llu sessions on control, %llu on candidate, %.4g : %.4g %s",
             (unsigned long long)e->units[0], (unsigned long long)e->units[1],
             r->policy->shares[0], r->policy->shares[1],
             r->verdict->split_broken ? "INTENDED" : "as intended");
    buf_addf(out, " (p %.2g)\n", r->verdict->traffic_p);
}

static void add_approval(const gate_report *r, buf *out) {
    const gate_evidence *e = &r->file->evidence;
    for (size_t i = 0; i < e->n_approvals; i++) {
        const gate_approval *given = &e->approvals[i];
        const char *fault = gate_approval_fault(r->policy, given, r->now_s);
        if (!fault)
            continue;
        buf_addf(out, "the approval of %s for %s until ", given->who, given->audience);
        add_instant(out, given->expires_s);
        buf_addf(out, " %s: it counts as not there\n", fault);
    }
    const gate_approval *a = r->verdict->approval;
    if (!a)
        return;
    buf_addf(out, "approved by %s for %s (%.3g %% of traffic) until ", a->who,
             a->audience, 100 * a->share);
    add_instant(out, a->expires_s);
    buf_addf(out, ": %s\n", a->why);
}

typedef struct {
    buf *out;
    size_t n;
    bool json;
} step_writer;

static void write_step(void *context, const char *text) {
    step_writer *w = context;
    if (w->json) {
        buf_add_text(w->out, w->n ? "," : "");
        buf_add_json(w->out, text);
    } else {
        buf_addf(w->out, "%s%2zu. %s\n", w->n ? "" : "\nWhat to do next\n", w->n + 1,
                 text);
    }
    w->n++;
}

/* What decides, what broke first. */
static void add_sentences(const gate_report *r, buf *out) {
    char text[GATE_SENTENCE_BYTES];
    size_t n = 0;
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < r->verdict->n; i++) {
            const gate_finding *f = &r->verdict->findings[i];
            bool broke = f->state >= GATE_BROKEN && f->state <= GATE_BEYOND;
            bool said = f->leads_to != GATE_PASS || f->state == GATE_ALLOWED ||
                        f->state == GATE_GAINED;
            if (!said || broke != (turn == 0))
                continue;
            gate_finding_text(r->policy, f, text);
            buf_addf(out, "%s - %s\n", n++ ? "" : "\nWhy\n", text);
        }
}

void gate_report_text(const gate_report *r, buf *out) {
    char text[GATE_SENTENCE_BYTES];
    gate_verdict_text(r->policy, r->verdict, text);
    buf_addf(out, "%s\n\ngate %s", text, r->policy->name);
    if (r->policy->kind[0])
        buf_addf(out, " (%s)", r->policy->kind);
    buf_add_text(out, ", judged as of ");
    add_instant(out, r->now_s);
    buf_add_text(out, r->now_given ? "\n"
                                   : ", the newest record (--now TIME says "
                                     "otherwise)\n");
    add_traffic(r, out);
    add_approval(r, out);
    if (r->file->ignored > 0)
        buf_addf(out,
                 "left out: %zu records of what the policy does not name, such as %s\n",
                 r->file->ignored, r->file->first_ignored);
    buf_add_text(out, "\n");
    add_table(r, out);
    add_sentences(r, out);
    step_writer w = {.out = out};
    gate_steps(r->policy, r->verdict, write_step, &w);
    buf_addf(out, "\npolicy   sha256 %s\nevidence sha256 %s\n", r->policy_sha256,
             r->evidence_sha256);
}

/* ---- for a program ---- */

static void add_field(buf *out, const char *key, double value) {
    buf_addf(out, ",\"%s\":", key);
    buf_add_number(out, value); /* null: not known, not limited */
}

static void add_text_field(buf *out, const char *key, const char *value) {
    buf_addf(out, ",\"%s\":", key);
    buf_add_json(out, value);
}

static void add_needs(buf *out, unsigned needs) {
    const char *comma = "";
    buf_add_text(out, ",\"needs\":[");
    for (unsigned i = 0; i < GATE_NEEDS; i++)
        if (needs & 1u << i) {
            buf_addf(out, "%s\"%s\"", comma, gate_need_names[i]);
            comma = ",";
        }
    buf_add_text(out, "]");
}

static void add_finding(const gate_report *r, const gate_finding *f, buf *out) {
    const gate_metric *m = &r->policy->metrics[f->metric];
    char text[GATE_SENTENCE_BYTES];
    buf_add_text(out, "{\"metric\":");
    buf_add_json(out, m->name);
    add_text_field(out, "slice", r->policy->slices[f->slice].name);
    buf_addf(out, ",\"measure\":\"%s\",\"role\":\"%s\",\"scale\":\"%s\",\"protected\":%s",
             gate_measure_names[m->measure], gate_role_names[m->role],
             m->relative ? "relative" : "absolute", f->is_protected ? "true" : "false");
    buf_addf(out, ",\"finding\":\"%s\",\"leads_to\":\"%s\"", gate_state_names[f->state],
             gate_outcome_names[f->leads_to]);
    add_needs(out, f->needs);
    add_field(out, "control", f->value[0]);
    add_field(out, "candidate", f->value[1]);
    add_field(out, "change", f->change);
    add_field(out, "low", f->low);
    add_field(out, "high", f->high);
    add_field(out, "tolerance", m->tolerance);
    add_field(out, "limit", f->limit);
    add_field(out, "detectable", f->detectable);
    add_field(out, "sample_control", f->n[0]);
    add_field(out, "sample_candidate", f->n[1]);
    add_field(out, "sample_needed", f->needed);
    add_field(out, "p", f->p);
    add_field(out, "p_adjusted", f->p_adjusted);
    gate_finding_text(r->policy, f, text);
    add_text_field(out, "sentence", text);
    buf_add_text(out, "}");
}

static void add_approval_json(const gate_approval *a, buf *out) {
    buf_add_text(out, ",\"approval\":");
    if (!a) {
        buf_add_text(out, "null");
        return;
    }
    buf_add_text(out, "{\"who\":");
    buf_add_json(out, a->who);
    add_text_field(out, "why", a->why);
    add_text_field(out, "audience", a->audience);
    add_field(out, "share", a->share);
    buf_add_text(out, ",\"expires\":\"");
    add_instant(out, a->expires_s);
    buf_add_text(out, "\"}");
}

static void add_routes(const gate_report *r, buf *out) {
    const char *comma = "";
    buf_add_text(out, ",\"routes\":[");
    for (size_t i = 1; i < r->policy->n_slices; i++) {
        if (!r->verdict->route[i])
            continue;
        buf_addf(out, "%s{\"slice\":", comma);
        buf_add_json(out, r->policy->slices[i].name);
        add_text_field(out, "arm", r->policy->arms[0]);
        buf_add_text(out, "}");
        comma = ",";
    }
    buf_add_text(out, "]");
}

static void add_traffic_json(const gate_report *r, buf *out) {
    const gate_verdict *v = r->verdict;
    const uint64_t *units = r->file->evidence.units;
    buf_addf(out, ",\"traffic\":{\"recorded\":%s,\"control\":%llu,\"candidate\":%llu",
             v->has_traffic ? "true" : "false", (unsigned long long)units[0],
             (unsigned long long)units[1]);
    add_field(out, "p", v->traffic_p);
    buf_addf(out, ",\"as_intended\":%s}",
             v->has_traffic && !v->split_broken ? "true" : "false");
}

void gate_report_json(const gate_report *r, buf *out) {
    char text[GATE_SENTENCE_BYTES];
    const gate_verdict *v = r->verdict;
    gate_verdict_text(r->policy, v, text);
    buf_addf(out, "{\"verdict\":\"%s\"", gate_outcome_names[v->outcome]);
    add_text_field(out, "sentence", text);
    add_needs(out, v->needs);
    add_text_field(out, "gate", r->policy->name);
    add_text_field(out, "kind", r->policy->kind);
    buf_add_text(out, ",\"as_of\":\"");
    add_instant(out, r->now_s);
    buf_addf(out, "\",\"policy_sha256\":\"%s\",\"evidence_sha256\":\"%s\"",
             r->policy_sha256, r->evidence_sha256);
    add_field(out, "alpha", r->policy->alpha);
    add_traffic_json(r, out);
    add_approval_json(v->approval, out);
    add_routes(r, out);
    buf_addf(out, ",\"records\":%zu,\"ignored\":%zu,\"findings\":[", r->file->records,
             r->file->ignored);
    for (size_t i = 0; i < v->n; i++) {
        buf_add_text(out, i ? "," : "");
        add_finding(r, &v->findings[i], out);
    }
    buf_add_text(out, "],\"next\":[");
    step_writer w = {.out = out, .json = true};
    gate_steps(r->policy, v, write_step, &w);
    buf_add_text(out, "]}\n");
}
