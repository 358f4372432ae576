/* cli/score_wer.h: what `rostrum score wer` counts, and how it is shown.
 *
 * Main thread only. */
#ifndef ROSTRUM_CLI_SCORE_WER_H
#define ROSTRUM_CLI_SCORE_WER_H

#include "cli/score_input.h"
#include "score/confusions.h"
#include "stats/moments.h"

#define WER_CONFIDENCE 0.95

/* One slice, or everything. */
typedef struct {
    score_counts counts;
    uint64_t utterances;
    stats_pairs units; /* x words, y errors of each speaker (or utterance) */
} wer_row;

/* Slices of one --by, or everything as slice 0. A cell is a speaker within a slice. */
typedef struct {
    const char *by;  /* NULL: everything */
    bool by_speaker; /* the interval's units are speakers, not utterances */
    slices slices, cells;
    wer_row *rows; /* [n_rows] */
    size_t *order; /* [n_rows] by name */
    size_t n_rows;
    struct wer_cell {
        size_t slice;
        score_counts counts;
    } * cell; /* [cells.n] */
    size_t rows_size, cell_size;
} wer_table;

typedef struct {
    slices types;
    struct wer_entity {
        uint64_t said, heard;
    } * rows; /* [types.n] */
    size_t rows_size;
} wer_entities;

typedef struct {
    score_confusion *list; /* [n]; the words live in texts */
    size_t n, capacity;
    char **texts; /* [n_texts] one block an utterance with errors */
    size_t n_texts, texts_capacity;
} wer_confusions;

#define WER_TABLES_MAX 8

typedef struct {
    score_profile profile;
    score_costs costs;
    bool characters, compounds;
    wer_table tables[WER_TABLES_MAX]; /* [n_tables], the first is everything */
    size_t n_tables;
    wer_entities entities;
    wer_confusions confusions;
    size_t show_confusions;
} wer_result;

/* Appends the figures. */
void wer_print(const wer_result *r, buf *out);
/* The same as an object without its closing brace. */
void wer_print_json(const wer_result *r, buf *out);

/* One utterance, three rows under each other, broken at `width` columns. */
void wer_print_alignment(const char *id, const score_pair *pair, unsigned width,
                         buf *out);
/* A word as a JSON string, null when it has no text. */
void wer_add_json_word(const score_word *word, buf *out);
/* {"id":,"ops":,"ref":[..],"hyp":[..]}; null where a side has no word. */
void wer_print_alignment_json(const char *id, const score_pair *pair, buf *out);

#endif
