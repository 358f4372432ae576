/* rostrum/engine.h: what an engine author implements. The only public header.
 *
 * An engine is one program, rostrum-engine-NAME: this vtable, linked against the
 * worker host. The host owns the process: the socket to the server, slots, voice
 * activity and endpointing, threads, deadlines, memory limit and confinement. The
 * engine owns the model and the words. docs/write-an-engine.md has a whole one.
 *
 * Life of a recogniser:
 *   [load] -> ( open -> (feed, step)* -> [finish] -> [second_pass] -> close )* ->
 * [unload]
 *
 * Calls in brackets, `due` and `vad` may be left out (NULL); each says what happens then.
 *
 * Threads. `load` runs once, alone, before everything else; files may be opened in `load`
 * only (the process is confined right after it). A model is shared by all threads and
 * must be immutable after `load`, or lock. One utterance is used by one thread at a time,
 * not always the same one. Utterances run in parallel. Results must not depend on what
 * other utterances are doing.
 *
 * Ownership. What an engine returns through an out pointer belongs to the engine and
 * stays valid until the next call on the same object. What the host passes in is
 * borrowed for the call, except where a field says longer.
 *
 * Errors. A call returns ROSTRUM_OK or a code and fills `error` with one sentence
 * for the operator: never words, audio or prompts. After an error from an utterance
 * the host closes that utterance; others go on. */
#ifndef ROSTRUM_ENGINE_H
#define ROSTRUM_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes whenever a struct here changes. The host refuses another number. */
#define ROSTRUM_ENGINE_ABI 2

enum {
    ROSTRUM_OK = 0,
    ROSTRUM_E_INVALID = 1,   /* a setting is wrong */
    ROSTRUM_E_MISSING = 2,   /* a file or library is not there */
    ROSTRUM_E_INTEGRITY = 3, /* a file is not what its manifest says */
    ROSTRUM_E_MEMORY = 4,    /* no memory */
    ROSTRUM_E_CANCELLED = 5, /* `stop` said so; not a fault */
    ROSTRUM_E_FAILED = 6     /* anything else */
};

typedef struct {
    char text[256];
} rostrum_error;

/* One setting from the model's manifest, e.g. {"trim_ms", "8000"}. */
typedef struct {
    const char *key;
    const char *value;
} rostrum_setting;

/* How to load. All strings live as long as the model. */
typedef struct {
    const char *model_dir;           /* absolute; the only files the engine may open */
    const rostrum_setting *settings; /* [n_settings] decoding settings of the manifest */
    size_t n_settings;
    unsigned threads; /* threads that will call into utterances at the same time, >= 1 */
} rostrum_load_config;

/* Asked between units of work of at most about 50 ms: true means give up now with
 * ROSTRUM_E_CANCELLED. Cheap; any thread. */
typedef struct {
    bool (*asked)(void *context);
    void *context;
} rostrum_stop;

/* How to open one utterance. */
typedef struct {
    const char *language; /* BCP 47, or "" when not said; borrowed for the call */
    const char *prompt;   /* UTF-8 bias text, or ""; private; borrowed for the call */
    rostrum_stop stop;    /* valid until close */
    bool live;            /* false: no partials wanted, only `finish` counts */
} rostrum_utterance_config;

typedef struct {
    const char *text; /* UTF-8, with case and punctuation as the model writes them */
    int32_t start_ms; /* from the first fed sample; -1: not known */
    int32_t end_ms;   /* from the first fed sample; -1: not known */
    float confidence; /* 0..1, or -1: not known */
} rostrum_word;

/* What the engine believes so far. words[0..committed) never change again while the
 * utterance is live, neither text nor order; the tail may. */
typedef struct {
    const rostrum_word *words; /* [n_words]; NULL if n_words == 0 */
    size_t n_words;
    size_t committed; /* <= n_words */
} rostrum_hypothesis;

/* How hard the worker is pressed: 0 idle, 1 every core busy, above 1 falling behind.
 * An engine may decode less often when it is high (a longer hop). */
typedef struct {
    float load;
} rostrum_pressure;

typedef struct rostrum_model rostrum_model;         /* defined by the engine */
typedef struct rostrum_utterance rostrum_utterance; /* defined by the engine */

typedef struct {
    uint32_t abi;            /* ROSTRUM_ENGINE_ABI */
    const char *name;        /* lower case, as in rostrum-engine-NAME */
    const char *version;     /* of the engine code */
    uint32_t sample_rate_hz; /* 16000 is the only rate the host feeds today */

    /* NULL: an engine without a model; `open` is given NULL. */
    int (*load)(const rostrum_load_config *config, rostrum_model **out_model,
                rostrum_error *error);
    /* For tests and sanitizers, which look for what was not freed; takes NULL. A worker
     * just exits: the kernel frees a model faster. NULL: nothing to free. */
    void (*unload)(rostrum_model *model);

    int (*open)(rostrum_model *model, const rostrum_utterance_config *config,
                rostrum_utterance **out_utterance, rostrum_error *error);

    /* Appends pcm[n], mono, -1..1, sample_rate_hz. Only stores: well under 1 ms.
     * The host never feeds more than 30 s into one utterance. */
    int (*feed)(rostrum_utterance *utterance, const float *pcm, size_t n,
                rostrum_error *error);

    /* True when a step now would be worth its cost (a hop has been fed). Cheap. NULL:
     * every 320 ms of audio, or 640 ms when `load` is above 0.8. */
    bool (*due)(const rostrum_utterance *utterance, rostrum_pressure pressure);

    /* Decodes what has been fed; sets *out to the new belief. Also called, without being
     * due, when a pause begins: `finish` mostly comes next, with nothing fed between, and
     * should then cost next to nothing. */
    int (*step)(rostrum_utterance *utterance, rostrum_hypothesis *out,
                rostrum_error *error);

    /* No more audio comes: decodes the rest. All words are committed in *out. NULL: a
     * last `step` is the answer. */
    int (*finish)(rostrum_utterance *utterance, rostrum_hypothesis *out,
                  rostrum_error *error);

    /* A better and slower answer after `finish`, from a low-priority thread; may
     * correct committed words. NULL: this engine has none. ROSTRUM_E_MISSING: this model
     * has none (asked once, when the worker warms up). */
    int (*second_pass)(rostrum_utterance *utterance, rostrum_hypothesis *out,
                       rostrum_error *error);

    void (*close)(rostrum_utterance *utterance); /* takes NULL */

    /* Words for a probability of speech in pcm[512] (32 ms at 16 kHz), 0..1. NULL, or a
     * negative answer (a model without it): the host uses its energy detector. `state`
     * is [state_bytes], zeroed by the host at the start of a stream. */
    size_t vad_state_bytes;
    float (*vad)(rostrum_model *model, void *state, const float *pcm);

    /* Memory one utterance may take, at 30 s: the worker offers no more sessions than its
     * memory limit holds at once. NULL: next to nothing, or taken when the model loads.
     */
    size_t (*utterance_bytes)(const rostrum_model *model);
} rostrum_engine;

/* The whole main() of an engine program. Returns the exit status. */
int rostrum_engine_main(const rostrum_engine *engine, int argc, char **argv);

#ifdef __cplusplus
}
#endif
#endif
