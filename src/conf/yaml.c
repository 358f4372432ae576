/* The parser's events are folded into our own tree instead of libfyaml's: ours keeps
 * aliases as shared nodes (its resolver copies them, so a few lines of nested aliases
 * would fill memory), refuses what it cannot mean, and frees in one pass. */
#include "conf/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <libfyaml.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/limits.h"

enum {
    DEPTH_MAX = 64,    /* open maps and lists; people write five */
    NODES_MAX = 20000, /* keeps the search for duplicate keys short */
    ANCHORS_MAX = 256
};

struct yaml_node {
    yaml_kind kind;
    int line, column; /* 1-based */
    const yaml_document *doc;
    yaml_node *next; /* every node of the document, for freeing */
    char *text;      /* scalars */
    bool plain;      /* scalars: not quoted, so null and true mean something */
    size_t size, capacity;
    yaml_node **values; /* [size] */
    yaml_node **keys;   /* [size] scalars; maps only */
};

struct yaml_document {
    char name[256];
    yaml_node *root;
    yaml_node *nodes;
    size_t n_nodes;
};

/* State of one load. */
typedef struct {
    yaml_document *doc;
    diag *d;
    struct {
        yaml_node *node;
        yaml_node *key; /* maps: the key whose value comes next */
    } open[DEPTH_MAX];
    size_t depth;
    struct {
        char *name;
        yaml_node *node;
    } anchors[ANCHORS_MAX];
    size_t n_anchors;
    unsigned documents;
} builder;

static status fail_at(builder *b, const struct fy_mark *mark, status code,
                      const char *text) {
    diag_at(b->d, b->doc->name, mark ? mark->line + 1 : 0, mark ? mark->column + 1 : 0);
    return diag_set(b->d, code, "%s", text);
}

static yaml_node *new_node(builder *b, yaml_kind kind, const struct fy_mark *mark) {
    yaml_node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->kind = kind;
    node->doc = b->doc;
    node->line = mark ? mark->line + 1 : 0;
    node->column = mark ? mark->column + 1 : 0;
    node->next = b->doc->nodes;
    b->doc->nodes = node;
    b->doc->n_nodes++;
    return node;
}

static bool grow(yaml_node *parent) {
    if (parent->size < parent->capacity)
        return true;
    size_t capacity = parent->capacity ? parent->capacity * 2 : 4;
    yaml_node **values = realloc(parent->values, capacity * sizeof *values);
    if (!values)
        return false;
    parent->values = values;
    if (parent->kind == YAML_MAP) {
        yaml_node **keys = realloc(parent->keys, capacity * sizeof *keys);
        if (!keys)
            return false;
        parent->keys = keys;
    }
    parent->capacity = capacity;
    return true;
}

/* Hangs a finished or just opened node into the innermost open one. */
static status attach(builder *b, yaml_node *node, const struct fy_mark *mark) {
    if (b->depth == 0) {
        b->doc->root = node;
        return OK;
    }
    yaml_node *parent = b->open[b->depth - 1].node;
    if (parent->kind == YAML_MAP && !b->open[b->depth - 1].key) {
        if (node->kind != YAML_SCALAR)
            return fail_at(b, mark, ERR_SYNTAX, "a key must be plain text");
        if (yaml_get(parent, node->text)) {
            diag_at(b->d, b->doc->name, mark ? mark->line + 1 : 0,
                    mark ? mark->column + 1 : 0);
            return diag_field(b->d, ERR_INVALID, node->text, "this key is there twice");
        }
        b->open[b->depth - 1].key = node;
        return OK;
    }
    if (!grow(parent))
        return diag_set(b->d, ERR_MEMORY, "no memory for the file's contents");
    if (parent->kind == YAML_MAP) {
        parent->keys[parent->size] = b->open[b->depth - 1].key;
        b->open[b->depth - 1].key = NULL;
    }
    parent->values[parent->size++] = node;
    return OK;
}

static char *copy_token(struct fy_token *token, bool *out_has_nul) {
    size_t n = 0;
    const char *text = token ? fy_token_get_text(token, &n) : "";
    *out_has_nul = false;
    if (!text)
        return NULL;
    *out_has_nul = memchr(text, '\0', n) != NULL;
    char *copy = malloc(n + 1);
    if (copy) {
        memcpy(copy, text, n);
        copy[n] = '\0';
    }
    return copy;
}

/* Maps and lists are remembered when they open; on_alias refuses those still open, so
 * that no node ever contains itself. */
