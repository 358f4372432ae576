/* cli/slo_state.h: an objective judged at one minute, with how it came to it; and its
 * report. Allocates; one thread at a time. */
#ifndef ROSTRUM_CLI_SLO_STATE_H
#define ROSTRUM_CLI_SLO_STATE_H

#include "base/buf.h"
#include "records/slo_events.h"

/* An alert began or ceased to fire. */
typedef struct {
    int64_t minute;
    uint8_t alert; /* index */
    bool firing;
} slo_change;

typedef struct {
    const slo_objective *o;
    const slo_events *events;
    int64_t at; /* minutes since 1970 */
    slo_watch watches[SLO_ALERTS_MAX];
    slo_change *changes; /* [n_changes], owned */
    size_t n_changes;
    slo_count seen; /* of the budget's period, up to at */
    int64_t observed_s;
    double left;         /* share of the budget */
    double exhaustion_s; /* at the burn of the fastest alert's long window */
} slo_state;

/* Steps every alert from the first event to `at`. events hold at least one row. */
MUST_CHECK status slo_state_make(const slo_objective *o, const slo_events *events,
                                 int64_t at, slo_state *out, diag *d);
void slo_state_deinit(slo_state *s);

bool slo_state_pages(const slo_state *s);

/* What it promises, in a line: "99 % of first-partial <= 700 over 30d". */
void slo_promise_text(const slo_objective *o, buf *out);
void slo_state_text(const slo_state *s, buf *out);
void slo_state_json(const slo_state *s, buf *out);

#endif
