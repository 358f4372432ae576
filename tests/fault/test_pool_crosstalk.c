/* No word of one session reaches another: random interleavings of acquire, audio,
 * commit, clear, update, release and SIGKILL, with audio that says whose it is.
 *
 * The fake worker's words name the value of the samples; each session sends a value of
 * its own. The example engine says "loud" or "quiet" for each 100 ms; each session sends
 * a pattern of its own, and every word is compared with the pattern at its time. */
#include "pool_harness.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SEATS 24 /* sessions that want a slot; there are 16 */
#define BLOCK 1600

typedef struct {
    pool_slot *slot; /* NULL: nobody sits here */
    uint32_t id;
    size_t blocks; /* sent */
} seat;

static harness h;
static seat seats[SEATS];
static uint32_t next_id;
static unsigned sessions, kills, words, finals, foreign, after_end;
static bool patterns; /* example engine */

static uint64_t state_of_random;
static uint32_t random_below(uint32_t n) { /* xorshift64*: the same run every time */
    state_of_random ^= state_of_random >> 12;
    state_of_random ^= state_of_random << 25;
    state_of_random ^= state_of_random >> 27;
    return (uint32_t)((state_of_random * UINT64_C(2685821657736338717)) >> 33) % n;
}

static bool is_loud(uint32_t id, size_t block) {
    uint64_t x = (uint64_t)id << 32 | block;
    x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x >> 63;
}

static int16_t mark_of(uint32_t id) {
    return (int16_t)(1 + id % 32000); /* repeats after 32,000 sessions: long gone */
}

static bool is_own(const seat *s, const engine_word *w) {
    if (!patterns) {
        char expected[16];
        snprintf(expected, sizeof expected, "m%d", mark_of(s->id));
        return strcmp(w->text, expected) == 0;
    }
    size_t block = w->start_ms / 100;
    return block < s->blocks &&
           strcmp(w->text, is_loud(s->id, block) ? "loud" : "quiet") == 0;
}

static void on_text(void *session, uint8_t type, uint8_t flags, const engine_text *text) {
    const seat *s = session;
    (void)flags;
    after_end += s->slot == NULL;
    finals += type == FRAME_FINAL;
    for (uint32_t i = 0; i < text->n_words; i++) {
        words++;
        foreign += !is_own(s, &text->words[i]);
    }
}

static void on_lost(void *session, status why) {
    seat *s = session;
    (void)why;
    after_end += s->slot == NULL;
    s->slot = NULL;
}

static const pool_events events = {.text = on_text, .lost = on_lost};

static void sit_down(seat *s) {
    unsigned retry = 0;
    engine_listen listen = engine_listen_default;
    listen.endpoint = ENDPOINT_MANUAL;
    pool_slot *slot = NULL;
    uint32_t id = next_id;
    seat fresh = {.id = id};
    if (pool_acquire(h.pool, "marked", &listen, &events, s, &slot, &retry, NULL) != OK)
        return;
    next_id++;
    sessions++;
    *s = fresh;
    s->slot = slot;
}

static void send_audio(seat *s) {
    static int16_t samples[5 * BLOCK];
    size_t n = 1 + random_below(5);
    for (size_t b = 0; b < n; b++) {
        int16_t level = is_loud(s->id, s->blocks + b) ? 9000 : 1000;
        for (size_t i = 0; i < BLOCK; i++)
            samples[b * BLOCK + i] =
                patterns ? (int16_t)(i % 2 ? level : -level) : mark_of(s->id);
    }
    if (pool_audio(s->slot, samples, n * BLOCK) == OK)
        s->blocks += n;
}

static void kill_one(void) {
    pool_worker_view view;
    if (pool_get_worker(h.pool, random_below(2), &view) && view.ready) {
        kills += kill(view.pid, SIGKILL) == 0;
    }
}

static void act(uint32_t kill_every) {
    seat *s = &seats[random_below(SEATS)];
    if (random_below(kill_every) == 0)
        kill_one();
    if (!s->slot) {
        sit_down(s);
        return;
    }
    engine_listen listen = engine_listen_default;
    listen.endpoint = ENDPOINT_MANUAL;
    switch (random_below(10)) {
    case 0:
        pool_commit(s->slot);
        break;
    case 1:
        pool_clear(s->slot);
        break;
    case 2:
        pool_update(s->slot, &listen);
        break;
    case 3:
    case 4: {
        pool_slot *slot = s->slot;
        s->slot = NULL;
        pool_release(slot);
        break;
    }
    default:
        send_audio(s);
    }
}

static void on_wake(uv_timer_t *timer) {
    (void)timer;
}

/* Runs until `target` sessions were admitted; fails after limit_s. */
static void interleave(unsigned target, uint32_t kill_every, double limit_s) {
    static uv_timer_t wake;
    double end = harness_now_s() + limit_s;
    uv_timer_init(&h.loop, &wake);
    uv_timer_start(&wake, on_wake, 1, 1);
    while (sessions < target) {
        act(kill_every);
        uv_run(&h.loop, random_below(8) == 0 ? UV_RUN_ONCE : UV_RUN_NOWAIT);
        assert_true(harness_now_s() < end);
    }
    for (size_t i = 0; i < SEATS; i++) {
        pool_slot *slot = seats[i].slot;
        seats[i].slot = NULL;
        pool_release(slot);
    }
    uv_close((uv_handle_t *)&wake, NULL);
    uv_run(&h.loop, UV_RUN_NOWAIT);
}

static bool is_quiet(void *context) {
    (void)context;
    for (size_t i = 0; i < 2; i++) {
        pool_worker_view view;
        pool_get_worker(h.pool, i, &view);
        if (!view.ready || view.closing > 0)
            return false;
    }
    return true;
}

static void run(const char *engine, const char *folder, unsigned target,
                uint32_t kill_every, double limit_s) {
    sessions = kills = words = finals = foreign = after_end = 0;
    memset(seats, 0, sizeof seats);
    state_of_random = 88172645463325252u;
    harness_add(&h, "marked", engine, "", 2, 8);
    harness_start(&h, folder);
    harness_wait_ready(&h, 2);
    interleave(target, kill_every, limit_s);
    assert_true(harness_until(&h, is_quiet, NULL, 20)); /* every slot comes back */
    pool_stats stats = harness_stats(&h);
    print_message(
        "%u sessions, %u kills, %u words, %u finals, %llu refusals, "
        "%llu stale frames dropped; foreign words %u, events after the end %u\n",
        sessions, kills, words, finals, (unsigned long long)stats.refused_capacity,
        (unsigned long long)stats.stale_frames, foreign, after_end);
    assert_int_equal(foreign, 0);
    assert_int_equal(after_end, 0);
    assert_true(words > sessions && finals > 0 && kills > 0);
    assert_true(stats.refused_capacity > 0);
    assert_int_equal(stats.admitted, stats.released + stats.lost);
    assert_int_equal(stats.open, 0);
    harness_end(&h);
}

static void marked_audio_stays_with_its_session_over_20_000_interleavings(void **state) {
    (void)state;
    patterns = false;
    run("fake", ROSTRUM_BUILD "/fake", 20000, 3000, 200);
}

static void patterns_stay_with_their_session_through_the_real_host(void **state) {
    (void)state;
    if (access(ROSTRUM_BUILD "/rostrum-engine-example", X_OK) != 0)
        skip();
    patterns = true;
    run("example", ROSTRUM_BUILD, 1500, 1000, 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marked_audio_stays_with_its_session_over_20_000_interleavings),
        cmocka_unit_test(patterns_stay_with_their_session_through_the_real_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
