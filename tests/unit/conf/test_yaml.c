/* YAML is read with its places, and what nobody means is refused where it stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "conf/yaml.h"

static yaml_document *load(const char *text) {
    yaml_document *doc = NULL;
    diag d = DIAG_INIT;
    status s = yaml_load_text(text, strlen(text), "t.yaml", &doc, &d);
    if (s != OK)
        print_message("%s at %d:%d\n", d.text, d.line, d.column);
    assert_int_equal(s, OK);
    return doc;
}

static void maps_lists_and_scalars_can_be_walked(void **state) {
    (void)state;
    yaml_document *doc = load("a: 1\nb:\n  - x\n  - 'y z'\nc: {d: ~}\n");
    const yaml_node *root = yaml_root(doc);
    assert_int_equal(yaml_kind_of(root), YAML_MAP);
    assert_int_equal(yaml_size(root), 3);
    assert_string_equal(yaml_key(root, 1), "b");
    const yaml_node *list = yaml_get(root, "b");
    assert_int_equal(yaml_kind_of(list), YAML_LIST);
    assert_int_equal(yaml_size(list), 2);
    assert_string_equal(yaml_text(yaml_item(list, 1)), "y z");
    assert_string_equal(yaml_text(yaml_get(yaml_get(root, "c"), "d")), "");
    assert_null(yaml_get(root, "z"));
    assert_null(yaml_get(list, "z")); /* a list has no keys */
    assert_string_equal(yaml_text(list), "");
    diag d = DIAG_INIT;
    yaml_at(yaml_item(list, 1), &d);
    assert_string_equal(d.file, "t.yaml");
    assert_int_equal(d.line, 4);
    assert_int_equal(d.column, 5);
    yaml_at(yaml_key_node(root, 2), &d);
    assert_int_equal(d.line, 5);
    assert_int_equal(d.column, 1);
    yaml_destroy(doc);
}

static void an_empty_file_has_no_root(void **state) {
    (void)state;
    static const char *const rows[] = {"", "\n\n", "# only a comment\n"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        yaml_document *doc = load(rows[i]);
        assert_null(yaml_root(doc));
        yaml_destroy(doc);
    }
    yaml_destroy(NULL);
}

static void an_alias_is_the_same_node(void **state) {
    (void)state;
    yaml_document *doc = load("a: &x {k: v}\nb: *x\n");
    assert_ptr_equal(yaml_get(yaml_root(doc), "a"), yaml_get(yaml_root(doc), "b"));
    yaml_destroy(doc);
}

static void what_cannot_be_meant_is_refused_at_its_place(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t n; /* 0: strlen */
        status code;
        int line, column;
    } rows[] = {
        {"a: 1\nb: [1, 2\nc: 3\n", 0, ERR_SYNTAX, 4, 1}, /* never closed */
        {"a:\n\t- b", 0, ERR_SYNTAX, 2, 1},              /* tab as indentation */
        {"a: 'x\n", 0, ERR_SYNTAX, 1, 5},                /* open quote */
        {"a: 1\nb: 2\na: 3\n", 0, ERR_INVALID, 3, 1},    /* twice */
        {"--- a\n--- b\n", 0, ERR_INVALID, 2, 1},        /* a second document */
        {"a: *x\n", 0, ERR_INVALID, 1, 5},               /* no such anchor */
        {"a: &x [1, *x]\n", 0, ERR_INVALID, 1, 12},      /* would contain itself */
        {"? [a]\n: b\n", 0, ERR_SYNTAX, 1, 3},           /* a list as key */
        {"a: \"x\\0y\"\n", 0, ERR_INVALID, 1, 4},        /* a zero byte by escape */
        {"a: x\0y\n", 7, ERR_SYNTAX, 1, 5},              /* and a real one */
        {"k: v\na: \xD9\x01\n", 0, ERR_SYNTAX, 2, 4},    /* not UTF-8 */
        {"a: \xED\xA0\x80\n", 0, ERR_SYNTAX, 1, 4},      /* a surrogate */
        {"a: \xC3", 4, ERR_SYNTAX, 1, 4},                /* ends inside a character */
        {"%\xD9\x01", 0, ERR_SYNTAX, 1, 1},              /* libfyaml loops on this one */
        {"%YAML 1.2\n---\na: 1\n", 0, ERR_SYNTAX, 1, 1}, /* directives */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        yaml_document *doc = (yaml_document *)&doc, *before = doc;
        diag d = DIAG_INIT;
        size_t n = rows[i].n ? rows[i].n : strlen(rows[i].text);
        assert_int_equal(yaml_load_text(rows[i].text, n, "t.yaml", &doc, &d),
                         rows[i].code);
        assert_ptr_equal(doc, before);
        assert_string_equal(d.file, "t.yaml");
        assert_int_equal(d.line, rows[i].line);
        assert_int_equal(d.column, rows[i].column);
        assert_true(d.text[0] != '\0');
    }
}

