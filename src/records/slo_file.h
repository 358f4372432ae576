/* records/slo_file.h: OpenSLO v1 files to objectives that can be judged.
 *
 * Reading checks every object by itself (records/slo_schema.h, and what several of its
 * fields demand of each other). slo_files_objectives then follows the references between
 * all objects read (indicatorRef, alertPolicyRef, conditionRef) and makes one value of
 * each objective. One file may hold several objects, separated by "---".
 *
 * Alerts: an SLO without alertPolicies gets the window pairs of readiness/slo/windows.h,
 * which exist for periods of 28 and 30 days. With alertPolicies it gets exactly those: a
 * condition is a burn over its lookbackWindow, severity "page" pages. The annotation
 * rostrum/short-window: 5m on a condition makes it a pair. An alert that no traffic can
 * make fire is refused, with the place of the target.
 *
 * Allocates; one thread at a time. */
#ifndef ROSTRUM_RECORDS_SLO_FILE_H
#define ROSTRUM_RECORDS_SLO_FILE_H

#include "readiness/slo/burn_rate.h"
#include "records/slo_schema.h"
#include "records/slo_speech.h"

#define SLO_OBJECTS_MAX 256 /* of all files read together */
#define SLO_ALERTS_MAX 16   /* of one objective */

typedef enum {
    SLI_THRESHOLD,   /* a value per event: good when value OP threshold */
    SLI_GOOD_TOTAL,  /* two counts */
    SLI_BAD_TOTAL,   /* two counts */
    SLI_RAW_SUCCESS, /* a ratio, good share */
    SLI_RAW_FAILURE  /* a ratio, bad share */
} sli_kind;

typedef struct {
    sli_kind kind;
    const slo_speech *speech; /* NULL: not a speech indicator */
    slo_op op;                /* SLI_THRESHOLD */
    double value;             /* in the unit of the events; ms for speech */
    bool counter;             /* the queries are counters that only grow */
    bool by_profile;          /* metricSource type rostrum: no queries, use speech */
    char
        part_query[SLO_QUERY_BYTES]; /* good, bad, raw or the threshold's metric; or "" */
    char total_query[SLO_QUERY_BYTES]; /* "" when there is none */
} slo_indicator;

typedef struct {
    char name[SLO_NAME_BYTES]; /* of the condition, or "page-1h" of a default pair */
    char severity[32];
    bool page;
    slo_rule rule;
} slo_alert;

typedef enum { SLO_OCCURRENCES, SLO_TIMESLICES, SLO_RATIO_TIMESLICES } slo_method;

typedef struct {
    char name[SLO_NAME_BYTES + 24]; /* with "/2" behind it where an SLO has several */
    char service[SLO_NAME_BYTES], title[128];
    double target;    /* share that is to be good, 0..1 */
    double budget;    /* 1 - target, from the percent where that was given */
    int64_t period_s; /* s */
    int64_t start_s;  /* calendar periods: s since 1970 the first one began */
    bool rolling;
    slo_method method;
    int64_t slice_s;     /* time slices */
    double slice_target; /* share of a slice that is to be good */
    slo_indicator indicator;
    slo_alert alerts[SLO_ALERTS_MAX];
    size_t n_alerts;
} slo_objective;

typedef struct slo_files slo_files;

slo_files *slo_files_create(void); /* NULL: no memory */
void slo_files_destroy(slo_files *f);

/* Adds the objects of a file. On failure those before the mistake stay; give up then.
 * ERR_INVALID, ERR_SYNTAX: what is wrong, where. ERR_LIMIT, ERR_IO, ERR_NOT_FOUND. */
MUST_CHECK status slo_files_read(slo_files *f, const char *path, diag *d);
MUST_CHECK status slo_files_read_text(slo_files *f, const char *text, size_t n,
                                      const char *name, diag *d);

size_t slo_files_count(const slo_files *f, slo_kind kind);

/* Every objective of every SLO, in the order read. *out_list is the caller's to free().
 * ERR_INVALID: a reference that leads nowhere, no period, an alert that can never fire.
 * ERR_UNSUPPORTED: understood by OpenSLO, not judged here (a calendar period in a time
 * zone or of months). */
MUST_CHECK status slo_files_objectives(const slo_files *f, slo_objective **out_list,
                                       size_t *out_n, diag *d);

/* "5m", "6h", "30d" for whole minutes, as OpenSLO and Prometheus write them. */
void slo_duration_text(int64_t seconds, char out[24]);

#endif
