/* readiness/kayenta/kayenta.h: a canary judge compatible with Spinnaker's Kayenta.
 *
 * For those who have its policies and want its answers: Mann-Whitney confidence interval
 * of the shift, tolerance as a share of that shift, effect sizes, weighted group scores.
 * Equal to its own test vectors. What it cannot see (a change of spread, sparse errors,
 * rare outliers, missing data read as zero, tiny samples) is judged by `gate judge`
 * (readiness/gate/judge.h); docs/read-a-verdict.md compares the two.
 *
 *   rank function  f(mu, q) = (W - sign(W) / 2) / sigma - q over ranks of experiment - mu
 *                  and control, sigma corrected for ties
 *   interval       where f(mu, -+z) changes sign, by Brent's root search with tolerance
 *                  1e-4 (a step function: the search is part of the answer)
 *   High           low > tolerance |estimate| and effect size >= allowed increase
 *   Low            high < -tolerance |estimate| and effect size <= allowed decrease
 *
 * Sources: spinnaker/kayenta's test vectors as data; Bauer 1972, JASA 67; Brent 1973,
 * ch. 4. Pure. The caller brings the memory. */
#ifndef ROSTRUM_READINESS_KAYENTA_H
#define ROSTRUM_READINESS_KAYENTA_H

#include <stdbool.h>
#include <stddef.h>
#include "stats/interval.h"

/* ---- samples: [n] values, NaN allowed only where said ---- */

/* Drops NaN (or replaces it by value) in place; returns how many are left. */
size_t kayenta_remove_nan(double *x, size_t n);
size_t kayenta_replace_nan(double *x, size_t n, double value);

typedef struct {
    double min, max, mean, std; /* 0 of no data; std of n - 1 */
    size_t n;
} kayenta_summary;
kayenta_summary kayenta_summarise(const double *x, size_t n);

typedef enum { KAYENTA_K_SIGMA, KAYENTA_IQR } kayenta_detector;

/* out[n]: is x[i] further than factor deviations from the mean, or factor quartile ranges
 * outside the quartiles? scratch [n]. */
void kayenta_outliers(kayenta_detector how, double factor, const double *x, size_t n,
                      double *scratch, bool *out);

typedef enum { KAYENTA_MEAN_RATIO, KAYENTA_CLES, KAYENTA_COHEN_D } kayenta_effect;

/* NaN where it has none (a mean of 0). */
double kayenta_effect_size(kayenta_effect how, const double *control, size_t n_control,
                           const double *experiment, size_t n_experiment);

/* ---- Mann-Whitney; both arms sorted, ascending ---- */

double kayenta_rank(double mu, double q, const double *experiment, size_t n_experiment,
                    const double *control, size_t n_control);

typedef struct {
    stats_interval interval; /* low may exceed high by the search's tolerance */
    double estimate;         /* Hodges-Lehmann */
} kayenta_shift;
kayenta_shift kayenta_mann_whitney(const double *experiment, size_t n_experiment,
                                   const double *control, size_t n_control,
                                   double confidence);

/* ---- labels ---- */

typedef enum {
    KAYENTA_PASS,
    KAYENTA_HIGH,
    KAYENTA_LOW,
    KAYENTA_NODATA,
    KAYENTA_NODATA_FAIL
} kayenta_label;
extern const char *const kayenta_label_names[KAYENTA_NODATA_FAIL + 1];

typedef enum { KAYENTA_EITHER, KAYENTA_INCREASE, KAYENTA_DECREASE } kayenta_direction;

typedef struct {
    bool mean_inequality; /* compares means only; else Mann-Whitney */
    kayenta_direction direction;
    bool replace_nan; /* NaN and missing arms read as 0 */
    bool critical, must_have_data;
    double tolerance, confidence;
    double allowed_decrease, allowed_increase; /* effect sizes, 1: any */
    double critical_decrease, critical_increase;
    kayenta_effect effect;
} kayenta_options;
extern const kayenta_options kayenta_defaults;

typedef struct {
    kayenta_label label;
    bool critical;       /* fails the whole canary */
    double deviation;    /* effect size; NaN: none */
    kayenta_shift shift; /* zeros where it was not computed */
    const char *reason;  /* "" for a pass */
} kayenta_result;

/* experiment, control: [n], any order, NaN allowed; sorted and cleaned in place. */
kayenta_result kayenta_classify(double *experiment, size_t n_experiment, double *control,
                                size_t n_control, const kayenta_options *o);

/* ---- scores ---- */

#define KAYENTA_GROUPS_MAX 32

typedef struct {
    kayenta_label label;
    bool critical;   /* of the policy: it must pass */
    unsigned groups; /* bit i: in group i */
} kayenta_metric;

/* Summary score 0..100, rounded to two decimals.
 *   weights  [n_groups] percent; NaN: shares what is left of 100
 *   out      [n_groups] the groups' own scores; 0 for one of missing data only */
double kayenta_score(const kayenta_metric *metrics, size_t n, const double *weights,
                     size_t n_groups, double *out);

#endif
