#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static command_table all;

command_table commands_all(void) {
    return all;
}

/* How many of words[n] spell the name, 0 when they do not. */
static int words_matching(const char *name, int n, char *const *words) {
    int taken = 0;
    while (*name) {
        size_t length = strcspn(name, " ");
        if (taken == n || strlen(words[taken]) != length ||
            memcmp(words[taken], name, length) != 0)
            return 0;
        taken++;
        name += length;
        name += *name == ' ';
    }
    return taken;
}

const command *commands_find(command_table table, int n, char *const *words,
                             int *out_words) {
    const command *best = NULL;
    int best_words = 0;
    for (size_t i = 0; i < table.n; i++) {
        int taken = words_matching(table.items[i]->name, n, words);
        if (taken > best_words) {
            best_words = taken;
            best = table.items[i];
        }
    }
    if (best)
        *out_words = best_words;
    return best;
}

static bool is_noun(command_table table, const char *word) {
    size_t n = strlen(word);
    for (size_t i = 0; i < table.n; i++)
        if (strncmp(table.items[i]->name, word, n) == 0 && table.items[i]->name[n] == ' ')
            return true;
    return false;
}

void commands_unknown(command_table table, int n, char *const *words, buf *out) {
    enum { MOST = 64 };
    const char *names[MOST];
    size_t n_names = table.n < MOST ? table.n : MOST;
    for (size_t i = 0; i < n_names; i++)
        names[i] = table.items[i]->name;
    char line[128] = "";
    const char *nearest = NULL;
    if (n > 1 && words[1][0] != '-') {
        snprintf(line, sizeof line, "%s %s", words[0], words[1]);
        nearest = diag_nearest(line, names, n_names);
    }
    if (!nearest) {
        snprintf(line, sizeof line, "%s", words[0]);
        nearest = diag_nearest(line, names, n_names);
    }
    if (is_noun(table, words[0])) {
        if (n > 1 && words[1][0] != '-')
            buf_addf(out, "unknown command \"%s %s\"", words[0], words[1]);
        else
            buf_addf(out, "\"%s\" needs a verb", words[0]);
        if (nearest)
            buf_addf(out, "; did you mean \"%s\"?", nearest);
        buf_add_text(out, "\n\n");
        commands_list(table, words[0], out);
        return;
    }
    buf_addf(out, "unknown command \"%s\"", words[0]);
    if (nearest)
        buf_addf(out, "; did you mean \"%s\"?", nearest);
    buf_add_text(out, "\n`rostrum help` lists the commands\n");
}

void commands_list(command_table table, const char *noun_or_null, buf *out) {
    size_t noun = noun_or_null ? strlen(noun_or_null) : 0;
    for (size_t i = 0; i < table.n; i++) {
        const command *c = table.items[i];
        if (noun_or_null && (strncmp(c->name, noun_or_null, noun) != 0 ||
                             (c->name[noun] && c->name[noun] != ' ')))
            continue;
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", c->name, *c->positional ? " " : "",
                 c->positional);
        buf_addf(out, "  rostrum %-28s %s\n", left, c->summary);
    }
}

/* True when one of argv[n] before "--" asks for help. Commands would answer too; doing
 * it here makes help work however a command reads its flags. */
static bool asks_for_help(int n, char *const *words) {
    for (int i = 0; i < n && strcmp(words[i], "--") != 0; i++)
        if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
            return true;
    return false;
}

void commands_print_text(const char *name, buf *text, bool json) {
    if (!json) {
        fputs(buf_text(text), stdout);
        return;
    }
    buf out; /* escaped, a byte is at most six */
    buf_init(&out, 6 * (256u << 10) + 64);
    buf_addf(&out, "{\"%s\":", name);
    buf_add_json(&out, buf_text(text));
    buf_add_text(&out, "}\n");
    fputs(buf_text(&out), stdout);
    buf_deinit(&out);
}

static int print(buf *text, FILE *to, int exit_status) {
    fputs(buf_text(text), to);
    buf_deinit(text);
    return exit_status;
}

int commands_main(command_table table, int argc, char **argv) {
    all = table;
    buf text;
    buf_init(&text, 256u << 10);
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        buf_add_text(&text, "rostrum: a speech inference server\n\n");
        commands_list(table, NULL, &text);
        buf_add_text(&text, "\n`rostrum COMMAND --help` explains one of them.\n");
        return print(&text, argc < 2 ? stderr : stdout,
                     argc < 2 ? EXIT_USAGE : EXIT_GOOD);
    }
    if (strcmp(argv[1], "--version") == 0) {
        version_write(false, &text);
        return print(&text, stdout, EXIT_GOOD);
    }
    int words = 0;
    const command *c = commands_find(table, argc - 1, argv + 1, &words);
    if (!c) {
        if (argc == 3 && asks_for_help(1, argv + 2) && is_noun(table, argv[1])) {
            commands_list(table, argv[1], &text);
            return print(&text, stdout, EXIT_GOOD);
        }
        buf_add_text(&text, "rostrum: ");
        commands_unknown(table, argc - 1, argv + 1, &text);
        return print(&text, stderr, EXIT_USAGE);
    }
    if (asks_for_help(argc - 1 - words, argv + 1 + words)) {
        args_usage(c, &text);
        return print(&text, stdout, EXIT_GOOD);
    }
    buf_deinit(&text);
    int exit_status = c->run(argc - words, argv + words, c);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return exit_status;
    fprintf(stderr, "rostrum %s: the output could not be written: %s\n", c->name,
            strerror(errno));
    return EXIT_FAILED;
}
