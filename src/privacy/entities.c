#include "privacy/entities.h"

const entity_row entities[ENTITY_COUNT] = {
#define ENTITY(id, name, label, what) {name, label, what},
#include "privacy/entities.def"
#undef ENTITY
};
