#include "records/slice_file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "records/csv.h"
#include "records/lines.h"

#define NONE SIZE_MAX
#define MEASURE_MAX 1e15 /* sums of 2 million rows stay exact enough to compare */

/* An open-addressing table from bytes to small numbers; keys are owned elsewhere. */
typedef struct {
    uint32_t *slot; /* [size]: number + 1; 0: free */
    size_t size, used;
} numbers;

typedef struct {
    slice_file *file;
    size_t capacity; /* rows */
    numbers values[SLICES_ATTRIBUTES_MAX];
    uint32_t value_room[SLICES_ATTRIBUTES_MAX];
    numbers leaves;
    char *header[CSV_FIELDS_MAX];
    size_t n_header;
    size_t attribute[SLICES_ATTRIBUTES_MAX]; /* column of each attribute */
    size_t cohort;                           /* column; NONE: wide */
    const char *cohort_before, *cohort_now;
    size_t top[2], bottom[2]; /* columns before, now; NONE: no ratio */
} reader;

static uint64_t hash_of(const void *bytes, size_t n) {
    const unsigned char *at = bytes;
    uint64_t h = 0xCBF29CE484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ at[i]) * 0x100000001B3u;
    return h ^ h >> 29;
}

static const void *key_of(const reader *r, const numbers *t, uint32_t i, size_t *out_n) {
    if (t == &r->leaves) {
        *out_n = r->file->attributes * sizeof(uint32_t);
        return r->file->codes + i * r->file->attributes;
    }
    const char *name = r->file->value_names[t - r->values][i];
    *out_n = strlen(name);
    return name;
}

/* The slot of the key: its own, or the free one where it belongs. */
static uint32_t *slot_of(const reader *r, const numbers *t, const void *key, size_t n) {
    for (size_t at = hash_of(key, n);; at++) {
        uint32_t *slot = &t->slot[at & (t->size - 1)];
        size_t length;
        if (*slot == 0)
            return slot;
        const void *other = key_of(r, t, *slot - 1, &length);
        if (length == n && memcmp(other, key, n) == 0)
            return slot;
    }
}

/* Room for one more key. */
static bool reserve(const reader *r, numbers *t) {
    if (2 * (t->used + 1) <= t->size)
        return true;
    numbers grown = {.size = t->size ? 2 * t->size : 64, .used = t->used};
    grown.slot = calloc(grown.size, sizeof *grown.slot);
    if (!grown.slot)
        return false;
    numbers old = *t;
    t->slot = grown.slot;
    t->size = grown.size;
    for (size_t i = 0; i < old.size; i++) {
        if (old.slot[i] == 0)
            continue;
        size_t n;
        const void *key = key_of(r, t, old.slot[i] - 1, &n);
        *slot_of(r, t, key, n) = old.slot[i];
    }
    free(old.slot);
    return true;
}

static status no_memory(diag *d) {
    return diag_set(d, ERR_MEMORY, "no memory for the table");
}

/* The code of a value of attribute a, a new one for a new value. */
static status code_of(reader *r, size_t a, const char *text, uint32_t *out, diag *d) {
    slice_file *f = r->file;
    numbers *t = &r->values[a];
    if (!reserve(r, t))
        return no_memory(d);
    uint32_t *slot = slot_of(r, t, text, strlen(text));
    if (*slot == 0) {
        if (f->values[a] == r->value_room[a]) {
            uint32_t room = r->value_room[a] ? 2 * r->value_room[a] : 32;
            char **grown = realloc(f->value_names[a], room * sizeof *grown);
            if (!grown)
                return no_memory(d);
            f->value_names[a] = grown;
            r->value_room[a] = room;
        }
        char *name = strdup(text);
        if (!name)
            return no_memory(d);
        f->value_names[a][f->values[a]] = name;
        *slot = ++f->values[a];
        t->used++;
    }
    *out = *slot - 1;
    return OK;
}

