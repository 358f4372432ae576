/* An engine that tries what no engine may, in a real worker, and tells in words how it
 * went; and engines that hang on, to be stopped. Each runs in a fork of this test. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "engine/confine.h"
#include "worker_rig.h"

struct rostrum_model {
    int dummy;
};

struct rostrum_utterance {
    size_t fed, stepped;
    rostrum_stop stop;
    bool marked;
    rostrum_word words[32];
};

static rostrum_model the_model;

static int any_load(const rostrum_load_config *config, rostrum_model **out,
                    rostrum_error *error) {
    (void)config, (void)error;
    *out = &the_model;
    return ROSTRUM_OK;
}

static void any_unload(rostrum_model *model) {
    (void)model;
}

static int any_open(rostrum_model *model, const rostrum_utterance_config *config,
                    rostrum_utterance **out, rostrum_error *error) {
    (void)model, (void)error;
    *out = calloc(1, sizeof **out);
    if (!*out)
        return ROSTRUM_E_MEMORY;
    (*out)->stop = config->stop;
    return ROSTRUM_OK;
}

static int any_feed(rostrum_utterance *u, const float *pcm, size_t n,
                    rostrum_error *error) {
    (void)error;
    u->fed += n;
    u->marked |= pcm[0] > 0.2f || pcm[0] < -0.2f; /* the warm-up is quieter */
    return ROSTRUM_OK;
}

static bool any_due(const rostrum_utterance *u, rostrum_pressure pressure) {
    (void)pressure;
    return u->fed - u->stepped >= 4800;
}

static int no_step(rostrum_utterance *u, rostrum_hypothesis *out, rostrum_error *error) {
    (void)error;
    u->stepped = u->fed;
    *out = (rostrum_hypothesis){0};
    return ROSTRUM_OK;
}

static void any_close(rostrum_utterance *u) {
    free(u);
}

static bool refused(long result) {
    return result < 0 && (errno == EPERM || errno == EACCES);
}

#ifndef ROSTRUM_SANITIZED /* their runtimes need these calls */
static void *nothing(void *arg) {
    return arg;
}

static bool thread_refused(void) {
    pthread_t id;
    if (pthread_create(&id, NULL, nothing, NULL) != 0)
        return true;
    pthread_join(id, NULL);
    return false;
}

static bool executable_memory_refused(void) {
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED;
}
#endif

static bool exec_refused(void) {
    char name[] = "/bin/true";
    char *argv[] = {name, NULL};
    return refused(execv(name, argv)); /* does not come back if it is allowed */
}

/* Words such as "socket:refused"; then honest work: memory. */
static int nosy_finish(rostrum_utterance *u, rostrum_hypothesis *out,
                       rostrum_error *error) {
    (void)error;
    struct rlimit core;
    size_t n = 0;
#define TRY(what, is_refused)                                                            \
    u->words[n++] =                                                                      \
        (rostrum_word){(is_refused) ? what ":refused" : what ":DONE", -1, -1, 1}
    TRY("socket", refused(socket(AF_INET, SOCK_STREAM, 0)));
    TRY("exec", exec_refused());
#ifndef ROSTRUM_SANITIZED
    TRY("read", refused(open("/etc/passwd", O_RDONLY)));
    TRY("model", refused(open("/usr/share", O_RDONLY | O_DIRECTORY)));
    TRY("write", refused(open("/dev/shm/rostrum", O_WRONLY | O_CREAT, 0600)));
    TRY("unlink", refused(unlink("/dev/shm/rostrum")));
    TRY("kill", refused(kill(getppid(), 0)));
    TRY("fork", refused(fork()));
    TRY("thread", thread_refused());
    TRY("code", executable_memory_refused());
    TRY("dump", prctl(PR_GET_DUMPABLE) != 1);
#endif
    TRY("core", getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max == 0);
    void *p = malloc(10 << 20); /* more than the allocator has: asks the kernel */
    u->words[n++] = (rostrum_word){p ? "memory:had" : "memory:none", -1, -1, 1};
    free(p);
    *out = (rostrum_hypothesis){u->words, n, n};
    return ROSTRUM_OK;
}

static const rostrum_engine nosy = {.abi = ROSTRUM_ENGINE_ABI,
                                    .name = "nosy",
                                    .version = "1",
                                    .sample_rate_hz = 16000,
                                    .load = any_load,
                                    .unload = any_unload,
                                    .open = any_open,
                                    .feed = any_feed,
                                    .due = any_due,
                                    .step = no_step,
                                    .finish = nosy_finish,
                                    .close = any_close};

