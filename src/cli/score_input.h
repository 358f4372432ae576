/* cli/score_input.h: what the `rostrum score` commands share: where texts come from and
 * how they become words.
 *
 * Main thread only. Allocates. */
#ifndef ROSTRUM_CLI_SCORE_INPUT_H
#define ROSTRUM_CLI_SCORE_INPUT_H

#include "base/args.h"
#include "records/slices.h"
#include "records/transcripts.h"
#include "score/align.h"
#include "score/normalise.h"

#define SCORE_INPUT_OPTIONS                                                              \
    {"ref", ARG_TEXT, "FILE", 0, 0, "references: .trn, .stm or .jsonl"}, {               \
        "hyp", ARG_TEXT, "FILE", 0, 0, "hypotheses: .trn, .ctm (with an .stm) or .jsonl" \
    }

/* References and hypotheses from two files; without ref, both from hyp, a .jsonl. */
MUST_CHECK status score_input_pair(const char *ref_or_null, const char *hyp,
                                   transcripts **out, diag *d);

/* The one .jsonl file given, or --ref and --hyp. */
MUST_CHECK status score_input_read(const args *a, transcripts **out, diag *d);

/* The profile of --profile; "basic" unless told. */
MUST_CHECK status score_input_profile(const args *a, score_profile *out, diag *d);

/* transcript_value for slices_of. */
const char *score_input_value(const void *record, const char *attribute);

/* One text as words (or characters); memory is kept from text to text. Start from all
 * zeros. */
typedef struct {
    char *text;
    score_word *words; /* [n] */
    size_t n, text_size, words_size;
} score_side;

/* text must live as long as the words: profile "none" borrows from it. ERR_MEMORY. */
MUST_CHECK status score_side_set(score_side *side, score_profile profile, bool characters,
                                 const char *text, size_t bytes);
void score_side_deinit(score_side *side);

/* Two sides aligned; memory is kept from pair to pair. */
typedef struct {
    score_side ref, hyp;
    void *scratch;
    char *ops;
    size_t scratch_size, ops_size;
    score_counts counts;
} score_pair;

/* Aligns pair->ref and pair->hyp. ops are written only if wanted. ERR_LIMIT: too many
 * words; ERR_MEMORY. */
MUST_CHECK status score_pair_align(score_pair *pair, score_costs costs, bool want_ops);
void score_pair_deinit(score_pair *pair);

/* list, which has room for *size things of `one` bytes, with room for n, new ones zero;
 * NULL: no memory, and list is as it was. */
void *score_grown(void *list, size_t *size, size_t n, size_t one);

#endif
