/* serve/tenant/keys.h: API keys, stored hashed.
 *
 * File: one key a line, "name sha256:HEX [sessions=N]"; '#' starts a comment. A key
 * is 256 random bits, so a plain SHA-256 is enough. Compared in constant time.
 * Loop thread only. */
#ifndef ROSTRUM_SERVE_KEYS_H
#define ROSTRUM_SERVE_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"

typedef struct keyring keyring;

typedef struct {
    char tenant[64];       /* name from the file; "development" when running open */
    uint32_t max_sessions; /* concurrent; 0: no limit of its own */
    uint32_t index;        /* of the key, for counting its open sessions */
} key_identity;

/* path "" : open ring (loopback development): every caller is "development".
 * ERR_SYNTAX with line in d: a malformed line; nothing is half loaded. */
MUST_CHECK status keyring_load(const char *path, keyring **out, diag *d);
void keyring_destroy(keyring *k); /* takes NULL */
bool keyring_is_open(const keyring *k);

/* key NULL or "": allowed only by the open ring. ERR_AUTH otherwise. */
MUST_CHECK status keyring_check(const keyring *k, const char *key, key_identity *out);

/* Counts a session of this identity. ERR_QUOTA: its limit is reached. */
MUST_CHECK status keyring_enter(keyring *k, const key_identity *who);
void keyring_leave(keyring *k, const key_identity *who);

/* A name a key may have: letters, digits, '.', '_', '-'; 1 to 63. Pure. */
bool key_name_valid(const char *name);

#endif
