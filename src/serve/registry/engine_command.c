/* `rostrum engine list`, and what the engine commands share. */
#include "serve/registry/engine_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "conf/config.h"
#include "serve/registry/calibration.h"

#define MODELS_MAX 64

/* ---- shared ---- */

static void find_program_dir(char *out, size_t size) {
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    out[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = '\0';
}

static status read_registry(engine_command *e, diag *d) {
    status s = config_load(environ, &e->arguments, e->config, d);
    if (s == OK)
        s = config_find_paths(e->config, &e->paths, d);
    if (s == OK)
        s = manifest_read_all(e->paths.manifest_dir, e->paths.cache_dir, e->models,
                              MODELS_MAX, &e->n, d);
    return s;
}

bool engine_command_begin(const command *self, int argc, char **argv, engine_command *out,
                          int *out_exit) {
    *out = (engine_command){0};
    if (!args_begin(self, argc, argv, &out->arguments, out_exit))
        return false;
    diag d = DIAG_INIT;
    find_program_dir(out->program_dir, sizeof out->program_dir);
    out->config = malloc(sizeof *out->config);
    out->models = calloc(MODELS_MAX, sizeof *out->models);
    status s = out->config && out->models
                   ? read_registry(out, &d)
                   : diag_set(&d, ERR_MEMORY, "no memory for the registry");
    if (s == OK)
        return true;
    *out_exit = args_fail(self, &d, out->arguments.json,
                          s == ERR_INVALID || s == ERR_SYNTAX ? EXIT_USAGE : EXIT_FAILED);
    return false;
}

void engine_command_deinit(engine_command *e) {
    free(e->config);
    free(e->models);
}

status engine_available(const engine_command *e, const model_manifest *m, diag *d) {
    status s = manifest_verify(m, d);
    if (s != OK || !m->engine[0])
        return s;
    char program[CONFIG_TEXT + 64];
    snprintf(program, sizeof program, "%s/rostrum-engine-%s", e->paths.engine_dir,
             m->engine);
    if (access(program, X_OK) == 0)
        return OK;
    diag_at(d, program, 0, 0);
    return diag_set(d, ERR_NOT_FOUND, "this build has no such engine; get it with: %s",
                    m->get);
}

/* ---- list ---- */

static void list_text(const model_manifest *m, status s, const diag *why, buf *out) {
    buf_addf(out, "%-20s %-4s %-14s %s", m->name, m->kind, m->version,
             s == OK ? "available" : status_name(s));
    calibration c;
    if (!m->engine[0])
        buf_add_text(out, ", part of other models");
    else if (s == OK && calibration_read(m, &c))
        buf_addf(out, ", %u live session%s measured", c.slots, c.slots == 1 ? "" : "s");
    else if (s == OK)
        buf_add_text(out, ", not calibrated");
    buf_add_text(out, "\n");
    if (s == OK)
        return;
    char line[1024];
    buf_addf(out, "    %s\n", diag_format(why, line, sizeof line));
}

static void add_field(buf *out, const char *key, const char *text) {
    buf_addf(out, ",\"%s\":", key);
    buf_add_json(out, text);
}

static void list_json(const model_manifest *m, status s, const diag *why, buf *out) {
    buf_add_text(out, "{\"name\":");
    buf_add_json(out, m->name);
    add_field(out, "version", m->version);
    add_field(out, "kind", m->kind);
    add_field(out, "engine", m->engine);
    add_field(out, "licence", m->licence);
    add_field(out, "source", m->source);
    add_field(out, "feature_contract", m->feature_contract);
    add_field(out, "manifest_sha256", m->hash);
    buf_addf(out, ",\"sample_rate_hz\":%u,\"two_pass\":%s,\"languages\":[",
             m->sample_rate_hz, m->two_pass ? "true" : "false");
    for (size_t i = 0; i < m->n_languages; i++) {
        buf_add_text(out, i ? "," : "");
        buf_add_json(out, m->languages[i]);
    }
    buf_addf(out, "],\"available\":%s", s == OK ? "true" : "false");
    calibration c;
    if (m->engine[0] && calibration_read(m, &c))
        buf_addf(out, ",\"calibrated_slots\":%u,\"rtf\":%.5f", c.slots, c.rtf);
    if (s != OK) {
        add_field(out, "reason", status_name(s));
        add_field(out, "file", why->file);
        add_field(out, "text", why->text);
        add_field(out, "get", m->get);
    }
    buf_add_text(out, "}");
}

static int run_list(int argc, char **argv, const command *self) {
    engine_command e;
    int exit_status;
    if (!engine_command_begin(self, argc, argv, &e, &exit_status)) {
        engine_command_deinit(&e);
        return exit_status;
    }
    bool json = e.arguments.json, any = false;
    buf out;
    buf_init(&out, 1u << 20);
    buf_add_text(&out, json ? "{\"models\":[" : "");
    for (size_t i = 0; i < e.n; i++) {
        diag d = DIAG_INIT;
        status s = engine_available(&e, &e.models[i], &d);
        any = any || (s == OK && e.models[i].engine[0]);
        if (json) {
            buf_add_text(&out, i ? "," : "");
            list_json(&e.models[i], s, &d, &out);
        } else {
            list_text(&e.models[i], s, &d, &out);
        }
    }
    buf_add_text(&out, json ? "]}\n" : "");
    fputs(buf_text(&out), stdout);
    buf_deinit(&out);
    engine_command_deinit(&e);
    return any ? EXIT_GOOD : EXIT_NO;
}

static const arg_option list_options[] = {
#include "conf/config_flags.def"
};

const command engine_list_command = {
    .name = "engine list",
    .positional = "",
    .summary = "show which models can run here, and what the others lack",
    .details =
        "Reads every manifest, hashes every file it names, and looks for the engine "
        "program. For what is missing the line below says how to get it. Exit status "
        "1 when no model can run.",
    .options = list_options,
    .n_options = sizeof list_options / sizeof list_options[0],
    .run = run_list};
