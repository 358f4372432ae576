/* Two systems on the same utterances: segments, paired tests, and an interval that covers
 * what it promises although the utterances of a speaker fail together. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "score/matched.h"
#include "score/resample.h"
#include "stats/rng.h"

static void near(double got, double expected, double abs) {
    if (!(fabs(got - expected) <= abs))
        fail_msg("got %.10g, expected %.10g", got, expected);
}

static void a_segment_closes_behind_two_words_both_have_right(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        unsigned good;
        const char *segments; /* errors of a, of b; blank between segments */
    } rows[] = {
        /* the first utterance of the oracle's first set */
        {"CCCCCCCCCDSCCCC", "ICCCCCCCCCCCCCCC", 2, "01 20"},
        {"CCCC", "CCCC", 2, ""},       /* no error, no segment */
        {"", "", 2, ""},               /* nothing said, nothing heard */
        {"", "II", 2, "02"},           /* nothing said, something heard */
        {"SCS", "CCC", 2, "20"},       /* one good word does not part errors */
        {"SCCS", "CCCC", 2, "10 10"},  /* two do */
        {"SCCS", "CCCC", 3, "20"},     /* unless three are asked for */
        {"SCCS", "CSCC", 2, "21"},     /* good means good in both */
        {"SCICS", "CCCC", 2, "30"},    /* an insertion between keeps it open */
        {"SCCIS", "CCCC", 2, "10 20"}, /* one behind the two opens the next */
        {"SCC", "CCIC", 2, "11"},      /* of either system */
        {"SCCS", "CCICC", 2, "21"},    /* of either system */
        {"SC", "DC", 2, "11"},         /* the end closes it */
        {"CCI", "CC", 2, "10"},        /* an insertion at the end */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char got[64] = "";
        const char *a = rows[i].a, *b = rows[i].b;
        score_segment s;
        while (score_segment_next(&a, &b, rows[i].good, &s)) {
            char one[] = {*got ? ' ' : '\0', (char)('0' + s.a), (char)('0' + s.b), '\0'};
            strcat(got, *got ? one : one + 1);
        }
        assert_string_equal(got, rows[i].segments);
    }
}

static score_segments segments_of(const score_segment *list, size_t n) {
    score_segments s = {0};
    for (size_t i = 0; i < n; i++)
        score_segments_add(&s, &list[i]);
    return s;
}

static void mapsswe_equals_sc_stats(void **state) {
    (void)state;
    /* sc_stats of sctk 2.4.10 on three generated sets: from its counts to its z */
    static const struct {
        score_segments s;
        double mean, sd, z, p;
    } rows[] = {
        {{346, 407, 209, 632}, 0.572, 1.226, 8.681, 3.9e-18},
        {{367, 302, 319, 533}, -0.046, 1.206, -0.736, 0.4618},
        {{512, 446, 404, 860}, 0.082, 1.295, 1.434, 0.1517},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        score_mapsswe_result r = score_mapsswe(&rows[i].s);
        near(r.mean, rows[i].mean, 5e-4);
        near(r.sd, rows[i].sd, 5e-4);
        near(r.z, rows[i].z, 5e-4);
        near(r.p, rows[i].p, 1e-4);
    }
}

static void too_few_segments_are_no_evidence(void **state) {
    (void)state;
    static const score_segment alike[] = {{1, 0}, {1, 0}, {1, 0}, {1, 0}};
    static const score_segment even[] = {{1, 1}, {2, 2}};
    score_segments none = {0}, one = segments_of(alike, 1), four = segments_of(alike, 4),
                   same = segments_of(even, 2);
    assert_true(score_mapsswe(&none).p == 1);
    assert_true(score_mapsswe(&one).p == 1 && score_mapsswe(&one).z == 0);
    assert_true(score_mapsswe(&same).p == 1 && score_mapsswe(&same).z == 0);
    /* no spread: four coins alike, 2 / 2^4 */
    near(score_mapsswe(&four).p, 0.125, 1e-15);
    assert_true(score_mapsswe(&four).z == INFINITY);
}