static void an_engine_is_refused_the_world_and_works_on(void **state) {
    (void)state;
    engine_hello hello = rig_hello(2, 2);
    hello.batch = true;
    rig r = rig_start(NULL, &nosy, &hello);
    rig_ready(&r);
    engine_listen manual = engine_listen_default;
    manual.endpoint = ENDPOINT_MANUAL;
    rig_open(&r, 0, 1, &manual);
    for (int round = 0; round < 2; round++) { /* on either thread, and again */
        rig_sound(&r, 0, 1, 0.3f, 300);
        rig_empty(&r, FRAME_COMMIT, 0, 1);
        rig_expect(&r, FRAME_FINAL);
        engine_text *text = rig_text(&r);
        assert_true(text->n_words >= 4);
        for (uint32_t i = 0; i + 1 < text->n_words; i++)
            if (!strstr(text->words[i].text, ":refused"))
                fail_msg("%s", text->words[i].text);
        assert_string_equal(text->words[text->n_words - 1].text, "memory:had");
    }
    assert_int_equal(rig_stop(&r), 0);
}

/* While it loads an engine reads its model and the system, and nothing else. */
static int curious_load(const rostrum_load_config *config, rostrum_model **out,
                        rostrum_error *error) {
    int model = open(config->model_dir, O_RDONLY | O_DIRECTORY);
    int other = open("/etc/passwd", O_RDONLY);
    int network = socket(AF_INET, SOCK_STREAM, 0);
    snprintf(error->text, sizeof error->text, "model %s, other %s, network %s",
             model >= 0 ? "read" : "refused", other >= 0 ? "read" : "refused",
             network >= 0 ? "had" : "refused");
    (void)out;
    return ROSTRUM_E_FAILED;
}

static void loading_reads_the_model_and_nothing_else(void **state) {
    (void)state;
    rostrum_engine curious = nosy;
    curious.load = curious_load;
    engine_hello hello = rig_hello(1, 1);
    rig r = rig_start(NULL, &curious, &hello);
    rig_expect(&r, FRAME_FAILED);
    const char *expected = "model read, other refused, network refused";
#ifdef ROSTRUM_SANITIZED
    expected = "model read, other read, network refused";
#endif
    if (confine_landlock_version() == 0)
        expected = "model read, other read, network refused";
    assert_string_equal((const char *)r.payload, expected);
    assert_false(rig_event(&r));
    assert_int_equal(rig_stop(&r), 3);
}

/* Decodes until it is stopped. */
static int endless_step(rostrum_utterance *u, rostrum_hypothesis *out,
                        rostrum_error *error) {
    if (!u->marked) /* the warm-up */
        return no_step(u, out, error);
    while (!u->stop.asked(u->stop.context))
        usleep(1000);
    return ROSTRUM_E_CANCELLED;
}

static int plain_finish(rostrum_utterance *u, rostrum_hypothesis *out,
                        rostrum_error *error) {
    (void)error;
    u->words[0] = (rostrum_word){"first", -1, -1, 1};
    *out = (rostrum_hypothesis){u->words, 1, 1};
    return ROSTRUM_OK;
}

static void a_close_stops_work_that_is_under_way(void **state) {
    (void)state;
    rostrum_engine endless = nosy;
    endless.step = endless_step;
    endless.finish = plain_finish;
    engine_hello hello = rig_hello(1, 2);
    rig r = rig_start(NULL, &endless, &hello);
    rig_ready(&r);
    engine_listen manual = engine_listen_default;
    manual.endpoint = ENDPOINT_MANUAL;
    rig_open(&r, 0, 1, &manual);
    rig_sound(&r, 0, 1, 0.3f, 600); /* its step takes the only thread for good */
    rig_open(&r, 1, 1, &manual);
    rig_empty(&r, FRAME_COMMIT, 1, 1);
    rig_empty(&r, FRAME_CLOSE, 0, 1);
    rig_expect(&r, FRAME_CLOSED); /* without a word of the stream before */
    assert_int_equal(r.header.slot, 0);
    rig_expect(&r, FRAME_FINAL); /* and the thread is free for the other */
    assert_int_equal(r.header.slot, 1);
    assert_int_equal(rig_stop(&r), 0);
}

static int endless_second(rostrum_utterance *u, rostrum_hypothesis *out,
                          rostrum_error *error) {
    (void)error;
    if (!u->marked) {
        *out = (rostrum_hypothesis){0};
        return ROSTRUM_OK;
    }
    while (!u->stop.asked(u->stop.context))
        usleep(1000);
    return ROSTRUM_E_CANCELLED;
}

