/* records/csv.h: the fields of one line of comma-separated values (RFC 4180).
 *
 * A field may be quoted; a doubled quote stands for one. A quoted field ends on its line.
 * Works in the caller's line, allocates nothing. Any thread. */
#ifndef ROSTRUM_RECORDS_CSV_H
#define ROSTRUM_RECORDS_CSV_H

#include <stddef.h>

#include "base/diag.h"

#define CSV_FIELDS_MAX 64

/* Cuts line[n] (terminated, written over) into fields; each is terminated and lies in the
 * line. ERR_SYNTAX: text behind a closing quote, or a quote that is not closed; d.column
 * says where. ERR_LIMIT: more than CSV_FIELDS_MAX fields. */
MUST_CHECK status csv_split(char *line, size_t n, char *fields[CSV_FIELDS_MAX],
                            size_t *out_n, diag *d);

#endif
