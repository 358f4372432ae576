/* cli/cost.h: what speech costs, and why it costs more than it did. */
#ifndef ROSTRUM_CLI_COST_H
#define ROSTRUM_CLI_COST_H

#include "base/args.h"

extern const command cost_report_command, cost_explain_command;

#endif
