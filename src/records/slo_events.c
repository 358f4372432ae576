#include "records/slo_events.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "records/instant.h"
#include "records/json.h"
#include "records/lines.h"

enum { CELLS_MAX = 64, MINUTES_MAX = SLO_EVENTS_DAYS_MAX * 1440 };
#define COUNT_MAX 9007199254740992.0 /* 2^53: what a JSON number can be trusted with */

typedef enum { CELL_NULL, CELL_NUMBER, CELL_BOOL, CELL_TEXT } cell_kind;

typedef struct {
    const char *name; /* borrowed */
    cell_kind kind;
    double number; /* 0 or 1 of a bool */
    const char *text;
} cell;

typedef struct {
    cell cells[CELLS_MAX];
    size_t n;
} row;

typedef struct {
    int64_t minute;
    slo_count count;
} minute_count;

/* Everything of one reading. */
typedef struct {
    const slo_objective *o;
    slo_events *events;
    uint64_t total;
    minute_count *minutes; /* [n], in the order of the rows */
    size_t n, capacity;
    char *header; /* CSV: the first line, cut at its commas; owned */
    const char *names[CELLS_MAX];
    size_t n_names;
    diag *d;
} reader;

static const cell *find(const row *r, const char *name) {
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->cells[i].name, name) == 0)
            return &r->cells[i];
    return NULL;
}

static status read_time(const row *r, int64_t *out_minute, diag *d) {
    const cell *c = find(r, "time");
    double s = -1;
    bool good = false;
    if (!c)
        return diag_field(d, ERR_INVALID, "time", "missing; every row has one");
    if (c->kind == CELL_NUMBER) {
        s = c->number;
        good = s >= 0 && s <= INSTANT_MAX_S;
    } else if (c->kind == CELL_TEXT) {
        good = instant_parse(c->text, &s);
    }
    if (!good)
        return diag_field(d, ERR_INVALID, "time",
                          "needs a time such as 2026-01-31T08:15:00Z, or seconds since "
                          "1970");
    *out_minute = (int64_t)ceil(s / 60);
    return OK;
}

static status read_count(const cell *c, uint64_t *out, diag *d) {
    if (c->kind != CELL_NUMBER || !(c->number >= 0 && c->number <= COUNT_MAX) ||
        c->number != floor(c->number))
        return diag_field(d, ERR_INVALID, c->name,
                          "needs a whole number of requests, 0 or more");
    *out = (uint64_t)c->number;
    return OK;
}

static status count_counts(const row *r, slo_count *out, diag *d) {
    const cell *given[3] = {find(r, "good"), find(r, "bad"), find(r, "total")};
    uint64_t n[3] = {0};
    size_t found = 0;
    for (size_t i = 0; i < 3; i++) {
        if (!given[i])
            continue;
        found++;
        status s = read_count(given[i], &n[i], d);
        if (s != OK)
            return s;
    }
    if (found < 2)
        return diag_field(d, ERR_INVALID, "total",
                          "needs two of good, bad and total, to count all requests");
    uint64_t total = given[2] ? n[2] : n[0] + n[1];
    uint64_t bad = given[1] ? n[1] : total - n[0];
    if (n[0] > total || bad > total || (given[0] && n[0] + bad != total))
        return diag_field(d, ERR_INVALID, "total", "good and bad do not add up to total");
    *out = (slo_count){total, bad};
    return OK;
}

static bool is_good(double value, slo_op op, double limit) {
    switch (op) {
    case SLO_LTE:
        return value <= limit;
    case SLO_LT:
        return value < limit;
    case SLO_GTE:
        return value >= limit;
    default:
        return value > limit;
    }
}

static status count_value(reader *r, const cell *c, slo_count *out) {
    const slo_indicator *i = &r->o->indicator;
    if (c->kind == CELL_NULL) {
        *out = (slo_count){1, 1};
        return OK;
    }
    if (i->kind != SLI_THRESHOLD) {
        if (c->kind != CELL_BOOL)
            return diag_field(r->d, ERR_INVALID, c->name, "needs true or false");
        *out = (slo_count){1, c->number == 0};
        return OK;
    }
    if (c->kind != CELL_NUMBER)
        return diag_field(r->d, ERR_INVALID, c->name, "needs a number");
    if (i->speech && histogram_add(&r->events->values, c->number) != OK)
        return diag_field(r->d, ERR_INVALID, c->name, "is %g; a latency is 0 or more",
                          c->number);
    *out = (slo_count){1, !is_good(c->number, i->op, i->value)};
    return OK;
}

