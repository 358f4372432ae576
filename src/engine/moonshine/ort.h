/* engine/moonshine/ort.h: ONNX Runtime through its C function table, opened at run
 * time.
 *
 * The library is found in the runtime folder of the manifest and its table asked for by
 * the version of the header we were built with, so that no index is ever guessed. A
 * session runs on the calling thread only (one intra-op thread, no spinning) and may
 * be run from many threads at once. Buffers are the caller's.
 *
 * The arena is off: measured on 4 s pieces it costs nothing (RTF within noise) and
 * lowers peak memory by a fifth. */
#ifndef ROSTRUM_MOONSHINE_ORT_H
#define ROSTRUM_MOONSHINE_ORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define ORT_RANK_MAX 4
#define ORT_PORTS_MAX 4 /* inputs or outputs of one session */

typedef struct ort ort;
typedef struct ort_session ort_session;

typedef enum { ORT_FLOAT, ORT_INT64 } ort_type;

/* A caller's tensor. data holds the product of shape[0..rank). */
typedef struct {
    ort_type type;
    size_t rank; /* 0: scalar */
    int64_t shape[ORT_RANK_MAX];
    void *data;
} ort_tensor;

/* Opens folder/libonnxruntime.so. ERR_NOT_FOUND: not there or not loadable;
 * ERR_UNSUPPORTED: older than our header. */
MUST_CHECK status ort_open(const char *folder, ort **out, diag *d);
void ort_close(ort *o); /* after its sessions; takes NULL */

/* names are kept as pointers: literals. ERR_NOT_FOUND, ERR_INTEGRITY. */
MUST_CHECK status ort_session_load(ort *o, const char *path, const char *const *inputs,
                                   size_t n_inputs, const char *const *outputs,
                                   size_t n_outputs, ort_session **out, diag *d);
void ort_session_destroy(ort_session *s); /* takes NULL */

/* in[n_inputs], out[n_outputs] in the order of the names; out buffers have the exact
 * shape the graph will produce. Any thread. ERR_ENGINE: d has the runtime's sentence. */
MUST_CHECK status ort_run(const ort_session *s, const ort_tensor *in, const ort_tensor *out,
                          diag *d);

#endif
