/* The ONNX reader finds constants by the node that uses them and trusts no length. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/moonshine/weights.h"

/* A protobuf message being written. */
typedef struct {
    uint8_t data[4096];
    size_t size;
} message;

static void put(message *m, const void *data, size_t n) {
    assert_true(m->size + n <= sizeof m->data);
    memcpy(m->data + m->size, data, n);
    m->size += n;
}

static void put_varint(message *m, uint64_t v) {
    do {
        uint8_t byte = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        put(m, &byte, 1);
        v >>= 7;
    } while (v);
}

static void put_number(message *m, unsigned field, uint64_t v) {
    put_varint(m, field << 3);
    put_varint(m, v);
}

static void put_bytes(message *m, unsigned field, const void *data, size_t n) {
    put_varint(m, field << 3 | 2);
    put_varint(m, n);
    put(m, data, n);
}

static void put_text(message *m, unsigned field, const char *text) {
    put_bytes(m, field, text, strlen(text));
}

static void put_message(message *m, unsigned field, const message *inner) {
    put_bytes(m, field, inner->data, inner->size);
}

static message node(const char *name, const char *input) {
    message m = {.size = 0};
    put_text(&m, 1, "activation");
    put_text(&m, 1, input);
    put_text(&m, 3, name);
    return m;
}

/* A graph with a 2 x 3 byte matrix "w", a float scalar "s", a zero point "z" stored as
 * a varint, and a node in the branch of an If that uses each. */
static message model(void) {
    static const uint8_t w[6] = {1, 2, 3, 4, 5, 6};
    const float s = 0.25f;
    message branch = {.size = 0}, inner, graph = {.size = 0}, file = {.size = 0};
    inner = node("/layer/matmul", "w");
    put_message(&branch, 1, &inner);
    inner = node("/layer/scale", "s");
    put_message(&branch, 1, &inner);
    inner = node("/layer/zero", "z");
    put_message(&branch, 1, &inner);
    message attribute = {.size = 0}, choice = {.size = 0};
    put_message(&attribute, 6, &branch);
    put_text(&choice, 3, "if");
    put_message(&choice, 5, &attribute);
    put_message(&graph, 1, &choice);
    inner = node("/top/matmul", "w");
    put_message(&graph, 1, &inner);

    message t = {.size = 0};
    put_number(&t, 1, 2);
    put_number(&t, 1, 3);
    put_number(&t, 2, WEIGHTS_U8);
    put_text(&t, 8, "w");
    put_bytes(&t, 9, w, sizeof w);
    put_message(&graph, 5, &t);
    t.size = 0;
    put_number(&t, 2, WEIGHTS_F32);
    put_bytes(&t, 4, &s, sizeof s);
    put_text(&t, 8, "s");
    put_message(&graph, 5, &t);
    t.size = 0;
    put_number(&t, 2, WEIGHTS_U8);
    put_number(&t, 5, 200);
    put_text(&t, 8, "z");
    put_message(&graph, 5, &t);
    put_message(&file, 7, &graph);
    return file;
}

static void a_constant_is_found_by_the_node_that_uses_it(void **state) {
    (void)state;
    message file = model();
    weights w;
    assert_int_equal(weights_parse(file.data, file.size, &w, NULL), OK);
    static const char *const users[] = {"/layer/matmul", "/top/matmul"};
    for (size_t i = 0; i < 2; i++) {
        const weights_tensor *t;
        const uint8_t *bytes;
        assert_int_equal(weights_input(&w, users[i], 1, &t, NULL), OK);
        assert_int_equal(t->shape[0], 2);
        assert_int_equal(t->shape[1], 3);
        assert_int_equal(weights_data(t, WEIGHTS_U8, 6, "w", &bytes, NULL), OK);
        assert_int_equal(bytes[5], 6);
    }
    const weights_tensor *t;
    float value;
    assert_int_equal(weights_input(&w, "/layer/scale", 1, &t, NULL), OK);
    assert_int_equal(weights_scalar(t, "scale", &value, NULL), OK);
    assert_true(value == 0.25f);
    assert_int_equal(weights_input(&w, "/layer/zero", 1, &t, NULL), OK);
    assert_int_equal(weights_scalar(t, "zero", &value, NULL), OK);
    assert_true(value == 200.0f);
    weights_deinit(&w);
}

