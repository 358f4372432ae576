#include "engine/defaults.h"

#include "base/limits.h"

#define HOP_SAMPLES (320 * LIMIT_SAMPLE_RATE_HZ / 1000)
#define PRESSED 0.8f

int defaults_load(const rostrum_engine *engine, const rostrum_load_config *config,
                  rostrum_model **out, rostrum_error *error) {
    if (engine->load)
        return engine->load(config, out, error);
    *out = NULL;
    return ROSTRUM_OK;
}

bool defaults_due(const rostrum_engine *engine, const rostrum_utterance *utterance,
                  size_t fed, float load) {
    if (engine->due)
        return engine->due(utterance, (rostrum_pressure){load});
    return fed >= HOP_SAMPLES * (load > PRESSED ? 2 : 1);
}

int defaults_finish(const rostrum_engine *engine, rostrum_utterance *utterance,
                    rostrum_hypothesis *out, rostrum_error *error) {
    if (engine->finish)
        return engine->finish(utterance, out, error);
    rostrum_hypothesis last = {0};
    int code = engine->step(utterance, &last, error);
    if (code != ROSTRUM_OK)
        return code;
    last.committed = last.n_words;
    *out = last;
    return ROSTRUM_OK;
}
