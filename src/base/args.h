/* base/args.h: command-line arguments from a table.
 *
 * The table is the help text, the parser, the shell completion and the man page.
 * Long flags only, "--name value" or "--name=value"; "--" ends flags. Unknown flags
 * name the nearest one. Pure over argv. */
#ifndef ROSTRUM_BASE_ARGS_H
#define ROSTRUM_BASE_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/diag.h"

typedef enum { ARG_FLAG, ARG_TEXT, ARG_INT, ARG_NUMBER } arg_kind;

typedef struct {
    const char *name; /* without dashes; '.' and '_' are typed as '-' */
    arg_kind kind;
    const char *value; /* placeholder in help, e.g. "MS"; NULL for a flag */
    double min, max;   /* of numbers */
    const char *help;
} arg_option;

/* One command: "noun verb" as typed after the program's name. */
typedef struct command {
    const char *name;          /* "engine list" or "try" */
    const char *positional;    /* shown in usage, e.g. "FILE..."; "" for none */
    const char *summary;       /* one line */
    const char *details;       /* paragraphs for --help and the man page; may be NULL */
    const arg_option *options; /* [n_options]; --help and --json are always there */
    size_t n_options;
    int (*run)(int argc, char **argv, const struct command *self);
} command;

#define ARGS_VALUES_MAX 128

typedef struct {
    const arg_option *option;
    const char *text;
    double number;
} arg_value;

typedef struct {
    arg_value values[ARGS_VALUES_MAX]; /* in the order given; repeats kept */
    size_t n_values;
    char **positional; /* [n_positional], borrowed from argv (reordered in place) */
    size_t n_positional;
    bool help, json;
} args;

/* argv[0] is the command's name and is skipped. ERR_INVALID with d.field = the flag. */
MUST_CHECK status args_parse(const command *c, int argc, char **argv, args *out, diag *d);
bool args_has(const args *a, const char *name);
const char *args_text(const args *a, const char *name, const char *otherwise);
double args_number(const args *a, const char *name, double otherwise);

/* The flag as typed, without the leading dashes: "server.max_conns" ->
 * "server-max-conns". */
void args_flag_name(const arg_option *o, char out[64]);

/* The help of one command, as `rostrum NAME --help` prints it. */
void args_usage(const command *c, buf *out);

/* How every run() starts: parses, prints the help or the error (with the usage line).
 * false: the command is over and *out_exit is its exit status. */
bool args_begin(const command *c, int argc, char **argv, args *out, int *out_exit);

/* Prints "rostrum NAME: file:line: field: text" to standard error, and with json the
 * same as {"error":{...}} to standard output; returns exit_status. */
int args_fail(const command *c, const diag *d, bool json, int exit_status);

/* Exit statuses of every command. */
enum { EXIT_GOOD = 0, EXIT_NO = 1, EXIT_USAGE = 2, EXIT_FAILED = 3 };

#endif