static void what_is_not_there_is_named(void **state) {
    (void)state;
    message file = model();
    weights w;
    assert_int_equal(weights_parse(file.data, file.size, &w, NULL), OK);
    static const struct {
        const char *node;
        unsigned input;
    } rows[] = {
        {"/layer/other", 1},  /* no such node */
        {"/layer/matmul", 0}, /* an activation, not a constant */
        {"/layer/matmul", 9}, /* no such input */
        {"", 0},              /* no name at all */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const weights_tensor *t = NULL;
        diag d = DIAG_INIT;
        assert_int_equal(weights_input(&w, rows[i].node, rows[i].input, &t, &d),
                         ERR_INTEGRITY);
        assert_string_equal(d.field, rows[i].node);
        assert_null(t);
    }
    weights_deinit(&w);
}

static void a_tensor_is_checked_when_it_is_asked_for(void **state) {
    (void)state;
    static const uint8_t data[8] = {0};
    const weights_tensor base = {.type = WEIGHTS_F32,
                                 .rank = 1,
                                 .shape = {2},
                                 .elements = 2,
                                 .data = data,
                                 .bytes = 8};
    const uint8_t *bytes;
    assert_int_equal(weights_data(&base, WEIGHTS_F32, 2, "x", &bytes, NULL), OK);
    assert_int_equal(weights_data(&base, WEIGHTS_U8, 2, "x", &bytes, NULL),
                     ERR_INTEGRITY);
    assert_int_equal(weights_data(&base, WEIGHTS_F32, 3, "x", &bytes, NULL),
                     ERR_INTEGRITY);
    weights_tensor t = base;
    t.bytes = 7; /* one short of its shape */
    assert_int_equal(weights_data(&t, WEIGHTS_F32, 2, "x", &bytes, NULL), ERR_INTEGRITY);
    t.data = NULL; /* kept outside the file */
    assert_int_equal(weights_data(&t, WEIGHTS_F32, 2, "x", &bytes, NULL), ERR_INTEGRITY);
    float value = 7;
    assert_int_equal(weights_scalar(&base, "x", &value, NULL), ERR_INTEGRITY);
    static const float broken[2] = {NAN, INFINITY};
    for (size_t i = 0; i < 2; i++) {
        t = (weights_tensor){.type = WEIGHTS_F32,
                             .elements = 1,
                             .data = (const uint8_t *)&broken[i],
                             .bytes = 4};
        assert_int_equal(weights_scalar(&t, "x", &value, NULL), ERR_INTEGRITY);
    }
    t = (weights_tensor){.type = WEIGHTS_U8, .elements = 1, .integer = 256};
    assert_int_equal(weights_scalar(&t, "x", &value, NULL), ERR_INTEGRITY);
    t.integer = -1;
    assert_int_equal(weights_scalar(&t, "x", &value, NULL), ERR_INTEGRITY);
    assert_true(value == 7);
}

/* Parses a heap copy of exactly n bytes, so that a sanitizer sees one byte too many. */
static status parse_copy(const uint8_t *data, size_t n) {
    uint8_t *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, data, n);
    weights w;
    status s = weights_parse(copy, n, &w, NULL);
    if (s == OK) {
        const weights_tensor *t;
        const uint8_t *bytes;
        if (weights_input(&w, "/layer/matmul", 1, &t, NULL) == OK &&
            weights_data(t, WEIGHTS_U8, 6, "w", &bytes, NULL) == OK) {
            assert_true(bytes >= copy && bytes + 6 <= copy + n);
        }
        weights_deinit(&w);
    }
    free(copy);
    return s;
}

