#include "readiness/trace/critical_path.h"

#include <string.h>

typedef struct {
    int64_t start, end; /* cut to the parent's; start == end: left out */
    uint32_t first, n;  /* its children in `children`, latest end first */
    uint32_t next;      /* child to look at */
    int64_t cursor;     /* the walk has come down to here */
} node;

typedef struct {
    node *nodes;        /* [n] */
    uint32_t *children; /* [n] grouped by parent */
    uint32_t *stack;    /* [n] */
} workspace;

size_t trace_scratch(size_t n) {
    return n * (sizeof(node) + 2 * sizeof(uint32_t)) + 16;
}

static status at_span(diag *d, size_t i, const char *text) {
    diag_at(d, NULL, (int)i + 1, 0);
    return diag_set(d, ERR_INVALID, "%s", text);
}

/* Finds the root and that every span hangs on an index. */
static status check(const trace_span *spans, size_t n, uint32_t *out_root, diag *d) {
    *out_root = TRACE_NO_PARENT;
    if (n > TRACE_SPANS_MAX)
        return diag_set(d, ERR_LIMIT, "%zu spans in one trace; at most %d are possible",
                        n, TRACE_SPANS_MAX);
    for (size_t i = 0; i < n; i++) {
        if (spans[i].end < spans[i].start)
            return at_span(d, i, "the span ends before it starts");
        if (spans[i].parent != TRACE_NO_PARENT) {
            if (spans[i].parent >= n)
                return at_span(d, i, "the span's parent is not in the trace");
            continue;
        }
        if (*out_root != TRACE_NO_PARENT)
            return at_span(d, i, "a second span without a parent; one root is needed");
        *out_root = (uint32_t)i;
    }
    if (*out_root == TRACE_NO_PARENT)
        return diag_set(d, ERR_INVALID,
                        "no span is without a parent; one root is needed");
    return OK;
}

static void group_children(const trace_span *spans, size_t n, workspace *w) {
    memset(w->nodes, 0, n * sizeof *w->nodes);
    for (size_t i = 0; i < n; i++)
        if (spans[i].parent != TRACE_NO_PARENT)
            w->nodes[spans[i].parent].n++;
    uint32_t first = 0;
    for (size_t i = 0; i < n; i++) {
        w->nodes[i].first = first;
        first += w->nodes[i].n;
        w->nodes[i].n = 0;
    }
    for (size_t i = 0; i < n; i++)
        if (spans[i].parent != TRACE_NO_PARENT) {
            node *p = &w->nodes[spans[i].parent];
            w->children[p->first + p->n++] = (uint32_t)i;
        }
}

/* Does child a come before b: the later end first, then the earlier start, which keeps
 * the caller waiting longer. */
static int before(const node *a, const node *b) {
    if (a->end != b->end)
        return a->end > b->end;
    return a->start < b->start;
}

/* Heap sort: foreign input decides how many there are and in what order. */
static void sort_children(const node *nodes, uint32_t *c, uint32_t n) {
    for (uint32_t step = n / 2 + n; step-- > 1;) {
        uint32_t size = n, at = step - n;
        if (step < n) { /* take the last one off the heap */
            uint32_t last = c[step];
            c[step] = c[0];
            c[0] = last;
            size = step;
            at = 0;
        }
        for (uint32_t child; (child = 2 * at + 1) < size; at = child) {
            if (child + 1 < size && before(&nodes[c[child]], &nodes[c[child + 1]]))
                child++;
            if (!before(&nodes[c[at]], &nodes[c[child]]))
                break;
            uint32_t moved = c[at];
            c[at] = c[child];
            c[child] = moved;
        }
    }
}

/* Cuts every span to its parent, parents first, and sorts its children. Returns how many
 * spans hang on the root. */
static size_t cut(const trace_span *spans, uint32_t root, workspace *w) {
    size_t done = 0, waiting = 0;
    w->nodes[root].start = spans[root].start;
    w->nodes[root].end = spans[root].end;
    w->stack[waiting++] = root;
    while (waiting > 0) {
        uint32_t at = w->stack[--waiting];
        node *p = &w->nodes[at];
        done++;
        for (uint32_t k = 0; k < p->n; k++) {
            uint32_t child = w->children[p->first + k];
            node *c = &w->nodes[child];
            c->start = spans[child].start > p->start ? spans[child].start : p->start;
            c->end = spans[child].end < p->end ? spans[child].end : p->end;
            if (c->end < c->start ||
                (spans[child].kind == TRACE_CONSUMER && spans[at].kind == TRACE_PRODUCER))
                c->end = c->start;
            w->stack[waiting++] = child;
        }
        sort_children(w->nodes, w->children + p->first, p->n);
        p->cursor = p->end;
    }
    return done;
}

/* The child that ended last when the walk is at the parent's cursor. */
static bool next_child(workspace *w, node *p, uint32_t *out) {
    while (p->next < p->n) {
        *out = w->children[p->first + p->next++];
        const node *c = &w->nodes[*out];
        if (c->end <= p->cursor && c->end > c->start)
            return true;
    }
    return false;
}

static void emit(trace_section *out, size_t *n, uint32_t span, int64_t start,
                 int64_t end) {
    if (end > start)
        out[(*n)++] = (trace_section){span, start, end};
}

static void walk(uint32_t root, workspace *w, trace_section *out, size_t *out_n) {
    size_t depth = 0;
    *out_n = 0;
    w->stack[depth++] = root;
    while (depth > 0) {
        uint32_t at = w->stack[depth - 1], child;
        node *p = &w->nodes[at];
        if (next_child(w, p, &child)) {
            const node *c = &w->nodes[child];
            emit(out, out_n, at, c->end, p->cursor);
            p->cursor = c->start;
            w->stack[depth++] = child;
        } else {
            emit(out, out_n, at, p->start, p->cursor);
            depth--;
        }
    }
}

status trace_critical_path(const trace_span *spans, size_t n, void *scratch,
                           trace_section *out_sections, size_t *out_n, diag *d) {
    uint32_t root;
    status s = check(spans, n, &root, d);
    if (s != OK)
        return s;
    workspace w = {.nodes = scratch};
    w.children = (uint32_t *)(void *)(w.nodes + n);
    w.stack = w.children + n;
    group_children(spans, n, &w);
    if (cut(spans, root, &w) != n)
        return diag_set(d, ERR_INVALID,
                        "some spans are each other's parents, in a circle");
    walk(root, &w, out_sections, out_n);
    return OK;
}