static status remember_anchor(builder *b, struct fy_token *token, yaml_node *node) {
    if (!token)
        return OK;
    if (b->n_anchors == ANCHORS_MAX)
        return fail_at(b, fy_token_start_mark(token), ERR_LIMIT, "more than 256 anchors");
    bool has_nul;
    char *name = copy_token(token, &has_nul);
    if (!name)
        return diag_set(b->d, ERR_MEMORY, "no memory for the file's contents");
    b->anchors[b->n_anchors].name = name;
    b->anchors[b->n_anchors++].node = node;
    return OK;
}

static status on_scalar(builder *b, struct fy_event *event) {
    struct fy_token *token = fy_event_get_token(event);
    const struct fy_mark *where = fy_event_start_mark(event);
    struct fy_mark mark = where ? *where : (struct fy_mark){0};
    bool plain = !token || fy_token_scalar_style(token) == FYSS_PLAIN;
    if (!plain && mark.column > 0)
        mark.column--; /* libfyaml points behind the quote */
    yaml_node *node = new_node(b, YAML_SCALAR, &mark);
    if (!node)
        return diag_set(b->d, ERR_MEMORY, "no memory for the file's contents");
    bool has_nul;
    node->text = copy_token(token, &has_nul);
    if (!node->text)
        return fail_at(b, &mark, ERR_SYNTAX, "this text cannot be read");
    if (has_nul)
        return fail_at(b, &mark, ERR_INVALID, "text with a zero byte is refused");
    node->plain = plain;
    status s = attach(b, node, &mark);
    return s == OK ? remember_anchor(b, fy_event_get_anchor_token(event), node) : s;
}

static status on_open(builder *b, struct fy_event *event, yaml_kind kind) {
    const struct fy_mark *mark = fy_event_start_mark(event);
    if (b->depth == DEPTH_MAX)
        return fail_at(b, mark, ERR_LIMIT, "nested deeper than 64 levels");
    yaml_node *node = new_node(b, kind, mark);
    if (!node)
        return diag_set(b->d, ERR_MEMORY, "no memory for the file's contents");
    status s = attach(b, node, mark);
    if (s != OK)
        return s;
    b->open[b->depth].key = NULL;
    b->open[b->depth++].node = node;
    return remember_anchor(b, fy_event_get_anchor_token(event), node);
}

static status on_alias(builder *b, struct fy_event *event) {
    const struct fy_mark *mark = fy_event_start_mark(event);
    bool has_nul;
    char *name = copy_token(fy_event_get_token(event), &has_nul);
    if (!name)
        return diag_set(b->d, ERR_MEMORY, "no memory for the file's contents");
    yaml_node *node = NULL;
    for (size_t i = b->n_anchors; i-- > 0 && !node;)
        if (strcmp(b->anchors[i].name, name) == 0)
            node = b->anchors[i].node;
    free(name);
    if (!node)
        return fail_at(b, mark, ERR_INVALID, "no anchor of this name stands before");
    for (size_t i = 0; i < b->depth; i++)
        if (b->open[i].node == node)
            return fail_at(b, mark, ERR_INVALID, "this alias would contain itself");
    return attach(b, node, mark);
}

static status on_event(builder *b, struct fy_event *event) {
    if (b->doc->n_nodes >= NODES_MAX)
        return fail_at(b, fy_event_start_mark(event), ERR_LIMIT,
                       "more than 20000 keys and values");
    switch (event->type) {
    case FYET_DOCUMENT_START:
        if (++b->documents > 1)
            return fail_at(b, fy_event_start_mark(event), ERR_INVALID,
                           "a second document; only one is allowed in a file");
        return OK;
    case FYET_SCALAR:
        return on_scalar(b, event);
    case FYET_SEQUENCE_START:
        return on_open(b, event, YAML_LIST);
    case FYET_MAPPING_START:
        return on_open(b, event, YAML_MAP);
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
        ASSERT(b->depth > 0);
        b->depth--;
        return OK;
    case FYET_ALIAS:
        return on_alias(b, event);
    default:
        return OK;
    }
}

/* libfyaml's own complaint about the text, with its place. */
static status syntax_error(builder *b, struct fy_diag *parser_diag) {
    void *iterator = NULL;
    struct fy_diag_error *error = fy_diag_errors_iterate(parser_diag, &iterator);
    if (!error) {
        diag_at(b->d, b->doc->name, 0, 0);
        return diag_set(b->d, ERR_SYNTAX, "not well-formed YAML");
    }
    diag_at(b->d, b->doc->name, error->line > 0 ? error->line : 0,
            error->column > 0 ? error->column : 0);
    return diag_set(b->d, ERR_SYNTAX, "not well-formed YAML: %s", error->msg);
}