static void a_file_cut_anywhere_is_refused(void **state) {
    (void)state;
    message file = model();
    assert_int_equal(parse_copy(file.data, file.size), OK);
    for (size_t n = 0; n < file.size; n++) {
        assert_int_equal(parse_copy(file.data, n), ERR_INTEGRITY);
    }
}

static void no_changed_byte_makes_it_read_outside(void **state) {
    (void)state;
    message file = model();
    for (size_t i = 0; i < file.size; i++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t kept = file.data[i];
            file.data[i] = (uint8_t)value;
            (void)parse_copy(file.data, file.size);
            file.data[i] = kept;
        }
    }
}

static void lengths_and_kinds_that_lie_are_refused(void **state) {
    (void)state;
    static const struct {
        uint8_t bytes[24];
        size_t n;
    } rows[] = {
        /* a graph said to be 2^64 - 1 bytes long */
        {{0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 11},
        /* a length of more than 64 bits */
        {{0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 12},
        /* one more than there is */
        {{0x3a, 0x03, 0x0a, 0x00}, 4},
        /* field number 0 */
        {{0x02, 0x00}, 2},
        /* a group, which ONNX does not use */
        {{0x3b, 0x3c}, 2},
        /* a fixed64 that ends early */
        {{0x39, 1, 2, 3}, 4},
        /* no graph at all: a version and nothing else */
        {{0x08, 0x08}, 2},
        /* the graph is a number */
        {{0x38, 0x01}, 2},
        /* a tensor whose name is a number: graph{initializer{name: varint}} */
        {{0x3a, 0x04, 0x2a, 0x02, 0x40, 0x01}, 6},
        /* a tensor whose type is bytes */
        {{0x3a, 0x05, 0x2a, 0x03, 0x12, 0x01, 0x00}, 7},
        /* a tensor of 2^63 elements */
        {{0x3a, 0x0d, 0x2a, 0x0b, 0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
          0x80, 0x01},
         15},
        /* 2^20 x 2^20 elements: the product passes the limit, not the numbers */
        {{0x3a, 0x0a, 0x2a, 0x08, 0x08, 0x80, 0x80, 0x40, 0x08, 0x80, 0x80, 0x40}, 12},
        /* five dimensions */
        {{0x3a, 0x09, 0x2a, 0x07, 0x0a, 0x05, 1, 1, 1, 1, 1}, 11},
        /* a node whose input is a number */
        {{0x3a, 0x04, 0x0a, 0x02, 0x08, 0x01}, 6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(parse_copy(rows[i].bytes, rows[i].n), ERR_INTEGRITY);
    }
}

static void more_tensors_than_the_limit_are_refused(void **state) {
    (void)state;
    /* graph{initializer{}} * (limit + 1): two bytes each */
    size_t body = 2 * (WEIGHTS_TENSORS_MAX + 1);
    uint8_t *data = malloc(body + 8);
    assert_non_null(data);
    for (size_t extra = 0; extra < 2; extra++) {
        size_t size = body - 2 + 2 * extra, at = 0;
        data[at++] = 0x3a;
        data[at++] = (uint8_t)((size & 0x7f) | 0x80);
        data[at++] = (uint8_t)(size >> 7);
        for (size_t i = 0; i < size; i += 2) {
            data[at++] = 0x2a;
            data[at++] = 0;
        }
        assert_int_equal(parse_copy(data, at), extra ? ERR_INTEGRITY : OK);
    }
    free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_constant_is_found_by_the_node_that_uses_it),
        cmocka_unit_test(what_is_not_there_is_named),
        cmocka_unit_test(a_tensor_is_checked_when_it_is_asked_for),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(no_changed_byte_makes_it_read_outside),
        cmocka_unit_test(lengths_and_kinds_that_lie_are_refused),
        cmocka_unit_test(more_tensors_than_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
