/* cli/try_report.h: what `rostrum try` shows: the live line, a table, totals, JSON.
 *
 * Main thread only. */
#ifndef ROSTRUM_CLI_TRY_REPORT_H
#define ROSTRUM_CLI_TRY_REPORT_H

#include "cli/client.h"
#include "cli/client_measure.h"

/* One file's outcome. */
typedef struct {
    const recording *played;
    char *text;           /* owned; NULL: it failed */
    diag why;             /* when it failed */
    client_result result; /* its text is not valid any more */
    score_counts words;   /* when there is a reference */
} try_file;

typedef struct {
    score_counts words;
    size_t files, failed, empty;
    unsigned violations, corrected, degraded, partials, revised;
    double seconds;
    measure first_partial, final, commit_lag;
} try_totals;

/* half "" adds all. */
void try_totals_add(try_totals *t, const try_file *files, size_t n, const char *half);
void try_totals_deinit(try_totals *t);

/* The partial line of a terminal: committed bold, tentative dim, cut on the left to
 * width. Appends "\r" and escape codes. Pure. */
void try_live_line(const char *before, const char *committed, const char *tentative,
                   unsigned width, buf *out);

/* One file in full. colour: bold and dim on a terminal. */
void try_print_file(const try_file *f, bool paced, bool colour, buf *out);
/* Many: a row each, then the totals, each half apart. */
void try_print_table(const try_file *files, size_t n, bool paced, buf *out);
void try_print_json(const try_file *files, size_t n, bool paced, buf *out);

#endif
