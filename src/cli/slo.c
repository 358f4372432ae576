/* `rostrum slo check|burn|rules`: objectives, how fast they burn, and their rules. */
#include "cli/slo.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/slo_state.h"
#include "records/instant.h"
#include "records/slo_rules.h"

enum { OUT_BYTES = 64 << 20 };

static int finish(buf *out, int exit_status) {
    bool failed = out->failed;
    fputs(buf_text(out), stdout);
    buf_deinit(out);
    return failed ? EXIT_FAILED : exit_status;
}

/* A mistake in what was given, or in the machine? */
static int exit_of(status s) {
    return s == ERR_MEMORY ? EXIT_FAILED : EXIT_USAGE;
}

/* Objectives of the files; *out_files keeps what they came from. */
static status read_files(char **paths, size_t n, slo_files **out_files,
                         slo_objective **out_list, size_t *out_n, diag *d) {
    slo_files *files = slo_files_create();
    status s = files ? OK : diag_set(d, ERR_MEMORY, "no memory for the files");
    for (size_t i = 0; s == OK && i < n; i++)
        s = slo_files_read(files, paths[i], d);
    if (s == OK)
        s = slo_files_objectives(files, out_list, out_n, d);
    if (s != OK) {
        slo_files_destroy(files);
        return s;
    }
    *out_files = files;
    return OK;
}

static void check_text(const slo_objective *o, buf *out) {
    buf_addf(out, "%s (%s): ", o->name, o->service);
    slo_promise_text(o, out);
    buf_addf(out, "\n  budget %.6g %% of %s\n", 100 * o->budget,
             o->method == SLO_OCCURRENCES ? "requests" : "slices");
    for (size_t i = 0; i < o->n_alerts; i++) {
        const slo_alert *a = &o->alerts[i];
        char near[24], far[24];
        slo_duration_text(a->rule.short_s, near);
        slo_duration_text(a->rule.long_s, far);
        bool high = a->rule.op == SLO_GT || a->rule.op == SLO_GTE;
        buf_addf(out, "  %-18s burn %s %-6.4g over %s", a->name, high ? "above" : "below",
                 a->rule.factor, far);
        if (a->rule.short_s != a->rule.long_s)
            buf_addf(out, " and %s", near);
        buf_addf(out, ": %s %.4g %% bad", high ? "from" : "under",
                 100 * a->rule.factor * o->budget);
        if (high)
            buf_addf(out, ", seen in %llu requests",
                     (unsigned long long)slo_requests_needed(&a->rule, o->budget));
        buf_add_text(out, "\n");
    }
}

static void check_json(const slo_objective *o, buf *out) {
    buf_add_text(out, "{\"slo\":");
    buf_add_json(out, o->name);
    buf_add_text(out, ",\"service\":");
    buf_add_json(out, o->service);
    buf_add_text(out, ",\"target\":");
    buf_add_number(out, o->target);
    buf_add_text(out, ",\"budget\":");
    buf_add_number(out, o->budget);
    buf_addf(out, ",\"period_s\":%lld,\"alerts\":[", (long long)o->period_s);
    for (size_t i = 0; i < o->n_alerts; i++) {
        const slo_rule *r = &o->alerts[i].rule;
        buf_add_text(out, i ? ",{\"alert\":" : "{\"alert\":");
        buf_add_json(out, o->alerts[i].name);
        buf_add_text(out, ",\"severity\":");
        buf_add_json(out, o->alerts[i].severity);
        buf_add_text(out, ",\"factor\":");
        buf_add_number(out, r->factor);
        buf_addf(out, ",\"short_s\":%lld,\"long_s\":%lld,\"bad_ratio\":",
                 (long long)r->short_s, (long long)r->long_s);
        buf_add_number(out, r->factor * o->budget);
        buf_addf(out, ",\"requests_needed\":%llu}",
                 (unsigned long long)slo_requests_needed(r, o->budget));
    }
    buf_add_text(out, "]}");
}

static int need_file(const command *self, const args *a) {
    diag d = DIAG_INIT;
    (void)diag_field(&d, ERR_INVALID, "FILE", "missing; an OpenSLO v1 file is needed");
    return args_fail(self, &d, a->json, EXIT_USAGE);
}