/* prefix, then `unit` n times. */
static char *repeat(const char *prefix, const char *unit, size_t n) {
    char *text = malloc(strlen(prefix) + strlen(unit) * n + 1);
    assert_non_null(text);
    char *end = stpcpy(text, prefix);
    for (size_t i = 0; i < n; i++)
        end = stpcpy(end, unit);
    return text;
}

static void size_depth_and_number_have_limits(void **state) {
    (void)state;
    static const struct {
        const char *prefix, *unit;
        size_t n;
    } rows[] = {
        {"# ", "x", LIMIT_CONFIG_BYTES}, /* bytes */
        {"", "- ", 80},                  /* levels */
        {"- a\n", "- a\n", 20001},       /* nodes */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = repeat(rows[i].prefix, rows[i].unit, rows[i].n);
        yaml_document *doc = NULL;
        diag d = DIAG_INIT;
        status s = yaml_load_text(text, strlen(text), "t.yaml", &doc, &d);
        assert_true(s == ERR_LIMIT || s == ERR_SYNTAX);
        free(text);
    }
}

static void nested_aliases_do_not_fill_memory(void **state) {
    (void)state;
    char text[4096] = "a0: &a0 [x, x]\n";
    for (int i = 1; i < 40; i++) {
        char line[64];
        snprintf(line, sizeof line, "a%d: &a%d [*a%d, *a%d]\n", i, i, i - 1, i - 1);
        strcat(text, line);
    }
    yaml_document *doc = load(text); /* 2^40 strings if aliases were copied */
    assert_int_equal(yaml_size(yaml_get(yaml_root(doc), "a39")), 2);
    yaml_destroy(doc);
}

static void numbers_are_checked_for_form_and_range(void **state) {
    (void)state;
    static const struct {
        const char *text;
        status as_number, as_integer;
    } rows[] = {
        {"5", OK, OK},
        {"'5'", OK, OK}, /* quoted is still five */
        {"-10", OK, OK},
        {"2.5", OK, ERR_INVALID},
        {"1e1", OK, ERR_INVALID},
        {"100", OK, OK},
        {"101", ERR_INVALID, ERR_INVALID}, /* above */
        {"-11", ERR_INVALID, ERR_INVALID}, /* below */
        {"0x10", ERR_INVALID, ERR_INVALID},
        {".nan", ERR_INVALID, ERR_INVALID},
        {"nan", ERR_INVALID, ERR_INVALID},
        {"inf", ERR_INVALID, ERR_INVALID},
        {"1e999", ERR_INVALID, ERR_INVALID},
        {"99999999999999999999", ERR_INVALID, ERR_INVALID},
        {"5 s", ERR_INVALID, ERR_INVALID},
        {"~", ERR_INVALID, ERR_INVALID},
        {"[5]", ERR_INVALID, ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "v: %s\n", rows[i].text);
        yaml_document *doc = load(text);
        const yaml_node *v = yaml_get(yaml_root(doc), "v");
        double number = 77;
        int64_t integer = 77;
        diag d = DIAG_INIT;
        assert_int_equal(yaml_number(v, "the.field", -10, 100, &number, &d),
                         rows[i].as_number);
        assert_true((number == 77) == (rows[i].as_number != OK));
        d = DIAG_INIT;
        assert_int_equal(yaml_integer(v, "the.field", -10, 100, &integer, &d),
                         rows[i].as_integer);
        assert_true((integer == 77) == (rows[i].as_integer != OK));
        if (rows[i].as_integer != OK) {
            assert_string_equal(d.field, "the.field");
            assert_int_equal(d.line, 1);
            assert_int_equal(d.column, 4);
        }
        yaml_destroy(doc);
    }
}

