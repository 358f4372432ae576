/* records/kayenta_file.h: time series of two arms for the Kayenta-compatible judge.
 *
 *   {"metrics":[{"name":"errors","control":[1,null,2],"experiment":[..],
 *                "groups":["errors"],"direction":"increase","nan_strategy":"replace",
 *                "critical":true,"must_have_data":false,"tolerance":0.1,
 *                "confidence_level":0.95,"allowed_increase":1.2,"allowed_decrease":0.8,
 *                "critical_increase":1.5,"critical_decrease":0.5,
 *                "effect_size":"meanRatio","classifier":"mann_whitney",
 *                "outliers":{"detector":"iqr","factor":3}}],
 *    "group_weights":{"errors":60},"pass":95,"marginal":75}
 *
 * null is a missing value. Only name, control and experiment are needed. Outliers are
 * taken out of both arms before they are compared. Allocates; one thread at a time. */
#ifndef ROSTRUM_RECORDS_KAYENTA_FILE_H
#define ROSTRUM_RECORDS_KAYENTA_FILE_H

#include "base/diag.h"
#include "readiness/kayenta/kayenta.h"

#define KAYENTA_FILE_BYTES (16u << 20)
#define KAYENTA_METRICS_MAX 200

typedef struct {
    char name[64];
    kayenta_options options;
    unsigned groups; /* bits */
    bool has_outliers;
    kayenta_detector detector;
    double factor;
    double *control, *experiment; /* [n_control], [n_experiment], owned */
    size_t n_control, n_experiment;
} kayenta_series;

typedef struct {
    kayenta_series *metrics; /* [n], owned */
    size_t n;
    char groups[KAYENTA_GROUPS_MAX][64]; /* [n_groups] */
    double weights[KAYENTA_GROUPS_MAX];  /* percent, NaN: none given */
    size_t n_groups;
    double pass, marginal; /* scores */
} kayenta_file;

/* "-": standard input. ERR_INVALID, ERR_SYNTAX, ERR_LIMIT, ERR_IO: d names file and
 * field; *out is untouched. */
MUST_CHECK status kayenta_file_read(const char *path, kayenta_file *out, diag *d);
void kayenta_file_deinit(kayenta_file *f); /* takes all zeros */

#endif
