/* `rostrum redact`: a transcript without what tells of a person. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/privacy.h"
#include "records/lines.h"
#include "records/redaction_lines.h"
#include "records/redaction_policy.h"

typedef enum { FORMAT_TEXT, FORMAT_JSONL, FORMAT_SRT, FORMAT_VTT } format;

typedef struct {
    const char *path; /* "-": standard input */
    format format;
    bool stream;
    const char *fields[REDACTION_FIELDS_MAX];
    size_t n_fields;
    redaction_policy policy;
    FILE *out; /* NULL: only counted */
    uint64_t counts[ENTITY_COUNT];
} redact_run;

static status write_error(diag *d) {
    return diag_set(d, ERR_IO, "cannot write the redacted text: %s", strerror(errno));
}

static void put(void *to, const redact_piece *piece) {
    redact_run *run = to;
    if (run->out)
        (void)fwrite(piece->text, 1, piece->n, run->out);
}

static status open_input(const char *path, int *out, diag *d) {
    *out = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (*out >= 0)
        return OK;
    diag_at(d, path, 0, 0);
    return diag_set(d, ERR_IO, "cannot be read: %s", strerror(errno));
}

/* Every line is a text of its own, or all of it is one, given out as it is decided. */
static void push_lines(redact_run *run, redactor *r, const char *data, size_t n) {
    while (n > 0) {
        const char *end = run->stream ? NULL : memchr(data, '\n', n);
        size_t bytes = end ? (size_t)(end - data) : n;
        redact_push(r, private_text_of(data, bytes), put, run);
        if (end) {
            redact_finish(r, put, run);
            if (run->out)
                (void)putc('\n', run->out);
            bytes++;
        }
        data += bytes;
        n -= bytes;
    }
}

static status redact_text(redact_run *run, diag *d) {
    int fd;
    status s = open_input(run->path, &fd, d);
    if (s != OK)
        return s;
    redactor r;
    redact_init(&r, &run->policy.policy);
    char data[16384];
    for (;;) {
        ssize_t n = read(fd, data, sizeof data);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            diag_at(d, run->path, 0, 0);
            s = diag_set(d, ERR_IO, "cannot be read: %s", strerror(errno));
        }
        if (n <= 0)
            break;
        push_lines(run, &r, data, (size_t)n);
        if (run->out && (fflush(run->out) != 0 || ferror(run->out))) {
            s = write_error(d);
            break;
        }
    }
    redact_finish(&r, put, run);
    memcpy(run->counts, r.counts, sizeof r.counts);
    if (fd != STDIN_FILENO)
        close(fd);
    return s;
}

static status redact_jsonl(redact_run *run, diag *d) {
    lines *in = NULL;
    status s = lines_open(run->path, &in, d);
    buf out;
    buf_init(&out, 8u << 20);
    while (s == OK) {
        const char *text;
        size_t n;
        s = lines_next(in, &text, &n, d);
        if (s != OK || !text)
            break;
        buf_clear(&out);
        if (strspn(text, " \t") < n)
            s = redaction_json_line(text, n, run->fields, run->n_fields,
                                    &run->policy.policy, &out, run->counts, d);
        buf_add_text(&out, "\n");
        if (s == OK && run->out &&
            (fputs(buf_text(&out), run->out) < 0 || fflush(run->out) != 0))
            s = write_error(d);
    }
    buf_deinit(&out);
    lines_close(in);
    return s;
}

static status read_all(const char *path, buf *out, diag *d) {
    int fd;
    status s = open_input(path, &fd, d);
    char data[16384];
    ssize_t n = 0;
    while (s == OK && (n = read(fd, data, sizeof data)) != 0) {
        if (n > 0)
            buf_add(out, data, (size_t)n);
        else if (errno != EINTR)
            s = diag_set(d, ERR_IO, "cannot be read: %s", strerror(errno));
        if (out->failed)
            s = diag_set(d, ERR_LIMIT, "is larger than %u bytes; cut it in two",
                         REDACTION_SUBTITLES_BYTES);
    }
    if (s != OK)
        diag_at(d, path, 0, 0);
    if (fd > STDIN_FILENO)
        close(fd);
    return s;
}

static status redact_subtitles(redact_run *run, diag *d) {
    buf in, out;
    buf_init(&in, REDACTION_SUBTITLES_BYTES);
    buf_init(&out, 2 * (size_t)REDACTION_SUBTITLES_BYTES);
    status s = read_all(run->path, &in, d);
    if (s == OK)
        s = redaction_subtitles((const char *)in.data, in.size, &run->policy.policy, &out,
                                run->counts, d);
    if (s == OK && run->out &&
        (fwrite(out.data, 1, out.size, run->out) != out.size || fflush(run->out) != 0))
        s = write_error(d);
    buf_deinit(&in);
    buf_deinit(&out);
    return s;
}

/* ---- options and report ---- */

