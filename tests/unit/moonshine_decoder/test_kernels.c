/* Each set of kernels this processor runs gives what plain C gives: integer products to
 * the bit, floats to rounding; and a row's result does not depend on the rows beside it.
 * A set it does not run is reported as skipped. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/moonshine/kernels.h"

#define ROWS 13

static uint32_t seed;

static uint32_t random_word(void) {
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

static float random_float(void) {
    return (float)random_word() * 0x1p-23f - 1.0f;
}

static void *room(size_t bytes) {
    void *p = aligned_alloc(KERNELS_ALIGN,
                            (bytes + KERNELS_ALIGN - 1) / KERNELS_ALIGN * KERNELS_ALIGN);
    assert_non_null(p);
    memset(p, 0, bytes);
    return p;
}

/* The set under test; skips when this processor lacks it. */
static const kernels *set_of(void **state) {
    const kernels *set = kernels_named(*state);
    if (!set) {
        skip();
    }
    seed = 1;
    return set;
}

static kernels_matrix packed(const kernels *set, const uint8_t *weights, size_t inputs,
                             size_t outputs) {
    kernels_matrix m = {.inputs = (uint32_t)inputs,
                        .outputs = (uint32_t)outputs,
                        .scale = 0.01f,
                        .zero = -3.0f};
    m.packed = room(inputs * outputs);
    for (size_t n = 0; n < outputs; n++) {
        for (size_t k = 0; k < inputs; k++) {
            m.packed[set->place(n, k, inputs)] = weights[n * inputs + k] ^ set->flip;
        }
    }
    return m;
}

static void each_weight_has_a_place_of_its_own(void **state) {
    const kernels *set = set_of(state);
    const size_t inputs = 96, outputs = 3 * KERNELS_PANEL;
    uint8_t *taken = room(inputs * outputs);
    for (size_t n = 0; n < outputs; n++) {
        for (size_t k = 0; k < inputs; k++) {
            size_t at = set->place(n, k, inputs);
            assert_true(at < inputs * outputs);
            assert_int_equal(taken[at], 0);
            taken[at] = 1;
            /* a panel's bytes lie together */
            assert_int_equal(at / (KERNELS_PANEL * inputs), n / KERNELS_PANEL);
        }
    }
    free(taken);
}

/* Weights and activations of one product. */
typedef struct {
    size_t inputs, outputs;
    uint8_t *weights;
    int16_t *q;
    kernels_row row[ROWS];
} product;

typedef enum { RANDOM, LARGEST, SMALLEST, OPPOSED } filling;

static product make_product(size_t inputs, size_t outputs, filling kind, bool narrow) {
    const int16_t most = narrow ? KERNELS_Q8_MAX : KERNELS_Q_MAX;
    product p = {.inputs = inputs, .outputs = outputs};
    p.weights = room(inputs * outputs);
    p.q = room(ROWS * inputs * sizeof *p.q);
    for (size_t i = 0; i < inputs * outputs; i++) {
        static const uint8_t fixed[] = {[LARGEST] = 255, [SMALLEST] = 0, [OPPOSED] = 0};
        p.weights[i] = kind == RANDOM ? (uint8_t)random_word() : fixed[kind];
    }
    for (size_t r = 0; r < ROWS; r++) {
        int32_t sum = 0;
        for (size_t k = 0; k < inputs; k++) {
            const int16_t fixed[] = {
                [LARGEST] = most, [SMALLEST] = (int16_t)-most, [OPPOSED] = most};
            int16_t drawn =
                (int16_t)((int32_t)(random_word() % (2 * (unsigned)most + 1)) - most);
            p.q[r * inputs + k] = kind == RANDOM ? drawn : fixed[kind];
            sum += p.q[r * inputs + k];
        }
        p.row[r] = (kernels_row){
            .scale = 0.001f * (float)(r + 1), .sum = (float)sum, .narrow = narrow};
    }
    return p;
}

static void free_product(product *p) {
    free(p->weights);
    free(p->q);
}

