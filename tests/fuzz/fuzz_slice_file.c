/* Fuzzes the table of slices and the diagnosis behind it: any bytes are refused with a
 * place or explained within bounds. The first byte chooses the columns. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "memory_file.h"
#include "records/slice_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void explain(const slice_file *f) {
    size_t bytes = slices_scratch(f->rows, f->attributes, 2);
    ratio_table ratio = {f->rows,       f->attributes,    f->codes,   f->values,
                         f->top_before, f->bottom_before, f->top_now, f->bottom_now};
    char *scratch = malloc(bytes + ratio_scratch(&ratio));
    double *expected = calloc(2 * f->rows + 1, sizeof *expected);
    ASSERT(scratch != NULL && expected != NULL);
    slice_table t = {f->rows,       f->attributes, f->codes, f->values,
                     f->top_before, f->top_now,    NULL};
    diag d = DIAG_INIT;
    ratio_change change;
    status s = OK;
    if (f->ratio) {
        s = ratio_expect(&ratio, scratch, expected, expected + f->rows, &change, &d);
        t.expected = expected;
        t.spread = expected + f->rows;
    }
    slice_answer answer;
    slice_options options = {.depth = 2, .least_share = 0.01};
    if (s == OK)
        s = slices_explain(&t, &options, scratch, &answer, &d);
    if (s == OK) {
        ASSERT(answer.n <= SLICES_CAUSES_MAX);
        for (size_t i = 0; i < answer.n; i++)
            ASSERT(answer.causes[i].share >= 0 && answer.causes[i].factor >= 0);
    }
    free(expected);
    free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const slice_columns choices[] = {
        {0},
        {.before = "e/w", .now = "f/v"},
        {.cohort = "arm", .before = "a", .now = "b", .measure = "e/w"},
        {.attributes = "x,y"},
    };
    if (n < 1)
        return 0;
    const char *path = memory_file(data + 1, n - 1);
    slice_file *f = NULL;
    diag d = DIAG_INIT;
    if (slice_file_read(path, &choices[data[0] % 4], &f, &d) == OK) {
        if (f->attributes <= 5 && f->rows <= 2000)
            explain(f);
        slice_file_free(f);
    } else {
        ASSERT(d.code != OK);
    }
    return 0;
}
