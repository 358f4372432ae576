/* engine/moonshine/tokens.h: the vocabulary: token ids to text.
 *
 * File: one line "BASE64PIECE ID" a piece, ids from 0 without gaps (what sherpa-onnx
 * reads too). A piece that starts with U+2581 starts a word; a piece "<0xHH>" is one
 * byte of a character spelt in bytes; pieces in angle brackets beside those are
 * control tokens and have no text.
 *
 * Immutable after load: any thread. */
#ifndef ROSTRUM_MOONSHINE_TOKENS_H
#define ROSTRUM_MOONSHINE_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define TOKENS_MAX 65536             /* ids; Moonshine has 32,768 */
#define TOKENS_FILE_BYTES (4u << 20) /* of the file; Moonshine's has 0.5 MB */

typedef struct tokens tokens;

/* ERR_NOT_FOUND, ERR_SYNTAX (d names the line), ERR_LIMIT, ERR_MEMORY. */
MUST_CHECK status tokens_load(const char *path, tokens **out, diag *d);
/* The same from text[n]. */
MUST_CHECK status tokens_parse(const char *text, size_t n, tokens **out, diag *d);
void tokens_destroy(tokens *t); /* takes NULL */

size_t tokens_count(const tokens *t);

/* Text of a token without its word mark: *out_bytes bytes, not terminated, may be none.
 * An id outside the vocabulary has no text. */
const char *tokens_text(const tokens *t, int32_t id, size_t *out_bytes);

/* True when the token begins a new word. */
bool tokens_starts_word(const tokens *t, int32_t id);

#endif