static void a_second_pass_that_takes_too_long_is_given_up(void **state) {
    (void)state;
    rostrum_engine slow = nosy;
    slow.finish = plain_finish;
    slow.second_pass = endless_second;
    engine_hello hello = rig_hello(1, 1);
    rig r = rig_start(NULL, &slow, &hello);
    assert_true(rig_ready(&r).second_pass);
    engine_listen manual = engine_listen_default;
    manual.endpoint = ENDPOINT_MANUAL;
    rig_open(&r, 0, 1, &manual);
    rig_sound(&r, 0, 1, 0.3f, 600);
    rig_empty(&r, FRAME_COMMIT, 0, 1);
    rig_expect(&r, FRAME_FINAL);
    assert_int_equal(r.header.flags, TEXT_FIRST_PASS | TEXT_BY_COMMIT);
    rig_expect(&r, FRAME_FINAL); /* 2 s later, by the worker's own clock */
    assert_int_equal(r.header.flags, TEXT_DEGRADED | TEXT_BY_COMMIT);
    assert_string_equal(rig_text(&r)->words[0].text, "first");
    rig_sound(&r, 0, 1, 0.05f, 600); /* the engine answers this one at once, */
    rig_empty(&r, FRAME_COMMIT, 0, 1);
    rig_expect(&r, FRAME_FINAL);
    rig_expect(&r, FRAME_FINAL); /* if the thread is free again */
    assert_int_equal(r.header.flags, TEXT_SECOND_PASS | TEXT_BY_COMMIT);
    rig_sound(&r, 0, 1, 0.3f, 600); /* closed during a second pass */
    rig_empty(&r, FRAME_COMMIT, 0, 1);
    rig_expect(&r, FRAME_FINAL);
    rig_empty(&r, FRAME_CLOSE, 0, 1);
    rig_expect(&r, FRAME_CLOSED);
    assert_int_equal(rig_stop(&r), 0);
}

static int absent_second(rostrum_utterance *u, rostrum_hypothesis *out,
                         rostrum_error *error) {
    (void)u, (void)out, (void)error;
    return ROSTRUM_E_MISSING;
}

static void a_model_without_second_pass_says_so_and_sends_one_final(void **state) {
    (void)state;
    rostrum_engine single = nosy;
    single.finish = plain_finish;
    single.second_pass = absent_second;
    engine_hello hello = rig_hello(1, 1);
    rig r = rig_start(NULL, &single, &hello);
    assert_false(rig_ready(&r).second_pass);
    rig_open(&r, 0, 1, &engine_listen_default);
    rig_sound(&r, 0, 1, 0.3f, 600);
    rig_sound(&r, 0, 1, 0, 1000);
    rig_expect(&r, FRAME_SPEECH_STARTED);
    rig_expect(&r, FRAME_SPEECH_STOPPED);
    rig_expect(&r, FRAME_FINAL);
    assert_int_equal(r.header.flags, 0);
    assert_int_equal(rig_stop(&r), 0);
}

static int hungry_load(const rostrum_load_config *config, rostrum_model **out,
                       rostrum_error *error) {
    size_t bytes = (size_t)400 << 20;
    char *p = malloc(bytes);
    if (!p) {
        snprintf(error->text, sizeof error->text, "no memory for the model");
        return ROSTRUM_E_MEMORY;
    }
    free(p);
    return any_load(config, out, error);
}

static void a_model_larger_than_its_memory_limit_fails_to_load(void **state) {
    (void)state;
#ifdef ROSTRUM_SANITIZED
    skip(); /* no limit there */
#endif
    rostrum_engine hungry = nosy;
    hungry.load = hungry_load;
    engine_hello hello = rig_hello(1, 1);
    hello.memory_mb = 300;
    rig r = rig_start(NULL, &hungry, &hello);
    rig_expect(&r, FRAME_FAILED);
    assert_string_equal((const char *)r.payload, "no memory for the model");
    assert_int_equal(rig_stop(&r), 3);
    hello.memory_mb = 900;
    r = rig_start(NULL, &hungry, &hello);
    rig_ready(&r);
    assert_int_equal(rig_stop(&r), 0);
}

static void an_engine_of_another_abi_is_not_run(void **state) {
    (void)state;
    rostrum_engine old = nosy;
    old.abi = ROSTRUM_ENGINE_ABI + 1;
    engine_hello hello = rig_hello(1, 1);
    rig r = rig_start(NULL, &old, &hello);
    assert_false(rig_event(&r));
    assert_int_equal(rig_stop(&r), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_is_refused_the_world_and_works_on),
        cmocka_unit_test(loading_reads_the_model_and_nothing_else),
        cmocka_unit_test(a_close_stops_work_that_is_under_way),
        cmocka_unit_test(a_second_pass_that_takes_too_long_is_given_up),
        cmocka_unit_test(a_model_without_second_pass_says_so_and_sends_one_final),
        cmocka_unit_test(a_model_larger_than_its_memory_limit_fails_to_load),
        cmocka_unit_test(an_engine_of_another_abi_is_not_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
