/* `rostrum config show` and `rostrum config explain` */
#include "conf/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/commands.h"

static int run_show(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    config *c = malloc(sizeof *c);
    if (!c || config_load(environ, &a, c, &d) != OK) {
        if (!c)
            (void)diag_set(&d, ERR_MEMORY, "no memory for the configuration");
        free(c);
        return args_fail(self, &d, a.json, EXIT_USAGE);
    }
    buf text;
    buf_init(&text, 256u << 10);
    config_show(c, a.json, &text);
    fputs(buf_text(&text), stdout);
    buf_deinit(&text);
    free(c);
    return EXIT_GOOD;
}

static int run_explain(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    if (a.n_positional > 1) {
        (void)diag_field(&d, ERR_INVALID, a.positional[1],
                         "at most one setting or group");
        return args_fail(self, &d, a.json, EXIT_USAGE);
    }
    buf text;
    buf_init(&text, 256u << 10);
    status s = config_explain(a.n_positional ? a.positional[0] : NULL, a.json, &text, &d);
    if (s == OK)
        fputs(buf_text(&text), stdout);
    buf_deinit(&text);
    return s == OK ? EXIT_GOOD : args_fail(self, &d, a.json, EXIT_USAGE);
}

const command config_show_command = {
    .name = "config show",
    .positional = "",
    .summary = "print every setting, its value and where it came from",
    .details = "Reads what `rostrum serve` would read: defaults, the file of --config or "
               "ROSTRUM_CONFIG, the environment, these flags; the later one wins. The "
               "output is itself a valid configuration file.",
    .options = config_flags,
    .n_options = CONFIG_FLAGS,
    .run = run_show};

const command config_explain_command = {
    .name = "config explain",
    .positional = "[SETTING]",
    .summary = "explain one setting, a group of them, or all",
    .details = "SETTING is a path such as server.port, or a group such as server.tls.",
    .run = run_explain};
