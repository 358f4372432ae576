/* bench/incidents.h: synthetic incidents with known causes, from a seed.
 *
 * A case is a table of 4 to 6 attributes whose rows changed for no reason (noise) and for
 * 1 to 4 reasons: slices naming 1 to 3 attributes, each with one factor, which may
 * overlap. Sizes are log-normal over rows and values, and some rows are missing. */
#ifndef ROSTRUM_BENCH_INCIDENTS_H
#define ROSTRUM_BENCH_INCIDENTS_H

#include "readiness/diagnose/expect.h"
#include "readiness/diagnose/slices.h"
#include "stats/rng.h"

typedef enum {
    INCIDENT_FORECAST, /* a measure beside its forecast: relative noise */
    INCIDENT_COUNTS,   /* counts before and after: Poisson noise on both */
    INCIDENT_RATIO,    /* errors over words before and after: binomial noise on both */
    INCIDENT_KINDS
} incident_kind;

typedef struct {
    uint32_t named;
    uint32_t code[SLICES_ATTRIBUTES_MAX];
    double factor;
} incident_cause;

typedef struct {
    incident_kind kind;
    size_t rows, attributes;
    uint32_t values[SLICES_ATTRIBUTES_MAX];
    uint32_t *codes;
    double *top_before, *bottom_before, *top_now, *bottom_now; /* bottoms: ratio only */
    incident_cause causes[4];
    size_t n_causes;
} incident;

/* n_causes 0: a quiet table. noise_rel: relative noise of a row. The caller frees it. */
incident *incident_make(incident_kind kind, size_t n_causes, double noise_rel,
                        uint64_t seed);
void incident_free(incident *i);

/* Does the row lie in the cause? */
bool incident_holds(const incident *i, uint32_t named, const uint32_t *code, size_t row);

#endif
