/* cli/lab.h: the lesson's three labs as commands. */
#ifndef ROSTRUM_CLI_LAB_H
#define ROSTRUM_CLI_LAB_H

#include "base/args.h"
#include "readiness/lab/cost.h"

/* The result under the lesson's key names, as one JSON object. */
void lab_cost_write(const lab_cost_result *r, buf *out);

extern const command lab_gate_command, lab_burn_command, lab_cost_command;

#endif
