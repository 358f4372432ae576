/* Burn windows against sloth_burn_windows.json to the last bit, and OpenSLO files against
 * openslo_fields.json: each field accepted, required ones demanded, enums and ranges
 * kept. */
#include "oracle.h"

#include "readiness/slo/windows.h"
#include "records/slo_file.h"

static cJSON *sloth, *openslo;

static int load(void **state) {
    (void)state;
    sloth = oracle_load(ROSTRUM_ORACLES "/sloth_burn_windows.json");
    openslo = oracle_load(ROSTRUM_ORACLES "/openslo_fields.json");
    return 0;
}

static int unload(void **state) {
    (void)state;
    cJSON_Delete(sloth);
    cJSON_Delete(openslo);
    return 0;
}

static const cJSON *need(const cJSON *root, const char *member) {
    if (!root) {
        print_message("skip: the oracle folder is absent\n");
        skip();
    }
    return oracle_item(root, member);
}

static const char *text(const cJSON *object, const char *name) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static void factors_and_budgets_are_equal_to_the_last_bit(void **state) {
    (void)state;
    const cJSON *entry, *alert;
    size_t compared = 0;
    cJSON_ArrayForEach(entry, need(sloth, "cases")) {
        int64_t period_s = (int64_t)oracle_number(entry, "slo_period_s");
        bool ours = strcmp(text(entry, "catalogue"), "default") == 0;
        if (ours)
            assert_int_equal(!slo_windows_fit(period_s),
                             cJSON_IsTrue(oracle_item(entry, "expect_error")));
        if (cJSON_IsTrue(oracle_item(entry, "expect_error")))
            continue;
        size_t i = 0;
        cJSON_ArrayForEach(alert, oracle_item(entry, "alerts")) {
            slo_window w = {.page = strcmp(text(alert, "severity"), "page") == 0,
                            .budget_percent =
                                oracle_number(alert, "error_budget_percent"),
                            .short_s = (int64_t)oracle_number(alert, "short_window_s"),
                            .long_s = (int64_t)oracle_number(alert, "long_window_s")};
            if (ours) { /* our catalogue says the same */
                assert_int_equal(slo_windows[i].page, w.page);
                assert_true(slo_windows[i].budget_percent == w.budget_percent);
                assert_int_equal(slo_windows[i].short_s, w.short_s);
                assert_int_equal(slo_windows[i].long_s, w.long_s);
            }
            i++;
            assert_true(slo_factor(&w, period_s) ==
                        oracle_number(alert, "expect_burn_rate_factor"));
            assert_true(slo_budget_percent(oracle_number(entry, "objective_percent")) ==
                        oracle_number(alert, "expect_error_budget_percent_of_requests"));
            compared++;
        }
        assert_true(!ours || i == SLO_WINDOWS);
    }
    assert_int_equal(compared, 12);
}

static void the_largest_budget_that_can_fire_is_the_derived_one(void **state) {
    (void)state;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, oracle_item(need(sloth, "derived_not_asserted"), "rows")) {
        slo_rule rule = {.op = SLO_GT, .factor = oracle_number(entry, "factor")};
        const cJSON *largest =
            oracle_item(entry, "largest_error_budget_ratio_that_can_fire");
        if (cJSON_IsNull(largest)) {
            assert_true(slo_can_fire(&rule, 1));
            continue;
        }
        assert_false(slo_can_fire(&rule, largest->valuedouble));
        assert_true(slo_can_fire(&rule, largest->valuedouble * (1 - 1e-6)));
    }
}

static void durations_are_read_as_the_specification_says(void **state) {
    (void)state;
    const cJSON *entry;
    slo_duration d;
    cJSON_ArrayForEach(entry, need(openslo, "duration_examples")) {
        const cJSON *seconds = cJSON_GetArrayItem(entry, 1);
        assert_true(slo_duration_parse(cJSON_GetArrayItem(entry, 0)->valuestring, &d));
        assert_int_equal(d.seconds,
                         cJSON_IsNull(seconds) ? 0 : (int64_t)seconds->valuedouble);
        assert_int_equal(d.months > 0, cJSON_IsNull(seconds));
    }
    cJSON_ArrayForEach(entry, need(openslo, "duration_invalid"))
        assert_false(slo_duration_parse(entry->valuestring, &d));
}