static status choose_format(redact_run *run, const args *a, diag *d) {
    static const char *const names[] = {"text", "jsonl", "srt", "vtt"};
    const char *dot = strrchr(run->path, '.');
    const char *given = args_text(a, "format", NULL);
    for (size_t i = 0; i < 4; i++)
        if (given ? strcmp(given, names[i]) == 0 : dot && !strcmp(dot + 1, names[i])) {
            run->format = (format)i;
            return OK;
        }
    if (!given)
        return OK; /* text */
    const char *near = diag_nearest(given, names, 4);
    return diag_field(d, ERR_INVALID, "--format",
                      "is \"%.32s\"; needs text, jsonl, srt or vtt%s%s%s", given,
                      near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static status read_fields(redact_run *run, const args *a, diag *d) {
    for (size_t i = 0; i < a->n_values; i++) {
        if (strcmp(a->values[i].option->name, "field") != 0)
            continue;
        if (run->n_fields == REDACTION_FIELDS_MAX)
            return diag_field(d, ERR_LIMIT, "--field", "given more than %d times",
                              REDACTION_FIELDS_MAX);
        run->fields[run->n_fields++] = a->values[i].text;
    }
    if (run->n_fields > 0 && run->format != FORMAT_JSONL)
        return diag_field(d, ERR_INVALID, "--field", "needs --format jsonl");
    if (run->n_fields == 0)
        run->fields[run->n_fields++] = "text";
    return OK;
}

static status set_up(redact_run *run, const args *a, diag *d) {
    if (a->n_positional > 1)
        return diag_set(d, ERR_INVALID, "one FILE, or none for standard input");
    run->path = a->n_positional ? a->positional[0] : "-";
    run->stream = args_has(a, "stream");
    run->out = args_has(a, "count") ? NULL : stdout;
    redact_policy_init(&run->policy.policy);
    status s = choose_format(run, a, d);
    if (s == OK && run->stream && run->format != FORMAT_TEXT)
        s = diag_field(d, ERR_INVALID, "--stream", "needs --format text");
    if (s == OK)
        s = read_fields(run, a, d);
    const char *policy = args_text(a, "policy", NULL);
    return s == OK && policy ? redaction_policy_read(policy, &run->policy, d) : s;
}

static void add_json(const redact_run *run, buf *out) {
    uint64_t all = 0;
    buf_add_text(out, "{\"entities\":{");
    for (size_t i = 0; i < ENTITY_COUNT; i++) {
        buf_addf(out, "%s\"%s\":%llu", i ? "," : "", entities[i].name,
                 (unsigned long long)run->counts[i]);
        all += run->counts[i];
    }
    buf_addf(out, "},\"total\":%llu}\n", (unsigned long long)all);
}

static void add_counts(const redact_run *run, buf *out) {
    const char *comma = "";
    for (size_t i = 0; i < ENTITY_COUNT; i++) {
        if (run->counts[i] == 0)
            continue;
        buf_addf(out, "%s%s %llu", comma, entities[i].name,
                 (unsigned long long)run->counts[i]);
        comma = ", ";
    }
    buf_add_text(out, *comma ? "\n" : "nothing found\n");
}

/* The redacted text has standard output for itself; the counts go there with --count. */
static void report(const redact_run *run, bool json) {
    buf out;
    buf_init(&out, 1u << 16);
    if (json)
        add_json(run, &out);
    else
        add_counts(run, &out);
    FILE *to = run->out ? stderr : stdout;
    fprintf(to, "%s%s", run->out && !json ? "redacted: " : "", buf_text(&out));
    buf_deinit(&out);
}

static int run_redact(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    redact_run run = {0};
    status s = set_up(&run, &a, &d);
    if (s == OK)
        s = run.format == FORMAT_TEXT    ? redact_text(&run, &d)
            : run.format == FORMAT_JSONL ? redact_jsonl(&run, &d)
                                         : redact_subtitles(&run, &d);
    if (s == OK) {
        report(&run, a.json);
        exit_status = EXIT_GOOD;
    } else {
        exit_status = args_fail(
            self, &d, a.json, s == ERR_MEMORY || s == ERR_IO ? EXIT_FAILED : EXIT_USAGE);
    }
    redaction_policy_deinit(&run.policy);
    return exit_status;
}

static const arg_option options[] = {
    {"policy", ARG_TEXT, "FILE", 0, 0,
     "which classes, and what stands for them; without it every class by its label"},
    {"format", ARG_TEXT, "NAME", 0, 0,
     "text, jsonl, srt or vtt; without it by the file's name, else text"},
    {"field", ARG_TEXT, "NAME", 0, 0,
     "jsonl: a field to redact, at any depth; may be repeated; default text"},
    {"stream", ARG_FLAG, NULL, 0, 0,
     "text: not line by line but as one text, given out as soon as it is decided"},
    {"count", ARG_FLAG, NULL, 0, 0, "only count, on standard output"},
};

const command redact_command = {
    .name = "redact",
    .positional = "[FILE]",
    .summary = "take card numbers, addresses and the like out of a transcript",
    .details =
        "Reads FILE or standard input, writes the redacted text to standard output and "
        "the counts of each class to standard error (with --json as JSON). Finds what is "
        "written and what is spoken: \"four one one one ...\", \"double seven\", \"at "
        "gmail dot com\". English.\n\n"
        "In JSON lines, lists called words (word, start, end) are redacted as well; an "
        "entity becomes one word with the times of all.",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .run = run_redact,
};