static status count_row(reader *r, const row *from, slo_count *out) {
    const slo_speech *speech = r->o->indicator.speech;
    for (size_t i = 0; i < from->n; i++)
        if (from->cells[i].kind == CELL_TEXT && strcmp(from->cells[i].name, "time") != 0)
            return diag_field(r->d, ERR_INVALID, from->cells[i].name,
                              "is a text; events hold numbers, true, false and null");
    if (find(from, "good") || find(from, "bad") || find(from, "total"))
        return count_counts(from, out, r->d);
    const cell *c = speech ? find(from, speech->field) : NULL;
    if (!c)
        c = find(from, r->o->indicator.kind == SLI_THRESHOLD ? "value" : "success");
    if (c)
        return count_value(r, c, out);
    const char *wanted = r->o->indicator.kind == SLI_THRESHOLD ? "value" : "success";
    return diag_field(r->d, ERR_INVALID, speech ? speech->field : wanted,
                      "missing; needs it (null: it never came), or two of good, bad and "
                      "total");
}

static status keep(reader *r, int64_t minute, slo_count count) {
    r->total += count.total; /* neither overflows: both are at most 2^53 */
    if (r->total > (uint64_t)COUNT_MAX)
        return diag_field(r->d, ERR_LIMIT, "total", "more than 2^53 requests in all");
    if (r->n > 0 && r->minutes[r->n - 1].minute == minute) {
        r->minutes[r->n - 1].count.total += count.total;
        r->minutes[r->n - 1].count.bad += count.bad;
        return OK;
    }
    if (r->n == r->capacity) {
        size_t capacity = 2 * r->capacity + 1024;
        minute_count *grown = realloc(r->minutes, capacity * sizeof *grown);
        if (!grown)
            return diag_set(r->d, ERR_MEMORY, "no memory for the events");
        r->minutes = grown;
        r->capacity = capacity;
    }
    r->minutes[r->n++] = (minute_count){minute, count};
    return OK;
}

static status take_row(reader *r, const row *from) {
    int64_t minute = 0;
    slo_count count = {0};
    status s = read_time(from, &minute, r->d);
    if (s == OK)
        s = count_row(r, from, &count);
    if (s == OK)
        s = keep(r, minute, count);
    r->events->rows += s == OK;
    return s;
}

static status take_json(reader *r, const char *text, size_t n) {
    cJSON *object = NULL;
    status s = json_parse(text, n, &object, r->d);
    if (s != OK)
        return s;
    row from = {.n = 0};
    const cJSON *item;
    if (!cJSON_IsObject(object))
        s = diag_set(r->d, ERR_INVALID, "needs one JSON object on each line");
    cJSON_ArrayForEach(item, object) {
        if (s != OK)
            break;
        cell c = {.name = item->string, .number = item->valuedouble};
        if (cJSON_IsString(item))
            c.kind = CELL_TEXT;
        else if (cJSON_IsBool(item))
            c.kind = CELL_BOOL;
        else if (cJSON_IsNumber(item))
            c.kind = CELL_NUMBER;
        else if (!cJSON_IsNull(item))
            s = diag_field(r->d, ERR_INVALID, item->string,
                           "is a list or an object; events hold numbers");
        c.text = item->valuestring;
        if (cJSON_IsBool(item))
            c.number = cJSON_IsTrue(item);
        if (s == OK && from.n == CELLS_MAX)
            s = diag_set(r->d, ERR_LIMIT, "more than %d fields in a row", CELLS_MAX);
        if (s == OK)
            from.cells[from.n++] = c;
    }
    if (s == OK)
        s = take_row(r, &from);
    cJSON_Delete(object);
    return s;
}

/* Cuts text at its commas, in place; blanks around a cell are dropped. */
static status cut(char *text, const char *cells[CELLS_MAX], size_t *out_n, diag *d) {
    size_t n = 0;
    for (char *at = text; at;) {
        if (n == CELLS_MAX)
            return diag_set(d, ERR_LIMIT, "more than %d fields in a row", CELLS_MAX);
        char *comma = strchr(at, ',');
        if (comma)
            *comma = '\0';
        at += strspn(at, " \t");
        size_t length = strlen(at);
        while (length > 0 && strchr(" \t", at[length - 1]))
            length--;
        at[length] = '\0';
        cells[n++] = at;
        at = comma ? comma + 1 : NULL;
    }
    *out_n = n;
    return OK;
}

static status take_header(reader *r, const char *text) {
    r->header = strdup(text);
    if (!r->header)
        return diag_set(r->d, ERR_MEMORY, "no memory for the names");
    status s = cut(r->header, r->names, &r->n_names, r->d);
    for (size_t i = 0; s == OK && i < r->n_names; i++)
        for (size_t k = 0; s == OK && k < i; k++)
            if (strcmp(r->names[i], r->names[k]) == 0)
                s = diag_field(r->d, ERR_SYNTAX, r->names[i], "named twice");
    for (size_t i = 0; s == OK && i < r->n_names; i++)
        if (strcmp(r->names[i], "time") == 0)
            return OK;
    return s != OK ? s
                   : diag_field(r->d, ERR_INVALID, "time",
                                "missing in the line of names; CSV begins with one, e.g. "
                                "time,good,bad");
}