static status grow(reader *r, diag *d) {
    slice_file *f = r->file;
    if (f->rows < r->capacity)
        return OK;
    if (f->rows == SLICES_ROWS_MAX)
        return diag_set(d, ERR_LIMIT, "more than %d different rows", SLICES_ROWS_MAX);
    size_t capacity = r->capacity ? 2 * r->capacity : 1024;
    uint32_t *codes = realloc(f->codes, capacity * f->attributes * sizeof *codes);
    if (!codes)
        return no_memory(d);
    f->codes = codes;
    double **columns[] = {&f->top_before, &f->bottom_before, &f->top_now, &f->bottom_now};
    for (size_t c = 0; c < 4; c++) {
        double *grown = realloc(*columns[c], capacity * sizeof *grown);
        if (!grown)
            return no_memory(d);
        *columns[c] = grown;
    }
    r->capacity = capacity;
    return OK;
}

/* The row of these fields' attributes, a new one of zeros when there is none. */
static status row_of(reader *r, char *const *fields, size_t *out, diag *d) {
    slice_file *f = r->file;
    status s = grow(r, d);
    if (s != OK)
        return s;
    uint32_t *codes = f->codes + f->rows * f->attributes;
    for (size_t a = 0; a < f->attributes; a++) {
        s = code_of(r, a, fields[r->attribute[a]], &codes[a], d);
        if (s != OK)
            return s;
    }
    if (!reserve(r, &r->leaves))
        return no_memory(d);
    uint32_t *slot = slot_of(r, &r->leaves, codes, f->attributes * sizeof *codes);
    if (*slot == 0) {
        f->top_before[f->rows] = f->bottom_before[f->rows] = 0;
        f->top_now[f->rows] = f->bottom_now[f->rows] = 0;
        *slot = (uint32_t)++f->rows;
        r->leaves.used++;
    }
    *out = *slot - 1;
    return OK;
}

static status number(const reader *r, char *const *fields, size_t column, double *out,
                     diag *d) {
    const char *text = fields[column];
    char *end;
    errno = 0;
    double x = strtod(text, &end);
    bool decimal = text[strspn(text, "0123456789+-.eE")] == '\0';
    if (end == text || *end != '\0' || !decimal || !(x >= 0 && x <= MEASURE_MAX))
        return diag_field(d, ERR_INVALID, r->header[column],
                          "\"%.40s\" is not a number from 0 to %g", text, MEASURE_MAX);
    *out += fabs(x); /* -0 reads as 0 */
    return OK;
}

static status add_line(reader *r, char **fields, size_t n, diag *d) {
    if (n != r->n_header)
        return diag_set(d, ERR_SYNTAX, "%zu fields, but the first line has %zu", n,
                        r->n_header);
    bool before = true, now = true;
    if (r->cohort != NONE) {
        before = strcmp(fields[r->cohort], r->cohort_before) == 0;
        now = strcmp(fields[r->cohort], r->cohort_now) == 0;
        if (!before && !now)
            return OK; /* another cohort */
    }
    size_t row = 0;
    status s = row_of(r, fields, &row, d);
    slice_file *f = r->file;
    if (s == OK && before)
        s = number(r, fields, r->top[0], &f->top_before[row], d);
    if (s == OK && before && f->ratio)
        s = number(r, fields, r->bottom[0], &f->bottom_before[row], d);
    if (s == OK && now)
        s = number(r, fields, r->top[1], &f->top_now[row], d);
    if (s == OK && now && f->ratio)
        s = number(r, fields, r->bottom[1], &f->bottom_now[row], d);
    return s;
}

static size_t column_named(const reader *r, const char *name, size_t n) {
    for (size_t i = 0; i < r->n_header; i++)
        if (strlen(r->header[i]) == n && memcmp(r->header[i], name, n) == 0)
            return i;
    return NONE;
}

