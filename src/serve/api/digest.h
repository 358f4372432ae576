/* serve/api/digest.h: SHA-256 of a stream, piece by piece. One thread at a time. */
#ifndef ROSTRUM_SERVE_DIGEST_H
#define ROSTRUM_SERVE_DIGEST_H

#include <stddef.h>

typedef struct digest digest;

digest *digest_create(void); /* NULL: no memory */
void digest_destroy(digest *s);
void digest_add(digest *s, const void *data, size_t n);
/* Lower-case hex of what was added; nothing may be added after it. */
void digest_end(digest *s, char out_hex[65]);

#endif
