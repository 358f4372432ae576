/* cli/score.h: the commands `rostrum score ...`: what a recogniser got wrong. */
#ifndef ROSTRUM_CLI_SCORE_H
#define ROSTRUM_CLI_SCORE_H

#include "base/args.h"

extern const command score_wer_command, score_compare_command, score_churn_command,
    score_audit_command;

#endif