static void products_are_those_of_plain_c_to_the_bit(void **state) {
    const kernels *set = set_of(state);
    static const struct {
        size_t inputs, outputs;
        filling kind;
        bool narrow;
    } rows[] = {
        {32, 32, RANDOM, false},                   /* smallest */
        {288, 288, RANDOM, false},                 /* tiny */
        {1152, 96, RANDOM, false},                 /* tiny, down */
        {416, 64, RANDOM, false},                  /* base */
        {1664, 32, LARGEST, false},                /* base, down: all at the upper end */
        {KERNELS_INPUTS_MAX, 32, LARGEST, false},  /* the largest sums there are */
        {KERNELS_INPUTS_MAX, 32, SMALLEST, false}, /* negative times negative */
        {KERNELS_INPUTS_MAX, 32, OPPOSED, false},  /* the smallest sums */
        {288, 1152, RANDOM, true},                 /* the encoder's 8-bit rows */
        {KERNELS_INPUTS_MAX, 32, LARGEST, true},
        {KERNELS_INPUTS_MAX, 32, SMALLEST, true},
        {KERNELS_INPUTS_MAX, 32, OPPOSED, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        product p =
            make_product(rows[i].inputs, rows[i].outputs, rows[i].kind, rows[i].narrow);
        const size_t stride = p.outputs + 8;
        kernels_matrix plain = packed(&kernels_scalar, p.weights, p.inputs, p.outputs);
        kernels_matrix mine = packed(set, p.weights, p.inputs, p.outputs);
        float *expected = room(ROWS * stride * sizeof(float));
        float *got = room(ROWS * stride * sizeof(float));
        for (size_t n = 1; n <= ROWS; n++) {
            for (int add = 0; add < 2; add++) { /* adding goes on from the row before */
                kernels_scalar.multiply(&plain, 0, p.outputs, p.q, p.row, n, expected,
                                        stride, add);
                set->multiply(&mine, 0, p.outputs, p.q, p.row, n, got, stride, add);
                assert_memory_equal(got, expected, ROWS * stride * sizeof(float));
            }
        }
        free(expected);
        free(got);
        free(plain.packed);
        free(mine.packed);
        free_product(&p);
    }
}

static void check_rows_apart(const kernels *set, bool narrow) {
    product p = make_product(288, 128, RANDOM, narrow);
    kernels_matrix m = packed(set, p.weights, p.inputs, p.outputs);
    float *together = room(ROWS * p.outputs * sizeof(float));
    float *alone = room(p.outputs * sizeof(float));
    set->multiply(&m, 0, p.outputs, p.q, p.row, ROWS, together, p.outputs, false);
    for (size_t r = 0; r < ROWS; r++) {
        set->multiply(&m, 0, p.outputs, p.q + r * p.inputs, p.row + r, 1, alone,
                      p.outputs, false);
        assert_memory_equal(alone, together + r * p.outputs, p.outputs * sizeof(float));
        /* nor on which outputs are asked for */
        set->multiply(&m, 64, 32, p.q + r * p.inputs, p.row + r, 1, alone, 32, false);
        assert_memory_equal(alone, together + r * p.outputs + 64, 32 * sizeof(float));
    }
    free(together);
    free(alone);
    free(m.packed);
    free_product(&p);
}

static void a_row_does_not_depend_on_its_neighbours(void **state) {
    const kernels *set = set_of(state);
    check_rows_apart(set, false);
    check_rows_apart(set, true);
}

static void quantising_is_exact_and_survives_anything(void **state) {
    const kernels *set = set_of(state);
    enum { N = 48 };
    float *x = room(N * sizeof *x);
    static const struct {
        float scale; /* of random numbers */
        float odd;   /* put at index 17 */
    } rows[] = {
        {1.0f, 0.5f},      {1e-3f, 3.0f}, {1e20f, 0.0f}, {0.0f, 0.0f}, /* all zero */
        {1e-35f, 0.0f},   /* too small to divide by */
        {1.0f, NAN},      /* counts as 0 */
        {1.0f, INFINITY}, /* a row that means nothing is 0 */
        {1.0f, -INFINITY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t k = 0; k < N; k++) {
            x[k] = random_float() * rows[i].scale;
        }
        x[17] = rows[i].odd;
        for (int narrow = 0; narrow < 2; narrow++) {
            const int most = narrow ? KERNELS_Q8_MAX : KERNELS_Q_MAX;
            int16_t expected[N], got[N];
            kernels_row a = kernels_scalar.quantise(x, N, narrow, expected);
            kernels_row b = set->quantise(x, N, narrow, got);
            assert_memory_equal(got, expected, sizeof got);
            assert_true(a.scale == b.scale && a.sum == b.sum);
            assert_int_equal(a.narrow, narrow);
            assert_int_equal(b.narrow, narrow);
            for (size_t k = 0; k < N; k++) {
                assert_in_range(got[k] + most, 0, 2 * most);
            }
        }
    }
    free(x);
}

static void assert_near(const float *got, const float *expected, size_t n, float within) {
    for (size_t i = 0; i < n; i++) {
        float allowed = within * (1.0f + fabsf(expected[i]));
        if (!(fabsf(got[i] - expected[i]) <= allowed)) {
            fail_msg("%zu: %.9g is not %.9g", i, (double)got[i], (double)expected[i]);
        }
    }
}

static void normalising_agrees_to_rounding(void **state) {
    const kernels *set = set_of(state);
    enum { N = 416 };
    float *x = room(N * sizeof *x), *weight = room(N * sizeof *x);
    float *expected = room(N * sizeof *x), *got = room(N * sizeof *x);
    for (size_t i = 0; i < N; i++) {
        x[i] = random_float() * 5 + 2;
        weight[i] = random_float();
    }
    kernels_scalar.normalise(x, weight, N, expected);
    set->normalise(x, weight, N, got);
    assert_near(got, expected, N, 1e-5f);
    free(x);
    free(weight);
    free(expected);
    free(got);
}

static void the_gate_agrees_over_the_whole_range(void **state) {
    const kernels *set = set_of(state);
    enum { N = 256 };
    float *x = room(2 * N * sizeof *x), *bias = room(2 * N * sizeof *x);
    float expected[N];
    float *got = room(N * sizeof *got);
    for (size_t i = 0; i < N; i++) {
        x[i] = random_float();
        x[N + i] = ((float)i - N / 2) * 0.9f; /* -115..115: past where e^x ends */
        bias[i] = random_float();
        bias[N + i] = random_float();
    }
    kernels_scalar.gate(x, bias, N, expected);
    set->gate(x, bias, N, got);
    assert_near(got, expected, N, 1e-5f);
    free(x);
    free(bias);
    free(got);
}

static void attention_agrees_for_every_length(void **state) {
    const kernels *set = set_of(state);
    static const size_t widths[] = {4, 8, 20, 36, 52};
    enum { FRAMES = 150, SLOTS = 160, STRIDE = 60, QUERIES = 3 };
    static float queries[QUERIES * STRIDE], scratch[QUERIES * SLOTS];
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        const size_t width = widths[w];
        float *keys = room(width * SLOTS * sizeof(float));
        float *values = room(SLOTS * width * sizeof(float));
        for (size_t i = 0; i < width * SLOTS; i++) {
            keys[i] = random_float();
            values[i] = random_float();
        }
        for (size_t i = 0; i < QUERIES * STRIDE; i++) {
            queries[i] = random_float() * 4;
        }
        for (size_t i = 0; i < width; i++) { /* past the end: not used */
            keys[FRAMES / KERNELS_BLOCK * width * KERNELS_BLOCK + i * KERNELS_BLOCK +
                 FRAMES % KERNELS_BLOCK] = NAN;
            values[FRAMES * width + i] = NAN;
        }
        for (size_t frames = 1; frames <= FRAMES - QUERIES + 1; frames++) {
            float expected[QUERIES * STRIDE] = {0}, got[QUERIES * STRIDE] = {0};
            float alone[QUERIES * STRIDE] = {0};
            size_t a[QUERIES * KERNELS_HEADS] = {0}, b[QUERIES * KERNELS_HEADS] = {0};
            kernels_attention x = {.queries = queries,
                                   .out = expected,
                                   .rows = QUERIES,
                                   .stride = STRIDE,
                                   .out_stride = STRIDE,
                                   .keys = keys,
                                   .values = values,
                                   .width = width,
                                   .frames = frames,
                                   .grow = 1,
                                   .scratch = scratch,
                                   .scratch_stride = SLOTS,
                                   .peaks = a};
            kernels_scalar.attend(&x);
            x.out = got;
            x.peaks = b;
            set->attend(&x);
            assert_memory_equal(a, b, sizeof a);
            assert_near(got, expected, QUERIES * STRIDE, 1e-5f);
            x.rows = 1; /* a query beside others is as it is alone, to the bit */
            for (size_t r = 0; r < QUERIES; r++) {
                x.queries = queries + r * STRIDE;
                x.out = alone + r * STRIDE;
                x.frames = frames + r;
                set->attend(&x);
            }
            assert_memory_equal(alone, got, sizeof alone);
        }
        free(keys);
        free(values);
    }
}