static void wilcoxon_ranks_share_and_leave_out_zeros(void **state) {
    (void)state;
    double scratch[8];
    size_t order[8];
    /* |d| 1 1 2 3, ranks 1.5 1.5 3 4; the zero does not count */
    static const double d[] = {1, 0, -1, 2, -3};
    score_wilcoxon_result r = score_wilcoxon(d, 5, scratch, order);
    assert_int_equal(r.positive, 2);
    assert_int_equal(r.negative, 2);
    near(r.positive_ranks, 4.5, 0);
    near(r.negative_ranks, 5.5, 0);
    near(r.z, (4.5 - 5) / sqrt(7.5), 1e-12);
    /* eight of eight: sc_stats prints -2.52 */
    static const double all[] = {1, 2, 3, 4, 5, 6, 7, 8};
    r = score_wilcoxon(all, 8, scratch, order);
    near(r.z, -2.52, 5e-3);
    near(r.p, 0.0117, 1e-4);
    r = score_wilcoxon(all, 0, scratch, order);
    assert_true(r.z == 0 && r.p == 1);
}

#define REPLICATES 999
static double scratch[2 * 100000];
static const score_resampling usual = {REPLICATES, 0.95, 0.8, 1, 0};

static score_comparison compare(const score_block *blocks, size_t n,
                                const score_resampling *o) {
    score_comparison c;
    assert_true(score_resample_scratch(o->replicates) <= sizeof scratch);
    assert_int_equal(score_resample(blocks, n, o, scratch, &c), OK);
    return c;
}

static void replicates_spread_as_kaldialign_says(void **state) {
    (void)state;
    /* kaldialign cf478ab: two utterances, 10,000 replicates, tolerance 3e-3 */
    static const score_block blocks[] = {{3, 1, 0}, {3, 2, 1}};
    score_resampling o = {100000, 0.95, 0.8, 1, 0};
    score_comparison c = compare(blocks, 2, &o);
    near(c.wer_a, 0.5, 1e-12);
    near(c.wer_b, 1.0 / 6, 1e-12);
    near(1.96 * c.resampled_a.sd, 0.23, 3e-3);
    near(1.96 * c.resampled_b.sd, 0.231, 3e-3);
    near(c.resampled_a.mean - 1.96 * c.resampled_a.sd, 0.269, 3e-3);
    near(c.resampled_b.mean + 1.96 * c.resampled_b.sd, 0.397, 3e-3);
    assert_true(c.b_better == 1);
    /* where kaldialign gives an interval, two blocks support none */
    assert_true(isinf(c.absolute.interval.low) && c.absolute.p == 1.0);
}

static void a_sample_is_compared_by_hand(void **state) {
    (void)state;
    static const score_block blocks[] = {{100, 10, 8}, {200, 30, 31}, {50, 5, 5},
                                         {150, 9, 7},  {100, 20, 15}, {400, 26, 30}};
    score_comparison c = compare(blocks, 6, &usual);
    near(c.wer_a, 0.1, 1e-12);
    near(c.wer_b, 0.096, 1e-12);
    near(c.absolute.estimate, -4.0 / 1000, 1e-12);
    near(c.relative.estimate, -4.0 / 100, 1e-12);
    /* residuals d + 0.004 words: -1.6 1.8 0.2 -1.4 -4.6 5.6; squares 60.32 */
    near(c.absolute.se, sqrt(60.32 * 6 / 5) / 1000, 1e-12);
    /* d + 0.04 a: -1.6 2.2 0.2 -1.64 -4.2 5.04; squares 53.1712 */
    near(c.relative.se, sqrt(53.1712 * 6 / 5) / 100, 1e-12);
    double half = c.absolute.interval.high - c.absolute.estimate;
    near(c.absolute.estimate - c.absolute.interval.low, half, 1e-12);
    /* + t(5; 0.2) = 0.91954 standard errors */
    near(c.absolute.detectable, half + 0.91954378 * c.absolute.se, 1e-8);
    score_comparison again = compare(blocks, 6, &usual);
    assert_memory_equal(&again, &c, sizeof c);
    score_resampling other = usual;
    other.seed = 2;
    assert_true(compare(blocks, 6, &other).absolute.p != c.absolute.p);
    other = usual;
    other.stream = 1;
    assert_true(compare(blocks, 6, &other).absolute.p != c.absolute.p);
    score_block swapped[6];
    for (int i = 0; i < 6; i++)
        swapped[i] = (score_block){blocks[i].words, blocks[i].b, blocks[i].a};
    again = compare(swapped, 6, &usual);
    near(again.absolute.estimate, 0.004, 1e-12);
    near(again.absolute.p, c.absolute.p, 1e-12);
    near(again.absolute.interval.high, -c.absolute.interval.low, 1e-12);
}

