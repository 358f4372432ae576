/* cli/gate.h: `rostrum gate judge|kayenta`. Main thread only. */
#ifndef ROSTRUM_CLI_GATE_H
#define ROSTRUM_CLI_GATE_H

#include "base/args.h"

extern const command gate_judge_command, gate_kayenta_command;

#endif
