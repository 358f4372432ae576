#include "records/redaction_lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "records/json.h"

static void put_text(void *to, const redact_piece *piece) {
    buf_add(to, piece->text, piece->n);
}

void redaction_text(private_text text, const redact_policy *policy, buf *out,
                    uint64_t *counts) {
    redactor r;
    redact_init(&r, policy);
    redact_push(&r, text, put_text, out);
    redact_finish(&r, put_text, out);
    for (size_t i = 0; i < ENTITY_COUNT; i++)
        counts[i] += r.counts[i];
}

/* ---- JSON ---- */

typedef struct {
    const char *const *fields; /* [n_fields] */
    size_t n_fields;
    const redact_policy *policy;
    uint64_t *counts;
    cJSON *words_out; /* the list being written */
    const char *text_key;
    bool failed;
} json_run;

static bool is_named(const json_run *run, const cJSON *item) {
    for (size_t i = 0; item->string && i < run->n_fields; i++)
        if (strcmp(item->string, run->fields[i]) == 0)
            return true;
    return false;
}

static void redact_string(json_run *run, cJSON *item) {
    buf text;
    buf_init(&text, 4 * strlen(item->valuestring) + 4096);
    private_text said = private_text_of(item->valuestring, strlen(item->valuestring));
    redaction_text(said, run->policy, &text, run->counts);
    run->failed |= text.failed || !cJSON_SetValuestring(item, buf_text(&text));
    buf_deinit(&text);
}

static const char *text_key_of(const cJSON *word) {
    static const char *const keys[] = {"word", "text"};
    for (size_t i = 0; i < 2; i++)
        if (cJSON_IsString(cJSON_GetObjectItemCaseSensitive(word, keys[i])))
            return keys[i];
    return NULL;
}

static double time_of(const cJSON *word, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(word, key);
    double v = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    return v >= 0 && v < 1e9 ? v : NAN;
}

/* A list of words with times, all of one form. */
static bool is_words(const cJSON *list) {
    const cJSON *word;
    if (!cJSON_IsArray(list) || !list->string || strcmp(list->string, "words") != 0)
        return false;
    cJSON_ArrayForEach(word, list) if (!text_key_of(word) ||
                                       isnan(time_of(word, "start")) ||
                                       isnan(time_of(word, "end"))) return false;
    return list->child != NULL;
}

static void put_json_word(void *to, const redacted_word *word) {
    json_run *run = to;
    cJSON *item = cJSON_CreateObject();
    char text[REDACT_WORD_BYTES + 1];
    memcpy(text, word->text, word->n);
    text[word->n] = '\0';
    run->failed |=
        !item || !cJSON_AddStringToObject(item, run->text_key, text) ||
        !cJSON_AddNumberToObject(item, "start", (double)word->start_ms / 1e6) ||
        !cJSON_AddNumberToObject(item, "end", (double)word->end_ms / 1e6) ||
        !cJSON_AddItemToArray(run->words_out, item);
}

/* Replaces the words of the list by redacted ones; other keys of a word (confidence,
 * punctuated_word) would tell of the words and go. */
static void redact_words(json_run *run, cJSON *list) {
    word_redactor *r = malloc(sizeof *r);
    run->words_out = cJSON_CreateArray();
    run->failed |= !r || !run->words_out;
    if (run->failed) {
        free(r);
        cJSON_Delete(run->words_out);
        return;
    }
    run->text_key = text_key_of(list->child);
    redact_words_init(r, run->policy, put_json_word, run);
    const cJSON *word;
    cJSON_ArrayForEach(word, list) {
        const char *text =
            cJSON_GetObjectItemCaseSensitive(word, text_key_of(word))->valuestring;
        /* the unit does not matter to the redactor: a millionth keeps every digit */
        timed_word in = {private_text_of(text, strlen(text)),
                         llround(1e6 * time_of(word, "start")),
                         llround(1e6 * time_of(word, "end"))};
        redact_words_push(r, &in);
    }
    redact_words_finish(r);
    for (size_t i = 0; i < ENTITY_COUNT; i++)
        run->counts[i] += r->redactor.counts[i];
    cJSON *old = list->child;
    list->child = run->words_out->child;
    run->words_out->child = old;
    cJSON_Delete(run->words_out);
    free(r);
}