static status need_column(const reader *r, const char *flag, const char *name, size_t n,
                          size_t *out, diag *d) {
    *out = column_named(r, name, n);
    if (*out != NONE)
        return OK;
    char given[64];
    snprintf(given, sizeof given, "%.*s", (int)n, name);
    const char *near = diag_nearest(given, (const char *const *)r->header, r->n_header);
    return diag_field(d, ERR_NOT_FOUND, flag, "no column \"%s\"%s%s%s", given,
                      near ? "; did you mean \"" : "", near ? near : "",
                      near ? "\"?" : "");
}

/* "TOP" or "TOP/BOTTOM" */
static status measure_columns(const reader *r, const char *flag, const char *text,
                              size_t *top, size_t *bottom, diag *d) {
    size_t whole = strlen(text);
    size_t first = strcspn(text, "/");
    status s = need_column(r, flag, text, first, top, d);
    *bottom = NONE;
    if (s == OK && first < whole)
        s = need_column(r, flag, text + first + 1, whole - first - 1, bottom, d);
    return s;
}

/* Columns people give such tables without being told. */
static bool guess(const reader *r, slice_columns *c) {
    static const char *const pairs[][2] = {
        {"predict", "real"}, {"expected", "actual"}, {"expected", "seen"},
        {"before", "now"},   {"before", "after"},    {"control", "candidate"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (column_named(r, pairs[i][0], strlen(pairs[i][0])) != NONE &&
            column_named(r, pairs[i][1], strlen(pairs[i][1])) != NONE) {
            c->before = pairs[i][0];
            c->now = pairs[i][1];
            return true;
        }
    return false;
}

static status find_measures(reader *r, slice_columns c, diag *d) {
    r->cohort = NONE;
    status s;
    if (c.cohort) {
        if (!c.measure || !c.before || !c.now)
            return diag_field(d, ERR_INVALID, "--cohort",
                              "needs --measure COLUMN[/COLUMN], --before COHORT and "
                              "--now COHORT as well");
        s = need_column(r, "--cohort", c.cohort, strlen(c.cohort), &r->cohort, d);
        if (s == OK)
            s = measure_columns(r, "--measure", c.measure, &r->top[0], &r->bottom[0], d);
        r->top[1] = r->top[0];
        r->bottom[1] = r->bottom[0];
        r->cohort_before = c.before;
        r->cohort_now = c.now;
        if (s == OK && strcmp(c.before, c.now) == 0)
            s = diag_field(d, ERR_INVALID, "--now", "is the same cohort as --before");
    } else {
        if (c.measure)
            return diag_field(d, ERR_INVALID, "--measure",
                              "is for tables with a --cohort column; name the columns "
                              "with --before and --now");
        if (!c.before && !c.now && !guess(r, &c))
            return diag_field(d, ERR_INVALID, "--before",
                              "which columns? Give --before and --now, each COLUMN or "
                              "TOP/BOTTOM for a ratio");
        if (!c.before || !c.now)
            return diag_field(d, ERR_INVALID, c.before ? "--now" : "--before", "missing");
        s = measure_columns(r, "--before", c.before, &r->top[0], &r->bottom[0], d);
        if (s == OK)
            s = measure_columns(r, "--now", c.now, &r->top[1], &r->bottom[1], d);
    }
    if (s == OK && (r->bottom[0] == NONE) != (r->bottom[1] == NONE))
        s = diag_field(d, ERR_INVALID, "--now", "one is a ratio, the other is not");
    if (s != OK)
        return s;
    r->file->ratio = r->bottom[0] != NONE;
    snprintf(r->file->top, sizeof r->file->top, "%s", r->header[r->top[1]]);
    if (r->file->ratio)
        snprintf(r->file->bottom, sizeof r->file->bottom, "%s", r->header[r->bottom[1]]);
    return OK;
}

static status add_attribute(reader *r, size_t column, diag *d) {
    slice_file *f = r->file;
    if (f->attributes == SLICES_ATTRIBUTES_MAX)
        return diag_field(d, ERR_LIMIT, r->header[column],
                          "more than %d attributes; choose some with --attributes a,b,c",
                          SLICES_ATTRIBUTES_MAX);
    r->attribute[f->attributes] = column;
    f->names[f->attributes] = strdup(r->header[column]);
    return f->names[f->attributes++] ? OK : no_memory(d);
}

static status find_attributes(reader *r, const char *list, diag *d) {
    status s = OK;
    if (list) {
        for (const char *at = list; s == OK; at++) {
            size_t n = strcspn(at, ","), column = 0;
            s = need_column(r, "--attributes", at, n, &column, d);
            if (s == OK)
                s = add_attribute(r, column, d);
            at += n;
            if (!*at)
                break;
        }
        return s;
    }
    for (size_t i = 0; s == OK && i < r->n_header; i++)
        if (i != r->cohort && i != r->top[0] && i != r->top[1] && i != r->bottom[0] &&
            i != r->bottom[1])
            s = add_attribute(r, i, d);
    if (s == OK && r->file->attributes == 0)
        s = diag_set(d, ERR_INVALID, "no column is left to be an attribute");
    return s;
}

static status read_header(reader *r, char *line, size_t n, const slice_columns *c,
                          diag *d) {
    char *fields[CSV_FIELDS_MAX];
    status s = csv_split(line, n, fields, &r->n_header, d);
    if (s != OK) {
        r->n_header = 0;
        return s;
    }
    for (size_t i = 0; i < r->n_header; i++) {
        r->header[i] = strdup(fields[i]);
        if (!r->header[i])
            return no_memory(d);
    }
    for (size_t i = 0; i < r->n_header; i++)
        if (column_named(r, r->header[i], strlen(r->header[i])) != i)
            return diag_field(d, ERR_INVALID, r->header[i], "two columns of this name");
    s = find_measures(r, *c, d);
    return s == OK ? find_attributes(r, c->attributes, d) : s;
}

static status read_lines(reader *r, lines *l, const slice_columns *c, diag *d) {
    for (bool header = true;;) {
        const char *text;
        size_t n, n_fields;
        status s = lines_next(l, &text, &n, d);
        if (s != OK)
            return s;
        if (!text)
            return header ? diag_set(d, ERR_INVALID, "the file is empty") : OK;
        if (n == 0)
            continue;
        char *line = strdup(text);
        if (!line)
            return no_memory(d);
        char *fields[CSV_FIELDS_MAX];
        if (header) {
            s = read_header(r, line, n, c, d);
        } else {
            s = csv_split(line, n, fields, &n_fields, d);
            if (s == OK)
                s = add_line(r, fields, n_fields, d);
        }
        free(line);
        header = false;
        if (s != OK)
            return s;
    }
}

void slice_file_free(slice_file *f) {
    if (!f)
        return;
    for (size_t a = 0; a < f->attributes; a++) {
        for (uint32_t v = 0; v < f->values[a]; v++)
            free(f->value_names[a][v]);
        free(f->value_names[a]);
        free(f->names[a]);
    }
    free(f->codes);
    free(f->top_before);
    free(f->bottom_before);
    free(f->top_now);
    free(f->bottom_now);
    free(f);
}

status slice_file_read(const char *path, const slice_columns *columns, slice_file **out,
                       diag *d) {
    lines *l = NULL;
    status s = lines_open(path, &l, d);
    if (s != OK)
        return s;
    reader r = {.file = calloc(1, sizeof *r.file)};
    s = r.file ? read_lines(&r, l, columns, d) : no_memory(d);
    lines_close(l);
    for (size_t i = 0; i < r.n_header; i++)
        free(r.header[i]);
    for (size_t a = 0; a < SLICES_ATTRIBUTES_MAX; a++)
        free(r.values[a].slot);
    free(r.leaves.slot);
    if (s == OK)
        *out = r.file;
    else
        slice_file_free(r.file);
    return s;
}
