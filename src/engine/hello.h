/* engine/hello.h: the two JSON payloads that open a worker's life.
 *
 *   gateway -> worker  FRAME_HELLO  engine_hello: what to load, and within what
 *   worker -> gateway  FRAME_READY  engine_facts: what was loaded, slots offered
 *
 * JSON because they are read once, by people too (`rostrum-engine-NAME --describe`
 * prints the facts known before loading). Decoders refuse a field that is missing, of
 * another type or out of range; unknown fields are ignored.
 * Allocates inside cJSON. Any thread. */
#ifndef ROSTRUM_ENGINE_HELLO_H
#define ROSTRUM_ENGINE_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/limits.h"

#define HELLO_SETTINGS_MAX 32
#define HELLO_THREADS_MAX 64 /* more cores than one model was ever useful on */
#define HELLO_MEMORY_MB_MAX 1048576
#define HELLO_BYTES_MAX (32u << 10)

typedef struct {
    char key[48];
    char value[128];
} hello_setting;

typedef struct {
    char model[64];      /* registry name, for logs */
    char model_dir[256]; /* absolute */
    hello_setting settings[HELLO_SETTINGS_MAX];
    size_t n_settings;
    unsigned threads;   /* compute threads, 1..HELLO_THREADS_MAX */
    unsigned slots;     /* 1..LIMIT_WORKER_SLOTS */
    bool batch;         /* pool: false "realtime", true "batch" (low priority) */
    unsigned memory_mb; /* writable memory the process may have; 0: no limit */
} engine_hello;

typedef struct {
    uint32_t protocol; /* ENGINE_PROTO_VERSION */
    uint32_t abi;      /* ROSTRUM_ENGINE_ABI of the engine */
    char engine[32];
    char version[32];
    uint32_t sample_rate_hz;
    bool vad;         /* has its own detector (a model may still lack it) */
    bool second_pass; /* has one (a model may still lack it) */
    unsigned slots;   /* offered; 0 in --describe */
    uint32_t load_ms; /* wall time of load and warm-up; 0 in --describe */
    uint32_t rss_kib; /* after warm-up; 0 in --describe */
} engine_facts;

/* Appends the JSON text (no newline). */
void hello_encode(buf *b, const engine_hello *hello);
void facts_encode(buf *b, const engine_facts *facts);

/* ERR_SYNTAX: not JSON of that form; ERR_INTEGRITY: another protocol version;
 * ERR_MEMORY. d->field names the field. *out untouched on failure. */
MUST_CHECK status hello_decode(const uint8_t *json, size_t n, engine_hello *out, diag *d);
MUST_CHECK status facts_decode(const uint8_t *json, size_t n, engine_facts *out, diag *d);

#endif
