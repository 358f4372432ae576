/* serve/api/form.h: the fields of POST /v1/audio/transcriptions, as OpenAI names them.
 *
 * Fields we use are read and checked; fields that change nothing here are taken; a
 * field or value that would be left undone is an error that says so. Pure. */
#ifndef ROSTRUM_SERVE_FORM_H
#define ROSTRUM_SERVE_FORM_H

#include <stdbool.h>

#include "base/diag.h"
#include "serve/api/transcript.h"

typedef struct {
    char model[64];
    char language[16];
    char prompt[1024];
    transcript_format format;
    bool stream;
    bool words, segments; /* timestamp_granularities[] */
    float temperature;    /* echoed; decoding here has none */
} transcription_form;

void form_init(transcription_form *f);

/* One text field. ERR_INVALID, ERR_UNSUPPORTED: d.field is its name. */
MUST_CHECK status form_field(transcription_form *f, const char *name, const char *value,
                             diag *d);

/* What the fields say together; after the last one. */
MUST_CHECK status form_check(const transcription_form *f, diag *d);

#endif