static int run_check(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    if (a.n_positional == 0)
        return need_file(self, &a);
    diag d = DIAG_INIT;
    slo_files *files = NULL;
    slo_objective *list = NULL;
    size_t n = 0;
    status s = read_files(a.positional, a.n_positional, &files, &list, &n, &d);
    if (s != OK)
        return args_fail(self, &d, a.json, exit_of(s));
    buf out;
    buf_init(&out, OUT_BYTES);
    buf_add_text(&out, a.json ? "{\"objectives\":[" : "");
    for (size_t i = 0; i < n; i++) {
        buf_add_text(&out, a.json && i ? "," : "");
        (a.json ? check_json : check_text)(&list[i], &out);
    }
    buf_add_text(&out, a.json ? "],\"objects\":{" : "");
    for (size_t k = 0, printed = 0; k < SLO_KINDS; k++) {
        size_t count = slo_files_count(files, (slo_kind)k);
        if (count == 0)
            continue;
        if (a.json)
            buf_addf(&out, "%s\"%s\":%zu", printed ? "," : "", slo_kinds[k], count);
        else
            buf_addf(&out, "%s%zu %s", printed ? ", " : "well formed: ", count,
                     slo_kinds[k]);
        printed++;
    }
    buf_add_text(&out, a.json ? "}}\n" : "\n");
    free(list);
    slo_files_destroy(files);
    return finish(&out, EXIT_GOOD);
}

static int run_rules(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    if (a.n_positional == 0)
        return need_file(self, &a);
    diag d = DIAG_INIT;
    slo_files *files = NULL;
    slo_objective *list = NULL;
    size_t n = 0;
    status s = read_files(a.positional, a.n_positional, &files, &list, &n, &d);
    buf out;
    buf_init(&out, OUT_BYTES);
    if (s == OK) {
        s = slo_rules_write(list, n, &out, &d);
        free(list);
        slo_files_destroy(files);
    }
    if (s != OK) {
        buf_deinit(&out);
        return args_fail(self, &d, a.json, exit_of(s));
    }
    if (!a.json)
        return finish(&out, EXIT_GOOD);
    buf json;
    buf_init(&json, OUT_BYTES);
    buf_add_text(&json, "{\"rules\":");
    buf_add_json(&json, buf_text(&out));
    buf_add_text(&json, "}\n");
    buf_deinit(&out);
    return finish(&json, EXIT_GOOD);
}

/* The minute to judge at: --at, or the last one with an event. */
static status minute_of(const args *a, const slo_events *e, int64_t *out, diag *d) {
    const char *at = args_text(a, "at", NULL);
    if (!at) {
        *out = e->timeline.first + (int64_t)e->timeline.n - 1;
        return OK;
    }
    double s;
    diag_at(d, "", 0, 0);
    if (!instant_parse(at, &s))
        return diag_field(d, ERR_INVALID, "--at",
                          "needs a time such as 2026-01-31T08:15:00Z, or seconds since "
                          "1970");
    int64_t minute = (int64_t)floor(s / 60);
    if (minute < e->timeline.first ||
        minute > e->timeline.first + (int64_t)SLO_EVENTS_DAYS_MAX * 1440)
        return diag_field(d, ERR_INVALID, "--at",
                          "is before the first event, or years behind it");
    *out = minute;
    return OK;
}

/* One objective: reads its events, judges, reports. */
static status burn_one(const slo_objective *o, const char *path, const args *a, buf *out,
                       bool *pages, diag *d) {
    slo_events events;
    status s = slo_events_read(path, o, &events, d);
    if (s != OK)
        return s;
    slo_state state;
    int64_t at = 0;
    if (events.timeline.n == 0) {
        diag_at(d, NULL, 0, 0);
        s = diag_set(d, ERR_INVALID, "holds no events: nothing can be said");
    }
    if (s == OK)
        s = minute_of(a, &events, &at, d);
    if (s == OK)
        s = slo_state_make(o, &events, at, &state, d);
    if (s == OK) {
        (a->json ? slo_state_json : slo_state_text)(&state, out);
        *pages = *pages || slo_state_pages(&state);
        slo_state_deinit(&state);
    }
    slo_events_deinit(&events);
    return s;
}