/* Whole objects that together have every field; JSON is YAML. @ stands for a source. */
#define HEAD(kind)                                                                       \
    "{'apiVersion':'openslo/v1','kind':'" kind                                           \
    "','metadata':{'name':'a-1','displayName':'A',"                                      \
    "'labels':{'team':'x','also':['y','z']},'annotations':{'rostrum.dev/x':'y'}},"       \
    "'spec':{"
#define SOURCE                                                                           \
    "{'metricSource':{'metricSourceRef':'d','type':'Prometheus','spec':{'query':'q'}}}"
#define RATIO "{'counter':true,'good':" SOURCE ",'total':" SOURCE "}"
#define INLINE_SLI "{'metadata':{'name':'i'},'spec':{'ratioMetric':" RATIO "}}"

static const char *const variants[] = {
    HEAD("SLO") "'description':'d','service':'s','indicator':" INLINE_SLI
                ",'timeWindow':[{'duration':'30d','isRolling':true}],"
                "'budgetingMethod':'RatioTimeslices','objectives':[{'displayName':'o',"
                "'target':0.99,'timeSliceTarget':0.9,'timeSliceWindow':'5m',"
                "'compositeWeight':2},{'target':0.9,'timeSliceTarget':1,"
                "'timeSliceWindow':5}],'alertPolicies':[{'alertPolicyRef':'p'}]}}",
    HEAD("SLO") "'service':'s','indicatorRef':'i','timeWindow':[{'duration':'1Q',"
                "'isRolling':false,'calendar':{'startTime':'2026-01-01 00:00:00',"
                "'timeZone':'Europe/Paris'}}],'budgetingMethod':'Occurrences',"
                "'objectives':[{'op':'lte','value':3,'targetPercent':99.5}]}}",
    HEAD("SLO") "'service':'s','budgetingMethod':'Occurrences','objectives':["
                "{'target':0.9,'indicator':" INLINE_SLI "},"
                "{'target':0.9,'indicatorRef':'i'}]}}",
    HEAD("SLO") "'service':'s','budgetingMethod':'Occurrences','objectives':["
                "{'target':0.9,'indicatorRef':'i'}]}}",
    HEAD("SLI") "'description':'d','thresholdMetric':" SOURCE "}}",
    HEAD("SLI") "'ratioMetric':" RATIO "}}",
    HEAD("SLI") "'ratioMetric':{'bad':" SOURCE ",'total':" SOURCE "}}}",
    HEAD("SLI") "'ratioMetric':{'rawType':'success','raw':" SOURCE "}}}",
    HEAD("AlertPolicy") "'description':'d','alertWhenBreaching':true,"
                        "'alertWhenResolved':false,'alertWhenNoData':false,"
                        "'conditions':[{'conditionRef':'c'}],"
                        "'notificationTargets':[{'targetRef':'t'}]}}",
    HEAD("AlertCondition") "'description':'d','severity':'page','condition':{"
                           "'kind':'burnrate','op':'gt','threshold':2,"
                           "'lookbackWindow':'1h','alertAfter':'5m'}}}",
    HEAD("AlertNotificationTarget") "'target':'slack','description':'d'}}",
    HEAD("DataSource") "'description':'d','type':'Prometheus','connectionDetails':"
                       "{'url':'x'}}}",
    HEAD("Service") "'description':'d'}}",
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

static cJSON *variant(size_t i) {
    char json[4096];
    snprintf(json, sizeof json, "%s", variants[i]);
    for (char *c = json; *c; c++)
        if (*c == '\'')
            *c = '"';
    cJSON *root = cJSON_Parse(json);
    assert_non_null(root);
    return root;
}

/* The object that holds the last key of the path, which goes to last[64]; "[]" is the
 * first item. NULL: not in this document. */
static cJSON *holder_of(cJSON *root, const char *path, char last[64]) {
    cJSON *at = root;
    for (;;) {
        size_t n = strcspn(path, ".[");
        snprintf(last, 64, "%.*s", (int)n, path);
        if (!cJSON_GetObjectItemCaseSensitive(at, last))
            return NULL;
        path += n;
        if (*path == '\0')
            return at;
        at = cJSON_GetObjectItemCaseSensitive(at, last);
        if (*path == '[') {
            at = cJSON_GetArrayItem(at, 0);
            path += 2;
        }
        path += *path == '.';
    }
}

static status read_document(const cJSON *root, diag *d) {
    char *json = cJSON_PrintUnformatted(root);
    slo_files *f = slo_files_create();
    assert_non_null(json);
    assert_non_null(f);
    status s = slo_files_read_text(f, json, strlen(json), "o.yaml", d);
    slo_files_destroy(f);
    free(json);
    return s;
}

/* Reads the variant with the field replaced (or removed: value NULL). *out_has: the
 * variant holds the field. */
static status read_with(size_t i, const char *path, const cJSON *value, bool *out_has) {
    cJSON *root = variant(i);
    char last[64];
    cJSON *holder = holder_of(root, path, last);
    *out_has = holder != NULL;
    if (holder && value)
        cJSON_ReplaceItemInObjectCaseSensitive(holder, last,
                                               cJSON_Duplicate(value, true));
    else if (holder)
        cJSON_DeleteItemFromObjectCaseSensitive(holder, last);
    diag d = DIAG_INIT;
    status s = read_document(root, &d);
    if (holder && s != OK) {
        assert_true(d.line > 0 && d.column > 0); /* the place is said */
        assert_string_equal(d.file, "o.yaml");
        assert_true(d.text[0] != '\0');
    }
    cJSON_Delete(root);
    return s;
}

static bool of_kind(size_t i, const char *kind) {
    cJSON *root = variant(i);
    bool is = !kind || strcmp(text(root, "kind"), kind) == 0;
    cJSON_Delete(root);
    return is;
}

static void every_variant_is_a_valid_object(void **state) {
    (void)state;
    for (size_t i = 0; i < VARIANTS; i++) {
        cJSON *root = variant(i);
        diag d = DIAG_INIT;
        if (read_document(root, &d) != OK)
            fail_msg("variant %zu: %s: %s", i, d.field, d.text);
        cJSON_Delete(root);
    }
}

static void expect(const char *kind, const char *path, const cJSON *value, bool good) {
    size_t held = 0, accepted = 0;
    for (size_t i = 0; i < VARIANTS; i++) {
        bool has;
        if (!of_kind(i, kind))
            continue;
        status s = read_with(i, path, value, &has);
        held += has;
        accepted += has && s == OK;
    }
    if (held == 0)
        fail_msg("%s %s: no variant has it", kind ? kind : "any", path);
    if (good ? accepted == 0 : accepted > 0) {
        char *shown = value ? cJSON_PrintUnformatted(value) : strdup("nothing");
        fail_msg("%s %s: %s is %s", kind ? kind : "any", path, shown,
                 good ? "refused" : "accepted");
    }
}

static void expect_number(const char *kind, const char *path, double x, bool good) {
    cJSON *value = cJSON_CreateNumber(x);
    expect(kind, path, value, good);
    cJSON_Delete(value);
}

static void expect_text(const char *kind, const char *path, const char *word, bool good) {
    cJSON *value = cJSON_CreateString(word);
    expect(kind, path, value, good);
    cJSON_Delete(value);
}

/* A value of no type this field may have. */
static void expect_type(const char *kind, const char *path, const char *type) {
    cJSON *map = cJSON_CreateObject(), *list = cJSON_CreateArray();
    cJSON_AddItemToArray(list, cJSON_CreateObject());
    if (strncmp(type, "map", 3) == 0 || strcmp(type, "object") == 0 ||
        strncmp(type, "SLI", 3) == 0)
        expect_text(kind, path, "x", false);
    else if (strcmp(type, "list") == 0)
        expect(kind, path, map, false);
    else if (strcmp(type, "any") != 0)
        expect(kind, path, list, false);
    if (strcmp(type, "boolean") == 0 || strcmp(type, "number") == 0 ||
        strncmp(type, "duration", 8) == 0 || strncmp(type, "date", 4) == 0 ||
        strncmp(type, "number of", 9) == 0)
        expect_text(kind, path, "nonsense", false);
    cJSON_Delete(map);
    cJSON_Delete(list);
}

static size_t check_field(const char *kind, const cJSON *field) {
    const char *path = text(field, "path"), *type = text(field, "type");
    const cJSON *word, *words = cJSON_GetObjectItem(field, "enum");
    const cJSON *longest = cJSON_GetObjectItem(field, "max_length");
    if (cJSON_IsTrue(oracle_item(field, "required")))
        expect(kind, path, NULL, false);
    expect_type(kind, path, type);
    cJSON_ArrayForEach(word, words) expect_text(kind, path, word->valuestring, true);
    if (words || cJSON_GetObjectItem(field, "const"))
        expect_text(kind, path, "nonsense", false);
    if (cJSON_GetObjectItem(field, "const"))
        expect_text(kind, path, text(field, "const"), true);
    for (int over = 0; longest && over < 2; over++) {
        char *long_text = calloc(1, (size_t)longest->valueint + 2);
        assert_non_null(long_text);
        memset(long_text, 'x', (size_t)(longest->valueint + over));
        expect_text(kind, path, long_text, over == 0);
        free(long_text);
    }
    return 1;
}

static void every_field_is_taken_and_required_ones_are_demanded(void **state) {
    (void)state;
    const cJSON *kind, *field;
    size_t checked = 0;
    cJSON_ArrayForEach(field, need(openslo, "common_fields")) checked +=
        check_field(NULL, field);
    cJSON_ArrayForEach(kind, need(openslo, "fields")) {
        cJSON_ArrayForEach(field, kind) checked += check_field(kind->string, field);
    }
    print_message("%zu fields\n", checked);
    assert_true(checked >= 70);
    cJSON_ArrayForEach(kind, need(openslo, "kinds")) {
        size_t k = 0;
        while (k < SLO_KINDS && strcmp(slo_kinds[k], kind->valuestring) != 0)
            k++;
        assert_true(k < SLO_KINDS);
    }
}

static void ranges_end_where_the_specification_says(void **state) {
    (void)state;
    static const struct {
        const char *path;
        double value;
        bool good;
    } rows[] = {
        {"spec.objectives[].target", 0, true}, /* [0, 1) */
        {"spec.objectives[].target", 0.99999999, true},
        {"spec.objectives[].target", 1, false},
        {"spec.objectives[].target", -0.01, false},
        {"spec.objectives[].targetPercent", 0, true}, /* [0, 100) */
        {"spec.objectives[].targetPercent", 99.999999, true},
        {"spec.objectives[].targetPercent", 100, false},
        {"spec.objectives[].timeSliceTarget", 1, true}, /* (0, 1] */
        {"spec.objectives[].timeSliceTarget", 0, false},
        {"spec.objectives[].timeSliceTarget", 1.01, false},
        {"spec.objectives[].compositeWeight", 0, false}, /* (0, inf] */
        {"spec.objectives[].compositeWeight", 1e9, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_number("SLO", rows[i].path, rows[i].value, rows[i].good);
}

static void names_and_keys_are_labels(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool good;
    } rows[] = {
        {"a", true},
        {"a-1", true},
        {"0x", true},
        {"A", false},
        {"a_b", false},
        {"-a", false},
        {"a-", false},
        {"", false},
        {"a.b", false},
        {"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc", true},
        {"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcd", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_text("Service", "metadata.name", rows[i].name, rows[i].good);
    static const struct {
        const char *path, *json;
        bool good;
    } maps[] = {
        {"metadata.labels", "{\"a.b_c-d\":\"x\"}", true},
        {"metadata.labels", "{\"-a\":\"x\"}", false},
        {"metadata.labels", "{\"p/a\":\"x\"}", false}, /* no prefix in labels */
        {"metadata.labels", "{\"a\":{\"b\":\"c\"}}", false},
        {"metadata.labels", "{\"a\":[[\"b\"]]}", false},
        {"metadata.annotations", "{\"a.example/k\":\"v\"}", true},
        {"metadata.annotations", "{\"openslo.com/k\":\"v\"}", false}, /* reserved */
        {"metadata.annotations", "{\"a\":[\"v\"]}", false},
    };
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        cJSON *value = cJSON_Parse(maps[i].json);
        expect("Service", maps[i].path, value, maps[i].good);
        cJSON_Delete(value);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(factors_and_budgets_are_equal_to_the_last_bit),
        cmocka_unit_test(the_largest_budget_that_can_fire_is_the_derived_one),
        cmocka_unit_test(durations_are_read_as_the_specification_says),
        cmocka_unit_test(every_variant_is_a_valid_object),
        cmocka_unit_test(every_field_is_taken_and_required_ones_are_demanded),
        cmocka_unit_test(ranges_end_where_the_specification_says),
        cmocka_unit_test(names_and_keys_are_labels),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
