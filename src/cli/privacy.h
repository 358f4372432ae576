/* cli/privacy.h: the commands that keep what is private inside. */
#ifndef ROSTRUM_CLI_PRIVACY_H
#define ROSTRUM_CLI_PRIVACY_H

#include "base/args.h"

extern const command redact_command, privacy_release_command;

#endif
