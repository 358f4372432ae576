/* cli/commands.h: the table of commands, and from words to the one that is meant.
 *
 * main.c names every command once; dispatch, help, completion and the man page read
 * that table. Main thread only. */
#ifndef ROSTRUM_CLI_COMMANDS_H
#define ROSTRUM_CLI_COMMANDS_H

#include "base/args.h"
#include "base/buf.h"

typedef struct {
    const command *const *items; /* [n] */
    size_t n;
} command_table;

/* Runs argv of main: `rostrum NOUN VERB ...`, help, --help, --version. Returns the exit
 * status: the command's, or EXIT_FAILED when its output was not written (a full disk).
 * The table is borrowed for the life of the process. */
int commands_main(command_table table, int argc, char **argv);

/* What commands_main was given; for commands that print the table. */
command_table commands_all(void);

/* The command whose name is the longest run of words at the start of words[n];
 * *out_words is how many it took. NULL: none. Pure. */
const command *commands_find(command_table table, int n, char *const *words,
                             int *out_words);

/* Writes "unknown command ...; did you mean ...?" for a line that fits no command.
 * Pure. */
void commands_unknown(command_table table, int n, char *const *words, buf *out);

/* The list of all commands (`rostrum help`), or of those that start with noun. Pure. */
void commands_list(command_table table, const char *noun_or_null, buf *out);

/* Prints a text that is the whole answer; with json as {"NAME": text}. */
void commands_print_text(const char *name, buf *text, bool json);

/* Shell completion; shell is "bash", "zsh" or "fish". ERR_INVALID: another name. */
MUST_CHECK status completion_write(command_table table, const char *shell, buf *out,
                                   diag *d);

/* The manual page in roff (man macros). Pure. */
void man_write(command_table table, buf *out);

/* Version and what this build was made of. Pure. */
void version_write(bool json, buf *out);

extern const command help_command, version_command, completion_command, man_command,
    config_show_command, config_explain_command, diagnose_slices_command,
    turn_waterfall_command, turn_compare_command;

#endif
