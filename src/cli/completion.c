/* `rostrum completion SHELL`: scripts for bash, zsh and fish, written from the table of
 * commands. A command's words come first, then its flags; where neither fits, the shell
 * offers file names. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

/* The flags of one command as typed, each after a blank. */
static void add_flags(const command *c, buf *out) {
    for (size_t i = 0; i < c->n_options; i++) {
        char typed[64];
        args_flag_name(&c->options[i], typed);
        buf_addf(out, " --%s", typed);
    }
    buf_add_text(out, " --json --help");
}

static bool first_of_noun(command_table table, size_t i) {
    const char *name = table.items[i]->name;
    size_t n = strcspn(name, " ");
    for (size_t k = 0; k < i; k++)
        if (strncmp(table.items[k]->name, name, n) == 0 &&
            (table.items[k]->name[n] == ' ' || !table.items[k]->name[n]))
            return false;
    return true;
}

static void add_nouns(command_table table, buf *out) {
    for (size_t i = 0; i < table.n; i++)
        if (first_of_noun(table, i))
            buf_addf(out, " %.*s", (int)strcspn(table.items[i]->name, " "),
                     table.items[i]->name);
}

/* One `case` arm for each noun with verbs and each command, into the shell variable
 * `list`; the same in bash and zsh. */
static void add_arms(command_table table, buf *out) {
    for (size_t i = 0; i < table.n; i++) {
        const char *name = table.items[i]->name;
        size_t n = strcspn(name, " ");
        if (name[n] && first_of_noun(table, i)) {
            buf_addf(out, "    \"%.*s\") list=\"", (int)n, name);
            for (size_t k = i; k < table.n; k++)
                if (strncmp(table.items[k]->name, name, n + 1) == 0)
                    buf_addf(out, " %s", table.items[k]->name + n + 1);
            buf_add_text(out, "\" ;;\n");
        }
        buf_addf(out, "    \"%s\"", name);
        if (!name[n]) /* a positional may stand where a verb would */
            buf_addf(out, "|\"%s \"*", name);
        buf_add_text(out, ") list=\"");
        add_flags(table.items[i], out);
        buf_add_text(out, "\" ;;\n");
    }
}

static void bash(command_table table, buf *out) {
    buf_add_text(out, "# bash completion of rostrum\n"
                      "_rostrum() {\n"
                      "  local current=${COMP_WORDS[COMP_CWORD]} list= typed= i\n"
                      "  for ((i = 1; i < COMP_CWORD && i < 3; i++)); do\n"
                      "    case ${COMP_WORDS[i]} in -*) break ;; esac\n"
                      "    typed=\"${typed:+$typed }${COMP_WORDS[i]}\"\n"
                      "  done\n");
    buf_add_text(out, "  case $typed in\n    \"\") list=\"");
    add_nouns(table, out);
    buf_add_text(out, "\" ;;\n");
    add_arms(table, out);
    buf_add_text(out, "  esac\n"
                      "  COMPREPLY=($(compgen -W \"$list\" -- \"$current\"))\n"
                      "}\n"
                      "complete -o default -F _rostrum rostrum\n");
}

static void zsh(command_table table, buf *out) {
    buf_add_text(out, "#compdef rostrum\n"
                      "_rostrum() {\n"
                      "  local typed= list= i\n"
                      "  for ((i = 2; i < CURRENT && i < 4; i++)); do\n"
                      "    [[ ${words[i]} == -* ]] && break\n"
                      "    typed=\"${typed:+$typed }${words[i]}\"\n"
                      "  done\n");
    buf_add_text(out, "  case $typed in\n    \"\") list=\"");
    add_nouns(table, out);
    buf_add_text(out, "\" ;;\n");
    add_arms(table, out);
    buf_add_text(out, "  esac\n"
                      "  compadd -- ${=list} || _files\n"
                      "}\n"
                      "_rostrum \"$@\"\n");
}

/* A fish single-quoted string. */
static void add_fish_text(const char *text, buf *out) {
    buf_add_text(out, "'");
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            buf_add_text(out, "\\");
        buf_add(out, text, 1);
    }
    buf_add_text(out, "'");
}

static void fish(command_table table, buf *out) {
    buf_add_text(out, "# fish completion of rostrum\n");
    for (size_t i = 0; i < table.n; i++) {
        const command *c = table.items[i];
        int n = (int)strcspn(c->name, " ");
        const char *verb = c->name[n] ? c->name + n + 1 : NULL;
        buf_addf(out, "complete -c rostrum -n __fish_use_subcommand -f -a %.*s", n,
                 c->name);
        if (!verb) {
            buf_add_text(out, " -d ");
            add_fish_text(c->summary, out);
        }
        buf_add_text(out, "\n");
        char seen[192];
        snprintf(seen, sizeof seen, "__fish_seen_subcommand_from %.*s", n, c->name);
        if (verb) {
            buf_addf(out, "complete -c rostrum -n '%s' -f -a %s -d ", seen, verb);
            add_fish_text(c->summary, out);
            buf_add_text(out, "\n");
            snprintf(seen + strlen(seen), sizeof seen - strlen(seen),
                     "; and __fish_seen_subcommand_from %s", verb);
        }
        for (size_t k = 0; k < c->n_options; k++) {
            char typed[64];
            args_flag_name(&c->options[k], typed);
            buf_addf(out, "complete -c rostrum -n '%s' -l %s%s -d ", seen, typed,
                     c->options[k].kind == ARG_FLAG ? "" : " -r");
            add_fish_text(c->options[k].help, out);
            buf_add_text(out, "\n");
        }
    }
}

status completion_write(command_table table, const char *shell, buf *out, diag *d) {
    if (strcmp(shell, "bash") == 0)
        bash(table, out);
    else if (strcmp(shell, "zsh") == 0)
        zsh(table, out);
    else if (strcmp(shell, "fish") == 0)
        fish(table, out);
    else
        return diag_field(d, ERR_INVALID, shell, "needs bash, zsh or fish");
    return OK;
}

static int run(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    buf text;
    buf_init(&text, 256u << 10);
    status s = completion_write(commands_all(),
                                a.n_positional == 1 ? a.positional[0] : "", &text, &d);
    if (s == OK)
        commands_print_text("script", &text, a.json);
    buf_deinit(&text);
    return s == OK ? EXIT_GOOD : args_fail(self, &d, a.json, EXIT_USAGE);
}

const command completion_command = {.name = "completion",
                                    .positional = "bash|zsh|fish",
                                    .summary = "print a shell completion script",
                                    .details = "`make install` installs it. By hand:\n"
                                               "    source <(rostrum completion bash)",
                                    .run = run};