static void what_cannot_be_told_is_not_told(void **state) {
    (void)state;
    static const struct {
        score_block blocks[5];
        size_t n;
        const char *why;
    } rows[] = {
        {{{0}}, 0, "no block"},
        {{{100, 10, 5}}, 1, "one speaker"},
        {{{100, 10, 5}, {100, 12, 8}, {100, 9, 2}}, 3, "three: a ninth have no spread"},
        {{{100, 10, 10}, {90, 5, 5}, {80, 4, 4}, {70, 1, 1}}, 4, "never different"},
        {{{100, 10, 5}, {100, 10, 5}, {100, 10, 5}, {100, 10, 5}}, 4, "all alike"},
        {{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {90, 8, 9}, {100, 9, 4}},
         5,
         "one in thirteen replicates has no words"},
        {{{0, 1, 2}, {0, 0, 0}, {0, 2, 1}, {0, 1, 0}, {0, 3, 1}}, 5, "no words"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        score_comparison c = compare(rows[i].blocks, rows[i].n, &usual);
        const score_difference *d = &c.absolute;
        if (!(isinf(d->interval.high) && isinf(d->interval.low) && isinf(d->detectable)))
            fail_msg("%s: an interval", rows[i].why);
        assert_true(d->p > 0.05);
        assert_int_equal(score_judge(d, 0, 0.05), SCORE_CANNOT_TELL);
    }
    /* the largest of nine replicates is no 95 % point */
    score_resampling nine = usual;
    nine.replicates = 9;
    static const score_block some[] = {{100, 9, 5}, {100, 8, 7}, {90, 7, 3},
                                       {80, 9, 6},  {95, 8, 4},  {85, 5, 2}};
    assert_true(isinf(compare(some, 6, &nine).absolute.interval.high));
    nine.confidence = 0.9; /* but a 90 % point, though 1 - 0.9 < 0.1 in doubles */
    assert_true(isfinite(compare(some, 6, &nine).absolute.interval.high));
    assert_true(isfinite(compare(some, 6, &usual).absolute.interval.high));
    /* a small spread is a spread */
    static const score_block even[] = {
        {1e6, 0, 1000}, {1e6, 0, 1001}, {1e6, 0, 999}, {1e6, 0, 1003}, {1e6, 0, 998}};
    assert_true(isfinite(compare(even, 5, &usual).absolute.interval.high));
    /* errors of A are the denominator of the relative difference only */
    static const score_block perfect[] = {{100, 0, 5}, {100, 0, 7}, {90, 0, 3},
                                          {80, 0, 6},  {95, 0, 4},  {85, 0, 2}};
    score_comparison c = compare(perfect, 6, &usual);
    assert_int_equal(score_judge(&c.absolute, c.absolute.p, 0.05), SCORE_B_WORSE);
    assert_int_equal(score_judge(&c.relative, c.relative.p, 0.05), SCORE_CANNOT_TELL);
}

static void broken_input_is_refused(void **state) {
    (void)state;
    static const score_block good = {1, 1, 1};
    static const score_block bad[] = {{-1, 0, 0},  {1, -1, 0},  {1, 0, -1},
                                      {NAN, 1, 1}, {1, NAN, 1}, {1, 1, INFINITY}};
    score_comparison c = {.wer_a = 42};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(score_resample(&bad[i], 1, &usual, scratch, &c), ERR_INVALID);
    static const score_resampling options[] = {
        {0, 0.95, 0.8, 1, 0}, {SCORE_REPLICATES_MAX + 1, 0.95, 0.8, 1, 0},
        {9, 0, 0.8, 1, 0},    {9, 1, 0.8, 1, 0},
        {9, NAN, 0.8, 1, 0},  {9, 0.95, 0, 1, 0},
        {9, 0.95, 1, 1, 0},   {9, 0.95, NAN, 1, 0}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        assert_int_equal(score_resample(&good, 1, &options[i], scratch, &c), ERR_INVALID);
    assert_true(c.wer_a == 42);
}

static void verdicts_follow_p_and_sign(void **state) {
    (void)state;
    score_difference down = {.estimate = -0.01, .detectable = 0.02}, up = down;
    up.estimate = 0.01;
    assert_int_equal(score_judge(&down, 0.05, 0.05), SCORE_B_BETTER);
    assert_int_equal(score_judge(&up, 0.05, 0.05), SCORE_B_WORSE);
    assert_int_equal(score_judge(&up, 0.0501, 0.05), SCORE_NO_DIFFERENCE);
    assert_int_equal(score_judge(&up, NAN, 0.05), SCORE_NO_DIFFERENCE);
}

/* A speaker: WER of A lognormal around 10 %, of B `factor` times that, a little more for
 * some and less for others; 70 % of the smaller one's errors are common to both. Sums
 * and rates are independent, so that the true difference is 0.1 (factor - 1) and factor
 * - 1 relative. */
typedef struct {
    double size_sigma, factor;
    size_t utterances; /* of each speaker, where sizes are equal */
} world;

enum { SPEAKERS = 40, WORDS = 10 };

static double lognormal(stats_rng *r, double sigma) {
    return exp(sigma * stats_rng_normal(r) - sigma * sigma / 2);
}

/* One speaker into out[utterances]; returns his sums. */
static score_block speak(const world *w, stats_rng *r, score_block *out) {
    double a = 0.1 * lognormal(r, 0.6);
    double b = a * w->factor * lognormal(r, 0.25);
    double common = 0.7 * fmin(a, b);
    double words = ceil(WORDS * lognormal(r, w->size_sigma));
    score_block sum = {0};
    for (size_t i = 0; i < w->utterances; i++) {
        double both = (double)stats_rng_poisson(r, words * common);
        out[i] = (score_block){words,
                               both + (double)stats_rng_poisson(r, words * (a - common)),
                               both + (double)stats_rng_poisson(r, words * (b - common))};
        sum.words += words;
        sum.a += out[i].a;
        sum.b += out[i].b;
    }
    return sum;
}

/* How often, of 1,000 samples, it comes true. */
typedef struct {
    double absolute, relative, utterances, detected;
} shares;

static shares simulate(const world *w, bool by_utterance, uint64_t seed) {
    enum { SAMPLES = 1000 };
    static score_block all[SPEAKERS * 32];
    score_block blocks[SPEAKERS];
    stats_rng r = stats_rng_make(seed, 0);
    double relative = w->factor - 1, absolute = 0.1 * relative;
    shares s = {0};
    for (int m = 0; m < SAMPLES; m++) {
        size_t n = by_utterance ? SPEAKERS * w->utterances : 0;
        for (size_t i = 0; i < SPEAKERS; i++)
            blocks[i] = speak(w, &r, all + i * w->utterances);
        score_resampling o = {399, 0.95, 0.8, seed, (uint64_t)m};
        score_comparison c = compare(blocks, SPEAKERS, &o);
        s.absolute += (c.absolute.interval.low <= absolute &&
                       absolute <= c.absolute.interval.high) /
                      (double)SAMPLES;
        s.relative += (c.relative.interval.low <= relative &&
                       relative <= c.relative.interval.high) /
                      (double)SAMPLES;
        s.detected += (c.absolute.p <= 0.05) / (double)SAMPLES;
        assert_true((c.absolute.p <= 0.05) ==
                    (c.absolute.interval.high < 0 || c.absolute.interval.low > 0));
        if (n > 0) {
            c = compare(all, n, &o);
            s.utterances += (c.absolute.interval.low <= absolute &&
                             absolute <= c.absolute.interval.high) /
                            (double)SAMPLES;
        }
    }
    return s;
}

static void the_interval_covers_with_correlated_speakers(void **state) {
    (void)state;
    static const world rows[] = {
        {0, 1, 25},      /* no difference */
        {0, 0.92, 25},   /* B 8 % better */
        {0.8, 0.92, 25}, /* a few speakers have most of the words */
        {0, 0.92, 4},    /* few errors a speaker */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        shares s = simulate(&rows[i], false, i + 1);
        print_message("covered: absolute %.1f %%, relative %.1f %%\n", 100 * s.absolute,
                      100 * s.relative);
        assert_true(0.92 <= s.absolute && s.absolute <= 0.97);
        assert_true(0.92 <= s.relative && s.relative <= 0.97);
    }
}

static void the_utterance_interval_is_too_narrow(void **state) {
    (void)state;
    static const world w = {0, 0.92, 25};
    shares s = simulate(&w, true, 9);
    print_message("covered: by speaker %.1f %%, by utterance %.1f %%\n", 100 * s.absolute,
                  100 * s.utterances);
    assert_true(s.absolute >= 0.92);
    assert_true(s.utterances < 0.80);
}

static void what_is_called_detectable_is_detected(void **state) {
    (void)state;
    world w = {0, 1, 25};
    /* the median of what samples without a difference call detectable */
    double size[101];
    stats_rng r = stats_rng_make(5, 0);
    score_block blocks[SPEAKERS], all[32];
    for (int m = 0; m < 101; m++) {
        for (size_t i = 0; i < SPEAKERS; i++)
            blocks[i] = speak(&w, &r, all);
        size[m] = compare(blocks, SPEAKERS, &usual).absolute.detectable;
        for (int k = m; k > 0 && size[k] < size[k - 1]; k--) {
            double swap = size[k];
            size[k] = size[k - 1];
            size[k - 1] = swap;
        }
    }
    w.factor = 1 - size[50] / 0.1;
    double detected = simulate(&w, false, 6).detected;
    print_message("a difference of %.2f points is detected by %.1f %%\n", 100 * size[50],
                  100 * detected);
    assert_true(0.75 <= detected && detected <= 0.92);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_closes_behind_two_words_both_have_right),
        cmocka_unit_test(mapsswe_equals_sc_stats),
        cmocka_unit_test(too_few_segments_are_no_evidence),
        cmocka_unit_test(wilcoxon_ranks_share_and_leave_out_zeros),
        cmocka_unit_test(replicates_spread_as_kaldialign_says),
        cmocka_unit_test(a_sample_is_compared_by_hand),
        cmocka_unit_test(what_cannot_be_told_is_not_told),
        cmocka_unit_test(broken_input_is_refused),
        cmocka_unit_test(verdicts_follow_p_and_sign),
        cmocka_unit_test(the_interval_covers_with_correlated_speakers),
        cmocka_unit_test(the_utterance_interval_is_too_narrow),
        cmocka_unit_test(what_is_called_detectable_is_detected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
