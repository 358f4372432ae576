/* What a stall of the gateway's own loop does to the judgement of silent workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "serve/pool/pool_private.h"

static void a_stall_gives_two_heartbeats_more_and_no_new_five_seconds(void **state) {
    (void)state;
    static const struct {
        uint64_t silent_ms, left_ms; /* of LIMIT_HEARTBEAT_LOST_MS, after the stall */
    } rows[] = {
        {0, 5000},    {3000, 2000}, {4000, 1000},
        {4900, 1000}, /* about to be killed: what it said may wait to be read */
        {9000, 1000}, /* the stall was longer than the limit */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        worker w = {.heard_ms = 100000 - rows[i].silent_ms};
        worker_spare(&w, 100000);
        assert_int_equal(w.heard_ms + LIMIT_HEARTBEAT_LOST_MS - 100000, rows[i].left_ms);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stall_gives_two_heartbeats_more_and_no_new_five_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
