#include "engine/moonshine/weights.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Protobuf wire types. Groups (3, 4) are not used by ONNX and are refused. */
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* Field numbers of onnx.proto, by message. */
enum { MODEL_GRAPH = 7 };
enum { GRAPH_NODE = 1, GRAPH_INITIALIZER = 5 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_TENSOR = 5, ATTRIBUTE_GRAPH = 6 };
enum {
    TENSOR_DIMS = 1,
    TENSOR_TYPE = 2,
    TENSOR_FLOATS = 4,
    TENSOR_INTS = 5,
    TENSOR_NAME = 8,
    TENSOR_RAW = 9
};

/* If branches hold no further If here; deeper graphs are read past. */
#define GRAPH_DEPTH_MAX 2

typedef struct {
    const uint8_t *at, *end;
} cursor;

typedef struct {
    uint32_t number;
    uint32_t wire;
    uint64_t value; /* of a varint */
    cursor bytes;   /* of the other kinds */
} field;

static bool read_varint(cursor *c, uint64_t *out) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (c->at == c->end) {
            return false;
        }
        uint8_t byte = *c->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* False at a malformed field; the caller asks c->at == c->end before. */
static bool read_field(cursor *c, field *out) {
    uint64_t key, size;
    if (!read_varint(c, &key) || (key >> 3) == 0 || (key >> 3) > UINT32_MAX) {
        return false;
    }
    *out = (field){.number = (uint32_t)(key >> 3), .wire = (uint32_t)(key & 7)};
    switch (out->wire) {
    case WIRE_VARINT:
        return read_varint(c, &out->value);
    case WIRE_FIXED64:
        size = 8;
        break;
    case WIRE_FIXED32:
        size = 4;
        break;
    case WIRE_BYTES:
        if (!read_varint(c, &size)) {
            return false;
        }
        break;
    default:
        return false;
    }
    if (size > (uint64_t)(c->end - c->at)) {
        return false;
    }
    out->bytes = (cursor){c->at, c->at + size};
    c->at += size;
    return true;
}

static size_t cursor_size(cursor c) {
    return (size_t)(c.end - c.at);
}

static weights_name cursor_name(cursor c) {
    size_t size = cursor_size(c);
    return (weights_name){size ? (const char *)c.at : NULL, size};
}

static bool add_dimension(weights_tensor *t, uint64_t n) {
    if (t->rank == WEIGHTS_RANK_MAX || n > WEIGHTS_FILE_MAX ||
        (n != 0 && t->elements > WEIGHTS_FILE_MAX / n)) {
        return false;
    }
    t->shape[t->rank++] = n;
    t->elements *= n;
    return true;
}

/* Repeated numbers come one a field or packed into one. */
static bool read_dimensions(const field *f, weights_tensor *t) {
    if (f->wire == WIRE_VARINT) {
        return add_dimension(t, f->value);
    }
    cursor c = f->bytes;
    while (c.at != c.end) {
        uint64_t n;
        if (!read_varint(&c, &n) || !add_dimension(t, n)) {
            return false;
        }
    }
    return f->wire == WIRE_BYTES;
}

static bool read_tensor(cursor c, weights_tensor *t) {
    *t = (weights_tensor){.elements = 1};
    while (c.at != c.end) {
        field f;
        if (!read_field(&c, &f)) {
            return false;
        }
        switch (f.number) {
        case TENSOR_DIMS:
            if (!read_dimensions(&f, t)) {
                return false;
            }
            break;
        case TENSOR_TYPE:
            if (f.wire != WIRE_VARINT || f.value > 255) {
                return false;
            }
            t->type = (uint32_t)f.value;
            break;
        case TENSOR_INTS: { /* zero points: only the first number is kept */
            uint64_t value = f.value;
            cursor packed = f.bytes;
            if (f.wire == WIRE_BYTES ? !read_varint(&packed, &value)
                                     : f.wire != WIRE_VARINT) {
                return false;
            }
            t->integer = (int64_t)value;
            break;
        }
        case TENSOR_FLOATS: /* packed or a single fixed32: raw bytes either way */
        case TENSOR_RAW:
            if (f.wire != WIRE_BYTES && f.wire != WIRE_FIXED32) {
                return false;
            }
            t->data = f.bytes.at;
            t->bytes = cursor_size(f.bytes);
            break;
        case TENSOR_NAME:
            if (f.wire != WIRE_BYTES) {
                return false;
            }
            t->name = cursor_name(f.bytes);
            break;
        default:
            break;
        }
    }
    return true;
}

/* Makes room for one more of items[n] (doubling). NULL: no memory. */
static void *grow(void *items, size_t n, size_t item_bytes) {
    if (n != 0 && (n & (n - 1)) != 0) {
        return items;
    }
    return realloc(items, (n ? n * 2 : 1) * item_bytes);
}

