/* cli/try.h: the commands that play recordings to a running server. */
#ifndef ROSTRUM_CLI_TRY_H
#define ROSTRUM_CLI_TRY_H

#include "base/args.h"

#define CLIENT_DEFAULT_URL "http://127.0.0.1:8090"

extern const command try_command;
extern const command bench_live_command;

#endif
