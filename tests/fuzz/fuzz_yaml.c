/* Fuzzes the YAML reader and the configuration built on it: any bytes are either
 * refused with a place, or make a tree that can be walked and a config that shows. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "memory_file.h"
#include "conf/config.h"
#include "conf/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Every scalar through every reader; bounded, because aliases can make it large. */
static void walk(const yaml_node *node, int depth, int *budget) {
    if (depth == 0 || --*budget < 0)
        return;
    diag d = DIAG_INIT;
    double number;
    int64_t integer;
    bool flag;
    char text[16];
    status s = yaml_number(node, "f", -1e9, 1e9, &number, &d);
    ASSERT(s != OK || (number >= -1e9 && number <= 1e9));
    s = yaml_integer(node, "f", -5, 500, &integer, &d);
    ASSERT(s != OK || (integer >= -5 && integer <= 500));
    s = yaml_bool(node, "f", &flag, &d);
    s = yaml_string(node, "f", text, sizeof text, &d);
    for (size_t i = 0; i < yaml_size(node); i++) {
        if (yaml_kind_of(node) == YAML_MAP)
            ASSERT(yaml_get(node, yaml_key(node, i)) == yaml_item(node, i));
        walk(yaml_item(node, i), depth - 1, budget);
    }
}

/* The same bytes as a configuration file, through a file that lives in memory. */
static void configure(const uint8_t *data, size_t n) {
    static config c;
    const char *path = memory_file(data, n);
    diag d = DIAG_INIT;
    config_defaults(&c);
    if (config_read_file(&c, path, &d) != OK) {
        ASSERT(d.code != OK);
        return;
    }
    ASSERT(c.n_models <= CONFIG_MODELS_MAX);
    buf out;
    buf_init(&out, 1u << 20);
    config_show(&c, true, &out);
    ASSERT(!out.failed);
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    yaml_document *doc = NULL;
    diag d = DIAG_INIT;
    if (yaml_load_text((const char *)data, n, "fuzz", &doc, &d) == OK) {
        int budget = 2000;
        if (yaml_root(doc))
            walk(yaml_root(doc), 80, &budget);
        yaml_destroy(doc);
        configure(data, n);
    } else {
        ASSERT(d.code != OK);
    }
    return 0;
}