/* A sketch of random weights. */
typedef struct {
    kernels_sketch w;
    uint8_t *packed;
    float *step;
} drawing;

static drawing make_sketch(size_t outputs, size_t inputs, int fixed) {
    drawing d = {.packed = room(outputs * inputs / 2),
                 .step = room(outputs * sizeof(float))};
    for (size_t i = 0; i < outputs * inputs / 2; i++) {
        d.packed[i] = (uint8_t)(fixed < 0 ? random_word() : (unsigned)fixed * 17);
    }
    for (size_t n = 0; n < outputs; n++) {
        d.step[n] = 0.01f + 0.01f * fabsf(random_float());
    }
    d.w = (kernels_sketch){.packed = d.packed, .step = d.step, .inputs = inputs};
    return d;
}

static void free_sketch(drawing *d) {
    free(d->packed);
    free(d->step);
}

static void each_half_byte_of_a_sketch_is_used_once(void **state) {
    (void)state;
    enum { INPUTS = 64, OUTPUTS = 64 };
    static uint8_t taken[INPUTS * OUTPUTS];
    for (size_t n = 0; n < OUTPUTS; n++) {
        for (size_t k = 0; k < INPUTS; k++) {
            size_t at = kernels_sketch_at(n, k, INPUTS);
            assert_true(at < sizeof taken);
            assert_int_equal(taken[at], 0);
            taken[at] = 1;
        }
    }
}

