/* `rostrum gate judge`: may this release go on? */
#include "cli/gate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "cli/file_bytes.h"
#include "cli/gate_report.h"
#include "records/gate_policy.h"
#include "records/instant.h"

enum { OUT_BYTES = 16 << 20 };

/* A mistake in what was given, or in the machine? */
static int exit_of(status s) {
    return s == ERR_MEMORY ? EXIT_FAILED : EXIT_USAGE;
}

/* Both files, as read. */
typedef struct {
    file_bytes policy_bytes, evidence_bytes;
    gate_policy *policy;
    evidence_file file;
} inputs;

static void release(inputs *in) {
    evidence_deinit(&in->file);
    free(in->policy);
    file_bytes_deinit(&in->policy_bytes);
    file_bytes_deinit(&in->evidence_bytes);
}

static status read_inputs(const char *policy, const char *evidence, inputs *in, diag *d) {
    status s = file_bytes_read(policy, LIMIT_CONFIG_BYTES, &in->policy_bytes, d);
    in->policy = calloc(1, sizeof *in->policy);
    if (s == OK && !in->policy)
        s = diag_set(d, ERR_MEMORY, "no memory for the policy");
    if (s == OK)
        s = gate_policy_read_text(buf_text(&in->policy_bytes.bytes),
                                  in->policy_bytes.bytes.size, policy, in->policy, d);
    if (s != OK)
        return s;
    diag_at(d, NULL, 0, 0);
    s = file_bytes_read(evidence, EVIDENCE_BYTES_MAX, &in->evidence_bytes, d);
    return s == OK ? evidence_read_text(buf_text(&in->evidence_bytes.bytes),
                                        in->evidence_bytes.bytes.size, evidence,
                                        in->policy, &in->file, d)
                   : s;
}

static status time_to_judge(const args *a, const inputs *in, double *out, diag *d) {
    const char *now = args_text(a, "now", NULL);
    *out = in->file.evidence.newest_s;
    if (!now || instant_parse(now, out))
        return OK;
    diag_at(d, "", 0, 0);
    return diag_field(d, ERR_INVALID, "--now",
                      "needs a time such as 2026-11-20T10:00:00Z, or seconds since 1970");
}

static status judge(const args *a, const inputs *in, buf *out, gate_outcome *outcome,
                    diag *d) {
    gate_verdict verdict;
    double now_s = 0;
    status s = time_to_judge(a, in, &now_s, d);
    if (s != OK)
        return s;
    gate_finding *findings = calloc(gate_cells(in->policy), sizeof *findings);
    if (!findings)
        return diag_set(d, ERR_MEMORY, "no memory for the findings");
    s = gate_judge(in->policy, &in->file.evidence, now_s, true, findings, &verdict);
    if (s == OK) {
        gate_report r = {.policy = in->policy,
                         .file = &in->file,
                         .verdict = &verdict,
                         .policy_sha256 = in->policy_bytes.sha256,
                         .evidence_sha256 = in->evidence_bytes.sha256,
                         .now_s = now_s,
                         .now_given = args_has(a, "now")};
        (a->json ? gate_report_json : gate_report_text)(&r, out);
        *outcome = verdict.outcome;
    } else {
        s = diag_set(d, s, "the policy cannot be judged by");
    }
    free(findings);
    return s;
}

static int run_judge(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    const char *policy = args_text(&a, "policy", NULL);
    const char *evidence = args_text(&a, "evidence", NULL);
    if (!policy || !evidence || a.n_positional > 0) {
        (void)diag_field(&d, ERR_INVALID,
                         !policy    ? "--policy"
                         : evidence ? a.positional[0]
                                    : "--evidence",
                         policy && evidence ? "nothing is expected here"
                                            : "missing; a file is needed");
        return args_fail(self, &d, a.json, EXIT_USAGE);
    }
    inputs in = {.policy = NULL};
    gate_outcome outcome = GATE_INVALID;
    buf out;
    buf_init(&out, OUT_BYTES);
    status s = read_inputs(policy, evidence, &in, &d);
    if (s == OK)
        s = judge(&a, &in, &out, &outcome, &d);
    if (s == OK && out.failed)
        s = diag_set(&d, ERR_MEMORY, "the report is larger than %d bytes", OUT_BYTES);
    if (s == OK) {
        fputs(buf_text(&out), stdout);
        exit_status = outcome == GATE_PASS ? EXIT_GOOD : EXIT_NO;
    } else {
        exit_status = args_fail(self, &d, a.json, exit_of(s));
    }
    buf_deinit(&out);
    release(&in);
    return exit_status;
}

static const arg_option judge_options[] = {
    {"policy", ARG_TEXT, "P.yaml", 0, 0, "what the release must show"},
    {"evidence", ARG_TEXT, "E.jsonl", 0, 0, "what was measured; - for standard input"},
    {"now", ARG_TEXT, "TIME", 0, 0,
     "judge ages and expiries as of this time; default: the newest record, so that the "
     "same files give the same bytes"},
};

const command gate_judge_command = {
    .name = "gate judge",
    .positional = "",
    .summary = "may this release go on?",
    .details =
        "Judges aggregates of two arms by a policy: pass, hold (something is missing, "
        "and "
        "it says what), pause (the gain is not there), rollback (a stop condition or a "
        "protected slice), invalid (traffic is not split as intended, or impossible "
        "data). No gain outweighs a broken limit and missing data is never a pass. Ask "
        "as "
        "often as you like: every figure holds at all looks together.\n\n"
        "  rostrum gate judge --policy policies/gates/asr-canary.yaml --evidence "
        "examples/gate/asr-canary.jsonl\n\n"
        "Exit status 0: pass. 1: any other verdict. 2: a file or a flag is wrong. 3: "
        "failure.",
    .options = judge_options,
    .n_options = sizeof judge_options / sizeof judge_options[0],
    .run = run_judge};
