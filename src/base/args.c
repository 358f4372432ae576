#include "base/args.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static const arg_option standard_options[] = {
    {"help", ARG_FLAG, NULL, 0, 0, "print this help and stop"},
    {"json", ARG_FLAG, NULL, 0, 0, "print JSON instead of text"},
};
enum { STANDARD = sizeof standard_options / sizeof standard_options[0] };

static char as_typed(char c) {
    return c == '.' || c == '_' ? '-' : c;
}

void args_flag_name(const arg_option *o, char out[64]) {
    size_t i = 0;
    for (; o->name[i] && i < 63; i++)
        out[i] = as_typed(o->name[i]);
    out[i] = '\0';
}

/* Option i of the command's own and the standard ones; NULL past the last. */
static const arg_option *option_at(const command *c, size_t i) {
    if (i < c->n_options)
        return &c->options[i];
    return i - c->n_options < STANDARD ? &standard_options[i - c->n_options] : NULL;
}

/* name [n] as typed, without dashes. */
static const arg_option *find_option(const command *c, const char *name, size_t n) {
    const arg_option *o;
    for (size_t i = 0; (o = option_at(c, i)) != NULL; i++) {
        char typed[64];
        args_flag_name(o, typed);
        if (strlen(typed) == n && memcmp(typed, name, n) == 0)
            return o;
    }
    return NULL;
}

static status unknown_flag(const command *c, const char *flag, diag *d) {
    enum { MOST = 160 };
    char typed[MOST][64];
    const char *names[MOST];
    size_t n = 0;
    const arg_option *o;
    for (; n < MOST && (o = option_at(c, n)) != NULL; n++) {
        args_flag_name(o, typed[n]);
        names[n] = typed[n];
    }
    char given[64];
    snprintf(given, sizeof given, "%.*s", (int)strcspn(flag, "="), flag);
    const char *nearest = diag_nearest(given + strspn(given, "-"), names, n);
    if (nearest)
        return diag_field(d, ERR_INVALID, given, "unknown flag; did you mean --%s?",
                          nearest);
    return diag_field(d, ERR_INVALID, given, "unknown flag; see --help");
}

static status parse_number(const arg_option *o, const char *typed, const char *text,
                           double *out, diag *d) {
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (!*text || *end || errno || !isfinite(value))
        return diag_field(d, ERR_INVALID, typed, "needs a number");
    if (o->kind == ARG_INT && value != floor(value))
        return diag_field(d, ERR_INVALID, typed, "needs a whole number");
    if (o->min < o->max && !(value >= o->min && value <= o->max))
        return diag_field(d, ERR_INVALID, typed, "must be from %.15g to %.15g", o->min,
                          o->max);
    *out = value;
    return OK;
}

/* argv[*i] is "--name" or "--name=value"; takes the next word when it needs a value. */
static status parse_flag(const command *c, int argc, char **argv, int *i, args *out,
                         diag *d) {
    const char *word = argv[*i];
    const char *name = word + 2;
    size_t n = strcspn(name, "=");
    const arg_option *o = find_option(c, name, n);
    if (!o)
        return unknown_flag(c, word, d);
    char typed[68];
    snprintf(typed, sizeof typed, "--%.*s", (int)(n < 64 ? n : 64), name);
    arg_value value = {.option = o};
    if (o->kind == ARG_FLAG) {
        if (name[n])
            return diag_field(d, ERR_INVALID, typed, "takes no value");
    } else if (name[n]) {
        value.text = name + n + 1;
    } else if (*i + 1 < argc) {
        value.text = argv[++*i];
    } else {
        return diag_field(d, ERR_INVALID, typed, "needs a value: %s", o->value);
    }
    if (o->kind == ARG_INT || o->kind == ARG_NUMBER) {
        status s = parse_number(o, typed, value.text, &value.number, d);
        if (s != OK)
            return s;
    }
    if (o == &standard_options[0])
        out->help = true;
    if (o == &standard_options[1])
        out->json = true;
    if (out->n_values == ARGS_VALUES_MAX)
        return diag_field(d, ERR_LIMIT, typed, "more than %d flags", ARGS_VALUES_MAX);
    out->values[out->n_values++] = value;
    return OK;
}

status args_parse(const command *c, int argc, char **argv, args *out, diag *d) {
    ASSERT(argc >= 1);
    args parsed = {.positional = argv + 1};
    bool flags = true;
    for (int i = 1; i < argc; i++) {
        char *word = argv[i];
        if (flags && strcmp(word, "--") == 0) {
            flags = false;
        } else if (flags && strcmp(word, "-h") == 0) {
            parsed.help = true;
        } else if (flags && strncmp(word, "--", 2) == 0) {
            status s = parse_flag(c, argc, argv, &i, &parsed, d);
            if (s != OK)
                return s;
        } else if (flags && word[0] == '-' && word[1]) {
            return unknown_flag(c, word, d);
        } else {
            parsed.positional[parsed.n_positional++] = word;
        }
    }
    if (!parsed.help && parsed.n_positional > 0 && !c->positional[0])
        return diag_field(d, ERR_INVALID, parsed.positional[0],
                          "this command takes no arguments besides flags");
    *out = parsed;
    return OK;
}