static void a_sketch_gives_what_plain_c_gives_for_any_rows(void **state) {
    const kernels *set = set_of(state);
    static const struct {
        size_t inputs;
        int weight; /* -1: random */
        int8_t q;   /* of all activations; 0: random */
    } rows[] = {
        {32, -1, 0},     {288, -1, 0},
        {416, 15, 127},  /* the largest sums there are in 16 bits */
        {416, 15, -127}, /* and the smallest */
        {416, 0, 127},
    };
    enum { OUTPUTS = 64 };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const size_t inputs = rows[i].inputs;
        drawing d = make_sketch(OUTPUTS, inputs, rows[i].weight);
        int8_t *q = room(KERNELS_SKETCH_ROWS * inputs);
        kernels_row row[KERNELS_SKETCH_ROWS];
        for (size_t r = 0; r < KERNELS_SKETCH_ROWS; r++) {
            int32_t sum = 0;
            for (size_t k = 0; k < inputs; k++) {
                int8_t drawn = (int8_t)((int)(random_word() % 255) - 127);
                q[r * inputs + k] = rows[i].q ? rows[i].q : drawn;
                sum += q[r * inputs + k];
            }
            row[r] = (kernels_row){.scale = 0.02f * (float)(r + 1), .sum = (float)sum};
        }
        float expected[KERNELS_SKETCH_ROWS * OUTPUTS], got[KERNELS_SKETCH_ROWS * OUTPUTS];
        for (size_t n = 1; n <= KERNELS_SKETCH_ROWS; n++) {
            kernels_scalar.sketch(&d.w, 0, OUTPUTS, q, row, n, expected);
            set->sketch(&d.w, 0, OUTPUTS, q, row, n, got);
            assert_memory_equal(got, expected, n * OUTPUTS * sizeof(float));
        }
        float part[32];
        kernels_scalar.sketch(&d.w, 0, OUTPUTS, q, row, 1, expected);
        set->sketch(&d.w, 32, 32, q, row, 1, part);
        assert_memory_equal(part, expected + 32, sizeof part);
        free(q);
        free_sketch(&d);
    }
}

