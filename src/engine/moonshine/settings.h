/* engine/moonshine/settings.h: decoding settings of a manifest, checked.
 *
 *   live    "moonshine-tiny" or "moonshine-base": folder under the model folder
 *   final   "" or "moonshine-base": the second pass
 *   vad     "" or a file under the model folder
 *   kernels "avx512vnni", "avx2" or "scalar"; without it the best this processor runs.
 *           The first two give the same text to the letter
 *   and each number of stream_settings by its name, e.g. trim_ms
 *
 * models/moonshine-*.yaml say every number, so that a release can change how it decodes
 * without a build; what one leaves out is as in models/moonshine-tiny.yaml. Pure. */
#ifndef ROSTRUM_MOONSHINE_SETTINGS_H
#define ROSTRUM_MOONSHINE_SETTINGS_H

#include "base/diag.h"
#include "engine/moonshine/stream.h"
#include "rostrum/engine.h"

#define SETTINGS_PATH_BYTES 256

typedef struct {
    char live[SETTINGS_PATH_BYTES];
    char final[SETTINGS_PATH_BYTES]; /* "": one pass */
    char vad[SETTINGS_PATH_BYTES];   /* "": none */
    const kernels *set;              /* what the sums are done with */
    stream_settings stream;
} moonshine_settings;

/* ERR_INVALID: a key we do not know, a value out of range or at odds with another
 * (hop_ms <= busy_ms <= full_ms, settle_lower_ms <= settle_ms), a path that leaves its
 * folder; d names the setting. */
MUST_CHECK status settings_read(const rostrum_setting *given, size_t n,
                                moonshine_settings *out, diag *d);

#endif