static cell cell_of(const char *name, const char *text) {
    cell c = {.name = name, .kind = CELL_TEXT, .text = text};
    char *end;
    double number = strtod(text, &end);
    if (!*text) {
        c.kind = CELL_NULL;
    } else if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        c.kind = CELL_BOOL;
        c.number = *text == 't';
    } else if (!*end && isfinite(number) && !text[strspn(text, "0123456789+-.eE")]) {
        c.kind = CELL_NUMBER;
        c.number = number;
    }
    return c;
}

static status take_csv(reader *r, const char *text) {
    const char *texts[CELLS_MAX];
    size_t n = 0;
    char *line = strdup(text);
    if (!line)
        return diag_set(r->d, ERR_MEMORY, "no memory for the row");
    status s = cut(line, texts, &n, r->d);
    if (s == OK && n != r->n_names)
        s = diag_set(r->d, ERR_SYNTAX, "has %zu cells; the line of names has %zu", n,
                     r->n_names);
    row from = {.n = 0};
    for (size_t i = 0; s == OK && i < n; i++)
        from.cells[from.n++] = cell_of(r->names[i], texts[i]);
    if (s == OK)
        s = take_row(r, &from);
    free(line);
    return s;
}

static status take_lines(reader *r, lines *l) {
    bool csv = false, first = true;
    for (;;) {
        const char *text;
        size_t n;
        if (r->d)
            r->d->field[0] = '\0';
        status s = lines_next(l, &text, &n, r->d);
        if (s != OK || !text)
            return s;
        if (text[strspn(text, " \t")] == '\0')
            continue;
        if (first && text[0] != '{') {
            csv = true;
            s = take_header(r, text);
        } else {
            s = csv ? take_csv(r, text) : take_json(r, text, n);
        }
        first = false;
        if (s != OK)
            return s;
    }
}

static int by_minute(const void *a, const void *b) {
    int64_t x = ((const minute_count *)a)->minute, y = ((const minute_count *)b)->minute;
    return (x > y) - (x < y);
}

/* Sorted rows to running sums by the minute. */
static status sum_up(reader *r) {
    if (r->n == 0)
        return OK;
    qsort(r->minutes, r->n, sizeof *r->minutes, by_minute);
    int64_t first = r->minutes[0].minute, last = r->minutes[r->n - 1].minute;
    if (last - first >= MINUTES_MAX) {
        diag_at(r->d, NULL, 0, 0);
        return diag_field(r->d, ERR_LIMIT, "time",
                          "the rows span %lld days; at most %d can be judged at once",
                          (long long)((last - first) / 1440), SLO_EVENTS_DAYS_MAX);
    }
    size_t n = (size_t)(last - first + 1);
    slo_count *sums = calloc(n, sizeof *sums);
    if (!sums)
        return diag_set(r->d, ERR_MEMORY, "no memory for the events");
    for (size_t i = 0; i < r->n; i++) {
        sums[r->minutes[i].minute - first].total += r->minutes[i].count.total;
        sums[r->minutes[i].minute - first].bad += r->minutes[i].count.bad;
    }
    for (size_t i = 1; i < n; i++) {
        sums[i].total += sums[i - 1].total;
        sums[i].bad += sums[i - 1].bad;
    }
    r->events->sums = sums;
    r->events->timeline = (slo_timeline){.first = first, .n = n, .sums = sums};
    return OK;
}

static status slice_up(const slo_objective *o, slo_events *e, diag *d) {
    if (o->method != SLO_TIMESLICES || e->timeline.n == 0)
        return OK;
    slo_count *slices = calloc(e->timeline.n, sizeof *slices);
    if (!slices)
        return diag_set(d, ERR_MEMORY, "no memory for the slices");
    e->timeline =
        slo_timeline_slices(&e->timeline, o->slice_s / 60, o->slice_target, slices);
    free(e->sums);
    e->sums = slices;
    return OK;
}

status slo_events_read(const char *path, const slo_objective *o, slo_events *out,
                       diag *d) {
    if (o->method == SLO_RATIO_TIMESLICES)
        return diag_field(d, ERR_UNSUPPORTED, "budgetingMethod",
                          "RatioTimeslices is not judged here; use Occurrences or "
                          "Timeslices");
    slo_events events = {.rows = 0};
    histogram_init(&events.values, o->indicator.value);
    reader r = {.o = o, .events = &events, .d = d};
    lines *l = NULL;
    status s = lines_open(path, &l, d);
    if (s == OK)
        s = take_lines(&r, l);
    lines_close(l);
    if (s == OK)
        s = sum_up(&r);
    if (s == OK)
        s = slice_up(o, &events, d);
    free(r.minutes);
    free(r.header);
    if (s != OK) {
        free(events.sums);
        return s;
    }
    *out = events;
    return OK;
}

void slo_events_deinit(slo_events *e) {
    free(e->sums);
    e->sums = NULL;
    e->timeline = (slo_timeline){0};
}
