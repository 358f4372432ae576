/* docs/write-an-engine.md shows the example engine that is built, to the letter. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_whole(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot read %s", path);
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    size_t n = fread(text, 1, (1 << 20) - 1, f);
    assert_true(n > 0);
    fclose(f);
    return text;
}

/* The block fenced with ```language must be the file. */
static void assert_shows(const char *page, const char *language, const char *path) {
    char fence[32];
    snprintf(fence, sizeof fence, "```%s\n", language);
    char *text = read_whole(page), *file = read_whole(path);
    char *block = strstr(text, fence);
    assert_non_null(block);
    block += strlen(fence);
    char *end = strstr(block, "```\n");
    assert_non_null(end);
    *end = '\0';
    assert_string_equal(block, file);
    free(text);
    free(file);
}

static void the_page_shows_the_engine_that_is_built(void **state) {
    (void)state;
    const char *page = ROSTRUM_SOURCE "/docs/write-an-engine.md";
    assert_shows(page, "c", ROSTRUM_SOURCE "/src/engine/example/loudness.c");
    assert_shows(page, "cmake", ROSTRUM_SOURCE "/src/engine/example/CMakeLists.txt");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_shows_the_engine_that_is_built),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
