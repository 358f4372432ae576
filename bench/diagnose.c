/* bench_diagnose [--cases N] [--seed S] [--least-f1 F] [--verbose]: how often `diagnose
 * slices` is right.
 *
 * Seeded incidents of bench/incidents.h, by kind, number of causes and noise: precision,
 * recall and F1 over causes (a cause counts as found when it holds the same rows), false
 * causes in quiet tables, and milliseconds a case. Exit status 1: F1 below --least-f1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "bench/incidents.h"

typedef struct {
    size_t cases, found, missed, wrong;
    double ms;
} tally;

static bool same_rows(const incident *i, const incident_cause *a, const slice_cause *b) {
    for (size_t row = 0; row < i->rows; row++) {
        if (!(i->top_before[row] > 0) && !(i->top_now[row] > 0))
            continue;
        if (incident_holds(i, a->named, a->code, row) !=
            incident_holds(i, b->named, b->code, row))
            return false;
    }
    return true;
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void print_slice(const incident *i, uint32_t named, const uint32_t *code) {
    for (size_t a = 0; a < i->attributes; a++)
        if (named >> a & 1)
            printf(" a%zu=%u", a, code[a]);
}

static void explain(const incident *i, slice_answer *answer) {
    size_t bytes = slices_scratch(i->rows, i->attributes, 0);
    ratio_table ratio = {i->rows,       i->attributes,    i->codes,   i->values,
                         i->top_before, i->bottom_before, i->top_now, i->bottom_now};
    size_t ratio_bytes = ratio_scratch(&ratio);
    void *scratch = malloc(bytes > ratio_bytes ? bytes : ratio_bytes);
    double *expected = malloc(i->rows * sizeof *expected);
    double *spread = malloc(i->rows * sizeof *spread);
    ASSERT(scratch != NULL && expected != NULL && spread != NULL);
    slice_table t = {.rows = i->rows,
                     .attributes = i->attributes,
                     .codes = i->codes,
                     .values = i->values,
                     .expected = i->top_before,
                     .seen = i->top_now};
    diag d = DIAG_INIT;
    status s = OK;
    if (i->kind == INCIDENT_RATIO) {
        ratio_change change;
        s = ratio_expect(&ratio, scratch, expected, spread, &change, &d);
        t.expected = expected;
        t.spread = spread;
    }
    ASSERT(s == OK);
    s = slices_explain(&t, &slice_defaults, scratch, answer, &d);
    ASSERT(s == OK);
    free(scratch);
    free(expected);
    free(spread);
}

static void judge(const incident *i, bool verbose, tally *t) {
    slice_answer answer;
    double from = now_ms();
    explain(i, &answer);
    t->ms += now_ms() - from;
    t->cases++;
    bool hit[SLICES_CAUSES_MAX] = {0};
    size_t found = 0;
    for (size_t k = 0; k < i->n_causes; k++)
        for (size_t j = 0; j < answer.n; j++)
            if (!hit[j] && same_rows(i, &i->causes[k], &answer.causes[j])) {
                hit[j] = true;
                found++;
                break;
            }
    t->found += found;
    t->missed += i->n_causes - found;
    t->wrong += answer.n - found;
    if (!verbose || (found == i->n_causes && answer.n == found))
        return;
    printf("  %zu rows, values", i->rows);
    for (size_t a = 0; a < i->attributes; a++)
        printf(" %u", i->values[a]);
    printf(", noise %.3f\n", answer.noise_rel);
    for (size_t k = 0; k < i->n_causes; k++) {
        printf("    true  x%.2f", i->causes[k].factor);
        print_slice(i, i->causes[k].named, i->causes[k].code);
        printf("\n");
    }
    for (size_t j = 0; j < answer.n; j++) {
        const slice_cause *c = &answer.causes[j];
        printf("    %s x%.2f share %.3f evidence %.1f rows %zu",
               hit[j] ? "found" : "WRONG", c->factor, c->share, c->evidence, c->rows);
        print_slice(i, c->named, c->code);
        printf("\n");
    }
}

static double f1_of(const tally *t) {
    double twice = 2.0 * (double)t->found;
    double all = twice + (double)(t->missed + t->wrong);
    return all > 0 ? twice / all : 1;
}

static int usage(void) {
    fprintf(stderr, "usage: bench_diagnose [--cases N] [--seed S] [--least-f1 F] "
                    "[--verbose]\n");
    return 2;
}

int main(int argc, char **argv) {
    size_t cases = 40;
    uint64_t seed = 1;
    double least_f1 = 0;
    bool verbose = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0)
            verbose = true;
        else if (i + 1 < argc && strcmp(argv[i], "--cases") == 0)
            cases = strtoul(argv[++i], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0)
            seed = strtoul(argv[++i], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--least-f1") == 0)
            least_f1 = strtod(argv[++i], NULL);
        else
            return usage();
    }
    static const char *const names[] = {"forecast", "counts", "ratio"};
    static const double noises[] = {0.0, 0.05, 0.15};
    tally all = {0};
    size_t false_causes = 0, quiet = 0;
    printf("kind      noise  causes   precision  recall     F1   ms a case\n");
    for (int kind = 0; kind < INCIDENT_KINDS; kind++)
        for (size_t z = 0; z < 3; z++)
            for (size_t causes = 0; causes <= 4; causes++) {
                tally t = {0};
                for (size_t k = 0; k < cases; k++) {
                    incident *i =
                        incident_make((incident_kind)kind, causes, noises[z],
                                      seed * 1000003 + k * 101 + z * 10 + causes);
                    judge(i, verbose, &t);
                    incident_free(i);
                }
                if (causes == 0) {
                    false_causes += t.wrong;
                    quiet += t.cases;
                    printf("%-9s %4.0f %%  quiet: %zu false causes in %zu tables\n",
                           names[kind], 100 * noises[z], t.wrong, t.cases);
                    continue;
                }
                double named = (double)(t.found + t.wrong),
                       real = (double)(t.found + t.missed);
                printf("%-9s %4.0f %%  %6zu   %9.3f  %6.3f  %5.3f   %6.1f\n", names[kind],
                       100 * noises[z], causes, named > 0 ? (double)t.found / named : 1,
                       (double)t.found / real, f1_of(&t), t.ms / (double)t.cases);
                all.found += t.found;
                all.missed += t.missed;
                all.wrong += t.wrong;
                all.cases += t.cases;
                all.ms += t.ms;
            }
    printf(
        "all: F1 %.3f over %zu incidents, %.1f ms a case; %zu false causes in %zu quiet "
        "tables\n",
        f1_of(&all), all.cases, all.ms / (double)all.cases, false_causes, quiet);
    printf("figure\tcauses of synthetic incidents found, F1\t%.3f\t\t\t>= 0.95\t%s\n",
           f1_of(&all), f1_of(&all) >= 0.95 ? "yes" : "no");
    printf("figure\ttime of a diagnosis, mean\t%.1f ms\t\t\t-\t-\n",
           all.ms / (double)all.cases);
    return f1_of(&all) < least_f1;
}