static status add_tensor(cursor c, weights *w, diag *d) {
    if (w->n_tensors == WEIGHTS_TENSORS_MAX) {
        return diag_set(d, ERR_INTEGRITY, "more than %d tensors", WEIGHTS_TENSORS_MAX);
    }
    weights_tensor *tensors = grow(w->tensors, w->n_tensors, sizeof *tensors);
    if (!tensors) {
        return diag_set(d, ERR_MEMORY, "no memory for the list of tensors");
    }
    w->tensors = tensors;
    if (!read_tensor(c, &tensors[w->n_tensors])) {
        return diag_set(d, ERR_INTEGRITY, "tensor %zu is malformed", w->n_tensors);
    }
    w->n_tensors++;
    return OK;
}

/* Where the graphs still to be read lie: the file's own, then those in attributes. */
typedef struct {
    cursor graphs[64];
    unsigned depth[64];
    size_t n;
} pending;

/* *out_tensor gets the bytes of a tensor, if the attribute has one. */
static bool read_attribute(cursor c, unsigned depth, pending *p, cursor *out_tensor) {
    while (c.at != c.end) {
        field f;
        if (!read_field(&c, &f)) {
            return false;
        }
        if (f.number == ATTRIBUTE_GRAPH && f.wire == WIRE_BYTES &&
            depth + 1 < GRAPH_DEPTH_MAX &&
            p->n < sizeof p->graphs / sizeof p->graphs[0]) {
            p->depth[p->n] = depth + 1;
            p->graphs[p->n++] = f.bytes;
        } else if (f.number == ATTRIBUTE_TENSOR && f.wire == WIRE_BYTES) {
            *out_tensor = f.bytes;
        }
    }
    return true;
}

/* What a node without inputs is: a constant, named by its output. */
typedef struct {
    cursor tensor;
    weights_name name;
} constant;

static bool read_node(cursor c, unsigned depth, weights_node *node, pending *p,
                      constant *out) {
    *node = (weights_node){0};
    *out = (constant){0};
    while (c.at != c.end) {
        field f;
        if (!read_field(&c, &f)) {
            return false;
        }
        bool known = f.number == NODE_INPUT || f.number == NODE_OUTPUT ||
                     f.number == NODE_NAME || f.number == NODE_ATTRIBUTE;
        if (known && f.wire != WIRE_BYTES) {
            return false;
        }
        if (f.number == NODE_INPUT && node->n_inputs < WEIGHTS_INPUTS_MAX) {
            node->inputs[node->n_inputs++] = cursor_name(f.bytes);
        } else if (f.number == NODE_NAME) {
            node->name = cursor_name(f.bytes);
        } else if (f.number == NODE_OUTPUT && !out->name.size) {
            out->name = cursor_name(f.bytes);
        } else if (f.number == NODE_ATTRIBUTE &&
                   !read_attribute(f.bytes, depth, p, &out->tensor)) {
            return false;
        }
    }
    return true;
}

static status add_node(cursor c, unsigned depth, weights *w, pending *p, diag *d) {
    if (w->n_nodes == WEIGHTS_NODES_MAX) {
        return diag_set(d, ERR_INTEGRITY, "more than %d nodes", WEIGHTS_NODES_MAX);
    }
    weights_node *nodes = grow(w->nodes, w->n_nodes, sizeof *nodes);
    if (!nodes) {
        return diag_set(d, ERR_MEMORY, "no memory for the list of nodes");
    }
    w->nodes = nodes;
    constant k;
    if (!read_node(c, depth, &nodes[w->n_nodes], p, &k)) {
        return diag_set(d, ERR_INTEGRITY, "node %zu is malformed", w->n_nodes);
    }
    w->n_nodes++;
    if (nodes[w->n_nodes - 1].n_inputs || !k.tensor.at || !k.name.size) {
        return OK;
    }
    status s = add_tensor(k.tensor, w, d);
    if (s == OK) {
        w->tensors[w->n_tensors - 1].name = k.name;
    }
    return s;
}

