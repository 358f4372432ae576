/* records/slo_objects.h: the objects read, for slo_file.c and slo_objectives.c only. */
#ifndef ROSTRUM_RECORDS_SLO_OBJECTS_H
#define ROSTRUM_RECORDS_SLO_OBJECTS_H

#include "records/slo_file.h"

typedef struct {
    yaml_document *document;
    slo_kind kind;
} slo_object;

struct slo_files {
    slo_object items[SLO_OBJECTS_MAX];
    size_t n;
};

const slo_object *slo_object_find(const slo_files *f, slo_kind kind, const char *name);

/* ERR_INVALID at a place. */
status slo_refuse(const yaml_node *at, const char *field, diag *d, const char *text);

#endif