static void booleans_are_true_or_false(void **state) {
    (void)state;
    yaml_document *doc = load("t: true\nf: false\ny: yes\nn: ~\n");
    const yaml_node *root = yaml_root(doc);
    bool out = false;
    assert_int_equal(yaml_bool(yaml_get(root, "t"), "t", &out, NULL), OK);
    assert_true(out);
    assert_int_equal(yaml_bool(yaml_get(root, "f"), "f", &out, NULL), OK);
    assert_false(out);
    assert_int_equal(yaml_bool(yaml_get(root, "y"), "y", &out, NULL), ERR_INVALID);
    assert_int_equal(yaml_bool(yaml_get(root, "n"), "n", &out, NULL), ERR_INVALID);
    yaml_destroy(doc);
}

static void strings_fit_or_are_refused(void **state) {
    (void)state;
    yaml_document *doc =
        load("four: abcd\nfive: abcde\nlist: [a]\nnull: ~\nquoted: '~'\n");
    const yaml_node *root = yaml_root(doc);
    char out[5] = "keep";
    assert_int_equal(yaml_string(yaml_get(root, "five"), "five", out, 5, NULL),
                     ERR_LIMIT);
    assert_int_equal(yaml_string(yaml_get(root, "list"), "list", out, 5, NULL),
                     ERR_INVALID);
    assert_string_equal(out, "keep");
    assert_int_equal(yaml_string(yaml_get(root, "four"), "four", out, 5, NULL), OK);
    assert_string_equal(out, "abcd");
    assert_int_equal(yaml_string(yaml_get(root, "null"), "null", out, 5, NULL), OK);
    assert_string_equal(out, "");
    assert_int_equal(yaml_string(yaml_get(root, "quoted"), "quoted", out, 5, NULL), OK);
    assert_string_equal(out, "~");
    yaml_destroy(doc);
}

static void an_unknown_key_is_named_with_the_nearest(void **state) {
    (void)state;
    static const char *const keys[] = {"name", "version"};
    yaml_document *doc = load("name: a\nversoin: 2\n");
    diag d = DIAG_INIT;
    assert_int_equal(yaml_only_keys(yaml_root(doc), keys, 2, &d), ERR_INVALID);
    assert_string_equal(d.field, "versoin");
    assert_non_null(strstr(d.text, "did you mean version?"));
    assert_int_equal(d.line, 2);
    static const char *const all[] = {"name", "versoin"};
    assert_int_equal(yaml_only_keys(yaml_root(doc), all, 2, NULL), OK);
    assert_int_equal(yaml_only_keys(yaml_get(yaml_root(doc), "name"), all, 2, NULL),
                     ERR_INVALID); /* not a map */
    yaml_destroy(doc);
}

static void a_file_that_cannot_be_read_says_why(void **state) {
    (void)state;
    yaml_document *doc = NULL;
    diag d = DIAG_INIT;
    assert_int_equal(yaml_load_file("/nonexistent/x.yaml", &doc, &d), ERR_NOT_FOUND);
    assert_string_equal(d.file, "/nonexistent/x.yaml");
    assert_int_equal(yaml_load_file("/", &doc, &d), ERR_IO);
    assert_null(doc);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_lists_and_scalars_can_be_walked),
        cmocka_unit_test(an_empty_file_has_no_root),
        cmocka_unit_test(an_alias_is_the_same_node),
        cmocka_unit_test(what_cannot_be_meant_is_refused_at_its_place),
        cmocka_unit_test(size_depth_and_number_have_limits),
        cmocka_unit_test(nested_aliases_do_not_fill_memory),
        cmocka_unit_test(numbers_are_checked_for_form_and_range),
        cmocka_unit_test(booleans_are_true_or_false),
        cmocka_unit_test(strings_fit_or_are_refused),
        cmocka_unit_test(an_unknown_key_is_named_with_the_nearest),
        cmocka_unit_test(a_file_that_cannot_be_read_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
