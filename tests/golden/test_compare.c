/* Two systems against the outside vectors of wer_cases.json: NIST sc_stats and
 * kaldialign. Skips where the oracle folder is absent. */
#include "oracle.h"

#include "score/align.h"
#include "score/matched.h"
#include "score/resample.h"
#include "stats/tests.h"

static int load(void **state) {
    (void)state;
    return oracle_begin(ROSTRUM_ORACLES "/wer_cases.json");
}

static const cJSON *section(const char *group, const char *name) {
    return oracle_item(oracle_section(group), name);
}

enum { WORDS = 256 };

/* text[bytes] against ref; ops [2 * WORDS + 1]. */
static score_counts align(const char *ref, size_t ref_bytes, const char *hyp,
                          size_t hyp_bytes, score_costs costs, char *ops) {
    score_word r[WORDS], h[WORDS];
    size_t n = score_split(ref, ref_bytes, r, WORDS);
    size_t m = score_split(hyp, hyp_bytes, h, WORDS);
    assert_true(n <= WORDS && m <= WORDS);
    void *scratch = malloc(score_align_scratch(n, m));
    assert_non_null(scratch);
    score_counts counts;
    assert_int_equal(score_align(r, n, h, m, costs, scratch, &counts, ops), OK);
    free(scratch);
    return counts;
}

static const char *trn_line(const cJSON *set, const char *side, int i, size_t *bytes) {
    const char *line = cJSON_GetArrayItem(oracle_item(set, side), i)->valuestring;
    const char *id = strrchr(line, '(');
    assert_non_null(id);
    *bytes = (size_t)(id - line);
    return line;
}

#define SPEAKERS_MAX 16

/* What a walk over one set collects. */
typedef struct {
    score_segments segments;
    score_counts total[2];
    int right[2][2]; /* utterances: A right, B right */
    score_counts speaker[SPEAKERS_MAX][2];
} collected;

/* Walks the segments of an utterance; each must be the oracle's. */
static void collect_segments(collected *c, const char *a, const char *b,
                             const cJSON *utterance) {
    const cJSON *expect = oracle_item(utterance, "segments");
    score_segment s;
    int n = 0;
    for (; score_segment_next(&a, &b, SCORE_GOOD_WORDS, &s); n++) {
        const cJSON *one = cJSON_GetArrayItem(expect, n);
        assert_non_null(one);
        assert_int_equal(s.a, cJSON_GetArrayItem(one, 0)->valueint);
        assert_int_equal(s.b, cJSON_GetArrayItem(one, 1)->valueint);
        score_segments_add(&c->segments, &s);
    }
    assert_int_equal(n, cJSON_GetArraySize(expect));
}

static collected collect(const cJSON *set) {
    collected c = {0};
    int n = (int)oracle_number(set, "utterances");
    for (int i = 0; i < n; i++) {
        const cJSON *utterance = cJSON_GetArrayItem(oracle_item(set, "alignments"), i);
        static const char *const sides[] = {"a_trn", "b_trn"};
        char ops[2][2 * WORDS + 1];
        size_t speaker =
            (size_t)atoi(oracle_item(utterance, "id")->valuestring + 1); /* k07-0123 */
        assert_true(speaker < SPEAKERS_MAX);
        score_counts counts[2];
        for (int k = 0; k < 2; k++) {
            size_t ref_bytes, hyp_bytes;
            const char *ref = trn_line(set, "ref_trn", i, &ref_bytes);
            const char *hyp = trn_line(set, sides[k], i, &hyp_bytes);
            counts[k] = align(ref, ref_bytes, hyp, hyp_bytes, score_sclite, ops[k]);
            score_add(&c.total[k], &counts[k]);
            score_add(&c.speaker[speaker][k], &counts[k]);
        }
        assert_string_equal(ops[0], oracle_item(utterance, "a_ops")->valuestring);
        assert_string_equal(ops[1], oracle_item(utterance, "b_ops")->valuestring);
        c.right[score_errors(&counts[0]) == 0][score_errors(&counts[1]) == 0]++;
        collect_segments(&c, ops[0], ops[1], utterance);
    }
    return c;
}

static void check_mapsswe(const collected *c, const cJSON *set) {
    const cJSON *expect = oracle_item(set, "expect_mapsswe");
    score_mapsswe_result r = score_mapsswe(&c->segments);
    double n = (double)c->segments.n;
    assert_int_equal(c->segments.n, (int)oracle_number(expect, "segments"));
    oracle_close(n / oracle_number(set, "utterances"),
                 oracle_number(expect, "segments_per_sentence"), 0, 5e-4,
                 "segments a sentence", 0);
    oracle_close(r.mean, oracle_number(expect, "mean"), 0, 5e-4, "mean", 0);
    oracle_close(r.sd, oracle_number(expect, "std_dev"), 0, 5e-4, "sd", 0);
    oracle_close(r.z, oracle_number(expect, "z"), 0, 5e-4, "z", 0);
    assert_int_equal(r.p < 0.05, cJSON_IsTrue(oracle_item(expect, "different_at_95")));
    const cJSON *exact = oracle_item(set, "unrounded_not_printed");
    oracle_close(r.mean, oracle_number(exact, "mean"), 1e-12, 0, "mean", 1);
    oracle_close(r.sd, oracle_number(exact, "std_dev"), 1e-12, 0, "sd", 1);
    oracle_close(r.z, oracle_number(exact, "z"), 1e-12, 0, "z", 1);
}

