#include "base/status.h"

static const struct {
    const char *wire;
    const char *text;
} entries[STATUS_COUNT] = {
#define X(code, wire_name, human_text) [code] = {wire_name, human_text},
#include "base/errors.def"
#undef X
};

const char *status_text(status s) {
    return (unsigned)s < STATUS_COUNT ? entries[s].text : "unknown error";
}

const char *status_name(status s) {
    return (unsigned)s < STATUS_COUNT ? entries[s].wire : "unknown";
}