static status read_graph(cursor c, unsigned depth, weights *w, pending *p, diag *d) {
    while (c.at != c.end) {
        field f;
        if (!read_field(&c, &f)) {
            return diag_set(d, ERR_INTEGRITY, "the graph is malformed");
        }
        status s = OK;
        if (f.number == GRAPH_NODE && f.wire == WIRE_BYTES) {
            s = add_node(f.bytes, depth, w, p, d);
        } else if (f.number == GRAPH_INITIALIZER && f.wire == WIRE_BYTES) {
            s = add_tensor(f.bytes, w, d);
        }
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

static status find_graph(const uint8_t *data, size_t size, cursor *out, diag *d) {
    cursor c = {data, data + size};
    bool found = false;
    while (c.at != c.end) {
        field f;
        if (!read_field(&c, &f)) {
            return diag_set(d, ERR_INTEGRITY, "not an ONNX file");
        }
        if (f.number == MODEL_GRAPH && f.wire == WIRE_BYTES) {
            *out = f.bytes;
            found = true;
        }
    }
    return found ? OK : diag_set(d, ERR_INTEGRITY, "no graph in the file");
}

status weights_parse(const uint8_t *data, size_t size, weights *out, diag *d) {
    if (size == 0 || size > WEIGHTS_FILE_MAX) {
        return diag_set(d, ERR_INTEGRITY, "%zu bytes is no size for weights", size);
    }
    pending p = {.n = 1};
    status s = find_graph(data, size, &p.graphs[0], d);
    weights w = {0};
    for (size_t i = 0; s == OK && i < p.n; i++) {
        s = read_graph(p.graphs[i], p.depth[i], &w, &p, d);
    }
    if (s != OK) {
        weights_deinit(&w);
        return s;
    }
    *out = w;
    return OK;
}

void weights_deinit(weights *w) {
    free(w->tensors);
    free(w->nodes);
    *w = (weights){0};
}

static bool names_equal(weights_name a, const char *text, size_t size) {
    return a.size == size && (size == 0 || memcmp(a.text, text, size) == 0);
}

static const weights_tensor *find_tensor(const weights *w, weights_name name) {
    for (size_t i = 0; i < w->n_tensors && name.size; i++) {
        if (names_equal(w->tensors[i].name, name.text, name.size)) {
            return &w->tensors[i];
        }
    }
    return NULL;
}

status weights_input(const weights *w, const char *node, unsigned input,
                     const weights_tensor **out, diag *d) {
    size_t size = strlen(node);
    for (size_t i = 0; i < w->n_nodes; i++) {
        const weights_node *n = &w->nodes[i];
        if (input >= n->n_inputs || !names_equal(n->name, node, size)) {
            continue;
        }
        const weights_tensor *t = find_tensor(w, n->inputs[input]);
        if (t) {
            *out = t;
            return OK;
        }
    }
    return diag_field(d, ERR_INTEGRITY, node,
                      "no node with a constant as input %u: another kind of model",
                      input);
}

status weights_named(const weights *w, const char *name, const weights_tensor **out,
                     diag *d) {
    const weights_tensor *t = find_tensor(w, (weights_name){name, strlen(name)});
    if (!t) {
        return diag_field(d, ERR_INTEGRITY, name,
                          "no such constant: another kind of model");
    }
    *out = t;
    return OK;
}

static size_t element_bytes(uint32_t type) {
    switch (type) {
    case WEIGHTS_F32:
        return 4;
    case WEIGHTS_I64:
        return 8;
    case WEIGHTS_U8:
    case WEIGHTS_I8:
        return 1;
    default:
        return 0;
    }
}

status weights_data(const weights_tensor *t, uint32_t type, uint64_t elements,
                    const char *what, const uint8_t **out, diag *d) {
    if (t->type != type || t->elements != elements) {
        return diag_field(
            d, ERR_INTEGRITY, what, "type %u with %llu elements, not type %u with %llu",
            t->type, (unsigned long long)t->elements, type, (unsigned long long)elements);
    }
    size_t each = element_bytes(type);
    if (each == 0 || !t->data || t->bytes != elements * each) {
        return diag_field(d, ERR_INTEGRITY, what, "%zu bytes for %llu elements", t->bytes,
                          (unsigned long long)elements);
    }
    *out = t->data;
    return OK;
}

status weights_scalar(const weights_tensor *t, const char *what, float *out, diag *d) {
    float value = NAN;
    if (t->elements == 1 && t->type == WEIGHTS_F32 && t->data && t->bytes == 4) {
        memcpy(&value, t->data, sizeof value);
    } else if (t->elements == 1 && t->type == WEIGHTS_U8) {
        int64_t n = t->data && t->bytes == 1 ? t->data[0] : t->integer;
        value = n >= 0 && n <= 255 ? (float)n : NAN;
    } else if (t->elements == 1 && t->type == WEIGHTS_I8) {
        int64_t n = t->data && t->bytes == 1 ? (int8_t)t->data[0] : t->integer;
        value = n >= -128 && n <= 127 ? (float)n : NAN;
    }
    if (!isfinite(value)) {
        return diag_field(d, ERR_INTEGRITY, what, "not a finite scalar");
    }
    *out = value;
    return OK;
}
