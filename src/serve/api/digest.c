#include "serve/api/digest.h"

#include <stdio.h>

#include "base/assert.h"

#include <openssl/evp.h>

static EVP_MD_CTX *context(digest *s) {
    return (EVP_MD_CTX *)(void *)s;
}

digest *digest_create(void) {
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(c);
        c = NULL;
    }
    return (digest *)(void *)c;
}

void digest_destroy(digest *s) {
    EVP_MD_CTX_free(context(s));
}

void digest_add(digest *s, const void *data, size_t n) {
    ASSERT(EVP_DigestUpdate(context(s), data, n) == 1);
}

void digest_end(digest *s, char out_hex[65]) {
    unsigned char value[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    ASSERT(EVP_DigestFinal_ex(context(s), value, &n) == 1);
    ASSERT(n == 32);
    for (unsigned i = 0; i < n; i++)
        snprintf(out_hex + 2 * i, 3, "%02x", value[i]);
}