static status burn_all(const slo_objective *list, size_t n, const args *a, buf *out,
                       bool *pages, diag *d) {
    if (n == 0)
        return diag_field(d, ERR_INVALID, "--slo", "no SLO in the files given");
    status s = OK;
    buf_add_text(out, a->json ? "{\"objectives\":[" : "");
    for (size_t i = 0; s == OK && i < n; i++) {
        buf_add_text(out, i == 0 ? "" : a->json ? "," : "\n");
        s = burn_one(&list[i], a->positional[0], a, out, pages, d);
    }
    if (a->json)
        buf_addf(out, "],\"pages\":%s}\n", *pages ? "true" : "false");
    return s;
}

static int run_burn(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    char *paths[ARGS_VALUES_MAX];
    size_t n_paths = 0;
    for (size_t i = 0; i < a.n_values; i++)
        if (a.values[i].option == &self->options[0])
            paths[n_paths++] = (char *)a.values[i].text;
    if (n_paths == 0 || a.n_positional != 1) {
        (void)diag_field(&d, ERR_INVALID, n_paths ? "EVENTS" : "--slo",
                         n_paths ? "needs exactly one file of events"
                                 : "missing; names an OpenSLO v1 file");
        return args_fail(self, &d, a.json, EXIT_USAGE);
    }
    slo_files *files = NULL;
    slo_objective *list = NULL;
    size_t n = 0;
    bool pages = false;
    buf out;
    buf_init(&out, OUT_BYTES);
    status s = read_files(paths, n_paths, &files, &list, &n, &d);
    if (s == OK) {
        s = burn_all(list, n, &a, &out, &pages, &d);
        free(list);
        slo_files_destroy(files);
    }
    if (s != OK) {
        buf_deinit(&out);
        return args_fail(self, &d, a.json, exit_of(s));
    }
    return finish(&out, pages ? EXIT_NO : EXIT_GOOD);
}

const command slo_check_command = {
    .name = "slo check",
    .positional = "FILE...",
    .summary = "check OpenSLO files and show what they alert on",
    .details =
        "Reads SLO, SLI, AlertPolicy, AlertCondition, AlertNotificationTarget, "
        "DataSource "
        "and Service objects (openslo/v1), several in a file if --- stands between them; "
        "references are looked up in all files given. Shows each objective's budget and "
        "alerts: the share of bad requests that makes one fire, and how many requests it "
        "takes to see it.\n\n"
        "Refused, with the place: an alert that could not fire if every request failed.",
    .run = run_check};

const command slo_rules_command = {
    .name = "slo rules",
    .positional = "FILE...",
    .summary = "write Prometheus rules for OpenSLO files",
    .details =
        "Recording and alerting rules, one group an objective. They fire and clear "
        "in the same minutes as `rostrum slo burn` says.\n\n"
        "  rostrum slo rules policies/slo/first-partial.yaml > rules.yml",
    .run = run_rules};

static const arg_option burn_options[] = {
    {"slo", ARG_TEXT, "FILE", 0, 0, "OpenSLO file; may be repeated"},
    {"at", ARG_TEXT, "TIME", 0, 0, "judge at this time (default: the last event)"},
};

const command slo_burn_command = {
    .name = "slo burn",
    .positional = "EVENTS",
    .summary = "how fast the error budget burns, and which alerts fire",
    .details =
        "EVENTS is a file of JSON lines, or CSV with a line of names. Each row has a "
        "time "
        "and either counts (two of good, bad, total) or one value: first_partial_ms, "
        "first_audio_ms, finalise_ms, queue_age_ms, turn_ms, success, or value for any "
        "other indicator. null means that it never came, which is bad. Texts are "
        "refused: these files hold measurements.\n\n"
        "An alert fires when the burn is over its factor in both windows and the "
        "requests "
        "are enough to tell it from chance; with fewer the answer is \"insufficient "
        "traffic\". Exit status 1 when an alert that pages fires.",
    .options = burn_options,
    .n_options = sizeof burn_options / sizeof burn_options[0],
    .run = run_burn};
