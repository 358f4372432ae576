/* `rostrum engine check` and `rostrum engine calibrate`. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "serve/registry/calibrate.h"
#include "serve/registry/engine_command.h"

#define WORDS_BYTES 8192

/* The models the command is about, one after another: those named, or every one that
 * can run. A named one that cannot is an answer of its own. */
typedef bool try_model(engine_command *e, const model_manifest *m,
                       const speech *recording, buf *json);

static bool is_named(const args *a, const char *name) {
    for (size_t i = 0; i < a->n_positional; i++)
        if (strcmp(a->positional[i], name) == 0)
            return true;
    return a->n_positional == 0;
}

static status check_names(const engine_command *e, diag *d) {
    for (size_t i = 0; i < e->arguments.n_positional; i++) {
        const char *name = e->arguments.positional[i];
        const model_manifest *m = manifest_find(e->models, e->n, name);
        if (!m)
            return diag_field(d, ERR_NOT_FOUND, name,
                              "no such model; `rostrum engine list` names them");
        if (!m->engine[0])
            return diag_field(d, ERR_UNSUPPORTED, name,
                              "a part of other models; it does not run by itself");
    }
    return OK;
}

static void say_failure(const engine_command *e, const model_manifest *m, const diag *d,
                        buf *json) {
    char line[1024];
    diag_format(d, line, sizeof line);
    if (e->arguments.json) {
        buf_add_text(json, json->size > 1 ? ",{\"name\":" : "{\"name\":");
        buf_add_json(json, m->name);
        buf_add_text(json, ",\"ok\":false,\"text\":");
        buf_add_json(json, line);
        buf_add_text(json, "}");
    } else {
        printf("%s: FAILED: %s\n", m->name, line);
    }
}

/* Runs `each` on the models of the command line; the exit status. */
static int for_models(const command *self, int argc, char **argv, try_model *each) {
    engine_command e;
    int exit_status;
    speech recording = {0};
    diag d = DIAG_INIT;
    bool good = engine_command_begin(self, argc, argv, &e, &exit_status);
    if (good && (check_names(&e, &d) != OK ||
                 speech_load(args_text(&e.arguments, "recording", NULL), e.program_dir,
                             &recording, &d) != OK)) {
        exit_status = args_fail(self, &d, e.arguments.json, EXIT_USAGE);
        good = false;
    }
    if (good) {
        log_set_level(LOG_ERROR); /* a worker's failure is told once, by us */
        buf json;
        buf_init(&json, 1u << 20);
        buf_add_text(&json, "[");
        unsigned tried = 0, passed = 0;
        for (size_t i = 0; i < e.n; i++) {
            const model_manifest *m = &e.models[i];
            diag why = DIAG_INIT;
            if (!m->engine[0] || !is_named(&e.arguments, m->name))
                continue;
            if (engine_available(&e, m, &why) != OK) {
                /* not asked for by name: `engine list` tells what it lacks */
                tried += e.arguments.n_positional > 0;
                if (e.arguments.n_positional > 0)
                    say_failure(&e, m, &why, &json);
                continue;
            }
            tried++;
            passed += each(&e, m, &recording, &json);
        }
        buf_add_text(&json, "]\n");
        if (e.arguments.json)
            fputs(buf_text(&json), stdout);
        else if (tried == 0)
            printf("no model can run here; `rostrum engine list` says why\n");
        buf_deinit(&json);
        exit_status = tried > 0 && passed == tried ? EXIT_GOOD : EXIT_NO;
    }
    speech_deinit(&recording);
    engine_command_deinit(&e);
    return exit_status;
}

/* ---- check ---- */

static status hear(engine_command *e, const model_manifest *m, const speech *recording,
                   pool_worker_view *out_worker, char *words, diag *d) {
    pool_worker_config worker = {.model = m,
                                 .workers = 1,
                                 .threads = 1,
                                 .slots = 1,
                                 .memory_mb = (unsigned)e->config->worker_memory_mb};
    trial *t = NULL;
    status s = trial_open(e->paths.engine_dir, &worker, &t, d);
    if (s != OK)
        return s;
    size_t n = recording->n_clips > 1 ? recording->starts[1] : recording->n;
    s = trial_hear(t, recording->pcm, n, words, WORDS_BYTES, d);
    trial_worker(t, out_worker);
    trial_close(t);
    if (s == OK && recording->real && words[0] == '\0')
        s = diag_set(d, ERR_ENGINE, "it heard no words in %s", recording->name);
    return s;
}

static bool check_model(engine_command *e, const model_manifest *m,
                        const speech *recording, buf *json) {
    char words[WORDS_BYTES] = "";
    pool_worker_view w;
    diag d = DIAG_INIT;
    if (hear(e, m, recording, &w, words, &d) != OK) {
        say_failure(e, m, &d, json);
        return false;
    }
    if (e->arguments.json) {
        buf_add_text(json, json->size > 1 ? ",{\"name\":" : "{\"name\":");
        buf_add_json(json, m->name);
        buf_addf(json, ",\"ok\":true,\"load_ms\":%u,\"rss_kib\":%u,\"recording\":",
                 w.facts.load_ms, w.facts.rss_kib);
        buf_add_json(json, recording->name);
        buf_add_text(json, ",\"words\":");
        buf_add_json(json, words);
        buf_add_text(json, "}");
    } else {
        printf("%s: ok, loaded in %u ms, %u MiB\n    played %s\n    heard  %s\n", m->name,
               w.facts.load_ms, w.facts.rss_kib / 1024, recording->name,
               words[0] ? words : "(no words, as it should be)");
        fflush(stdout);
    }
    return true;
}

