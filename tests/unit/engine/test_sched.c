/* Who gets the next thread, and what the stream's clock says is due. Time is a number. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "engine/inbox.h"
#include "engine/sched.h"

#define N 4
static sched_entry entries[N];
static sched s;

static int set_up(void **state) {
    (void)state;
    sched_init(&s, entries, N, 2, 1000000);
    return 0;
}

static size_t take(uint64_t now_us) {
    sched_job job;
    return sched_take(&s, now_us, &job) ? job.entry : SIZE_MAX;
}

static void the_earliest_deadline_goes_first(void **state) {
    (void)state;
    sched_post(&s, 0, 5000000, 1000000);
    sched_post(&s, 1, 3000000, 1000001);
    sched_post(&s, 2, 4000000, 1000002);
    sched_post(&s, 3, 3000000, 1000003); /* as urgent as 1, but later */
    assert_int_equal(take(1000010), 1);
    assert_int_equal(take(1000010), 3);
    assert_int_equal(take(1000010), 2);
    assert_int_equal(take(1000010), 0);
    assert_int_equal(take(1000010), SIZE_MAX);
}

static void a_slot_runs_on_one_thread_at_a_time(void **state) {
    (void)state;
    sched_post(&s, 2, 2000000, 1000000);
    assert_int_equal(take(1000010), 2);
    sched_post(&s, 2, 1500000, 1000020); /* more came meanwhile */
    assert_int_equal(take(1000030), SIZE_MAX);
    sched_done(&s, 2, 1000040);
    sched_job job;
    assert_true(sched_take(&s, 1000050, &job));
    assert_int_equal(job.entry, 2);
    assert_int_equal(job.waited_us, 10); /* not the time it ran */
}

static void the_earlier_of_two_deadlines_counts(void **state) {
    (void)state;
    sched_post(&s, 0, 3000000, 1000000);
    sched_post(&s, 1, 4000000, 1000000);
    sched_post(&s, 1, 2000000, 1000500);
    sched_post(&s, 0, 9000000, 1000500); /* later: ignored */
    sched_job job;
    assert_true(sched_take(&s, 1001000, &job));
    assert_int_equal(job.entry, 1);
    assert_int_equal(job.waited_us, 1000); /* since it began to wait */
    assert_true(sched_take(&s, 1001000, &job));
    assert_int_equal(job.deadline_us, 3000000);
}

static void a_slot_wakes_when_it_asked_to(void **state) {
    (void)state;
    sched_wake_at(&s, 3, 1500000);
    assert_int_equal(sched_next_wake_us(&s), 1500000);
    assert_int_equal(take(1499999), SIZE_MAX);
    assert_int_equal(take(1500000), 3);
    assert_int_equal(sched_next_wake_us(&s), SCHED_NEVER); /* once */
    sched_wake_at(&s, 1, 1600000);
    sched_post(&s, 1, 9000000, 1500000);
    assert_int_equal(take(9999999), 1);
}

static void pressure_is_busy_threads_and_lateness(void **state) {
    (void)state;
    assert_true(sched_pressure(&s, 1000000) == 0);
    sched_post(&s, 0, 1000000, 1000000);
    take(1000000);
    float one_of_two = sched_pressure(&s, 11000000); /* 10 s: the smoothing is over */
    assert_true(fabsf(one_of_two - 0.5f) < 0.01f);
    sched_post(&s, 1, 11000000, 11000000);
    take(11000000);
    assert_true(fabsf(sched_pressure(&s, 21000000) - 1) < 0.01f);
    sched_post(&s, 2, 21000000, 21000000); /* and one more that nobody can take */
    assert_true(fabsf(sched_pressure(&s, 21500000) - 3) < 0.01f); /* 1 + 500 / 250 ms */
    assert_int_equal(sched_oldest_us(&s, 21500000), 500000);
    sched_done(&s, 0, 21500000);
    sched_done(&s, 1, 21500000);
    take(21500000);
    sched_done(&s, 2, 21500000);
    assert_true(sched_pressure(&s, 31500000) < 0.01f);
}

static int16_t samples[INBOX_SAMPLES];
static uint8_t bytes[2 * INBOX_SAMPLES + 2];
static int16_t pcm[FRAME_SAMPLES];
static inbox in;

/* Adds n samples that count up from the stream position. */
static void add(size_t n, uint64_t now_us) {
    for (size_t i = 0; i < n; i++) {
        uint16_t value = (uint16_t)(in.received + i);
        bytes[2 * i] = (uint8_t)value;
        bytes[2 * i + 1] = (uint8_t)(value >> 8);
    }
    assert_int_equal(inbox_add_audio(&in, bytes, 2 * n, now_us), OK);
}

