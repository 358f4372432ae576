/* engine/defaults.h: what the host does where an engine leaves a call out, as
 * rostrum/engine.h promises. For the host's own use; threads as the calls themselves. */
#ifndef ROSTRUM_ENGINE_DEFAULTS_H
#define ROSTRUM_ENGINE_DEFAULTS_H

#include "rostrum/engine.h"

/* Without `load` there is no model: *out is NULL. */
int defaults_load(const rostrum_engine *engine, const rostrum_load_config *config,
                  rostrum_model **out, rostrum_error *error);

/* Without `due`: every 320 ms of audio, 640 ms when the worker is pressed. fed: samples
 * since the last step. */
bool defaults_due(const rostrum_engine *engine, const rostrum_utterance *utterance,
                  size_t fed, float load);

/* Without `finish` a last step is the answer, and all its words are committed. */
int defaults_finish(const rostrum_engine *engine, rostrum_utterance *utterance,
                    rostrum_hypothesis *out, rostrum_error *error);

#endif
