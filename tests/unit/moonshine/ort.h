/* tests/unit/moonshine/ort.h: ONNX Runtime as an oracle: runs the model files whole, so
 * that our arithmetic has something to be measured against. No part of the product.
 *
 * The library is found in the cache's runtime folder and its table asked for by the
 * version of the header, so that no index is guessed. */
#ifndef ROSTRUM_TEST_ORT_H
#define ROSTRUM_TEST_ORT_H

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <onnxruntime_c_api.h>

#include "base/assert.h"
#include "base/diag.h"

#define ORT_RANK_MAX 4
#define ORT_PORTS_MAX 4 /* inputs or outputs of one session */

typedef struct ort ort;
typedef struct ort_session ort_session;

typedef enum { ORT_FLOAT, ORT_INT64 } ort_type;

/* The test's tensor. data holds the product of shape[0..rank). */
typedef struct {
    ort_type type;
    size_t rank; /* 0: scalar */
    int64_t shape[ORT_RANK_MAX];
    void *data;
} ort_tensor;

struct ort {
    void *library;
    const OrtApi *api;
    OrtEnv *env;
    OrtMemoryInfo *memory;
};

struct ort_session {
    const ort *owner;
    OrtSession *session;
    const char *inputs[ORT_PORTS_MAX];
    const char *outputs[ORT_PORTS_MAX];
    size_t n_inputs;
    size_t n_outputs;
};

/* Turns the runtime's status into ours and releases it. */
static inline status judge(const ort *o, OrtStatus *s, status code, const char *doing,
                           diag *d) {
    if (!s)
        return OK;
    diag_set(d, code, "%s: %s", doing, o->api->GetErrorMessage(s));
    o->api->ReleaseStatus(s);
    return code;
}

static inline void ort_close(ort *o) {
    if (!o)
        return;
    if (o->memory)
        o->api->ReleaseMemoryInfo(o->memory);
    if (o->env)
        o->api->ReleaseEnv(o->env);
    /* The library stays mapped: it has thread-local destructors of its own. */
    free(o);
}

typedef const OrtApiBase *(*api_base)(void);

static inline status ort_open(const char *folder, ort **out, diag *d) {
    char path[1024];
    if ((size_t)snprintf(path, sizeof path, "%s/libonnxruntime.so", folder) >=
        sizeof path)
        return diag_set(d, ERR_INVALID, "the runtime folder's name is too long");
    ort *o = calloc(1, sizeof *o);
    if (!o)
        return diag_set(d, ERR_MEMORY, "no memory for ONNX Runtime");
    o->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!o->library) {
        diag_set(d, ERR_NOT_FOUND, "ONNX Runtime: %s", dlerror());
        free(o);
        return ERR_NOT_FOUND;
    }
    api_base base;
    *(void **)&base = dlsym(o->library, "OrtGetApiBase");
    o->api = base ? base()->GetApi(ORT_API_VERSION) : NULL;
    if (!o->api) {
        diag_set(d, ERR_UNSUPPORTED, "%s does not offer API version %d", path,
                 ORT_API_VERSION);
        ort_close(o);
        return ERR_UNSUPPORTED;
    }
    status s = judge(o, o->api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "rostrum", &o->env),
                     ERR_ENGINE, "ONNX Runtime environment", d);
    if (s == OK)
        s = judge(o,
                  o->api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault,
                                              &o->memory),
                  ERR_ENGINE, "ONNX Runtime memory", d);
    if (s != OK) {
        ort_close(o);
        return s;
    }
    *out = o;
    return OK;
}

/* One thread, in order, no spinning, no arena. */
static inline status session_options(const ort *o, OrtSessionOptions **out, diag *d) {
    const OrtApi *api = o->api;
    OrtSessionOptions *options = NULL;
    OrtStatus *s = api->CreateSessionOptions(&options);
    if (!s)
        s = api->SetIntraOpNumThreads(options, 1);
    if (!s)
        s = api->SetInterOpNumThreads(options, 1);
    if (!s)
        s = api->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL);
    if (!s)
        s = api->DisableCpuMemArena(options);
    if (!s)
        s = api->AddSessionConfigEntry(options, "session.intra_op.allow_spinning", "0");
    if (s) {
        if (options)
            api->ReleaseSessionOptions(options);
        return judge(o, s, ERR_ENGINE, "session options", d);
    }
    *out = options;
    return OK;
}

static inline status ort_session_load(ort *o, const char *path, const char *const *inputs,
                                      size_t n_inputs, const char *const *outputs,
                                      size_t n_outputs, ort_session **out, diag *d) {
    ASSERT(n_inputs <= ORT_PORTS_MAX);
    ASSERT(n_outputs <= ORT_PORTS_MAX);
    FILE *readable = fopen(path, "rb"); /* so that "missing" and "broken" differ */
    if (!readable)
        return diag_set(d, ERR_NOT_FOUND, "%s is not there", path);
    fclose(readable);
    OrtSessionOptions *options = NULL;
    status s = session_options(o, &options, d);
    if (s != OK)
        return s;
    ort_session *session = calloc(1, sizeof *session);
    if (!session) {
        o->api->ReleaseSessionOptions(options);
        return diag_set(d, ERR_MEMORY, "no memory for a session");
    }
    session->owner = o;
    session->n_inputs = n_inputs;
    session->n_outputs = n_outputs;
    for (size_t i = 0; i < n_inputs; i++)
        session->inputs[i] = inputs[i];
    for (size_t i = 0; i < n_outputs; i++)
        session->outputs[i] = outputs[i];
    s = judge(o, o->api->CreateSession(o->env, path, options, &session->session),
              ERR_INTEGRITY, path, d);
    o->api->ReleaseSessionOptions(options);
    if (s != OK) {
        free(session);
        return s;
    }
    *out = session;
    return OK;
}

static inline void ort_session_destroy(ort_session *s) {
    if (!s)
        return;
    s->owner->api->ReleaseSession(s->session);
    free(s);
}

static inline OrtStatus *wrap(const ort *o, const ort_tensor *t, OrtValue **out) {
    size_t bytes = t->type == ORT_FLOAT ? sizeof(float) : sizeof(int64_t);
    for (size_t i = 0; i < t->rank; i++)
        bytes *= (size_t)t->shape[i];
    return o->api->CreateTensorWithDataAsOrtValue(
        o->memory, t->data, bytes, t->shape, t->rank,
        t->type == ORT_FLOAT ? ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT
                             : ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
        out);
}

static inline status ort_run(const ort_session *s, const ort_tensor *in,
                             const ort_tensor *out, diag *d) {
    const ort *o = s->owner;
    OrtValue *inputs[ORT_PORTS_MAX] = {0};
    OrtValue *outputs[ORT_PORTS_MAX] = {0};
    OrtStatus *result = NULL;
    for (size_t i = 0; i < s->n_inputs && !result; i++)
        result = wrap(o, &in[i], &inputs[i]);
    for (size_t i = 0; i < s->n_outputs && !result; i++)
        result = wrap(o, &out[i], &outputs[i]);
    if (!result)
        result = o->api->Run(s->session, NULL, s->inputs, (const OrtValue *const *)inputs,
                             s->n_inputs, s->outputs, s->n_outputs, outputs);
    for (size_t i = 0; i < ORT_PORTS_MAX; i++) {
        if (inputs[i])
            o->api->ReleaseValue(inputs[i]);
        if (outputs[i])
            o->api->ReleaseValue(outputs[i]);
    }
    return judge(o, result, ERR_ENGINE, "model run", d);
}

#endif
