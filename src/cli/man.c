/* `rostrum man`: the manual page, written from the table of commands. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

/* Roff text: a backslash or a hyphen that is meant, and no control line by accident. */
static void add_roff(const char *text, buf *out) {
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            buf_add_text(out, "\\&");
        line_start = *text == '\n';
        if (*text == '\\')
            buf_add_text(out, "\\e");
        else if (*text == '-')
            buf_add_text(out, "\\-");
        else
            buf_add(out, text, 1);
    }
}

/* Paragraphs; lines that start with a blank are examples and keep their shape. */
static void add_paragraphs(const char *text, buf *out) {
    bool example = false;
    while (*text) {
        size_t n = strcspn(text, "\n");
        bool is_example = text[0] == ' ';
        if (is_example != example)
            buf_add_text(out, is_example ? ".PP\n.EX\n" : ".EE\n");
        example = is_example;
        char line[1024];
        snprintf(line, sizeof line, "%.*s", (int)(n < 1023 ? n : 1023), text);
        if (n == 0)
            buf_add_text(out, ".PP");
        add_roff(line, out);
        buf_add_text(out, "\n");
        text += n + (text[n] == '\n');
    }
    buf_add_text(out, example ? ".EE\n" : "");
}

static void add_command(const command *c, buf *out) {
    buf_add_text(out, ".SS rostrum ");
    add_roff(c->name, out);
    if (*c->positional) {
        buf_add_text(out, " ");
        add_roff(c->positional, out);
    }
    buf_add_text(out, "\n");
    add_paragraphs(c->summary, out);
    if (c->details) {
        buf_add_text(out, ".PP\n");
        add_paragraphs(c->details, out);
    }
    for (size_t i = 0; i < c->n_options; i++) {
        const arg_option *o = &c->options[i];
        char typed[64];
        args_flag_name(o, typed);
        buf_add_text(out, ".TP\n\\fB\\-\\-");
        add_roff(typed, out);
        buf_add_text(out, "\\fR");
        if (o->value) {
            buf_add_text(out, " \\fI");
            add_roff(o->value, out);
            buf_add_text(out, "\\fR");
        }
        buf_add_text(out, "\n");
        add_roff(o->help, out);
        buf_add_text(out, "\n");
    }
}

void man_write(command_table table, buf *out) {
    buf_addf(out,
             ".TH ROSTRUM 1 \"\" \"rostrum %s\" \"User Commands\"\n"
             ".SH NAME\nrostrum \\- a speech inference server\n"
             ".SH SYNOPSIS\n\\fBrostrum\\fR \\fICOMMAND\\fR [\\fIFLAGS\\fR]\n"
             ".SH DESCRIPTION\n"
             "Streams speech into words over the protocols that OpenAI and Deepgram\n"
             "clients already speak. Every command takes \\fB\\-\\-json\\fR and\n"
             "\\fB\\-\\-help\\fR.\n"
             ".SH COMMANDS\n",
             ROSTRUM_VERSION);
    for (size_t i = 0; i < table.n; i++)
        add_command(table.items[i], out);
    buf_add_text(
        out, ".SH EXIT STATUS\n"
             "0 good, 1 the answer is no, 2 bad usage or configuration, 3 failure.\n"
             ".SH ENVIRONMENT\n"
             "\\fBROSTRUM_CONFIG\\fR names the configuration file. Each setting has a\n"
             "variable of its own: see \\fBrostrum config explain\\fR.\n");
}

static int run(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    buf text;
    buf_init(&text, 256u << 10);
    man_write(commands_all(), &text);
    commands_print_text("roff", &text, a.json);
    buf_deinit(&text);
    return EXIT_GOOD;
}

const command man_command = {.name = "man",
                             .positional = "",
                             .summary = "print the manual page in roff",
                             .details = "    rostrum man | man -l -",
                             .run = run};
