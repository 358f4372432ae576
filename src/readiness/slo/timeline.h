/* readiness/slo/timeline.h: requests by the minute, summed so that any window is two
 * reads.
 *
 * sums[i] counts the requests from the beginning up to and including minute first + i. An
 * event at second t belongs to the minute that ends at ceil(t / 60): the window of 5 min
 * at minute m holds the events in (m - 5 min, m], what a counter read every minute grows
 * by. Before the first minute and after the last there is no traffic.
 *
 * Pure. The caller brings the memory. Safe from any thread. */
#ifndef ROSTRUM_READINESS_SLO_TIMELINE_H
#define ROSTRUM_READINESS_SLO_TIMELINE_H

#include "readiness/slo/burn_rate.h"

typedef struct {
    int64_t first;         /* minutes since 1970-01-01 UTC */
    size_t n;              /* minutes */
    const slo_count *sums; /* [n], running sums; borrowed */
} slo_timeline;

/* The requests in (minute - minutes, minute]. */
slo_count slo_timeline_window(const slo_timeline *t, int64_t minute, int64_t minutes);

/* The same time in slices (OpenSLO's Timeslices): each slice of slice_minutes that had
 * requests is one good or one bad "request" at its last minute; it is good when at least
 * good_target (0..1, with SLO_TOLERANCE) of its requests were. A slice without requests
 * does not count; the last, unfinished one neither. Slices start at multiples of
 * slice_minutes since 1970.
 *   out   [t->n] becomes the running sums of the returned timeline; not t->sums */
slo_timeline slo_timeline_slices(const slo_timeline *t, int64_t slice_minutes,
                                 double good_target, slo_count *out);

/* An alert over time. Start from {0} and step minute by minute, without leaving one out.
 */
typedef struct {
    bool active;   /* breached at the last step */
    bool firing;   /* and has been for hold_s */
    int64_t since; /* minute it became active; 0 while it is not */
    slo_verdict verdict;
} slo_watch;

/* Judges the rule at one minute and moves on. true: firing changed.
 * rule and budget are valid for slo_judge (asserted). */
bool slo_watch_step(slo_watch *w, const slo_rule *rule, double budget,
                    const slo_timeline *t, int64_t minute);

#endif
