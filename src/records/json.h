/* records/json.h: JSON values with checks, for readers of records.
 *
 * Every getter takes an object and a key; a failure fills d with the key as the field and
 * keeps the file and line that lines_next (or the caller) put there. A number is finite
 * or it is refused. Strings are borrowed from the document. Private to src/records,
 * because it shows cJSON. Allocates (json_parse only); one thread at a time. */
#ifndef ROSTRUM_RECORDS_JSON_H
#define ROSTRUM_RECORDS_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

/* text[n], one JSON value and nothing behind it. The caller frees it with cJSON_Delete.
 * ERR_SYNTAX: not JSON, with the byte where it stopped making sense (and its line within
 * text[n], unless d has a line); a key given twice in one object; a zero byte or a lone
 * surrogate in a string. ERR_INVALID: NaN or Infinity, with its key as the field. */
MUST_CHECK status json_parse(const char *text, size_t n, cJSON **out, diag *d);

/* The same, from a whole file ("-": standard input) of at most max_bytes. */
MUST_CHECK status json_read_file(const char *path, size_t max_bytes, cJSON **out,
                                 diag *d);

/* ERR_INVALID: d says what was found and what would be valid. A missing key is an error;
 * the _or forms take `otherwise` for a missing key or null. min and max are inclusive. */
MUST_CHECK status json_number(const cJSON *object, const char *key, double min,
                              double max, double *out, diag *d);
MUST_CHECK status json_number_or(const cJSON *object, const char *key, double min,
                                 double max, double otherwise, double *out, diag *d);
/* Whole numbers up to 2^53 in magnitude, the most a JSON number can be trusted with. */
MUST_CHECK status json_integer(const cJSON *object, const char *key, int64_t min,
                               int64_t max, int64_t *out, diag *d);
MUST_CHECK status json_integer_or(const cJSON *object, const char *key, int64_t min,
                                  int64_t max, int64_t otherwise, int64_t *out, diag *d);
MUST_CHECK status json_bool_or(const cJSON *object, const char *key, bool otherwise,
                               bool *out, diag *d);
/* *out is borrowed from the document; json_text refuses an empty string. */
MUST_CHECK status json_text(const cJSON *object, const char *key, const char **out,
                            diag *d);
MUST_CHECK status json_text_or(const cJSON *object, const char *key,
                               const char *otherwise, const char **out, diag *d);
MUST_CHECK status json_object(const cJSON *object, const char *key, const cJSON **out,
                              diag *d);
MUST_CHECK status json_list(const cJSON *object, const char *key, const cJSON **out,
                            diag *d);

/* ERR_INVALID naming the first key of the object that is not in keys[n]. */
MUST_CHECK status json_only_keys(const cJSON *object, const char *const *keys, size_t n,
                                 diag *d);

#endif