status redaction_json_line(const char *line, size_t n, const char *const *fields,
                           size_t n_fields, const redact_policy *policy, buf *out,
                           uint64_t *counts, diag *d) {
    cJSON *root = NULL;
    status s = json_parse(line, n, &root, d);
    if (s != OK)
        return s;
    json_run run = {
        .fields = fields, .n_fields = n_fields, .policy = policy, .counts = counts};
    cJSON *stack[CJSON_NESTING_LIMIT + 1], *at = root;
    size_t depth = 0;
    while (at && !run.failed) { /* depth first */
        bool words = is_words(at);
        if (words)
            redact_words(&run, at);
        else if (cJSON_IsString(at) && is_named(&run, at))
            redact_string(&run, at);
        if (at->child && !words) {
            stack[depth++] = at;
            at = at->child;
            continue;
        }
        while (!at->next && depth > 0)
            at = stack[--depth];
        at = depth > 0 ? at->next : NULL;
    }
    char *text = run.failed ? NULL : cJSON_PrintUnformatted(root);
    if (text)
        buf_add_text(out, text);
    cJSON_free(text);
    cJSON_Delete(root);
    return text && !out->failed ? OK : diag_set(d, ERR_MEMORY, "no memory");
}

/* ---- subtitles ---- */

/* One line of the file: kept as it is, or words of a cue. */
typedef struct {
    const char *text;
    size_t n;
    bool words;
    uint64_t at; /* of its words, among all words */
    buf out;
} cue_line;

typedef struct {
    cue_line *lines; /* [n] */
    size_t n, now;   /* the line that is being written */
} cue_file;

static bool has_arrow(const char *text, size_t n) {
    for (size_t i = 0; i + 3 <= n; i++)
        if (memcmp(text + i, "-->", 3) == 0)
            return true;
    return false;
}

/* Cuts the file into lines; words are what follows a line with --> up to an empty one. */
static bool cut_lines(const char *text, size_t n, cue_file *out) {
    size_t count = 1;
    for (size_t i = 0; i < n; i++)
        count += text[i] == '\n';
    out->lines = calloc(count, sizeof *out->lines);
    if (!out->lines)
        return false;
    bool words = false;
    uint64_t at = 0;
    for (size_t from = 0; from < n;) {
        const char *end = memchr(text + from, '\n', n - from);
        size_t bytes = end ? (size_t)(end - text) - from + 1 : n - from;
        cue_line *line = &out->lines[out->n++];
        line->text = text + from;
        line->n = bytes;
        bool empty = bytes == 1 || (bytes == 2 && text[from] == '\r');
        bool arrow = has_arrow(line->text, bytes);
        line->words = words && !empty && !arrow;
        words = arrow || line->words;
        line->at = at;
        at += line->words ? bytes : 0;
        buf_init(&line->out, 4 * bytes + 4096);
        from += bytes;
    }
    return true;
}

/* Plain text goes where it came from, what replaces an entity to where that began. */
static void put_cue(void *to, const redact_piece *piece) {
    cue_file *f = to;
    bool plain = piece->class == ENTITY_NONE;
    for (size_t i = 0; i < (plain ? piece->n : 1); i++) {
        uint64_t at = piece->source + i;
        while (f->now < f->n && (!f->lines[f->now].words ||
                                 at >= f->lines[f->now].at + f->lines[f->now].n))
            f->now++;
        buf *out = &f->lines[f->now].out;
        buf_add(out, piece->text + i, plain ? 1 : piece->n);
    }
}

status redaction_subtitles(const char *file, size_t n, const redact_policy *policy,
                           buf *out, uint64_t *counts, diag *d) {
    cue_file f = {0};
    if (!cut_lines(file, n, &f))
        return diag_set(d, ERR_MEMORY, "no memory");
    redactor r;
    redact_init(&r, policy);
    for (size_t i = 0; i < f.n; i++)
        if (f.lines[i].words)
            redact_push(&r, private_text_of(f.lines[i].text, f.lines[i].n), put_cue, &f);
    redact_finish(&r, put_cue, &f);
    bool failed = false;
    for (size_t i = 0; i < f.n; i++) {
        const cue_line *line = &f.lines[i];
        failed |= line->out.failed;
        if (line->words) {
            buf_add(out, line->out.data, line->out.size);
            bool ended = line->out.size > 0 && line->out.data[line->out.size - 1] == '\n';
            if (!ended && line->text[line->n - 1] == '\n')
                buf_add_text(out, "\n"); /* the line feed was inside an entity */
        } else {
            buf_add(out, line->text, line->n);
        }
        buf_deinit(&f.lines[i].out);
    }
    free(f.lines);
    for (size_t i = 0; i < ENTITY_COUNT; i++)
        counts[i] += r.counts[i];
    return failed || out->failed ? diag_set(d, ERR_MEMORY, "no memory") : OK;
}
