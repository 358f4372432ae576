#include "serve/registry/manifest.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "conf/yaml.h"
#include "serve/registry/hash.h"

#define TRY(expression)                                                                  \
    do {                                                                                 \
        status try_status = (expression);                                                \
        if (try_status != OK)                                                            \
            return try_status;                                                           \
    } while (0)

/* Puts the place of node (or of its map, when node is absent) and the field in d. */
static status complain(const yaml_node *node, diag *d, const char *field,
                       const char *what) {
    if (node)
        yaml_at(node, d);
    return diag_field(d, ERR_INVALID, field, "%s", what);
}

static status read_text(const yaml_node *map, const char *key, bool required, char *out,
                        size_t size, diag *d) {
    const yaml_node *node = yaml_get(map, key);
    if (!node) {
        out[0] = '\0';
        return required ? complain(map, d, key, "missing; a manifest must say it") : OK;
    }
    TRY(yaml_string(node, key, out, size, d));
    if (required && out[0] == '\0')
        return complain(node, d, key, "empty; a manifest must say it");
    return OK;
}

/* Names become program and file names: letters, digits, '-', '_' and '.' inside. */
static bool plain_name(const char *s) {
    if (*s == '.' || *s == '-')
        return false;
    for (; *s; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || *s == '-' ||
              *s == '_' || *s == '.'))
            return false;
    return true;
}

/* No "." or ".." component and no empty one: a path stays where it says. */
static bool plain_path(const char *s) {
    if (*s == '/')
        s++;
    for (;;) {
        size_t n = strcspn(s, "/");
        if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
            return false;
        if (s[n] == '\0')
            return true;
        s += n + 1;
    }
}

static status read_file_entry(const yaml_node *node, model_file *out, diag *d) {
    static const char *const keys[] = {"path", "sha256", "bytes"};
    if (yaml_kind_of(node) != YAML_MAP)
        return complain(node, d, "files", "each file is a map of path, sha256, bytes");
    TRY(yaml_only_keys(node, keys, sizeof keys / sizeof *keys, d));
    TRY(read_text(node, "path", true, out->path, sizeof out->path, d));
    if (!plain_path(out->path))
        return complain(yaml_get(node, "path"), d, "files.path",
                        "must be plain: no empty, '.' or '..' component");
    TRY(read_text(node, "sha256", true, out->sha256, sizeof out->sha256, d));
    if (strlen(out->sha256) != 64 || strspn(out->sha256, "0123456789abcdef") != 64)
        return complain(yaml_get(node, "sha256"), d, "files.sha256",
                        "must be 64 lower-case hexadecimal digits");
    int64_t bytes = 0;
    const yaml_node *size = yaml_get(node, "bytes");
    if (!size)
        return complain(node, d, "files.bytes", "missing; a manifest must say it");
    TRY(yaml_integer(size, "files.bytes", 0, INT64_C(1) << 40, &bytes, d));
    out->bytes = (uint64_t)bytes;
    return OK;
}

static status read_files(const yaml_node *root, model_manifest *out, diag *d) {
    const yaml_node *list = yaml_get(root, "files");
    if (!list || yaml_kind_of(list) != YAML_LIST || yaml_size(list) == 0)
        return complain(list ? list : root, d, "files",
                        "must be a list of at least one file");
    if (yaml_size(list) > MANIFEST_FILES_MAX)
        return complain(list, d, "files", "more files than a manifest may list (16)");
    for (size_t i = 0; i < yaml_size(list); i++)
        TRY(read_file_entry(yaml_item(list, i), &out->files[i], d));
    out->n_files = yaml_size(list);
    return OK;
}

static status read_settings(const yaml_node *root, model_manifest *out, diag *d) {
    const yaml_node *map = yaml_get(root, "settings");
    if (!map)
        return OK;
    if (yaml_kind_of(map) != YAML_MAP)
        return complain(map, d, "settings", "must be a map of key: value");
    if (yaml_size(map) > MANIFEST_SETTINGS_MAX)
        return complain(map, d, "settings",
                        "more settings than a manifest may have (32)");
    for (size_t i = 0; i < yaml_size(map); i++) {
        model_setting *s = &out->settings[i];
        const char *key = yaml_key(map, i);
        if (strlen(key) >= sizeof s->key || !plain_name(key))
            return complain(yaml_item(map, i), d, "settings",
                            "a key has at most 47 of a-z, 0-9, '-', '_', '.'");
        snprintf(s->key, sizeof s->key, "%s", key);
        TRY(yaml_string(yaml_item(map, i), key, s->value, sizeof s->value, d));
        diag place = DIAG_INIT;
        yaml_at(yaml_item(map, i), &place);
        s->line = (unsigned)place.line;
    }
    out->n_settings = yaml_size(map);
    return OK;
}

