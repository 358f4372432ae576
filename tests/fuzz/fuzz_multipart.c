/* A form of any bytes in any cut. The first byte says how long the pieces are. What it
 * finds must not depend on the cut. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "serve/api/form.h"
#include "serve/api/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

typedef struct {
    buf notes;
    transcription_form form;
    char name[MULTIPART_NAME];
    buf value;
} reader;

static status on_part(void *owner, const char *name, bool is_file, diag *d) {
    reader *r = owner;
    (void)d;
    buf_addf(&r->notes, "%s%d", name, is_file);
    memcpy(r->name, name, strlen(name) + 1);
    buf_clear(&r->value);
    return OK;
}

static status on_data(void *owner, const uint8_t *data, size_t n, diag *d) {
    reader *r = owner;
    (void)d;
    buf_add(&r->notes, data, n);
    buf_add(&r->value, data, n);
    return OK;
}

static status on_end(void *owner, diag *d) {
    reader *r = owner;
    status st = form_field(&r->form, r->name, buf_text(&r->value), d);
    buf_addf(&r->notes, ";%d", st);
    return OK;
}

static const multipart_events events = {on_part, on_data, on_end};

static status parse(const uint8_t *data, size_t n, size_t piece, reader *r) {
    multipart m;
    diag d = DIAG_INIT;
    buf_init(&r->notes, 1u << 20);
    buf_init(&r->value, 1u << 20);
    form_init(&r->form);
    status st = multipart_init(&m, "multipart/form-data; boundary=b", &events, r, &d);
    for (size_t at = 0; st == OK && at < n; at += piece)
        st = multipart_push(&m, data + at, n - at < piece ? n - at : piece, &d);
    return st == OK && !multipart_complete(&m) ? ERR_STATE : st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static reader whole, cut;
    if (n == 0)
        return 0;
    size_t piece = (size_t)data[0] + 1;
    status a = parse(data + 1, n - 1, n, &whole);
    status b = parse(data + 1, n - 1, piece, &cut);
    ASSERT(a == b);
    ASSERT(whole.notes.size == cut.notes.size);
    ASSERT(whole.notes.size == 0 ||
           memcmp(whole.notes.data, cut.notes.data, cut.notes.size) == 0);
    buf_deinit(&whole.notes);
    buf_deinit(&whole.value);
    buf_deinit(&cut.notes);
    buf_deinit(&cut.value);
    return 0;
}
