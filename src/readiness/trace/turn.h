/* readiness/trace/turn.h: a turn as sections, and where a slower cohort loses its time.
 *
 * A turn is what a caller waits: from the end of their speech to the first sound of the
 * answer. Its sections are the lengths of the critical path by stage (stages.def), so
 * they sum to the turn, and the root's own time is the section "unexplained".
 *
 * Comparing two cohorts at a quantile p: no difference of per-stage quantiles is taken,
 * because those do not add up, and each can be healthy while the turn is not. The
 * quantile of the turn is estimated as Harrell and Davis (1982) do, as a weighted mean of
 * the ordered turns,
 *
 *     Q(p) = sum w_i T_(i),  w_i = I_{i/n}(a, b) - I_{(i-1)/n}(a, b),
 *     a = (n + 1) p,  b = (n + 1) (1 - p)
 *
 * and as T is the sum of its sections, so is Q: section s has sum w_i X_s,(i). The
 * difference of the two cohorts' Q is therefore the sum of the sections' differences,
 * with nothing left over. Intervals come from a bootstrap over turns.
 *
 * Pure: the caller brings the memory. Any thread. */
#ifndef ROSTRUM_READINESS_TRACE_TURN_H
#define ROSTRUM_READINESS_TRACE_TURN_H

#include "readiness/trace/critical_path.h"

typedef enum {
#define X(code, name, what) TURN_##code,
#include "readiness/trace/stages.def"
#undef X
    TURN_STAGES
} turn_stage;

extern const char *const turn_stage_names[TURN_STAGES];
extern const char *const turn_stage_texts[TURN_STAGES];

/* TURN_STAGES when the name is none of them. */
turn_stage turn_stage_named(const char *name);

typedef struct {
    double ms[TURN_STAGES]; /* each >= 0 */
} turn_sections;

/* Adds up a critical path. stages[n_spans]; spans count in microseconds. */
turn_sections turn_of_path(const trace_section *path, size_t n, const turn_stage *stages);

double turn_total_ms(const turn_sections *t);

typedef struct {
    double before, now;         /* ms at the quantile */
    double change;              /* now - before */
    double low, high;           /* 95 % bootstrap interval of change */
    double own_before, own_now; /* the section's own quantile, for the record */
} turn_change;

typedef struct {
    double quantile;
    turn_change turn;
    turn_change stages[TURN_STAGES]; /* before, now and change sum to the turn's */
} turn_comparison;

/* Replicates of the bootstrap. */
#define TURN_REPLICATES 400
#define TURN_LEAST 20 /* turns a cohort must have, and 5 beyond the quantile */

size_t turn_scratch(size_t n_before, size_t n_now);

/* ERR_INVALID, nothing written: a cohort is too small for the quantile; d says how many
 * turns it needs.
 *   scratch   turn_scratch(n_before, n_now) bytes, aligned for any type */
MUST_CHECK status turn_compare(const turn_sections *before, size_t n_before,
                               const turn_sections *now, size_t n_now, double quantile,
                               uint64_t seed, void *scratch, turn_comparison *out,
                               diag *d);

/* Harrell-Davis quantile of one section over turns[n] (TURN_STAGES: the whole turn).
 *   scratch   turn_scratch(n, 0) bytes */
double turn_quantile(const turn_sections *turns, size_t n, turn_stage stage,
                     double quantile, void *scratch);

#endif