static status read_languages(const yaml_node *root, model_manifest *out, diag *d) {
    const yaml_node *list = yaml_get(root, "languages");
    if (!list)
        return OK; /* a VAD has none */
    if (yaml_kind_of(list) != YAML_LIST || yaml_size(list) > MANIFEST_LANGUAGES_MAX)
        return complain(list, d, "languages", "must be a list of at most 16 tags");
    for (size_t i = 0; i < yaml_size(list); i++)
        TRY(yaml_string(yaml_item(list, i), "languages", out->languages[i],
                        sizeof out->languages[i], d));
    out->n_languages = yaml_size(list);
    return OK;
}

static status read_numbers(const yaml_node *root, model_manifest *out, diag *d) {
    int64_t value = 0;
    const yaml_node *node = yaml_get(root, "sample_rate_hz");
    if (!node)
        return complain(root, d, "sample_rate_hz", "missing; a manifest must say it");
    TRY(yaml_integer(node, "sample_rate_hz", LIMIT_CLIENT_RATE_MIN_HZ,
                     LIMIT_CLIENT_RATE_MAX_HZ, &value, d));
    out->sample_rate_hz = (uint32_t)value;
    out->slots_per_thread = 1;
    if ((node = yaml_get(root, "slots_per_thread"))) {
        TRY(yaml_integer(node, "slots_per_thread", 1, LIMIT_WORKER_SLOTS, &value, d));
        out->slots_per_thread = (unsigned)value;
    }
    if ((node = yaml_get(root, "slots_max"))) {
        TRY(yaml_integer(node, "slots_max", 1, LIMIT_WORKER_SLOTS, &value, d));
        out->slots_max = (unsigned)value;
    }
    if ((node = yaml_get(root, "two_pass")))
        TRY(yaml_bool(node, "two_pass", &out->two_pass, d));
    return OK;
}

static status read_root(const yaml_node *root, model_manifest *out, diag *d) {
    static const char *const keys[] = {
        "name",           "version",          "kind",      "engine",
        "licence",        "source",           "get",       "languages",
        "sample_rate_hz", "two_pass",         "settings",  "feature_contract",
        "files",          "slots_per_thread", "slots_max", "model_dir"};
    if (!root || yaml_kind_of(root) != YAML_MAP)
        return complain(root, d, "", "a manifest is a map: name, version, kind, ...");
    TRY(yaml_only_keys(root, keys, sizeof keys / sizeof *keys, d));
    TRY(read_text(root, "name", true, out->name, sizeof out->name, d));
    if (!plain_name(out->name))
        return complain(yaml_get(root, "name"), d, "name",
                        "may have a-z, 0-9 and inside '-', '_', '.'");
    TRY(read_text(root, "version", true, out->version, sizeof out->version, d));
    TRY(read_text(root, "kind", true, out->kind, sizeof out->kind, d));
    bool vad = strcmp(out->kind, "vad") == 0;
    if (strcmp(out->kind, "asr") != 0 && strcmp(out->kind, "tts") != 0 && !vad)
        return complain(yaml_get(root, "kind"), d, "kind", "must be asr, tts or vad");
    TRY(read_text(root, "engine", !vad, out->engine, sizeof out->engine, d));
    if (!plain_name(out->engine))
        return complain(yaml_get(root, "engine"), d, "engine",
                        "may have a-z, 0-9 and inside '-', '_', '.'");
    TRY(read_text(root, "licence", true, out->licence, sizeof out->licence, d));
    TRY(read_text(root, "source", true, out->source, sizeof out->source, d));
    TRY(read_text(root, "get", true, out->get, sizeof out->get, d));
    TRY(read_text(root, "feature_contract", true, out->feature_contract,
                  sizeof out->feature_contract, d));
    TRY(read_text(root, "model_dir", false, out->model_dir, sizeof out->model_dir, d));
    if (out->model_dir[0] && (out->model_dir[0] != '/' || !plain_path(out->model_dir)))
        return complain(yaml_get(root, "model_dir"), d, "model_dir",
                        "must be absolute, without '.' or '..'");
    TRY(read_numbers(root, out, d));
    TRY(read_languages(root, out, d));
    TRY(read_files(root, out, d));
    return read_settings(root, out, d);
}

static status fill_folders(const char *cache_dir, model_manifest *out, diag *d) {
    if (cache_dir[0] != '/' ||
        strlen(cache_dir) + sizeof "/models" > sizeof out->model_dir)
        return diag_field(d, ERR_INVALID, "models.cache_dir",
                          "must be an absolute path of at most %zu bytes",
                          sizeof out->model_dir - sizeof "/models");
    snprintf(out->cache_dir, sizeof out->cache_dir, "%s", cache_dir);
    size_t n = strlen(cache_dir);
    if (out->model_dir[0] == '\0') {
        memcpy(out->model_dir, cache_dir, n);
        memcpy(out->model_dir + n, "/models", sizeof "/models");
    }
    return OK;
}

