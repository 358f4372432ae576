/* GET /metrics: brings the gauges up to date and writes the Prometheus text. No key: the
 * labels are of our own closed sets. */
#include "base/buf.h"
#include "serve/api/api.h"
#include "serve/app.h"

#define METRICS_PAGE_BYTES (1u << 20) /* 25 metrics, 24 labels, 23 lines a histogram */

static void refresh(app *a) {
    metrics *m = a->metrics;
    pool_stats work;
    net_stats wire;
    pool_get_stats(a->pool, &work);
    net_server_get_stats(a->server, &wire);
    metric_set(m, M_SLOTS, "", work.slots);
    metric_set(m, M_SLOTS_OPEN, "", work.open);
    metric_set(m, M_QUEUE_AGE, "", work.queue_us / 1e6);
    metric_set(m, M_PRESSURE, "", (double)work.pressure);
    metric_set(m, M_WORKERS_READY, "", work.workers_ready);
    metric_set(m, M_WORKER_RESTARTS, "", (double)work.worker_restarts);
    metric_set(m, M_STALE_FRAMES, "", (double)work.stale_frames);
    metric_set(m, M_BYTES_IN, "", (double)wire.bytes_in);
    metric_set(m, M_BYTES_OUT, "", (double)wire.bytes_out);
    metric_set(m, M_SLOW_READERS, "", (double)wire.closed_slow_reader);
}

static void *metrics_open(net_conn *c, const net_request *r, void *context) {
    (void)r;
    app *a = context;
    refresh(a);
    buf page;
    buf_init(&page, METRICS_PAGE_BYTES);
    metrics_write(a->metrics, &page);
    net_reply(c, page.failed ? 500 : 200, "text/plain; version=0.0.4; charset=utf-8",
              NULL, page.data, page.failed ? 0 : page.size);
    buf_deinit(&page);
    return NULL;
}

const net_handler metrics_handler = {.open = metrics_open};
