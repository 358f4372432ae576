/* engine/moonshine/model.h: everything a moonshine worker has loaded, shared by all its
 * utterances, and the pool of decoding threads' memory.
 *
 * Immutable after load but for the pools, which lock. A lane (the scratch memory of one
 * thread, 20 to 60 MB touched as pieces need it) is taken for one step and given back,
 * so memory grows with threads and not with utterances. */
#ifndef ROSTRUM_MOONSHINE_MODEL_H
#define ROSTRUM_MOONSHINE_MODEL_H

#include "base/diag.h"
#include "engine/moonshine/settings.h"
#include "engine/moonshine/stream.h"
#include "engine/moonshine/vad.h"

#define MODEL_FINAL_LANES 2 /* second passes at once; they are batch work */

typedef struct model model;

/* Loads and warms up. ERR_INVALID, ERR_NOT_FOUND, ERR_INTEGRITY, ERR_MEMORY. */
MUST_CHECK status model_load(const rostrum_load_config *config, model **out, diag *d);
void model_destroy(model *m); /* takes NULL */

const moonshine_settings *model_settings(const model *m);
const tokens *model_tokens(const model *m);
const moonshine_encoder *model_encoder(const model *m); /* of the live pass */
const moonshine_decoder *model_decoder(const model *m);
const silero *model_vad(const model *m); /* NULL: none */
bool model_has_final(const model *m);

typedef enum { LANE_LIVE, LANE_FINAL } lane_kind;

/* Waits for a free lane of that kind; the model has one. Any thread. */
stream_compute *model_take(model *m, lane_kind kind);
void model_give(model *m, lane_kind kind, stream_compute *lane);

#endif
