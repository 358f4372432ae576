#include "serve/tenant/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/limits.h"
#include "serve/registry/hash.h"

#define KEYS_MAX 10000 /* what LIMIT_CONFIG_BYTES of lines can hold */

typedef struct {
    char tenant[64];
    char hash[65]; /* of the key, lower-case hex */
    uint32_t max_sessions, open;
} key_entry;

struct keyring {
    bool anyone; /* no file: whoever asks is "development" */
    key_entry *entries;
    size_t n;
};

bool key_name_valid(const char *name) {
    size_t n = strlen(name);
    if (n == 0 || n >= sizeof((key_entry *)0)->tenant)
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789._-") == n;
}

static bool is_hash(const char *hex) {
    return strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64;
}

/* Takes the same time wherever the two differ. */
static bool same_hash(const char *a, const char *b) {
    unsigned differing = 0;
    for (size_t i = 0; i < 64; i++)
        differing |= (unsigned)(a[i] ^ b[i]);
    return differing == 0;
}

/* One line without comment and line end; an empty one leaves *out_n as it is. */
static status read_line(char *line, keyring *k, diag *d) {
    char *save = NULL;
    const char *name = strtok_r(line, " \t\r", &save);
    if (!name)
        return OK;
    key_entry e = {.open = 0};
    if (!key_name_valid(name))
        return diag_set(d, ERR_SYNTAX,
                        "a line starts with a name of letters, digits, '.', '_' and '-', "
                        "at most 63 of them");
    memcpy(e.tenant, name, strlen(name) + 1);
    const char *hash = strtok_r(NULL, " \t\r", &save);
    if (!hash || strncmp(hash, "sha256:", 7) != 0 || !is_hash(hash + 7))
        return diag_set(d, ERR_SYNTAX,
                        "after the name comes sha256: and 64 lower-case hex digits; "
                        "`rostrum key new NAME` prints such a line");
    memcpy(e.hash, hash + 7, sizeof e.hash);
    const char *option;
    while ((option = strtok_r(NULL, " \t\r", &save))) {
        char *end = NULL;
        unsigned long sessions = 0;
        if (strncmp(option, "sessions=", 9) == 0 && option[9] >= '0' && option[9] <= '9')
            sessions = strtoul(option + 9, &end, 10);
        if (!end || *end || sessions > 1000000)
            return diag_set(d, ERR_SYNTAX,
                            "the only option is sessions=N, N from 0 to 1000000");
        e.max_sessions = (uint32_t)sessions;
    }
    for (size_t i = 0; i < k->n; i++)
        if (same_hash(k->entries[i].hash, e.hash))
            return diag_set(d, ERR_SYNTAX, "the same key is listed twice");
    if (k->n == KEYS_MAX)
        return diag_set(d, ERR_LIMIT, "more than %d keys", KEYS_MAX);
    key_entry *grown = realloc(k->entries, (k->n + 1) * sizeof *grown);
    if (!grown)
        return diag_set(d, ERR_MEMORY, "no memory for the keys");
    k->entries = grown;
    k->entries[k->n++] = e;
    return OK;
}

static status read_file(const char *path, buf *out, diag *d) {
    FILE *file = fopen(path, "re");
    if (!file)
        return diag_set(d, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open: %s",
                        strerror(errno));
    char block[4096];
    size_t n;
    while ((n = fread(block, 1, sizeof block, file)) > 0)
        buf_add(out, block, n);
    bool broken = ferror(file);
    fclose(file);
    if (broken)
        return diag_set(d, ERR_IO, "cannot read");
    if (out->failed)
        return diag_set(d, ERR_LIMIT, "larger than %u bytes", LIMIT_CONFIG_BYTES);
    if (out->size && memchr(out->data, '\0', out->size))
        return diag_set(d, ERR_SYNTAX, "a NUL byte: this is no text file");
    return OK;
}

static status read_keys(const char *path, keyring *k, diag *d) {
    buf text;
    buf_init(&text, LIMIT_CONFIG_BYTES);
    status s = read_file(path, &text, d);
    diag_at(d, path, 0, 0);
    buf_add(&text, "", 1);
    if (s == OK && text.failed)
        s = diag_set(d, ERR_LIMIT, "larger than %u bytes", LIMIT_CONFIG_BYTES);
    char *at = (char *)text.data;
    for (int line = 1; s == OK && at; line++) {
        char *end = strchr(at, '\n');
        if (end)
            *end = '\0';
        at[strcspn(at, "#")] = '\0';
        s = read_line(at, k, d);
        if (s != OK)
            diag_at(d, path, line, 0);
        at = end ? end + 1 : NULL;
    }
    if (s == OK && k->n == 0) {
        s = diag_set(d, ERR_SYNTAX, "holds no key; `rostrum key new NAME` makes one");
        diag_at(d, path, 0, 0);
    }
    if (text.data)
        explicit_bzero(text.data, text.size);
    buf_deinit(&text);
    return s;
}

status keyring_load(const char *path, keyring **out, diag *d) {
    keyring *k = calloc(1, sizeof *k);
    if (!k)
        return diag_set(d, ERR_MEMORY, "no memory for the keys");
    k->anyone = path[0] == '\0';
    status s = OK;
    if (k->anyone) {
        k->entries = calloc(1, sizeof *k->entries);
        k->n = 1;
        if (k->entries)
            snprintf(k->entries[0].tenant, sizeof k->entries[0].tenant, "development");
        else
            s = diag_set(d, ERR_MEMORY, "no memory for the keys");
    } else {
        s = read_keys(path, k, d);
    }
    if (s != OK) {
        keyring_destroy(k);
        return s;
    }
    *out = k;
    return OK;
}

void keyring_destroy(keyring *k) {
    if (!k)
        return;
    free(k->entries);
    free(k);
}

bool keyring_is_open(const keyring *k) {
    return k->anyone;
}

static void identify(const keyring *k, size_t index, key_identity *out) {
    const key_entry *e = &k->entries[index];
    *out = (key_identity){.max_sessions = e->max_sessions, .index = (uint32_t)index};
    memcpy(out->tenant, e->tenant, sizeof out->tenant);
}

status keyring_check(const keyring *k, const char *key, key_identity *out) {
    if (k->anyone) {
        identify(k, 0, out);
        return OK;
    }
    if (!key || !*key)
        return ERR_AUTH;
    char hash[65];
    hash_bytes(key, strlen(key), hash);
    size_t found = k->n;
    for (size_t i = 0; i < k->n; i++) /* all of them, so that the time tells nothing */
        if (same_hash(k->entries[i].hash, hash))
            found = i;
    if (found == k->n)
        return ERR_AUTH;
    identify(k, found, out);
    return OK;
}

status keyring_enter(keyring *k, const key_identity *who) {
    ASSERT(who->index < k->n);
    key_entry *e = &k->entries[who->index];
    if (e->max_sessions && e->open >= e->max_sessions)
        return ERR_QUOTA;
    e->open++;
    return OK;
}

void keyring_leave(keyring *k, const key_identity *who) {
    ASSERT(who->index < k->n);
    ASSERT(k->entries[who->index].open > 0);
    k->entries[who->index].open--;
}
