#include "records/csv.h"

static status fail(diag *d, size_t column, const char *text) {
    if (d)
        d->column = (int)column + 1;
    return diag_set(d, ERR_SYNTAX, "%s", text);
}

/* Unquotes the field that starts behind the quote at *at; *at moves behind its end. */
static status unquote(char *line, size_t n, size_t *at, diag *d) {
    size_t from = *at, to = from;
    for (;; from++) {
        if (from >= n)
            return fail(d, *at - 1, "a quote that is not closed on its line");
        if (line[from] == '"') {
            if (from + 1 >= n || line[from + 1] != '"')
                break;
            from++;
        }
        line[to++] = line[from];
    }
    line[to] = '\0';
    *at = from + 1;
    return OK;
}

status csv_split(char *line, size_t n, char *fields[CSV_FIELDS_MAX], size_t *out_n,
                 diag *d) {
    size_t count = 0, at = 0;
    for (;;) {
        if (count == CSV_FIELDS_MAX)
            return diag_set(d, ERR_LIMIT, "more than %d columns", CSV_FIELDS_MAX);
        fields[count++] = line + at;
        if (at < n && line[at] == '"') {
            fields[count - 1] = line + ++at;
            status s = unquote(line, n, &at, d);
            if (s != OK)
                return s;
            if (at < n && line[at] != ',')
                return fail(d, at, "text behind a closing quote; a comma is needed");
        } else {
            while (at < n && line[at] != ',')
                at++;
        }
        if (at >= n)
            break;
        line[at++] = '\0';
    }
    *out_n = count;
    return OK;
}
