/* The program `rostrum`: one table of commands. */
#include "cli/capacity.h"
#include "cli/commands.h"
#include "cli/cost.h"
#include "cli/gate.h"
#include "cli/lab.h"
#include "cli/privacy.h"
#include "cli/score.h"
#include "cli/slo.h"
#include "cli/try.h"
#include "serve/registry/engine_command.h"
#include "serve/serve.h"
#include "serve/tenant/key_command.h"

/* clang-format off */
static const command *const commands[] = {
    &serve_command,
    &try_command,
    &bench_live_command,
    &engine_list_command,
    &engine_check_command,
    &engine_calibrate_command,
    &key_new_command,
    &cost_report_command,
    &cost_explain_command,
    &capacity_plan_command,
    &gate_judge_command,
    &gate_kayenta_command,
    &lab_gate_command,
    &lab_burn_command,
    &lab_cost_command,
    &score_wer_command,
    &score_compare_command,
    &score_churn_command,
    &score_audit_command,
    &slo_check_command,
    &slo_burn_command,
    &slo_rules_command,
    &config_show_command,
    &config_explain_command,
    &redact_command,
    &privacy_release_command,
    &turn_waterfall_command,
    &turn_compare_command,
    &diagnose_slices_command,
    &version_command,
    &help_command,
    &completion_command,
    &man_command,
};
/* clang-format on */

int main(int argc, char **argv) {
    command_table table = {commands, sizeof commands / sizeof commands[0]};
    return commands_main(table, argc, argv);
}
