/* bench_histogram: what counting a latency costs.
 *
 * Nanoseconds of CPU time for one histogram_add, best of several rounds, over values
 * whose order no branch predictor can learn; beside it the same with the bucket found by
 * log(), as the definition has it, and what a merge and a quantile cost. JSON on standard
 * output. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "readiness/histogram.h"
#include "stats/rng.h"

enum { VALUES = 1 << 16, REPEATS = 32, ROUNDS = 9 };
#define INSERT_GOAL_NS 10

static double values[VALUES];
static histogram h;

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* The same counting with the index computed as ceil(log(value) / log(base)) - 1. */
static void add_by_log(double value, double per_base) {
    h.good += value <= h.threshold;
    h.bad += value > h.threshold;
    h.sum += value;
    h.min = value < h.min ? value : h.min;
    h.max = value > h.max ? value : h.max;
    int32_t slot = (int32_t)ceil(log(value) * per_base) - 1 - h.first;
    if (slot >= 0 && slot < HISTOGRAM_BUCKETS)
        h.counts[slot]++;
}

static double insert_ns(int by_log) {
    double best = INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
        histogram_init(&h, 700);
        for (size_t i = 0; i < VALUES; i++)
            if (histogram_add(&h, values[i]) != OK)
                exit(3);
        double per_base = ldexp(1, h.scale) / log(2);
        double start = now_ns();
        for (int r = 0; r < REPEATS; r++)
            for (size_t i = 0; i < VALUES; i++) {
                if (by_log)
                    add_by_log(values[i], per_base);
                else if (histogram_add(&h, values[i]) != OK)
                    exit(3);
            }
        best = fmin(best, (now_ns() - start) / REPEATS / VALUES);
    }
    return best;
}

static double merge_ns(void) {
    static histogram all;
    double best = INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
        histogram_init(&all, 700);
        double start = now_ns();
        for (int r = 0; r < 1000; r++)
            if (histogram_merge(&all, &h) != OK)
                exit(3);
        best = fmin(best, (now_ns() - start) / 1000);
    }
    return best;
}

static double quantile_ns(void) {
    double best = INFINITY, sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int r = 0; r < 1000; r++)
            sum += histogram_quantile(&h, (double)r / 1000);
        best = fmin(best, (now_ns() - start) / 1000);
    }
    return sum > 0 ? best : NAN;
}

int main(void) {
    stats_rng rng = stats_rng_make(1, 0);
    for (size_t i = 0; i < VALUES; i++) /* speech latencies in ms */
        values[i] = 300 * exp(0.6 * stats_rng_normal(&rng));
    double by_log = insert_ns(1), insert = insert_ns(0);
    printf("{\"insert_ns\":%.2f,\"insert_by_log_ns\":%.2f,\"merge_ns\":%.0f,"
           "\"quantile_ns\":%.0f,\"bytes\":%zu,\"relative_error\":%.4f,\"scale\":%d}\n",
           insert, by_log, merge_ns(), quantile_ns(), sizeof h,
           histogram_relative_error(&h), h.scale);
    printf("figure\tone latency counted in a histogram\t%.1f ns\t%.1f ns with log()\t"
           "%.1f\t10 ns\t%s\n",
           insert, by_log, by_log / insert, insert <= INSERT_GOAL_NS ? "yes" : "no");
    return 0;
}
