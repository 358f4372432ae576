/* From counts of two systems to intervals, p-values and verdicts. */
#include <math.h>
#include <stdlib.h>

#include "cli/score_compare.h"
#include "stats/multiple.h"

/* Sorts the cells of t into blocks, slice after slice. */
static status gather(compare_table *t) {
    t->blocks = calloc(t->n_cells + 1, sizeof *t->blocks);
    if (!t->blocks)
        return ERR_MEMORY;
    for (size_t i = 0; i < t->n_cells; i++)
        t->rows[t->cell[i].slice].blocks++;
    for (size_t i = 1; i < t->n_rows; i++)
        t->rows[i].first_block = t->rows[i - 1].first_block + t->rows[i - 1].blocks;
    for (size_t i = 0; i < t->n_rows; i++)
        t->rows[i].blocks = 0;
    for (size_t i = 0; i < t->n_cells; i++) {
        compare_row *row = &t->rows[t->cell[i].slice];
        t->blocks[row->first_block + row->blocks++] = t->cell[i].sum;
    }
    return OK;
}

static status rank_speakers(compare_result *r) {
    const compare_table *t = &r->tables[0];
    double *scratch = calloc(2 * t->n_cells, sizeof *scratch);
    size_t *order = calloc(t->n_cells, sizeof *order);
    size_t n = 0;
    for (size_t i = 0; scratch && i < t->n_cells; i++) {
        const score_block *b = &t->blocks[i];
        if (b->words > 0)
            scratch[n++] = (b->a - b->b) / b->words;
    }
    if (scratch && order)
        r->wilcoxon = score_wilcoxon(scratch, n, scratch + t->n_cells, order);
    status s = scratch && order ? OK : ERR_MEMORY;
    free(scratch);
    free(order);
    return s;
}

/* Nobody asked for this row. */
static bool is_hidden(const compare_table *t, const compare_row *row) {
    return t->only_protected && row->role != COMPARE_PROTECTED;
}

status compare_table_judge(compare_result *r, size_t table) {
    compare_table *t = &r->tables[table];
    void *scratch = malloc(score_resample_scratch(r->resampling.replicates));
    status s = scratch ? gather(t) : ERR_MEMORY;
    for (size_t i = 0; s == OK && i < t->n_rows; i++) {
        compare_row *row = &t->rows[i];
        score_resampling o = r->resampling;
        o.stream = (uint64_t)table << 32 | i;
        if (!is_hidden(t, row))
            s = score_resample(t->blocks + row->first_block, row->blocks, &o, scratch,
                               &row->result);
        row->mapsswe = score_mapsswe(&row->segments);
        row->p = row->result.absolute.p;
    }
    free(scratch);
    return s == OK && table == 0 && t->by_speaker ? rank_speakers(r) : s;
}

/* Is it a question that the sample can answer at all? The others would only make those
 * beside them harder. */
static bool is_asked(const compare_table *t, const compare_row *row, compare_role role) {
    return row->role == role && row->blocks >= SCORE_BLOCKS_LEAST && !is_hidden(t, row);
}

static status adjust_role(compare_result *r, compare_role role,
                          stats_correction correction) {
    size_t n = 0, most = 0;
    for (size_t t = 0; t < r->n_tables; t++)
        most += r->tables[t].n_rows;
    double *p = calloc(most, sizeof *p);
    compare_row **rows = calloc(most, sizeof *rows);
    size_t *order = calloc(most, sizeof *order);
    status s = p && rows && order ? OK : ERR_MEMORY;
    for (size_t t = 0; s == OK && t < r->n_tables; t++)
        for (size_t i = 0; i < r->tables[t].n_rows; i++) {
            compare_row *row = &r->tables[t].rows[i];
            if (!is_asked(&r->tables[t], row, role))
                continue;
            rows[n] = row;
            p[n++] = row->p;
        }
    if (s == OK)
        s = stats_adjust(correction, p, n, order, p);
    for (size_t i = 0; s == OK && i < n; i++)
        rows[i]->p = p[i];
    free(p);
    free(rows);
    free(order);
    return s;
}

status compare_adjust(compare_result *r) {
    status s = adjust_role(r, COMPARE_PROTECTED, STATS_HOLM);
    if (s == OK)
        s = adjust_role(r, COMPARE_EXPLORED, STATS_BH);
    for (size_t t = 0; s == OK && t < r->n_tables; t++)
        for (size_t i = 0; i < r->tables[t].n_rows; i++) {
            compare_row *row = &r->tables[t].rows[i];
            row->verdict =
                score_judge(&row->result.absolute, row->p, 1 - COMPARE_CONFIDENCE);
        }
    return s;
}

bool compare_is_worse(const compare_result *r) {
    for (size_t t = 0; t < r->n_tables; t++)
        for (size_t i = 0; i < r->tables[t].n_rows; i++) {
            const compare_row *row = &r->tables[t].rows[i];
            if (row->role != COMPARE_EXPLORED && row->verdict == SCORE_B_WORSE)
                return true;
        }
    return false;
}
