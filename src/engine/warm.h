/* engine/warm.h: one dummy utterance, so that the first real one is not the slow one,
 * and so that a model shows before it is offered whether it works at all. */
#ifndef ROSTRUM_ENGINE_WARM_H
#define ROSTRUM_ENGINE_WARM_H

#include <stdbool.h>

#include "rostrum/engine.h"

typedef struct {
    int code; /* of the call that failed, or ROSTRUM_OK */
    rostrum_error error;
    bool vad;         /* the model has a voice detector */
    bool second_pass; /* it has a second pass (looked at with `second` only) */
} warm_result;

/* 1 s of quiet, deterministic noise through every call of the vtable; the second pass
 * only when asked. Any thread, several at a time. */
void warm_up(const rostrum_engine *engine, rostrum_model *model, bool second,
             warm_result *out);

#endif
