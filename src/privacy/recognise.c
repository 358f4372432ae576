#include "privacy/recognise.h"

/* Of two answers the proven one, then the longer. */
static found better(found a, found b) {
    if (b.class == ENTITY_NONE)
        return a;
    if (a.class == ENTITY_NONE || b.strong != a.strong)
        return a.class == ENTITY_NONE || b.strong ? b : a;
    return b.atoms > a.atoms ? b : a;
}

found recognise(look *l) {
    found (*const ask[])(look *) = {recognise_number, recognise_date, recognise_email,
                                    recognise_host};
    found best = FOUND_NOTHING, answers[4] = {FOUND_NOTHING};
    for (size_t i = 0; i < sizeof ask / sizeof ask[0] && !l->wait; i++)
        best = better(best, answers[i] = ask[i](l));
    best.figure = answers[0].figure;
    return best;
}