static void check_wilcoxon(const collected *c, const cJSON *set) {
    const cJSON *expect = oracle_item(set, "expect_wilcoxon_speakers");
    size_t n = (size_t)oracle_number(set, "speakers"), order[SPEAKERS_MAX];
    double differences[SPEAKERS_MAX], scratch[SPEAKERS_MAX];
    for (size_t i = 0; i < n; i++)
        differences[i] = score_wer(&c->speaker[i][0]) - score_wer(&c->speaker[i][1]);
    score_wilcoxon_result r = score_wilcoxon(differences, n, scratch, order);
    assert_int_equal(r.positive, (int)oracle_number(expect, "positive_count"));
    assert_int_equal(r.negative, (int)oracle_number(expect, "negative_count"));
    oracle_close(r.positive_ranks, oracle_number(expect, "positive_rank_sum"), 0, 0,
                 "positive ranks", 0);
    oracle_close(r.negative_ranks, oracle_number(expect, "negative_rank_sum"), 0, 0,
                 "negative ranks", 0);
    oracle_close(r.z, oracle_number(expect, "z"), 0, 5e-3, "Wilcoxon z", 0);
}

static void sc_stats_is_equalled_on_two_systems(void **state) {
    (void)state;
    const cJSON *set;
    int sets = 0;
    cJSON_ArrayForEach(set, section("mapsswe", "sets")) {
        collected c = collect(set);
        static const char *const names[] = {"a", "b"};
        for (int k = 0; k < 2; k++) {
            const cJSON *total = oracle_item(oracle_item(set, "sclite_totals"), names[k]);
            assert_int_equal(c.total[k].correct, (int)oracle_number(total, "corr"));
            assert_int_equal(c.total[k].substitutions, (int)oracle_number(total, "sub"));
            assert_int_equal(c.total[k].deletions, (int)oracle_number(total, "del"));
            assert_int_equal(c.total[k].insertions, (int)oracle_number(total, "ins"));
        }
        check_mapsswe(&c, set);
        const cJSON *table = oracle_item(set, "expect_mcnemar_utterances");
        assert_int_equal(c.right[1][1], (int)oracle_number(table, "both_correct"));
        assert_int_equal(c.right[1][0], (int)oracle_number(table, "only_a_correct"));
        assert_int_equal(c.right[0][1], (int)oracle_number(table, "only_b_correct"));
        assert_int_equal(c.right[0][0], (int)oracle_number(table, "both_incorrect"));
        check_wilcoxon(&c, set);
        sets++;
    }
    assert_int_equal(sets, 3);
}

static void kaldialign_s_interval_is_equalled(void **state) {
    (void)state;
    const cJSON *test = section("kaldialign", "bootstrap");
    double tolerance = oracle_number(test, "abs_tol");
    static const char *const systems[] = {"system1", "system2"};
    score_block blocks[8] = {0};
    int n = cJSON_GetArraySize(oracle_item(test, "ref"));
    assert_true(n <= 8);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 2; k++) {
            char ops[2 * WORDS + 1];
            const char *ref =
                cJSON_GetArrayItem(oracle_item(test, "ref"), i)->valuestring;
            const char *hyp =
                cJSON_GetArrayItem(oracle_item(test, systems[k]), i)->valuestring;
            score_counts c =
                align(ref, strlen(ref), hyp, strlen(hyp), score_levenshtein, ops);
            blocks[i].words = (double)score_reference_words(&c);
            *(k ? &blocks[i].b : &blocks[i].a) = (double)score_errors(&c);
        }
    static double scratch[2 * SCORE_REPLICATES_MAX];
    score_resampling options = {SCORE_REPLICATES_MAX, 0.95, 0.8, 1, 0};
    score_comparison c;
    assert_int_equal(score_resample(blocks, (size_t)n, &options, scratch, &c), OK);
    const cJSON *expect = oracle_item(test, "expect");
    for (int k = 0; k < 2; k++) {
        const cJSON *one = oracle_item(expect, systems[k]);
        score_spread s = k ? c.resampled_b : c.resampled_a;
        oracle_close(k ? c.wer_b : c.wer_a, oracle_number(one, "wer"), 0, tolerance,
                     "wer", k);
        oracle_close(1.96 * s.sd, oracle_number(one, "ci95"), 0, tolerance, "ci95", k);
        oracle_close(s.mean - 1.96 * s.sd, oracle_number(one, "ci95_min"), 0, tolerance,
                     "ci95_min", k);
        oracle_close(s.mean + 1.96 * s.sd, oracle_number(one, "ci95_max"), 0, tolerance,
                     "ci95_max", k);
    }
    oracle_close(c.b_better, oracle_number(expect, "p_system2_better"), 0, 0, "better",
                 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sc_stats_is_equalled_on_two_systems),
        cmocka_unit_test(kaldialign_s_interval_is_equalled),
    };
    return cmocka_run_group_tests(tests, load, oracle_end);
}