static const arg_value *last_value(const args *a, const char *name) {
    for (size_t i = a->n_values; i-- > 0;)
        if (strcmp(a->values[i].option->name, name) == 0)
            return &a->values[i];
    return NULL;
}

bool args_has(const args *a, const char *name) {
    return last_value(a, name) != NULL;
}

const char *args_text(const args *a, const char *name, const char *otherwise) {
    const arg_value *v = last_value(a, name);
    return v && v->text ? v->text : otherwise;
}

double args_number(const args *a, const char *name, double otherwise) {
    const arg_value *v = last_value(a, name);
    return v ? v->number : otherwise;
}

/* A pen that wraps words at 80 columns. column 0: at the start of an unindented line. */
typedef struct {
    buf *out;
    size_t indent, column;
} pen;

static void pen_end_line(pen *p) {
    if (p->column > 0)
        buf_add_text(p->out, "\n");
    p->column = 0;
}

static void pen_word(pen *p, const char *word, size_t n) {
    if (p->column > p->indent && p->column + 1 + n > 80)
        pen_end_line(p);
    if (p->column < p->indent || p->column == 0) {
        buf_addf(p->out, "%*s", (int)(p->indent - p->column), "");
        p->column = p->indent;
    } else if (p->column > p->indent) {
        buf_add_text(p->out, " ");
        p->column++;
    }
    buf_add(p->out, word, n);
    p->column += n;
}

/* Wrapped text from column `indent`; the pen stands at `column`. An empty line starts a
 * paragraph; a line that starts with a blank stays as it is. */
static void add_wrapped(buf *out, const char *text, size_t indent, size_t column) {
    pen p = {.out = out, .indent = indent, .column = column};
    while (*text) {
        size_t line = strcspn(text, "\n");
        if (line == 0 || text[0] == ' ') {
            pen_end_line(&p);
            buf_add(out, text, line);
            buf_add_text(out, "\n");
        }
        for (size_t i = 0; i < line && text[0] != ' ';) {
            size_t n = strcspn(text + i, " \n");
            pen_word(&p, text + i, n);
            i += n + strspn(text + i + n, " ");
        }
        text += line + (text[line] == '\n');
    }
    pen_end_line(&p);
}

static void add_option(buf *out, const arg_option *o) {
    char typed[64], left[128];
    args_flag_name(o, typed);
    snprintf(left, sizeof left, "  --%s%s%s", typed, o->value ? " " : "",
             o->value ? o->value : "");
    size_t column = 28;
    buf_addf(out, "%-*s", (int)column, left);
    if (strlen(left) >= column)
        buf_addf(out, "\n%*s", (int)column, "");
    add_wrapped(out, o->help, column, column);
}

void args_usage(const command *c, buf *out) {
    buf_addf(out, "usage: rostrum %s [flags]%s%s\n\n", c->name,
             c->positional[0] ? " " : "", c->positional);
    add_wrapped(out, c->summary, 0, 0);
    if (c->details) {
        buf_add_text(out, "\n");
        add_wrapped(out, c->details, 0, 0);
    }
    buf_add_text(out, "\nflags:\n");
    const arg_option *o;
    for (size_t i = 0; (o = option_at(c, i)) != NULL; i++)
        add_option(out, o);
}

/* A command line that cannot be read may still say how to tell so. */
static bool asks_for_json(int argc, char **argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

bool args_begin(const command *c, int argc, char **argv, args *out, int *out_exit) {
    diag d = DIAG_INIT;
    if (args_parse(c, argc, argv, out, &d) != OK) {
        *out_exit = args_fail(c, &d, asks_for_json(argc, argv), EXIT_USAGE);
        fprintf(stderr, "usage: rostrum %s [flags] %s\n", c->name, c->positional);
        return false;
    }
    if (!out->help)
        return true;
    buf text;
    buf_init(&text, 64u << 10);
    args_usage(c, &text);
    fputs(buf_text(&text), stdout);
    buf_deinit(&text);
    *out_exit = EXIT_GOOD;
    return false;
}

int args_fail(const command *c, const diag *d, bool json, int exit_status) {
    char line[1024];
    fprintf(stderr, "rostrum %s: %s\n", c->name, diag_format(d, line, sizeof line));
    if (!json)
        return exit_status;
    buf text;
    buf_init(&text, 8u << 10);
    buf_addf(&text, "{\"error\":{\"code\":\"%s\",\"message\":", status_name(d->code));
    buf_add_json(&text, d->text[0] ? d->text : status_text(d->code));
    buf_add_text(&text, ",\"field\":");
    buf_add_json(&text, d->field);
    buf_add_text(&text, ",\"file\":");
    buf_add_json(&text, d->file);
    buf_addf(&text, ",\"line\":%d,\"column\":%d}}", d->line, d->column);
    puts(buf_text(&text));
    buf_deinit(&text);
    return exit_status;
}
