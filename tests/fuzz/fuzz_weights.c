/* Fuzzes the ONNX reader: any bytes parse or are refused, and what it hands out lies
 * within them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "engine/moonshine/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void ask(const weights *w, const weights_node *node, const uint8_t *data,
                size_t n) {
    char name[64];
    size_t size = node->name.size < sizeof name - 1 ? node->name.size : sizeof name - 1;
    if (size)
        memcpy(name, node->name.text, size);
    name[size] = '\0';
    for (unsigned i = 0; i < WEIGHTS_INPUTS_MAX; i++) {
        const weights_tensor *t;
        const uint8_t *bytes;
        float value;
        diag d;
        if (weights_input(w, name, i, &t, &d) != OK)
            continue;
        if (weights_data(t, t->type, t->elements, name, &bytes, &d) == OK)
            ASSERT(bytes >= data && bytes + t->bytes <= data + n);
        if (weights_scalar(t, name, &value, &d) == OK)
            ASSERT(value - value == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    weights w;
    if (weights_parse(data, n, &w, NULL) != OK)
        return 0;
    for (size_t i = 0; i < w.n_nodes && i < 64; i++)
        ask(&w, &w.nodes[i], data, n);
    weights_deinit(&w);
    return 0;
}