static int run_check(int argc, char **argv, const command *self) {
    return for_models(self, argc, argv, check_model);
}

/* ---- calibrate ---- */

typedef struct {
    const char *name;
    bool terminal;
} progress;

static void show_level(void *context, const trial_level *level, bool passed) {
    const progress *p = context;
    fprintf(stderr,
            "%s%s: %u live: first partial p95 %.0f ms, %.2f cores, %.1f %% late: %s%s",
            p->terminal ? "\r\033[K" : "", p->name, level->streams,
            level->first_partial_ms, level->cpu, level->late * 100,
            passed ? "good" : "too many", p->terminal ? "" : "\n");
    fflush(stderr);
}

static void show_result(const engine_command *e, const model_manifest *m,
                        const calibration *c, buf *json) {
    if (e->arguments.json) {
        buf_add_text(json, json->size > 1 ? ",{\"name\":" : "{\"name\":");
        buf_add_json(json, m->name);
        buf_addf(json,
                 ",\"ok\":true,\"slots\":%u,\"threads\":%u,\"slots_per_core\":%.2f,"
                 "\"rtf\":%.5f,\"memory_per_slot_kib\":%.0f,"
                 "\"first_partial_unloaded_ms\":%.0f,\"first_partial_ms\":%.0f,"
                 "\"cpu\":",
                 c->slots, c->threads, c->slots_per_core, c->rtf, c->memory_per_slot_kib,
                 c->unloaded_ms, c->loaded_ms);
        buf_add_json(json, c->cpu);
        buf_add_text(json, ",\"recording\":");
        buf_add_json(json, c->recording);
        buf_add_text(json, "}");
        return;
    }
    printf(
        "%s: %u live sessions (%.1f a core), RTF %.3f, %.0f KiB a session; first partial "
        "p95 %.0f ms alone, %.0f ms at that load\n    measured with %s on %s\n",
        m->name, c->slots, c->slots_per_core, c->rtf, c->memory_per_slot_kib,
        c->unloaded_ms, c->loaded_ms, c->recording, c->cpu);
    fflush(stdout);
}

static bool calibrate_model(engine_command *e, const model_manifest *m,
                            const speech *recording, buf *json) {
    progress p = {m->name, isatty(STDERR_FILENO) != 0};
    fprintf(stderr, "%s: about 15 s%s", m->name, p.terminal ? "" : "\n");
    fflush(stderr);
    diag d = DIAG_INIT;
    calibration c = {0};
    status s =
        calibrate(e->paths.engine_dir, m, (unsigned)e->config->worker_threads,
                  args_has(&e->arguments, "anyway"), recording, show_level, &p, &c, &d);
    if (s == OK)
        s = calibration_write(m, &c, &d);
    if (p.terminal)
        fprintf(stderr, "\r\033[K");
    if (s == OK)
        show_result(e, m, &c, json);
    else
        say_failure(e, m, &d, json);
    return s == OK;
}

static int run_calibrate(int argc, char **argv, const command *self) {
    return for_models(self, argc, argv, calibrate_model);
}

static const arg_option check_options[] = {
#include "conf/config_flags.def"
    {"recording", ARG_TEXT, "FILE", 0, 0,
     "speech to play, at most 89 s; without it what Debian's packages have"},
};

static const arg_option calibrate_options[] = {
#include "conf/config_flags.def"
    {"recording", ARG_TEXT, "FILE", 0, 0,
     "speech to play, at most 89 s; without it what Debian's packages have"},
    {"anyway", ARG_FLAG, NULL, 0, 0, "store the result though other programs were busy"},
};

const command engine_check_command = {
    .name = "engine check",
    .positional = "[MODEL...]",
    .summary = "start a worker of each model and let it hear a recording",
    .details =
        "Says what was played and what was heard. Without MODEL: every model that can "
        "run here. Exit status 1 when one fails.",
    .options = check_options,
    .n_options = sizeof check_options / sizeof check_options[0],
    .run = run_check};

const command engine_calibrate_command = {
    .name = "engine calibrate",
    .positional = "[MODEL...]",
    .summary = "measure how many live sessions of each model this machine sustains",
    .details = "Plays recordings at the pace of speech, ever more at once, and finds the "
               "most at "
               "which the first partial's p95 stays within 1.2 times that of two "
               "sessions; a tenth "
               "is kept in reserve. The result is stored in the cache folder for this "
               "processor, "
               "engine version and manifest, and `rostrum serve` admits that many "
               "sessions. Run it "
               "on a machine that does nothing else. About 15 s a model.",
    .options = calibrate_options,
    .n_options = sizeof calibrate_options / sizeof calibrate_options[0],
    .run = run_calibrate};
