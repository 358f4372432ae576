/* records/capacity_file.h: what a capacity plan is asked, from JSON.
 *
 * {"seed": 1, "replications": 20, "pools": [{"pool": "asr", ...}, ...]}; each pool has
 *   arrivals_per_s, peak_s               and optionally before_per_s (arrivals_per_s),
 *                                        arrival_scv (1), service_scv (1)
 *   service_s                            of a streaming slot, or
 *   batch_max, batch_base_ms, batch_item_ms, batch_window_ms   of a batching server
 *   target_age_ms, target_share (0.95)   and optionally max_age_ms (nobody is refused)
 *   headroom (0), slots_per_machine, spare_machines (0), machine_microusd_per_hour
 * docs/capacity.md explains them. Allocates; one thread at a time. */
#ifndef ROSTRUM_RECORDS_CAPACITY_FILE_H
#define ROSTRUM_RECORDS_CAPACITY_FILE_H

#include "readiness/capacity/plan.h"

#define CAPACITY_FILE_BYTES (1u << 20) /* a file a person wrote */
#define CAPACITY_POOLS_MAX 64u
#define CAPACITY_NAME_BYTES 64

typedef struct {
    char name[CAPACITY_NAME_BYTES];
    capacity_demand demand;
} capacity_pool;

typedef struct {
    capacity_pool pools[CAPACITY_POOLS_MAX];
    size_t n;
} capacity_file;

/* Failures: as json_read_file; ERR_INVALID with d.field = "pools[1].peak_s".
 * *out untouched. */
MUST_CHECK status capacity_file_read(const char *path, capacity_file *out, diag *d);
MUST_CHECK status capacity_file_parse(const char *text, size_t n, capacity_file *out,
                                      diag *d);

#endif
