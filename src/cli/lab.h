/* cli/lab.h: the lesson's three labs as commands. */
#ifndef ROSTRUM_CLI_LAB_H
#define ROSTRUM_CLI_LAB_H

#include "base/args.h"

extern const command lab_gate_command, lab_burn_command, lab_cost_command;

#endif
