/* cli/score_compare.h: what `rostrum score compare` counts, and how it is shown.
 *
 * Main thread only. */
#ifndef ROSTRUM_CLI_SCORE_COMPARE_H
#define ROSTRUM_CLI_SCORE_COMPARE_H

#include "cli/score_input.h"
#include "score/matched.h"
#include "score/resample.h"

#define COMPARE_CONFIDENCE 0.95
#define COMPARE_POWER 0.80

/* Corrected for many questions: protected slices together by Holm, the others together
 * by Benjamini and Hochberg. */
typedef enum { COMPARE_OVERALL, COMPARE_PROTECTED, COMPARE_EXPLORED } compare_role;

/* One slice, or everything. */
typedef struct {
    score_block sum;
    uint64_t utterances;
    size_t blocks, first_block; /* its blocks, once counted, in compare_table.blocks */
    score_segments segments;
    score_comparison result;
    score_mapsswe_result mapsswe;
    compare_role role;
    double p; /* of result.absolute, adjusted */
    score_verdict verdict;
} compare_row;

/* Slices of one --by, or everything as slice 0. A cell is a block within a slice. */
typedef struct {
    const char *by;      /* NULL: everything */
    bool by_speaker;     /* blocks are speakers, not utterances */
    bool only_protected; /* nobody asked for the other slices */
    slices slices, cells;
    compare_row *rows; /* [n_rows] */
    size_t *order;     /* [n_rows] by name */
    size_t n_rows;
    struct compare_cell {
        size_t slice;
        score_block sum;
    } * cell;            /* [n_cells] */
    score_block *blocks; /* [n_cells] those of a slice beside each other */
    size_t n_cells, rows_size, cell_size;
} compare_table;

#define COMPARE_TABLES_MAX 16
#define COMPARE_PROTECTED_MAX 64

typedef struct {
    const char *paths[2]; /* of the hypotheses of A and B */
    score_profile profile;
    score_costs costs;
    bool characters, speakers_known;
    score_resampling resampling;
    char *protect[COMPARE_PROTECTED_MAX]; /* "noise=street" */
    size_t n_protect;
    compare_table tables[COMPARE_TABLES_MAX]; /* [n_tables], the first is everything */
    size_t n_tables;
    uint64_t right[2][2]; /* utterances without error: [A has none][B has none] */
    score_wilcoxon_result wilcoxon; /* of speakers; all zero when they are not blocks */
} compare_result;

/* The table of everything has one row. */
static inline const compare_row *compare_overall(const compare_result *r) {
    return &r->tables[0].rows[0];
}

/* B is worse overall or on a protected slice. */
bool compare_is_worse(const compare_result *r);

/* A table in sum: blocks, intervals and p-values of every row. ERR_MEMORY. */
MUST_CHECK status compare_table_judge(compare_result *r, size_t table);
/* Adjusts p over all tables, and gives the verdicts. ERR_MEMORY. */
MUST_CHECK status compare_adjust(compare_result *r);

/* Appends the figures. */
void compare_print(const compare_result *r, buf *out);
void compare_print_json(const compare_result *r, buf *out);

#endif
