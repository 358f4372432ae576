#include "score/entity.h"

size_t score_entity_find(const score_word *ref, size_t n_ref, size_t from,
                         const score_word *entity, size_t n_entity) {
    if (n_entity == 0)
        return SCORE_NOWHERE;
    for (size_t at = from; at + n_entity <= n_ref; at++) {
        size_t same = 0;
        while (same < n_entity && score_same(&ref[at + same], &entity[same]))
            same++;
        if (same == n_entity)
            return at;
    }
    return SCORE_NOWHERE;
}

bool score_entity_heard(const char *ops, size_t first, size_t n) {
    size_t word = 0; /* reference words before ops */
    for (; *ops && word < first; ops++)
        word += *ops != 'I';
    while (*ops == 'I') /* in front of the entity, not in it */
        ops++;
    for (size_t i = 0; i < n; i++)
        if (ops[i] != 'C')
            return false;
    return true;
}
