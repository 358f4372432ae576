/* records/transcripts_build.h: how the readers of one format fill a list of transcripts.
 * Private to src/records. Allocates; one thread at a time. */
#ifndef ROSTRUM_RECORDS_TRANSCRIPTS_BUILD_H
#define ROSTRUM_RECORDS_TRANSCRIPTS_BUILD_H

#include <stdint.h>

#include "records/lines.h"
#include "records/transcripts.h"

/* A stretch of an .stm. item is the record, or SEGMENT_IGNORED. */
typedef struct {
    const char *file, *channel;
    double begin_s, end_s;
    size_t item;
} segment;
#define SEGMENT_IGNORED SIZE_MAX

typedef struct block block;

struct transcripts {
    transcript *items; /* [n] */
    size_t n, capacity;
    uint64_t *slots; /* [n_slots] open addressing: hash of the id << 32 | item + 1 */
    size_t n_slots;
    bool unindexed;    /* ids are looked up only if it comes to that */
    segment *segments; /* [n_segments] of an .stm, sorted by file, channel, end */
    size_t n_segments, segment_capacity;
    block *blocks; /* memory of texts and attributes */
};

/* Memory that lives as long as t; NULL: none left. */
void *transcripts_keep(transcripts *t, size_t bytes);
/* A terminated copy of text[n]; NULL: no memory. */
const char *transcripts_text(transcripts *t, const char *text, size_t n);

/* Appends a record. ERR_EXISTS: the id is taken; ERR_LIMIT; ERR_MEMORY. */
MUST_CHECK status transcripts_add(transcripts *t, const transcript *item, diag *d);

/* Each reads a whole file. */
MUST_CHECK status transcripts_read_jsonl(transcripts *t, lines *from, unsigned needs,
                                         diag *d);
MUST_CHECK status transcripts_read_trn(transcripts *t, lines *from, unsigned side,
                                       diag *d);
MUST_CHECK status transcripts_read_stm(transcripts *t, lines *from, diag *d);
MUST_CHECK status transcripts_read_ctm(transcripts *t, lines *from, diag *d);

#endif