static status build(builder *b, const char *text, size_t n) {
    struct fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    struct fy_diag *parser_diag = fy_diag_create(&diag_config);
    if (!parser_diag)
        return diag_set(b->d, ERR_MEMORY, "no memory for the YAML parser");
    fy_diag_set_collect_errors(parser_diag, true);
    struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG |
                                           FYPCF_JSON_NONE | FYPCF_DISABLE_MMAP_OPT,
                                  .diag = parser_diag};
    struct fy_parser *parser = fy_parser_create(&config);
    status s = OK;
    if (!parser || fy_parser_set_string(parser, text, n) != 0)
        s = diag_set(b->d, ERR_MEMORY, "no memory for the YAML parser");
    struct fy_event *event;
    while (s == OK && (event = fy_parser_parse(parser)) != NULL) {
        s = on_event(b, event);
        fy_parser_event_free(parser, event);
    }
    if (s == OK && fy_parser_get_stream_error(parser))
        s = syntax_error(b, parser_diag);
    if (parser)
        fy_parser_destroy(parser);
    fy_diag_destroy(parser_diag);
    return s;
}

/* Bytes of the character at s[n], 0 when it is not UTF-8 or a control character. */
static size_t character_bytes(const unsigned char *s, size_t n) {
    if (s[0] < 0x80)
        return s[0] >= 0x20 || s[0] == '\n' || s[0] == '\r' || s[0] == '\t' ? 1 : 0;
    size_t length = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || n < length)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    bool outside = (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF4 && s[1] > 0x8F);
    return overlong || outside ? 0 : length;
}

/* What libfyaml 0.7 does not survive, found by fuzzing: bytes that are not UTF-8 make it
 * loop for ever inside a directive. Directives themselves nobody needs. */
static status check_text(const char *name, const char *text, size_t n, diag *d) {
    int line = 1;
    size_t line_start = 0;
    for (size_t i = 0; i < n;) {
        size_t length = character_bytes((const unsigned char *)text + i, n - i);
        const char *wrong = NULL;
        if (length == 0)
            wrong = "a byte that is not UTF-8 text";
        else if (i == line_start && text[i] == '%')
            wrong = "YAML directives (lines that start with %) are not supported";
        if (wrong) {
            diag_at(d, name, line, (int)(i - line_start) + 1);
            return diag_set(d, ERR_SYNTAX, "%s", wrong);
        }
        i += length;
        if (text[i - 1] == '\n') {
            line++;
            line_start = i;
        }
    }
    return OK;
}

status yaml_load_text(const char *text, size_t n, const char *name, yaml_document **out,
                      diag *d) {
    if (n > LIMIT_CONFIG_BYTES) {
        diag_at(d, name, 0, 0);
        return diag_set(d, ERR_LIMIT, "larger than %u bytes", LIMIT_CONFIG_BYTES);
    }
    status s = check_text(name, text, n, d);
    if (s != OK)
        return s;
    yaml_document *doc = calloc(1, sizeof *doc);
    builder *b = calloc(1, sizeof *b);
    s = doc && b ? OK : diag_set(d, ERR_MEMORY, "no memory for the file");
    if (s == OK) {
        snprintf(doc->name, sizeof doc->name, "%s", name);
        b->doc = doc;
        b->d = d;
        if (n > 0) /* libfyaml reads the length 0 as "up to the terminator" */
            s = build(b, text, n);
        for (size_t i = 0; i < b->n_anchors; i++)
            free(b->anchors[i].name);
    }
    free(b);
    if (s != OK) {
        yaml_destroy(doc);
        return s;
    }
    *out = doc;
    return OK;
}

/* The whole of a regular file of bounded size. *out is malloc'ed. */
static status read_whole(const char *path, char **out, size_t *out_n, diag *d) {
    diag_at(d, path, 0, 0);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        status s = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
        diag_set(d, s, "cannot be read: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return s;
    }
    buf text;
    buf_init(&text, LIMIT_CONFIG_BYTES);
    char chunk[8192];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof chunk)) > 0 && !text.failed)
        buf_add(&text, chunk, (size_t)got);
    int error = errno;
    close(fd);
    status s = OK;
    if (got < 0)
        s = diag_set(d, ERR_IO, "cannot be read: %s", strerror(error));
    else if (text.failed)
        s = diag_set(d, ERR_LIMIT, "larger than %u bytes", LIMIT_CONFIG_BYTES);
    if (s != OK) {
        buf_deinit(&text);
        return s;
    }
    *out_n = text.size;
    *out = (char *)text.data; /* taken: the buffer is not released here */
    return OK;
}

status yaml_load_file(const char *path, yaml_document **out, diag *d) {
    char *text = NULL;
    size_t n = 0;
    status s = read_whole(path, &text, &n, d);
    if (s == OK)
        s = yaml_load_text(text ? text : "", n, path, out, d);
    free(text);
    return s;
}