static void audio_comes_out_in_frames_and_in_order(void **state) {
    (void)state;
    inbox_init(&in, samples);
    size_t n;
    uint8_t command;
    uint64_t read = 0;
    for (int round = 0; round < 3000; round++) { /* around the ring more than once */
        add(1 + (size_t)round * 37 % 997, 1000);
        if (round % 9 != 0)
            continue;
        while (inbox_take(&in, pcm, &n, &command) == INBOX_AUDIO) {
            assert_int_equal(n, FRAME_SAMPLES);
            for (size_t i = 0; i < n; i++)
                assert_int_equal((uint16_t)pcm[i], (uint16_t)(read + i));
            read += n;
        }
        assert_in_range(in.received - read, 0, FRAME_SAMPLES - 1);
    }
    assert_true(read > 2 * INBOX_SAMPLES);
}

static void a_command_waits_for_the_audio_before_it(void **state) {
    (void)state;
    inbox_init(&in, samples);
    engine_listen listen = engine_listen_default;
    listen.silence_ms = 1234;
    size_t n;
    uint8_t command = 0;
    add(700, 1000);
    assert_int_equal(inbox_add_command(&in, FRAME_COMMIT, NULL), OK);
    assert_int_equal(inbox_add_command(&in, FRAME_UPDATE, &listen), OK);
    add(512, 1000);
    assert_int_equal(inbox_take(&in, pcm, &n, &command), INBOX_AUDIO);
    assert_int_equal(n, 512);
    assert_int_equal(inbox_take(&in, pcm, &n, &command), INBOX_AUDIO);
    assert_int_equal(n, 188);
    assert_int_equal(inbox_take(&in, pcm, &n, &command), INBOX_COMMAND);
    assert_int_equal(command, FRAME_COMMIT);
    assert_int_equal(inbox_take(&in, pcm, &n, &command), INBOX_COMMAND);
    assert_int_equal(command, FRAME_UPDATE);
    assert_int_equal(in.update.silence_ms, 1234);
    assert_int_equal(inbox_take(&in, pcm, &n, &command), INBOX_AUDIO);
    assert_int_equal(inbox_take(&in, pcm, &n, &command), INBOX_NOTHING);
    assert_false(inbox_ready(&in));
}

static void what_does_not_fit_is_refused_whole(void **state) {
    (void)state;
    inbox_init(&in, samples);
    assert_int_equal(inbox_add_audio(&in, bytes, 2 * INBOX_SAMPLES + 2, 1), ERR_LIMIT);
    assert_int_equal(in.received, 0);
    assert_int_equal(inbox_add_audio(&in, bytes, 2 * INBOX_SAMPLES, 1), OK);
    assert_int_equal(inbox_add_audio(&in, bytes, 2, 1), ERR_LIMIT);
    assert_int_equal(inbox_add_audio(&in, bytes, 3, 1), ERR_SYNTAX);
    for (int i = 0; i < INBOX_COMMANDS; i++)
        assert_int_equal(inbox_add_command(&in, FRAME_COMMIT, NULL), OK);
    assert_int_equal(inbox_add_command(&in, FRAME_COMMIT, NULL), ERR_LIMIT);
}

/* Milliseconds from now to when the next sample is due, after `seconds` of a stream that
 * runs at `speed` in 20 ms frames and is read at once. */
static double ahead_ms(double seconds, double speed) {
    uint64_t now = 1000000;
    size_t n;
    uint8_t command;
    inbox_init(&in, samples);
    for (double t = 0; t < seconds; t += 0.02 / speed) {
        now = 1000000 + (uint64_t)(t * 1e6);
        add(320, now);
        while (inbox_take(&in, pcm, &n, &command) != INBOX_NOTHING)
            ;
    }
    return ((double)inbox_due_us(&in) - (double)now) / 1000;
}

static void live_streams_are_due_now_and_fast_ones_later(void **state) {
    (void)state;
    assert_true(fabs(ahead_ms(60, 1)) < 50);
    assert_true(fabs(ahead_ms(600, 1.01)) < 50); /* a client's clock that is 1 % fast */
    assert_in_range(ahead_ms(2, 10), 16000, 18000); /* 20 s of audio in 2 s */
    assert_true(ahead_ms(0.2, 2) <= 50);            /* jitter is forgiven */
}

static void a_worker_that_fell_behind_finds_old_audio_overdue(void **state) {
    (void)state;
    inbox_init(&in, samples);
    uint64_t now = 1000000;
    for (int i = 0; i < 100; i++, now += 20000)
        add(320, now); /* 2 s, live, and nobody reads */
    assert_in_range(now - inbox_due_us(&in), 1900000, 2050000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_earliest_deadline_goes_first, set_up),
        cmocka_unit_test_setup(a_slot_runs_on_one_thread_at_a_time, set_up),
        cmocka_unit_test_setup(the_earlier_of_two_deadlines_counts, set_up),
        cmocka_unit_test_setup(a_slot_wakes_when_it_asked_to, set_up),
        cmocka_unit_test_setup(pressure_is_busy_threads_and_lateness, set_up),
        cmocka_unit_test(audio_comes_out_in_frames_and_in_order),
        cmocka_unit_test(a_command_waits_for_the_audio_before_it),
        cmocka_unit_test(what_does_not_fit_is_refused_whole),
        cmocka_unit_test(live_streams_are_due_now_and_fast_ones_later),
        cmocka_unit_test(a_worker_that_fell_behind_finds_old_audio_overdue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
