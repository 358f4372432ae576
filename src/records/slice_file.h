/* records/slice_file.h: a CSV table of slices, for `rostrum diagnose slices`.
 *
 * Two shapes are read. Wide: one column (or two, for a ratio) before and now.
 *     region,client,errors_before,words_before,errors_now,words_now
 * Long: a column says to which cohort a row belongs.
 *     arm,region,client,errors,words
 * Rows with the same attributes are added up. All other columns are attributes unless
 * some are named. Allocates; one thread at a time. */
#ifndef ROSTRUM_RECORDS_SLICE_FILE_H
#define ROSTRUM_RECORDS_SLICE_FILE_H

#include "readiness/diagnose/expect.h"

/* What the caller says about the columns; NULL where nothing was said. */
typedef struct {
    const char *before, *now; /* wide: "COLUMN" or "TOP/BOTTOM"; long: a cohort's name */
    const char *cohort;       /* long: the column that names the cohort */
    const char *measure;      /* long: "COLUMN" or "TOP/BOTTOM" */
    const char *attributes;   /* "a,b,c" */
} slice_columns;

typedef struct {
    size_t rows, attributes;
    char *names[SLICES_ATTRIBUTES_MAX];        /* of the attributes */
    char **value_names[SLICES_ATTRIBUTES_MAX]; /* [values[a]] */
    uint32_t values[SLICES_ATTRIBUTES_MAX];
    uint32_t *codes;                                           /* [rows * attributes] */
    double *top_before, *bottom_before, *top_now, *bottom_now; /* [rows] */
    bool ratio;               /* the bottoms are filled */
    char top[64], bottom[64]; /* the measure's name, for people */
} slice_file;

/* Without flags the columns predict and real, expected and actual (or seen), or before
 * and now (or after) are taken. ERR_INVALID, ERR_SYNTAX, ERR_LIMIT: d names file, line
 * and column name. */
MUST_CHECK status slice_file_read(const char *path, const slice_columns *columns,
                                  slice_file **out, diag *d);
void slice_file_free(slice_file *f); /* takes NULL */

#endif