void yaml_destroy(yaml_document *doc) {
    if (!doc)
        return;
    for (yaml_node *node = doc->nodes, *next; node; node = next) {
        next = node->next;
        free(node->text);
        free(node->values);
        free(node->keys);
        free(node);
    }
    free(doc);
}

const yaml_node *yaml_root(const yaml_document *doc) {
    return doc->root;
}

yaml_kind yaml_kind_of(const yaml_node *node) {
    return node->kind;
}

size_t yaml_size(const yaml_node *node) {
    return node->size;
}

const yaml_node *yaml_item(const yaml_node *list_or_map, size_t i) {
    ASSERT(i < list_or_map->size);
    return list_or_map->values[i];
}

const char *yaml_key(const yaml_node *map, size_t i) {
    ASSERT(map->kind == YAML_MAP);
    ASSERT(i < map->size);
    return map->keys[i]->text;
}

const yaml_node *yaml_key_node(const yaml_node *map, size_t i) {
    ASSERT(map->kind == YAML_MAP);
    ASSERT(i < map->size);
    return map->keys[i];
}

const yaml_node *yaml_get(const yaml_node *map, const char *key) {
    if (map->kind != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->size; i++)
        if (strcmp(map->keys[i]->text, key) == 0)
            return map->values[i];
    return NULL;
}

static bool is_null(const yaml_node *scalar) {
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; scalar->plain && i < sizeof words / sizeof words[0]; i++)
        if (strcmp(scalar->text, words[i]) == 0)
            return true;
    return false;
}

const char *yaml_text(const yaml_node *scalar) {
    return scalar->kind == YAML_SCALAR && !is_null(scalar) ? scalar->text : "";
}

void yaml_at(const yaml_node *node, diag *d) {
    diag_at(d, node->doc->name, node->line, node->column);
}

static status wrong(const yaml_node *n, const char *field, diag *d, const char *wanted) {
    yaml_at(n, d);
    return diag_field(d, ERR_INVALID, field, "needs %s", wanted);
}

status yaml_number(const yaml_node *n, const char *field, double min, double max,
                   double *out, diag *d) {
    const char *text = yaml_text(n);
    char *end;
    double value = strtod(text, &end);
    /* strtod also takes hexadecimal, inf and nan, which nobody means here */
    if (!*text || *end || text[strspn(text, "0123456789+-.eE")] || !isfinite(value))
        return wrong(n, field, d, "a number");
    if (!(value >= min && value <= max)) {
        yaml_at(n, d);
        return diag_field(d, ERR_INVALID, field, "is %.15g; must be from %.15g to %.15g",
                          value, min, max);
    }
    *out = value;
    return OK;
}

status yaml_integer(const yaml_node *n, const char *field, int64_t min, int64_t max,
                    int64_t *out, diag *d) {
    const char *text = yaml_text(n);
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (!*text || *end || text[strspn(text, "0123456789+-")] || errno)
        return wrong(n, field, d, "a whole number");
    if (value < min || value > max) {
        yaml_at(n, d);
        return diag_field(d, ERR_INVALID, field, "is %lld; must be from %lld to %lld",
                          value, (long long)min, (long long)max);
    }
    *out = value;
    return OK;
}

status yaml_bool(const yaml_node *n, const char *field, bool *out, diag *d) {
    const char *text = yaml_text(n);
    bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0)
        return wrong(n, field, d, "true or false");
    *out = yes;
    return OK;
}

status yaml_string(const yaml_node *n, const char *field, char *out, size_t size,
                   diag *d) {
    ASSERT(size > 0);
    if (n->kind != YAML_SCALAR)
        return wrong(n, field, d,
                     n->kind == YAML_MAP ? "a text, not a map" : "a text, not a list");
    const char *text = yaml_text(n);
    if (strlen(text) >= size) {
        yaml_at(n, d);
        return diag_field(d, ERR_LIMIT, field, "longer than %zu bytes", size - 1);
    }
    memcpy(out, text, strlen(text) + 1);
    return OK;
}

status yaml_only_keys(const yaml_node *map, const char *const *keys, size_t n, diag *d) {
    if (map->kind != YAML_MAP) {
        yaml_at(map, d);
        return diag_set(d, ERR_INVALID, "needs a map of keys and values");
    }
    for (size_t i = 0; i < map->size; i++) {
        const char *key = map->keys[i]->text;
        size_t k = 0;
        while (k < n && strcmp(keys[k], key) != 0)
            k++;
        if (k < n)
            continue;
        yaml_at(map->keys[i], d);
        const char *nearest = diag_nearest(key, keys, n);
        if (nearest)
            return diag_field(d, ERR_INVALID, key, "unknown key; did you mean %s?",
                              nearest);
        return diag_field(d, ERR_INVALID, key, "unknown key");
    }
    return OK;
}
