#include "conf/paths.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool has_engines(const char *folder) {
    char pattern[CONFIG_TEXT + 32];
    snprintf(pattern, sizeof pattern, "%s/rostrum-engine-*", folder);
    glob_t found;
    bool any = glob(pattern, GLOB_NOSORT, NULL, &found) == 0;
    if (any)
        globfree(&found);
    return any;
}

/* The folder of the running program, absolute. */
static status program_folder(char out[CONFIG_TEXT], diag *d) {
    ssize_t n = readlink("/proc/self/exe", out, CONFIG_TEXT - 1);
    if (n < 0)
        return diag_set(d, ERR_IO, "cannot find the running program: %s",
                        strerror(errno));
    if (n == CONFIG_TEXT - 1)
        return diag_set(d, ERR_LIMIT, "the path of the program is too long");
    out[n] = '\0';
    *strrchr(out, '/') = '\0';
    return OK;
}

/* A folder's path joined from two parts, or false when it is too long. */
static bool join(const char *folder, const char *rest, char out[CONFIG_TEXT]) {
    return snprintf(out, CONFIG_TEXT, "%s%s", folder, rest) < CONFIG_TEXT;
}

/* A folder a setting names, absolute: programs are started from elsewhere. */
static status named_folder(const char *given, const char *field, char out[CONFIG_TEXT],
                           diag *d) {
    char folder[CONFIG_TEXT - 1];
    if (*given == '/')
        memcpy(out, given, CONFIG_TEXT);
    else if (!getcwd(folder, sizeof folder) ||
             snprintf(out, CONFIG_TEXT, "%s/%s", folder, given) >= CONFIG_TEXT)
        return diag_field(d, ERR_LIMIT, field, "the path is too long");
    return OK;
}

static status find_engines(const config *c, const char *program, config_paths *out,
                           diag *d) {
    if (*c->engine_dir)
        return named_folder(c->engine_dir, "models.engine_dir", out->engine_dir, d);
    if (!has_engines(program) && join(program, "/../libexec/rostrum", out->engine_dir) &&
        has_engines(out->engine_dir))
        return OK;
    return join(program, "", out->engine_dir)
               ? OK
               : diag_field(d, ERR_LIMIT, "models.engine_dir", "the path is too long");
}

static status find_manifests(const config *c, const char *program, config_paths *out,
                             diag *d) {
    if (*c->manifest_dir)
        return named_folder(c->manifest_dir, "models.manifest_dir", out->manifest_dir, d);
    static const char *const places[] = {"/models", "/../share/rostrum/models"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (join(program, places[i], out->manifest_dir) && is_folder(out->manifest_dir))
            return OK;
    return diag_field(d, ERR_NOT_FOUND, "models.manifest_dir",
                      "no folder of model manifests at %s/models or "
                      "%s/../share/rostrum/models",
                      program, program);
}

static status find_cache(const config *c, config_paths *out, diag *d) {
    if (*c->cache_dir)
        return named_folder(c->cache_dir, "models.cache_dir", out->cache_dir, d);
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    bool fits;
    if (xdg && *xdg)
        fits = join(xdg, "/rostrum", out->cache_dir);
    else if (home && *home)
        fits = join(home, "/.cache/rostrum", out->cache_dir);
    else
        return diag_field(d, ERR_NOT_FOUND, "models.cache_dir",
                          "neither HOME nor XDG_CACHE_HOME is set; set this");
    return fits ? OK
                : diag_field(d, ERR_LIMIT, "models.cache_dir", "the path is too long");
}

status config_find_paths(const config *c, config_paths *out, diag *d) {
    char program[CONFIG_TEXT];
    config_paths found;
    status s = program_folder(program, d);
    if (s == OK)
        s = find_engines(c, program, &found, d);
    if (s == OK)
        s = find_manifests(c, program, &found, d);
    if (s == OK)
        s = find_cache(c, &found, d);
    if (s == OK)
        *out = found;
    return s;
}
