/* serve/registry/manifest.h: the facts of one model, read from its manifest file.
 *
 * A manifest is YAML a person reviews: models/NAME.yaml in the installation. Files
 * it lists live under the model cache; each has a sha256 and no worker starts for a
 * model one of whose files differs. Loop thread or command line; does file I/O. */
#ifndef ROSTRUM_SERVE_MANIFEST_H
#define ROSTRUM_SERVE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define MANIFEST_FILES_MAX 16
#define MANIFEST_SETTINGS_MAX 32
#define MANIFEST_LANGUAGES_MAX 16

typedef struct {
    char path[160];  /* below the cache folder; or absolute for system packages */
    char sha256[65]; /* lower-case hex */
    uint64_t bytes;
} model_file;

typedef struct {
    char key[48];
    char value[128];
    unsigned line; /* of the manifest */
} model_setting;

typedef struct {
    char name[64]; /* e.g. moonshine-tiny */
    char version[32];
    char kind[8];    /* asr | tts | vad */
    char engine[32]; /* program rostrum-engine-ENGINE; "" for a part of other models */
    char licence[64];
    char source[160]; /* where it comes from, for a person */
    char languages[MANIFEST_LANGUAGES_MAX][16];
    size_t n_languages;
    uint32_t sample_rate_hz;
    char feature_contract[96]; /* e.g. "pcm f32 16000 Hz mono, raw waveform" */
    bool two_pass;
    unsigned slots_per_thread; /* safe guess until `engine calibrate` measured */
    unsigned slots_max;        /* a worker can have; 0: LIMIT_WORKER_SLOTS */
    model_file files[MANIFEST_FILES_MAX];
    size_t n_files;
    model_setting settings[MANIFEST_SETTINGS_MAX];
    size_t n_settings;
    char get[160];       /* how to get its files, one command */
    char path[512];      /* of the manifest */
    char hash[65];       /* sha256 of the manifest itself, lower-case hex */
    char cache_dir[256]; /* absolute; these two are filled in at load */
    char model_dir[256]; /* all its worker can read: cache_dir/models, unless it says */
} model_manifest;

/* Reads and checks the form (not the files). d names file, line, field. */
MUST_CHECK status manifest_read(const char *path, const char *cache_dir,
                                model_manifest *out, diag *d);

/* The same from text; name stands for the path in messages. */
MUST_CHECK status manifest_parse(const char *text, size_t n, const char *name,
                                 const char *cache_dir, model_manifest *out, diag *d);

/* Reads every *.yaml of the folder, in order of name, into out[max].
 * ERR_NOT_FOUND: no such folder; ERR_LIMIT: more than max. The first broken manifest
 * ends it: a server does not start on half a registry. */
MUST_CHECK status manifest_read_all(const char *folder, const char *cache_dir,
                                    model_manifest *out, size_t max, size_t *out_n,
                                    diag *d);

/* The entry called name, or NULL. */
const model_manifest *manifest_find(const model_manifest *list, size_t n,
                                    const char *name);

/* Hashes every file. ERR_NOT_FOUND: a file is missing; ERR_INTEGRITY: one differs.
 * d names the file and the manifest's `get` command. A file that verified is not read
 * again by this process while its inode, size and times stay the same. */
MUST_CHECK status manifest_verify(const model_manifest *m, diag *d);

/* "FILE:LINE: TEXT" into out[size], for a text of the engine that says what is wrong with
 * a setting: the line of the setting that text names, or none. Returns out. */
char *manifest_place(const model_manifest *m, const char *text, char *out, size_t size);

/* Absolute path of one of its files into out[size]; returns out. */
char *manifest_file_path(const model_manifest *m, const model_file *f, char *out,
                         size_t size);

#endif
