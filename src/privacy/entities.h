/* privacy/entities.h: the classes of entities the redactor finds, by name. Pure. */
#ifndef ROSTRUM_PRIVACY_ENTITIES_H
#define ROSTRUM_PRIVACY_ENTITIES_H

typedef enum {
#define ENTITY(id, name, label, what) ENTITY_##id,
#include "privacy/entities.def"
#undef ENTITY
    ENTITY_COUNT,
    ENTITY_NONE = ENTITY_COUNT
} entity;

typedef struct {
    const char *name, *label, *what;
} entity_row;

extern const entity_row entities[ENTITY_COUNT];

#endif
