/* conf/yaml.h: a YAML file as a small tree that remembers where everything stood.
 *
 * Wraps libfyaml, so that policies, manifests and configuration share one way to read
 * and to say "file:line:column: field: what would be valid". An alias is the same node
 * as its anchor (so a walk of the whole tree must bound itself). Refused: a key given
 * twice, a second document, a zero byte in text, more than LIMIT_CONFIG_BYTES, 20,000
 * nodes or 64 levels. Allocates; one thread at a time. */
#ifndef ROSTRUM_CONF_YAML_H
#define ROSTRUM_CONF_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

typedef struct yaml_document yaml_document;
typedef struct yaml_node yaml_node; /* borrowed from its document */

typedef enum { YAML_SCALAR, YAML_MAP, YAML_LIST } yaml_kind;

MUST_CHECK status yaml_load_file(const char *path, yaml_document **out, diag *d);
MUST_CHECK status yaml_load_text(const char *text, size_t n, const char *name,
                                 yaml_document **out, diag *d);
void yaml_destroy(yaml_document *doc);

const yaml_node *yaml_root(const yaml_document *doc); /* NULL: an empty file */
yaml_kind yaml_kind_of(const yaml_node *node);
size_t yaml_size(const yaml_node *node); /* entries of a map or list; 0 for a scalar */
const yaml_node *yaml_item(const yaml_node *list_or_map, size_t i); /* value i */
const char *yaml_key(const yaml_node *map, size_t i);
const yaml_node *yaml_key_node(const yaml_node *map, size_t i);   /* for yaml_at */
const yaml_node *yaml_get(const yaml_node *map, const char *key); /* NULL: absent */
const char *yaml_text(const yaml_node *scalar);                   /* "" for null */
void yaml_at(const yaml_node *node, diag *d); /* puts file, line, column into d */

/* Scalars with checks; d names the place and `field`. */
MUST_CHECK status yaml_number(const yaml_node *n, const char *field, double min,
                              double max, double *out, diag *d);
MUST_CHECK status yaml_integer(const yaml_node *n, const char *field, int64_t min,
                               int64_t max, int64_t *out, diag *d);
MUST_CHECK status yaml_bool(const yaml_node *n, const char *field, bool *out, diag *d);
MUST_CHECK status yaml_string(const yaml_node *n, const char *field, char *out,
                              size_t size, diag *d);
/* ERR_INVALID naming the first key that is not in keys[n], with the nearest one. */
MUST_CHECK status yaml_only_keys(const yaml_node *map, const char *const *keys, size_t n,
                                 diag *d);

#endif
