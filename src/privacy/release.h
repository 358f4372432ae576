/* privacy/release.h: which slices of an aggregate may be shown outside.
 *
 * Two rules. The k-minimum shows a slice that at least k people are in: simple, and what
 * a regulator asks for first, but an adversary who knows k - 1 of them learns of the
 * last. Differentially private selection shows a slice that n people are in with
 * probability
 *
 *     p(0) = 0,  p(n) = min(e^eps p(n - 1) + delta, 1 - e^-eps (1 - p(n - 1) - delta), 1)
 *
 * the largest that (eps, delta) differential privacy allows, so the presence of one
 * person changes what is seen by no more than that. Where a person may be in `touches`
 * slices, eps and delta are divided by it. With a floor, slices below it are never shown
 * and the others are judged by n - floor + 1.
 *
 * Source: Desfontaines, Voss, Gipson, Mandayam, "Differentially private partition
 * selection" (2022), theorem 1. Pure. Any thread. */
#ifndef ROSTRUM_PRIVACY_RELEASE_H
#define ROSTRUM_PRIVACY_RELEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"

typedef struct {
    double epsilon;   /* > 0; natural logarithm units */
    double delta;     /* 0 < delta < 1 */
    uint32_t touches; /* >= 1: slices one person may be in */
    uint64_t floor;   /* 0 or 1: none */
} release_options;

/* ERR_INVALID: d names the field. */
MUST_CHECK status release_check(const release_options *options, diag *d);

/* Probability of showing a slice that n people are in. options passed release_check. */
double release_probability(const release_options *options, uint64_t n);

/* The smallest n that is shown for certain. */
uint64_t release_certain(const release_options *options);

/* Show it? u is uniform in [0, 1), fresh for every slice and every release, and from a
 * source an adversary cannot predict. */
bool release_show(const release_options *options, uint64_t n, double u);

/* e^(eps * first) + ... of `terms` terms, powers rising by one; INFINITY beyond a double.
 * eps > 0. */
double release_power_sum(double epsilon, int64_t first, uint64_t terms);

#endif
