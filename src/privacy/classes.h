/* privacy/classes.h: classes of data, and types that keep private ones out of the open.
 *
 * Two guards, both of the compiler:
 * - DATA_LABEL(CLASS) is the class as a constant for a table of labels, and does not
 *   compile for a private one.
 * - private_text holds words of a person. It is no `char *`, so no call that writes a log
 *   line, metric, error or aggregate takes it; only files of src/privacy open it. Whoever
 *   reads a transcript wraps it at once and hands it to privacy/redact.h.
 *
 * Pure. Any thread. */
#ifndef ROSTRUM_PRIVACY_CLASSES_H
#define ROSTRUM_PRIVACY_CLASSES_H

#include <stddef.h>

typedef enum {
#define CLASS(id, name, openness, what) DATA_##id,
#include "privacy/classes.def"
#undef CLASS
    DATA_CLASSES
} data_class;

enum { DATA_IS_PUBLIC = 1, DATA_IS_PRIVATE = 0 };
enum {
#define CLASS(id, name, openness, what) DATA_MAY_LABEL_##id = DATA_IS_##openness,
#include "privacy/classes.def"
#undef CLASS
};

/* DATA_TENANT for TENANT; an error of the compiler for TRANSCRIPT. */
#define DATA_LABEL(id)                                                                   \
    ((data_class)(DATA_##id + 0 * sizeof(struct {                                        \
                                  _Static_assert(                                        \
                                      DATA_MAY_LABEL_##id,                               \
                                      #id " is private: it must not become a label");    \
                                  char unused;                                           \
                              })))

/* Words of a person: borrowed bytes[n], not terminated; NULL if n == 0. */
typedef struct {
    const char *only_privacy_opens_this;
    size_t n;
} private_text;

static inline private_text private_text_of(const char *bytes, size_t n) {
    return (private_text){bytes, n};
}

#endif
