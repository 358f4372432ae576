/* serve/tenant/key_command.h: `rostrum key new`. Main thread only. */
#ifndef ROSTRUM_SERVE_KEY_COMMAND_H
#define ROSTRUM_SERVE_KEY_COMMAND_H

#include "base/args.h"

extern const command key_new_command;

#endif
