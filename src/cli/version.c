/* `rostrum version` */
#include <stdio.h>

#include "cli/commands.h"

#if defined __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

#ifdef ROSTRUM_SANITIZED
#define SANITIZED true
#else
#define SANITIZED false
#endif

void version_write(bool json, buf *out) {
    if (!json) {
        buf_addf(out, "rostrum %s (%s%s)\n", ROSTRUM_VERSION, COMPILER,
                 SANITIZED ? ", sanitizers" : "");
        return;
    }
    buf_addf(out,
             "{\"name\":\"rostrum\",\"version\":\"%s\",\"compiler\":", ROSTRUM_VERSION);
    buf_add_json(out, COMPILER);
    buf_addf(out, ",\"sanitizers\":%s}\n", SANITIZED ? "true" : "false");
}

static int run(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    buf text;
    buf_init(&text, 4096);
    version_write(a.json, &text);
    fputs(buf_text(&text), stdout);
    buf_deinit(&text);
    return EXIT_GOOD;
}

const command version_command = {.name = "version",
                                 .positional = "",
                                 .summary = "print the version and how it was built",
                                 .run = run};
