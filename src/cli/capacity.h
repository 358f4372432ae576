/* cli/capacity.h: how many machines a peak needs. */
#ifndef ROSTRUM_CLI_CAPACITY_H
#define ROSTRUM_CLI_CAPACITY_H

#include "base/args.h"

extern const command capacity_plan_command;

#endif
