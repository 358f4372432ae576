#include "serve/tenant/key_command.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "serve/registry/hash.h"
#include "serve/tenant/keys.h"

static void to_hex(const uint8_t *bytes, size_t n, char *out) {
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static void print_key(const char *key, const char *line, bool json) {
    if (json) {
        buf text;
        buf_init(&text, 1024);
        buf_add_text(&text, "{\"key\":");
        buf_add_json(&text, key);
        buf_add_text(&text, ",\"line\":");
        buf_add_json(&text, line);
        buf_add_text(&text, "}\n");
        fputs(buf_text(&text), stdout);
        explicit_bzero(text.data, text.size);
        buf_deinit(&text);
    } else {
        printf("key (shown once, keep it): %s\n"
               "append this line to the file of server.keys_file:\n%s\n",
               key, line);
    }
}

static int run_new(int argc, char **argv, const command *self) {
    args a;
    int exit_status;
    if (!args_begin(self, argc, argv, &a, &exit_status))
        return exit_status;
    diag d = DIAG_INIT;
    if (a.n_positional != 1 || !key_name_valid(a.positional[0])) {
        (void)diag_field(&d, ERR_INVALID, "NAME",
                         "one name of letters, digits, '.', '_' and '-', at most 63");
        return args_fail(self, &d, a.json, EXIT_USAGE);
    }
    uint8_t secret[32];
    char key[4 + 64 + 1] = "rsk_", hex[65], line[256], limit[32] = "";
    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret) {
        (void)diag_set(&d, ERR_IO, "no randomness from the system");
        return args_fail(self, &d, a.json, EXIT_FAILED);
    }
    to_hex(secret, sizeof secret, key + 4);
    hash_bytes(key, strlen(key), hex);
    if (args_has(&a, "sessions"))
        snprintf(limit, sizeof limit, " sessions=%u",
                 (unsigned)args_number(&a, "sessions", 0));
    snprintf(line, sizeof line, "%s sha256:%s%s", a.positional[0], hex, limit);
    print_key(key, line, a.json);
    explicit_bzero(secret, sizeof secret);
    explicit_bzero(key, sizeof key);
    return EXIT_GOOD;
}

static const arg_option new_options[] = {
    {"sessions", ARG_INT, "N", 1, 1000000, "sessions this key may have open at a time"},
};

const command key_new_command = {
    .name = "key new",
    .positional = "NAME",
    .summary = "make an API key for a tenant",
    .details = "Prints the key once and the line that lets it in. The server keeps only "
               "its SHA-256; a lost key cannot be recovered, make another. The server "
               "reads the file of server.keys_file at its start.",
    .options = new_options,
    .n_options = sizeof new_options / sizeof new_options[0],
    .run = run_new};
