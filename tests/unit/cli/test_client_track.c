/* Which words belong to which recording, and what is measured of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/client_track.h"

static struct {
    client_result result[8];
    char text[8][64];
    unsigned n;
} got;

static void on_result(void *owner, const client_result *r) {
    (void)owner;
    assert_true(got.n < 8);
    got.result[got.n] = *r;
    strncpy(got.text[got.n], r->text, 63);
    got.n++;
}

static char first_id[] = "first", second_id[] = "second";
static recording first = {.id = first_id, .onset_s = 0.2, .end_s = 1.5};
static recording second = {.id = second_id, .onset_s = 0.1, .end_s = 1.0};

/* Stream time 0 is wall time 1000. */
static void begin(track *t, bool paced) {
    memset(&got, 0, sizeof got);
    track_init(t, paced, on_result, NULL);
    t->stream_start_ms = 1000;
    assert_int_equal(track_begin(t, &first, 0), OK);
}

static void final(track *t, double now_ms, const char *item, const char *text,
                  double start_ms, double end_ms, int passes) {
    static const double ends[] = {600, 900, 1400};
    track_final(t, now_ms,
                &(track_final_event){.item = item,
                                     .transcript = text,
                                     .passes = passes,
                                     .audio_start_ms = start_ms,
                                     .speech_end_ms = end_ms,
                                     .first_pass_ms = -1,
                                     .server_final_ms = -1,
                                     .word_end_ms = ends,
                                     .n_words = text[0] != '\0' ? 3 : 0});
}

static const recording *partial(track *t, double now_ms, const char *item,
                                const char *committed, const char *tentative,
                                unsigned words, double start_ms) {
    const char *before = NULL;
    return track_partial(t, now_ms, item, committed, tentative, words, start_ms, &before);
}

static void latencies_run_from_spoken_time(void **state) {
    (void)state;
    static track t;
    begin(&t, true);
    assert_ptr_equal(partial(&t, 1700, "a", "", "one", 0, 0), &first);
    partial(&t, 2000, "a", "one", "two", 1, 0);
    partial(&t, 2300, "a", "one two", "tree", 2, 0);
    final(&t, 3100, "a", "one two three", 0, 1500, 1);
    assert_int_equal(got.n, 0); /* another utterance of it may follow */
    track_end(&t);
    assert_int_equal(got.n, 1);
    const client_result *r = &got.result[0];
    assert_string_equal(got.text[0], "one two three");
    assert_float_equal(r->first_partial_ms, 500, 0.01); /* 1700 - (1000 + 200) */
    assert_float_equal(r->final_ms, 600, 0.01);         /* 3100 - (1000 + 1500) */
    assert_int_equal(r->n_lags, 3);
    assert_float_equal(r->commit_lag_ms[0], 400, 0.01); /* 2000 - (1000 + 600) */
    assert_float_equal(r->commit_lag_ms[1], 400, 0.01); /* 2300 - (1000 + 900) */
    assert_float_equal(r->commit_lag_ms[2], 700, 0.01); /* by the final */
    assert_int_equal(r->partials, 3);
    assert_int_equal(r->violations, 0);
    track_deinit(&t);
}

static void a_final_without_partials_is_the_first_word_shown(void **state) {
    (void)state;
    static track t;
    begin(&t, true);
    final(&t, 3100, "a", "one two three", 0, 1500, 1);
    track_end(&t);
    assert_float_equal(got.result[0].first_partial_ms, 1900, 0.01); /* 3100 - 1200 */
    assert_float_equal(got.result[0].started_ms, 1000, 0.01);
    track_deinit(&t);
}

static void unpaced_streams_have_no_latencies(void **state) {
    (void)state;
    static track t;
    begin(&t, false);
    partial(&t, 1700, "a", "", "one", 0, 0);
    final(&t, 3100, "a", "one two three", 0, 1500, 1);
    track_end(&t);
    assert_float_equal(got.result[0].first_partial_ms, -1, 0);
    assert_float_equal(got.result[0].final_ms, -1, 0);
    assert_int_equal(got.result[0].n_lags, 0);
    track_deinit(&t);
}

static void words_go_to_the_recording_they_were_spoken_in(void **state) {
    (void)state;
    static track t;
    begin(&t, true);
    assert_int_equal(track_begin(&t, &second, 2500), OK);
    final(&t, 2300, "a", "one two three", 0, 1400, 1);
    /* padding makes the next utterance start before its recording */
    assert_ptr_equal(partial(&t, 3900, "b", "", "next", 0, 2300), &second);
    assert_int_equal(got.n, 0);
    final(&t, 4000, "b", "next", 2300, 3400, 1);
    assert_int_equal(got.n, 1); /* finals come in order: the first is complete */
    assert_string_equal(got.text[0], "one two three");
    track_end(&t);
    assert_int_equal(got.n, 2);
    assert_string_equal(got.text[1], "next");
    assert_ptr_equal(got.result[1].played, &second);
    track_deinit(&t);
}