static void a_sieve_keeps_all_that_can_be_best_and_sums_everything(void **state) {
    const kernels *set = set_of(state);
    enum { N = 1024, BLOCK = 256 };
    drawing d = make_sketch(N, 32, -1);
    static kernels_sieve a, b;
    static float logits[N];
    for (unsigned round = 0; round < 20; round++) {
        const float doubt = 20.0f * (float)round; /* 0..7.6 at a step of 0.02 */
        for (size_t i = 0; i < N; i++) {
            logits[i] = random_float() * 12;
        }
        logits[random_word() % N] = -INFINITY;
        kernels_sieve_init(&a);
        kernels_sieve_init(&b);
        float high = -INFINITY, floor = -INFINITY;
        for (size_t at = 0; at < N; at += BLOCK) {
            if (b.n + BLOCK > KERNELS_KEPT_MAX) {
                kernels_sieve_shake(&d.w, doubt, &a);
                kernels_sieve_shake(&d.w, doubt, &b);
            }
            kernels_scalar.sift(&d.w, logits + at, at, BLOCK, doubt, &a);
            set->sift(&d.w, logits + at, at, BLOCK, doubt, &b);
        }
        double total = 0;
        for (size_t i = 0; i < N; i++) {
            high = fmaxf(high, logits[i]);
            floor = fmaxf(floor, logits[i] - d.step[i] * doubt);
        }
        for (size_t i = 0; i < N; i++) {
            total += exp((double)logits[i] - (double)high);
        }
        assert_true(b.high == high);
        assert_near(&b.floor, &floor, 1, 1e-6f);
        assert_near(&b.total, &(float){(float)total}, 1, 1e-5f);
        kernels_sieve_shake(&d.w, doubt * 0.9999f, &a);
        kernels_sieve_shake(&d.w, doubt * 0.9999f, &b);
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.at, b.at, a.n * sizeof a.at[0]);
        size_t kept = 0;
        for (size_t i = 0; i < N && kept < b.n; i++) {
            bool can = logits[i] + d.step[i] * doubt * 0.9999f >= b.floor;
            if (can) {
                assert_int_equal(b.at[kept], i);
                assert_true(b.logit[kept] == logits[i]);
                kept++;
            }
        }
        assert_int_equal(kept, b.n);
        assert_true(b.n >= 1);
    }
    free_sketch(&d);
}

static void an_exact_logit_agrees(void **state) {
    const kernels *set = set_of(state);
    enum { N = 416 };
    float x[N];
    uint8_t bytes[N];
    for (size_t i = 0; i < N; i++) {
        x[i] = random_float();
        bytes[i] = (uint8_t)random_word();
    }
    float expected = kernels_scalar.dot(x, bytes, 129, N);
    float got = set->dot(x, bytes, 129, N);
    assert_near(&got, &expected, 1, 1e-4f);
}

static void the_picked_set_is_one_of_the_named(void **state) {
    (void)state;
    const kernels *set = kernels_pick();
    assert_ptr_equal(kernels_named(set->name), set);
    assert_ptr_equal(kernels_named("scalar"), &kernels_scalar);
    assert_null(kernels_named("abacus"));
}

#define TESTS_OF(name)                                                                   \
    cmocka_unit_test_prestate(each_weight_has_a_place_of_its_own, name),                 \
        cmocka_unit_test_prestate(products_are_those_of_plain_c_to_the_bit, name),       \
        cmocka_unit_test_prestate(a_row_does_not_depend_on_its_neighbours, name),        \
        cmocka_unit_test_prestate(quantising_is_exact_and_survives_anything, name),      \
        cmocka_unit_test_prestate(normalising_agrees_to_rounding, name),                 \
        cmocka_unit_test_prestate(the_gate_agrees_over_the_whole_range, name),           \
        cmocka_unit_test_prestate(attention_agrees_for_every_length, name),              \
        cmocka_unit_test_prestate(a_sketch_gives_what_plain_c_gives_for_any_rows, name), \
        cmocka_unit_test_prestate(                                                       \
            a_sieve_keeps_all_that_can_be_best_and_sums_everything, name),               \
        cmocka_unit_test_prestate(an_exact_logit_agrees, name)

int main(void) {
    static char scalar[] = "scalar", avx2[] = "avx2", avx512vnni[] = "avx512vnni";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_picked_set_is_one_of_the_named),
        cmocka_unit_test(each_half_byte_of_a_sketch_is_used_once),
        TESTS_OF(scalar),
        TESTS_OF(avx2),
        TESTS_OF(avx512vnni),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
