#include "cli/slo_state.h"

#include <math.h>
#include <stdlib.h>

#include "readiness/slo/budget.h"

static status add_change(slo_state *s, size_t *capacity, slo_change change, diag *d) {
    if (s->n_changes == *capacity) {
        size_t wanted = 2 * *capacity + 16;
        slo_change *grown = realloc(s->changes, wanted * sizeof *grown);
        if (!grown)
            return diag_set(d, ERR_MEMORY, "no memory for the changes");
        s->changes = grown;
        *capacity = wanted;
    }
    s->changes[s->n_changes++] = change;
    return OK;
}

/* The part of the budget's period that is over and was observed. */
static void count_budget(slo_state *s) {
    const slo_objective *o = s->o;
    int64_t period = o->period_s / 60, since = s->at - period;
    if (!o->rolling) {
        int64_t start = o->start_s / 60, over = (s->at - start) % period;
        since = s->at - (over < 0 ? over + period : over);
    }
    int64_t began = s->events->timeline.first - 1;
    int64_t observed = s->at - (began > since ? began : since);
    s->seen = slo_timeline_window(&s->events->timeline, s->at, s->at - since);
    s->observed_s = observed > 0 ? 60 * observed : 0;
    s->left = slo_budget_left(s->seen, s->observed_s, o->period_s, o->budget);
    double burn = slo_burn(
        slo_timeline_window(&s->events->timeline, s->at, o->alerts[0].rule.long_s / 60),
        o->budget);
    s->exhaustion_s = slo_exhaustion_s(s->left, burn, o->period_s);
}

status slo_state_make(const slo_objective *o, const slo_events *events, int64_t at,
                      slo_state *out, diag *d) {
    slo_state state = {.o = o, .events = events, .at = at};
    size_t capacity = 0;
    status s = OK;
    for (int64_t minute = events->timeline.first; s == OK && minute <= at; minute++)
        for (size_t i = 0; s == OK && i < o->n_alerts; i++)
            if (slo_watch_step(&state.watches[i], &o->alerts[i].rule, o->budget,
                               &events->timeline, minute))
                s = add_change(&state, &capacity,
                               (slo_change){minute, (uint8_t)i, state.watches[i].firing},
                               d);
    if (s != OK) {
        free(state.changes);
        return s;
    }
    count_budget(&state);
    *out = state;
    return OK;
}

void slo_state_deinit(slo_state *s) {
    free(s->changes);
    s->changes = NULL;
}

bool slo_state_pages(const slo_state *s) {
    for (size_t i = 0; i < s->o->n_alerts; i++)
        if (s->watches[i].firing && s->o->alerts[i].page)
            return true;
    return false;
}