static status finish_parse(yaml_document *doc, const char *text, size_t n,
                           const char *cache_dir, model_manifest *out, diag *d) {
    model_manifest *m = calloc(1, sizeof *m); /* outputs stay untouched on failure */
    if (!m)
        return diag_set(d, ERR_MEMORY, "no memory for a manifest");
    status s = read_root(yaml_root(doc), m, d);
    if (s == OK)
        s = fill_folders(cache_dir, m, d);
    if (s == OK) {
        hash_bytes(text, n, m->hash);
        diag place = DIAG_INIT;
        yaml_at(yaml_root(doc), &place);
        snprintf(m->path, sizeof m->path, "%s", place.file);
        *out = *m;
    }
    free(m);
    return s;
}

status manifest_parse(const char *text, size_t n, const char *name, const char *cache_dir,
                      model_manifest *out, diag *d) {
    yaml_document *doc = NULL;
    TRY(yaml_load_text(text, n, name, &doc, d));
    status s = finish_parse(doc, text, n, cache_dir, out, d);
    yaml_destroy(doc);
    if (s != OK && d && d->file[0] == '\0')
        diag_at(d, name, d->line, d->column);
    return s;
}

status manifest_read(const char *path, const char *cache_dir, model_manifest *out,
                     diag *d) {
    FILE *file = fopen(path, "re");
    if (!file) {
        diag_at(d, path, 0, 0);
        return diag_set(d, ERR_NOT_FOUND, "cannot open the manifest");
    }
    buf text;
    buf_init(&text, LIMIT_CONFIG_BYTES);
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, file)) > 0 && !text.failed)
        buf_add(&text, piece, n);
    bool broken = ferror(file) != 0;
    fclose(file);
    status s;
    if (broken || text.failed) {
        diag_at(d, path, 0, 0);
        s = diag_set(d, broken ? ERR_IO : ERR_LIMIT,
                     broken ? "cannot read the manifest"
                            : "a manifest has at most 1 MiB");
    } else {
        s = manifest_parse(buf_text(&text), text.size, path, cache_dir, out, d);
    }
    buf_deinit(&text);
    return s;
}

static int is_yaml(const struct dirent *entry) {
    size_t n = strlen(entry->d_name);
    return entry->d_name[0] != '.' && n > 5 &&
           strcmp(entry->d_name + n - 5, ".yaml") == 0;
}

status manifest_read_all(const char *folder, const char *cache_dir, model_manifest *out,
                         size_t max, size_t *out_n, diag *d) {
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_yaml, alphasort);
    if (n < 0) {
        diag_at(d, folder, 0, 0);
        return diag_set(d, ERR_NOT_FOUND, "cannot read the folder of model manifests");
    }
    status s = OK;
    size_t count = 0;
    for (int i = 0; i < n && s == OK; i++) {
        char path[512];
        int length = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (count == max)
            s = diag_set(d, ERR_LIMIT, "more than %zu model manifests in %s", max,
                         folder);
        else if (length < 0 || (size_t)length >= sizeof path)
            s = diag_set(d, ERR_LIMIT, "a path in %s is too long", folder);
        else
            s = manifest_read(path, cache_dir, &out[count], d);
        if (s == OK && manifest_find(out, count, out[count].name)) {
            diag_at(d, path, 0, 0);
            s = diag_field(d, ERR_EXISTS, "name", "two manifests are called %s",
                           out[count].name);
        }
        count++;
    }
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    if (s == OK)
        *out_n = count;
    return s;
}

const model_manifest *manifest_find(const model_manifest *list, size_t n,
                                    const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

/* text has key as a word of its own. */
static bool names_key(const char *text, const char *key) {
    static const char inside[] = "abcdefghijklmnopqrstuvwxyz0123456789_-.";
    size_t n = strlen(key);
    for (const char *at = text; (at = strstr(at, key)); at++) {
        bool begins = at == text || !strchr(inside, at[-1]);
        if (begins && (at[n] == '\0' || !strchr(inside, at[n])))
            return true;
    }
    return false;
}

char *manifest_place(const model_manifest *m, const char *text, char *out, size_t size) {
    for (size_t i = 0; i < m->n_settings; i++) {
        if (!names_key(text, m->settings[i].key))
            continue;
        snprintf(out, size, "%s:%u: %s", m->path, m->settings[i].line, text);
        return out;
    }
    snprintf(out, size, "%s: %s", m->path, text);
    return out;
}

char *manifest_file_path(const model_manifest *m, const model_file *f, char *out,
                         size_t size) {
    if (f->path[0] == '/')
        snprintf(out, size, "%s", f->path);
    else
        snprintf(out, size, "%s/%s", m->cache_dir, f->path);
    return out;
}

status manifest_verify(const model_manifest *m, diag *d) {
    for (size_t i = 0; i < m->n_files; i++) {
        char path[512];
        manifest_file_path(m, &m->files[i], path, sizeof path);
        status s = hash_file_is(path, m->files[i].bytes, m->files[i].sha256);
        if (s == OK)
            continue;
        diag_at(d, path, 0, 0);
        const char *what = s == ERR_NOT_FOUND   ? "is missing"
                           : s == ERR_INTEGRITY ? "is not the file its manifest names"
                                                : "cannot be read";
        return diag_set(d, s, "a file of model %s %s; get it with: %s", m->name, what,
                        m->get);
    }
    return OK;
}
