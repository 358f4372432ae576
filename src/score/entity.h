/* score/entity.h: were the words that matter heard?
 *
 * An entity (a name, a number, a product) is a run of reference words. It is heard when
 * each of its words is aligned with the same word and nothing is inserted between them;
 * one wrong digit makes a wrong number. Recall = heard / said.
 *
 * Pure. */
#ifndef ROSTRUM_SCORE_ENTITY_H
#define ROSTRUM_SCORE_ENTITY_H

#include "score/words.h"

#define SCORE_NOWHERE SIZE_MAX

/* Where the words of an entity stand in ref[n_ref], searched from word `from` on;
 * SCORE_NOWHERE: not there, or the entity has no words. */
size_t score_entity_find(const score_word *ref, size_t n_ref, size_t from,
                         const score_word *entity, size_t n_entity);

/* ops as score_align writes them; the entity is the reference words first ..
 * first + n - 1, n at least 1, inside the reference. */
bool score_entity_heard(const char *ops, size_t first, size_t n);

#endif
