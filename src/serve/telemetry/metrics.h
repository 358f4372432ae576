/* serve/telemetry/metrics.h: counters, gauges and histograms of the server.
 *
 * metrics.def is the one list: ids, help, docs and the console read it. A metric has
 * at most one label, whose values come from our own closed sets; at most
 * METRICS_LABELS values are kept for a metric, the rest fold into "other".
 * Histograms use fixed bounds in seconds (metrics.c). Loop thread only. */
#ifndef ROSTRUM_SERVE_METRICS_H
#define ROSTRUM_SERVE_METRICS_H

#include "base/buf.h"

#define METRICS_LABELS 24

#ifndef METRICS_TABLE /* the tests compile other tables, to see them refused */
#define METRICS_TABLE "serve/telemetry/metrics.def"
#endif

typedef enum {
#define METRIC(id, kind, name, label, label_class, help) id,
#include METRICS_TABLE
#undef METRIC
    METRIC_COUNT
} metric_id;

typedef struct metrics metrics;

metrics *metrics_create(void); /* NULL: no memory */
void metrics_destroy(metrics *m);

/* label: a value of ours, or "" for a metric without one. m NULL: does nothing. */
void metric_add(metrics *m, metric_id id, const char *label, double by);
void metric_set(metrics *m, metric_id id, const char *label, double value);
void metric_observe(metrics *m, metric_id id, const char *label, double value);

/* Prometheus text exposition 0.0.4. */
void metrics_write(const metrics *m, buf *out);

#endif
