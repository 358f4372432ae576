#include "serve/registry/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

#define ERR_STATE openssl_ERR_STATE /* OpenSSL has a type of this name */
#include <openssl/evp.h>
#undef ERR_STATE

#define REMEMBERED 64 /* files; the shipped manifests name 22 */

typedef struct {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
    char sha256[65]; /* "" in an unused entry */
} known_file;

static known_file known[REMEMBERED];
static size_t next_known;

static void to_hex(const unsigned char *digest, char out_hex[65]) {
    for (int i = 0; i < 32; i++)
        snprintf(out_hex + 2 * i, 3, "%02x", digest[i]);
}

void hash_bytes(const void *data, size_t n, char out_hex[65]) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    int done = EVP_Digest(data, n, digest, &length, EVP_sha256(), NULL);
    ASSERT(done == 1);
    ASSERT(length == 32);
    to_hex(digest, out_hex);
}

static bool same_time(struct timespec a, struct timespec b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_known(const struct stat *info, const char *sha256_hex) {
    for (size_t i = 0; i < REMEMBERED; i++) {
        const known_file *k = &known[i];
        if (k->inode == info->st_ino && k->device == info->st_dev &&
            k->size == info->st_size && same_time(k->modified, info->st_mtim) &&
            same_time(k->changed, info->st_ctim) && strcmp(k->sha256, sha256_hex) == 0)
            return true;
    }
    return false;
}

/* A file changed within the file system's clock step could change again unnoticed, so
 * one that is younger than SETTLED_S is not remembered. */
#define SETTLED_S 2

static void remember(const struct stat *info, const char *sha256_hex) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec - info->st_ctim.tv_sec < SETTLED_S)
        return;
    known_file *k = &known[next_known++ % REMEMBERED];
    *k = (known_file){.device = info->st_dev,
                      .inode = info->st_ino,
                      .size = info->st_size,
                      .modified = info->st_mtim,
                      .changed = info->st_ctim};
    memcpy(k->sha256, sha256_hex, sizeof k->sha256);
}

static status hash_descriptor(int fd, char out_hex[65]) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context)
        return ERR_MEMORY;
    status s = EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 ? OK : ERR_MEMORY;
    static unsigned char piece[1 << 16];
    while (s == OK) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            s = ERR_IO;
        if (n <= 0)
            break;
        if (EVP_DigestUpdate(context, piece, (size_t)n) != 1)
            s = ERR_MEMORY;
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (s == OK && EVP_DigestFinal_ex(context, digest, NULL) != 1)
        s = ERR_MEMORY;
    EVP_MD_CTX_free(context);
    if (s == OK)
        to_hex(digest, out_hex);
    return s;
}

status hash_file_is(const char *path, uint64_t bytes, const char *sha256_hex) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
    struct stat info;
    status s = OK;
    char hex[65];
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        s = ERR_NOT_FOUND;
    else if ((uint64_t)info.st_size != bytes)
        s = ERR_INTEGRITY;
    else if (!is_known(&info, sha256_hex)) {
        s = hash_descriptor(fd, hex);
        if (s == OK && strcmp(hex, sha256_hex) != 0)
            s = ERR_INTEGRITY;
        if (s == OK)
            remember(&info, sha256_hex);
    }
    close(fd);
    return s;
}
