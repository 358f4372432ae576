/* cli/slo.h: `rostrum slo check|burn|rules`. Main thread only. */
#ifndef ROSTRUM_CLI_SLO_H
#define ROSTRUM_CLI_SLO_H

#include "base/args.h"

extern const command slo_check_command, slo_burn_command, slo_rules_command;

#endif
