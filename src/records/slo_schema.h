/* records/slo_schema.h: which fields an OpenSLO v1 object may have, as tables.
 *
 * A table row is one field: its type, whether it is needed, its range or its words. One
 * walk over tables and tree refuses unknown keys (with the nearest known one), missing
 * and malformed fields with file:line:column and the dotted path. What depends on several
 * fields at once is slo_file.c's. Walks are as deep as the tables, never as the input.
 *
 * Source: OpenSLO v1 specification (openslo/v1). Allocates nothing. Any thread. */
#ifndef ROSTRUM_RECORDS_SLO_SCHEMA_H
#define ROSTRUM_RECORDS_SLO_SCHEMA_H

#include "conf/yaml.h"

#define SLO_NAME_BYTES 64          /* RFC 1123 label with its terminator */
#define SLO_DESCRIPTION_BYTES 1051 /* OpenSLO's 1050 characters, at least */
#define SLO_QUERY_BYTES 2048       /* a PromQL query a person wrote */

/* A length of time: so many seconds, or calendar months (M, Q, Y) of no fixed length. */
typedef struct {
    int64_t seconds; /* 0 when it is in months */
    int64_t months;
} slo_duration;

/* "5m", "12h", "30d", "4w", "1M", "1Q", "1Y"; case-sensitive, a positive integer of at
 * most 6 digits. false: anything else. Pure. */
bool slo_duration_parse(const char *text, slo_duration *out);

/* Checks one whole document: apiVersion, kind, metadata and spec. *out_kind is one of
 * slo_kinds. ERR_INVALID with the place and the path. */
typedef enum {
    SLO_KIND_SLO,
    SLO_KIND_SLI,
    SLO_KIND_ALERT_POLICY,
    SLO_KIND_ALERT_CONDITION,
    SLO_KIND_ALERT_NOTIFICATION_TARGET,
    SLO_KIND_DATA_SOURCE,
    SLO_KIND_SERVICE,
    SLO_KINDS
} slo_kind;
extern const char *const slo_kinds[SLO_KINDS];

MUST_CHECK status slo_schema_check(const yaml_node *document, slo_kind *out_kind,
                                   diag *d);

/* The node behind a dotted path of map keys, e.g. "spec.timeWindow"; NULL: absent. */
const yaml_node *slo_get(const yaml_node *map, const char *path);
/* Its text, "" when absent. Borrowed from the document. */
const char *slo_text(const yaml_node *map, const char *path);

#endif
