#include "records/redaction_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/yaml.h"

static status read_action(const yaml_node *node, const char *field, redact_action *out,
                          diag *d) {
    static const char *const names[] = {"keep", "label", "mask", "remove"};
    char text[64];
    status s = yaml_string(node, field, text, sizeof text, d);
    if (s != OK)
        return s;
    for (size_t i = 0; i < 4; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (redact_action)i;
            return OK;
        }
    const char *near = diag_nearest(text, names, 4);
    yaml_at(node, d);
    return diag_field(d, ERR_INVALID, field,
                      "is \"%s\"; needs label, mask, remove or keep%s%s%s", text,
                      near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static status read_class(const yaml_node *node, entity class, redact_policy *out,
                         diag *d) {
    static const char *const keys[] = {"action", "label"};
    char field[64];
    redact_action action = REDACT_LABEL;
    snprintf(field, sizeof field, "classes.%s", entities[class].name);
    if (yaml_kind_of(node) == YAML_SCALAR)
        return read_action(node, field, &out->of[class].action, d);
    if (yaml_kind_of(node) != YAML_MAP) {
        yaml_at(node, d);
        return diag_field(d, ERR_INVALID, field, "needs an action or a map with one");
    }
    status s = yaml_only_keys(node, keys, 2, d);
    if (s == OK && yaml_get(node, "action"))
        s = read_action(yaml_get(node, "action"), field, &action, d);
    const yaml_node *label = yaml_get(node, "label");
    if (s == OK && label && action != REDACT_LABEL) {
        yaml_at(label, d);
        return diag_field(d, ERR_INVALID, field, "a label needs the action label");
    }
    if (s == OK && label) {
        snprintf(field, sizeof field, "classes.%s.label", entities[class].name);
        s = yaml_string(label, field, out->of[class].label, sizeof out->of[class].label,
                        d);
    }
    if (s == OK)
        out->of[class].action = action;
    return s;
}

static status read_classes(const yaml_node *map, redact_policy *out, diag *d) {
    const char *names[ENTITY_COUNT];
    for (size_t i = 0; i < ENTITY_COUNT; i++)
        names[i] = entities[i].name;
    if (yaml_kind_of(map) != YAML_MAP) {
        yaml_at(map, d);
        return diag_field(d, ERR_INVALID, "classes", "needs a map of classes");
    }
    status s = yaml_only_keys(map, names, ENTITY_COUNT, d);
    for (size_t i = 0; s == OK && i < ENTITY_COUNT; i++) {
        const yaml_node *node = yaml_get(map, names[i]);
        if (node)
            s = read_class(node, (entity)i, out, d);
    }
    return s;
}

/* The form in which the redactor compares: a mail address or host as it is, of anything
 * else the digits and letters; lower case. */
static void simplify(char *text) {
    bool number = !strchr(text, '@');
    for (const char *at = text; *at && number; at++)
        number = strchr("0123456789 +-().", *at) != NULL;
    size_t dots = 0;
    for (const char *at = text; *at; at++)
        dots += *at == '.';
    number = number && dots != 3; /* an IP address keeps its dots */
    char *to = text;
    for (const char *at = text; *at; at++)
        if (number ? *at >= '0' && *at <= '9' : *at != ' ')
            *to++ = ascii_lower(*at);
    *to = '\0';
}

static status read_allowed(const yaml_node *list, redaction_policy *out, diag *d) {
    if (yaml_kind_of(list) != YAML_LIST) {
        yaml_at(list, d);
        return diag_field(d, ERR_INVALID, "allow", "needs a list");
    }
    size_t n = yaml_size(list);
    if (n > REDACTION_ALLOWED_MAX) {
        yaml_at(list, d);
        return diag_field(d, ERR_LIMIT, "allow",
                          "has %zu entries; at most %d are allowed", n,
                          REDACTION_ALLOWED_MAX);
    }
    out->allowed = calloc(n + 1, sizeof *out->allowed);
    if (!out->allowed)
        return diag_set(d, ERR_MEMORY, "no memory");
    for (size_t i = 0; i < n; i++) {
        char text[FOUND_CANONICAL_BYTES];
        const yaml_node *node = yaml_item(list, i);
        status s = yaml_string(node, "allow[]", text, sizeof text, d);
        if (s != OK)
            return s;
        simplify(text);
        if (!text[0]) {
            yaml_at(node, d);
            return diag_field(d, ERR_INVALID, "allow[]",
                              "has no digit or letter to compare with");
        }
        out->allowed[i] = strdup(text);
        if (!out->allowed[i])
            return diag_set(d, ERR_MEMORY, "no memory");
        out->policy.n_allowed = i + 1;
    }
    return OK;
}

static status read_document(const yaml_document *doc, redaction_policy *out, diag *d) {
    static const char *const keys[] = {"classes", "allow"};
    const yaml_node *root = yaml_root(doc);
    redact_policy_init(&out->policy);
    if (!root || yaml_kind_of(root) != YAML_MAP) {
        if (root)
            yaml_at(root, d);
        return diag_set(d, ERR_INVALID, "needs a map with classes and allow");
    }
    status s = yaml_only_keys(root, keys, 2, d);
    if (s == OK && yaml_get(root, "classes"))
        s = read_classes(yaml_get(root, "classes"), &out->policy, d);
    if (s == OK && yaml_get(root, "allow"))
        s = read_allowed(yaml_get(root, "allow"), out, d);
    out->policy.allowed = (const char *const *)out->allowed;
    return s;
}

/* Takes the document. */
static status take_document(yaml_document *doc, const char *name, redaction_policy *out,
                            diag *d) {
    redaction_policy read = {.allowed = NULL};
    status s = read_document(doc, &read, d);
    if (s != OK && d && !d->file[0])
        diag_at(d, name, 0, 0);
    yaml_destroy(doc);
    if (s == OK)
        *out = read;
    else
        redaction_policy_deinit(&read);
    return s;
}

status redaction_policy_read(const char *path, redaction_policy *out, diag *d) {
    yaml_document *doc = NULL;
    status s = yaml_load_file(path, &doc, d);
    return s == OK ? take_document(doc, path, out, d) : s;
}

status redaction_policy_read_text(const char *text, size_t n, const char *name,
                                  redaction_policy *out, diag *d) {
    yaml_document *doc = NULL;
    status s = yaml_load_text(text, n, name, &doc, d);
    return s == OK ? take_document(doc, name, out, d) : s;
}

void redaction_policy_deinit(redaction_policy *p) {
    for (size_t i = 0; p->allowed && i < p->policy.n_allowed; i++)
        free(p->allowed[i]);
    free(p->allowed);
    p->allowed = NULL;
    p->policy.n_allowed = 0;
}