static void utterances_of_one_recording_are_joined(void **state) {
    (void)state;
    static track t;
    begin(&t, true);
    final(&t, 2000, "a", "one two three", 0, 700, 1);
    const char *before = NULL;
    (void)track_partial(&t, 2400, "b", "", "four", 0, 900, &before);
    assert_string_equal(before, "one two three");
    final(&t, 3000, "b", "four", 900, 1500, 1);
    final(&t, 3100, "c", "", 1600, 1600, 1); /* silence committed at the end */
    track_end(&t);
    assert_string_equal(got.text[0], "one two three four");
    assert_int_equal(got.result[0].finals, 2);
    assert_float_equal(got.result[0].final_ms, 500, 0.01);
    track_deinit(&t);
}

static void a_changed_committed_word_is_a_violation(void **state) {
    (void)state;
    static const struct {
        const char *name, *before, *after, *final;
        int passes;
        unsigned want;
    } row[] = {
        {"kept", "one", "one two", "one two three", 1, 0},
        {"changed live", "one", "none two", "none two three", 1, 1},
        {"taken back", "one two", "one", "one two three", 1, 1},
        {"cut inside a word", "one", "ones", "ones two three", 1, 1},
        {"changed by the only pass", "one", "one two", "none two three", 1, 1},
        {"corrected by a second pass", "one", "one two", "none two three", 2, 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        static track t;
        begin(&t, true);
        partial(&t, 1500, "a", row[i].before, "", 1, 0);
        partial(&t, 1600, "a", row[i].after, "", 2, 0);
        final(&t, 3000, "a", row[i].final, 0, 1500, row[i].passes);
        track_end(&t);
        if (got.result[0].violations != row[i].want)
            print_error("%s: %u\n", row[i].name, got.result[0].violations);
        assert_int_equal(got.result[0].violations, row[i].want);
        track_deinit(&t);
    }
}

/* A commit longer than the longest utterance: one item, whose next utterance begins
 * before the last pass of the first is done. */
static void utterances_of_one_item_are_apart(void **state) {
    (void)state;
    static track t;
    begin(&t, true);
    partial(&t, 1700, "a", "one two", "tree", 2, 0);
    partial(&t, 2100, "a", "", "four", 0, 900);
    final(&t, 2200, "a", "one two three", 0, 800, 1);
    partial(&t, 2300, "a", "four", "", 1, 900);
    partial(&t, 2400, "a", "for", "", 1, 900); /* the first utterance's final hid it */
    final(&t, 2600, "a", "four", 900, 1400, 2);
    track_end(&t);
    assert_int_equal(got.result[0].violations, 1);
    assert_int_equal(got.result[0].finals, 2);
    track_deinit(&t);
}

static void a_revised_tail_is_no_violation(void **state) {
    (void)state;
    static track t;
    begin(&t, true);
    partial(&t, 1500, "a", "one", "to", 1, 0);
    partial(&t, 1600, "a", "one", "two", 1, 0);
    partial(&t, 1700, "a", "one two", "three", 2, 0);
    track_end(&t);
    assert_int_equal(got.result[0].revised, 1);
    assert_int_equal(got.result[0].violations, 0);
    assert_string_equal(got.text[0], "");
    track_deinit(&t);
}

static void a_server_far_behind_is_noticed(void **state) {
    (void)state;
    static track t;
    begin(&t, true);
    for (unsigned i = 1; i < TRACK_WINDOWS; i++)
        assert_int_equal(track_begin(&t, &second, 2000.0 * i), OK);
    assert_int_equal(track_begin(&t, &second, 1e6), ERR_LIMIT);
    track_deinit(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latencies_run_from_spoken_time),
        cmocka_unit_test(a_final_without_partials_is_the_first_word_shown),
        cmocka_unit_test(unpaced_streams_have_no_latencies),
        cmocka_unit_test(words_go_to_the_recording_they_were_spoken_in),
        cmocka_unit_test(utterances_of_one_recording_are_joined),
        cmocka_unit_test(a_changed_committed_word_is_a_violation),
        cmocka_unit_test(utterances_of_one_item_are_apart),
        cmocka_unit_test(a_revised_tail_is_no_violation),
        cmocka_unit_test(a_server_far_behind_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
