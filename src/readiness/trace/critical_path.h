/* readiness/trace/critical_path.h: the spans that an end had to wait for.
 *
 * Walks a trace backwards from the end of its root: the child that ends last takes over,
 * its own path is walked first, and the walk goes on in the parent at the start of that
 * child with the child that ended last by then. What no child covers is the parent's own.
 * The sections are disjoint and cover the root exactly, so their lengths sum to it.
 *
 * A child is cut to its parent (clocks differ); one that lies outside is left out with
 * what hangs on it, and so is a consumer below a producer, which does not wait for it.
 *
 * The rules are those of Jaeger's critical path, with one difference on purpose: there, a
 * child that ends in the very instant in which the next one starts is skipped and its
 * time is given to the parent; here it is on the path, as it was in the caller's ear.
 *
 * Pure: the caller brings the memory. Any thread. */
#ifndef ROSTRUM_READINESS_TRACE_CRITICAL_PATH_H
#define ROSTRUM_READINESS_TRACE_CRITICAL_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define TRACE_NO_PARENT UINT32_MAX
#define TRACE_SPANS_MAX 10000 /* of one trace */

typedef enum { TRACE_INTERNAL, TRACE_PRODUCER, TRACE_CONSUMER } trace_kind;

typedef struct {
    int64_t start, end; /* any unit, one clock; start <= end */
    uint32_t parent;    /* index of the parent, or TRACE_NO_PARENT for the root */
    trace_kind kind;
} trace_span;

typedef struct {
    uint32_t span;
    int64_t start, end; /* start < end */
} trace_section;

/* Bytes of scratch memory for n spans. */
size_t trace_scratch(size_t n);

/* The critical path of spans[n], latest section first.
 *   scratch       trace_scratch(n) bytes, aligned for any type
 *   out_sections  [2 * n]
 * ERR_INVALID, nothing written: not exactly one root, a parent that is no index, a circle
 * of parents, or a span that ends before it starts; d names the span (as line).
 * ERR_LIMIT: more than TRACE_SPANS_MAX spans. */
MUST_CHECK status trace_critical_path(const trace_span *spans, size_t n, void *scratch,
                                      trace_section *out_sections, size_t *out_n,
                                      diag *d);

#endif
