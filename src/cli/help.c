/* `rostrum help [COMMAND]` */
#include <stdio.h>

#include "cli/commands.h"

static void list_json(command_table table, buf *out) {
    buf_add_text(out, "{\"commands\":[");
    for (size_t i = 0; i < table.n; i++) {
        const command *c = table.items[i];
        buf_add_text(out, i ? ",{\"name\":" : "{\"name\":");
        buf_add_json(out, c->name);
        buf_add_text(out, ",\"positional\":");
        buf_add_json(out, c->positional);
        buf_add_text(out, ",\"summary\":");
        buf_add_json(out, c->summary);
        buf_add_text(out, ",\"flags\":[");
        for (size_t k = 0; k < c->n_options; k++) {
            char typed[64];
            args_flag_name(&c->options[k], typed);
            buf_addf(out, "%s\"--%s\"", k ? "," : "", typed);
        }
        buf_add_text(out, "]}");
    }
    buf_add_text(out, "]}\n");
}

static int run(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    command_table table = commands_all();
    buf text;
    buf_init(&text, 256u << 10);
    FILE *to = stdout;
    exit_status = EXIT_GOOD;
    int words = 0;
    const command *c = NULL;
    if (a.n_positional > 0)
        c = commands_find(table, (int)a.n_positional, a.positional, &words);
    if (c) {
        args_usage(c, &text);
    } else if (a.n_positional > 0) {
        commands_unknown(table, (int)a.n_positional, a.positional, &text);
        to = stderr;
        exit_status = EXIT_USAGE;
    } else if (a.json) {
        list_json(table, &text);
    } else {
        commands_list(table, NULL, &text);
        buf_add_text(&text, "\n`rostrum COMMAND --help` explains one of them.\n");
    }
    fputs(buf_text(&text), to);
    buf_deinit(&text);
    return exit_status;
}

const command help_command = {.name = "help",
                              .positional = "[COMMAND]",
                              .summary = "list the commands, or explain one",
                              .run = run};
