#include "serve/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANIFESTS_MAX 64 /* of one installation; each is 12 KiB */

/* What runs when nothing is said, best first: the first one that works is the default of
 * requests. The last is Debian's recogniser, there when nothing was fetched. */
static const char *const default_set[] = {"moonshine-two-pass", "moonshine-tiny",
                                          "pocketsphinx"};
enum { DEFAULT_SET = sizeof default_set / sizeof default_set[0] };
#define FLOOR_SLOTS 2 /* of the floor engine beside a better one: 93 MB each */

/* Everything but the loading: its engine is built, its files are there and unchanged. */
static status check_model(const model_manifest *m, const char *engine_dir, diag *d) {
    char program[CONFIG_TEXT + 64];
    if (strcmp(m->kind, "asr") != 0 || !m->engine[0])
        return diag_field(d, ERR_UNSUPPORTED, "models.serve",
                          "%s is no model of its own but a part of others", m->name);
    snprintf(program, sizeof program, "%s/rostrum-engine-%s", engine_dir, m->engine);
    if (access(program, X_OK) != 0)
        return diag_set(d, ERR_NOT_FOUND,
                        "there is no program %s; get what it needs with: %s, then build",
                        program, m->get);
    uint64_t bytes = 0;
    for (size_t i = 0; i < m->n_files; i++)
        bytes += m->files[i].bytes;
    uint64_t begun_ns = uv_hrtime();
    status s = manifest_verify(m, d);
    double took_s = (double)(uv_hrtime() - begun_ns) / 1e9;
    if (s == OK && took_s > 0.2)
        printf("%s: %.0f MB of files are as they should be (%.1f s)\n", m->name,
               (double)bytes / 1e6, took_s);
    return s;
}

static void tell_missing(const char *name, const diag *d) {
    char text[sizeof d->file + sizeof d->field + sizeof d->text + 64];
    printf("not serving %s: %s\n", name, diag_format(d, text, sizeof text));
}

static void add_model(const config *c, const model_manifest *m, serve_models *out) {
    out->list[out->n] = *m;
    out->workers[out->n] = (pool_worker_config){
        .model = &out->list[out->n],
        .workers = 1,
        .threads = (unsigned)c->worker_threads,
        .slots = (unsigned)c->worker_slots,
        .memory_mb = (unsigned)c->worker_memory_mb,
    };
    out->n++;
}

static status unknown_model(const char *name, const model_manifest *all, size_t n,
                            diag *d) {
    const char *names[MANIFESTS_MAX];
    size_t named = 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].kind, "asr") == 0)
            names[named++] = all[i].name;
    const char *near = diag_nearest(name, names, named);
    return diag_field(d, ERR_INVALID, "models.serve",
                      "there is no model %s%s%s; `rostrum engine list` names them", name,
                      near ? ", nearest is " : "", near ? near : "");
}

static status pick_listed(const config *c, const model_manifest *all, size_t n,
                          const char *engine_dir, serve_models *out, diag *d) {
    for (unsigned i = 0; i < c->n_models; i++) {
        const model_manifest *m = manifest_find(all, n, c->models[i]);
        if (!m)
            return unknown_model(c->models[i], all, n, d);
        for (size_t j = 0; j < out->n; j++)
            if (strcmp(out->list[j].name, m->name) == 0)
                return diag_field(d, ERR_INVALID, "models.serve", "%s is listed twice",
                                  m->name);
        status s = check_model(m, engine_dir, d);
        if (s != OK)
            return s;
        add_model(c, m, out);
    }
    return OK;
}

static status pick_defaults(const config *c, const model_manifest *all, size_t n,
                            const char *engine_dir, serve_models *out, diag *d) {
    for (size_t i = 0; i < DEFAULT_SET; i++) {
        diag why = DIAG_INIT;
        const model_manifest *m = manifest_find(all, n, default_set[i]);
        status s = m ? check_model(m, engine_dir, &why)
                     : diag_set(&why, ERR_NOT_FOUND, "its manifest is not installed");
        if (s == OK)
            add_model(c, m, out);
        else
            tell_missing(default_set[i], &why);
    }
    if (out->n == 0)
        return diag_field(d, ERR_NOT_FOUND, "models.serve",
                          "no model can be served; the lines above say what is missing");
    pool_worker_config *last = &out->workers[out->n - 1];
    if (out->n > 1 && strcmp(last->model->name, default_set[DEFAULT_SET - 1]) == 0 &&
        last->slots == 0)
        last->slots = FLOOR_SLOTS;
    return OK;
}

status serve_check_aliases(const config *c, const serve_models *models, diag *d) {
    const char *names[CONFIG_MODELS_MAX];
    char list[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < models->n; i++) {
        names[i] = models->list[i].name;
        int n =
            snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
        used += n < 0 || (size_t)n >= sizeof list - used ? 0 : (size_t)n;
    }
    for (unsigned i = 0; i < c->n_aliases; i++) {
        if (manifest_find(models->list, models->n, c->aliases[i].to))
            continue;
        const char *near = diag_nearest(c->aliases[i].to, names, models->n);
        return diag_field(d, ERR_INVALID, "models.aliases",
                          "%s means %s, which is not served%s%s%s; served are: %s",
                          c->aliases[i].from, c->aliases[i].to,
                          near ? "; did you mean " : "", near ? near : "",
                          near ? "?" : "", list);
    }
    return OK;
}

status serve_pick_models(const config *c, const char *manifest_dir,
                         const char *engine_dir, const char *cache_dir, serve_models *out,
                         diag *d) {
    memset(out, 0, sizeof *out);
    model_manifest *all = calloc(MANIFESTS_MAX, sizeof *all);
    out->list = calloc(CONFIG_MODELS_MAX, sizeof *out->list);
    size_t n = 0;
    status s = OK;
    if (!all || !out->list)
        s = diag_set(d, ERR_MEMORY, "no memory for the manifests");
    if (s == OK)
        s = manifest_read_all(manifest_dir, cache_dir, all, MANIFESTS_MAX, &n, d);
    if (s == OK)
        s = c->n_models ? pick_listed(c, all, n, engine_dir, out, d)
                        : pick_defaults(c, all, n, engine_dir, out, d);
    if (s == OK && c->default_model[0] &&
        !manifest_find(out->list, out->n, c->default_model))
        s = diag_field(d, ERR_INVALID, "models.default",
                       "%s is not among the served models", c->default_model);
    if (s == OK)
        s = serve_check_aliases(c, out, d);
    if (s != OK) {
        free(out->list);
        out->list = NULL;
    }
    free(all);
    return s;
}
