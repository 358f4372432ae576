/* readiness/diagnose/noise.h: how far a row may be from its expectation for no reason.
 *
 * d = 2 (seen - model) / (seen + model). Rows that nothing happened to have d near 0 with
 * variance s2 + phi * spread. Both are fitted to the quieter rows of each size, so that a
 * minority that did change does not pass as noise. Pure. Private to the folder. */
#ifndef ROSTRUM_READINESS_DIAGNOSE_NOISE_H
#define ROSTRUM_READINESS_DIAGNOSE_NOISE_H

#include <stddef.h>

typedef struct {
    double s2;  /* variance of d of a row of endless size */
    double phi; /* variance a spread of 1 adds */
} slice_noise;

/* 0 when both are 0. */
double slice_disagreement(double seen, double model);

/* Fits the noise to d[n] and spread[n]. order[n] and key[n] are working memory. */
slice_noise slice_noise_fit(const double *d, const double *spread, size_t n,
                            size_t *order, double *key);

/* How far a row is from its model, squared and in units of its noise: the deviance of a
 * count of that mean,
 *     2 (seen ln(seen / model) - seen + model) / (phi spread largest + s2 max(seen,
 * model)) with largest = max(seen, expected). About d^2 / variance of d where the row is
 * large; of a row of a handful it says what that is worth, so that the empty ones of a
 * sparse table weigh against a cause. Where nothing was modelled: 4 / variance of d. */
double slice_deviance(slice_noise noise, double seen, double model, double expected,
                      double spread);

/* -log likelihood of a deviance, up to a constant: Student's t, 3 degrees of freedom. */
double slice_loss(double deviance);

#endif
