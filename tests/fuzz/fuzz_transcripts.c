/* Fuzzes the readers of trn, stm with ctm, JSONL and partial events. The first byte says
 * which; a second file follows the first 0x1D byte. Any bytes are either refused with a
 * message, or make records that can be normalised, aligned and audited. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "records/partials.h"
#include "records/transcripts.h"
#include "score/align.h"
#include "score/audit.h"
#include "score/normalise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { WORDS = 64 };
static char folder[] = "/tmp/rostrum-fuzz-XXXXXX";

static const char *write_file(const char *name, const uint8_t *data, size_t n) {
    static char paths[2][64];
    static int next;
    if (folder[strlen(folder) - 1] == 'X')
        ASSERT(mkdtemp(folder) != NULL);
    char *path = paths[next++ % 2];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    ASSERT(f != NULL);
    ASSERT(fwrite(data, 1, n, f) == n);
    fclose(f);
    return path;
}

static size_t words_of(const char *text, size_t bytes, char **keep, score_word *words) {
    size_t size = score_normalise_bound(bytes), written = 0;
    *keep = malloc(size);
    ASSERT(*keep != NULL);
    ASSERT(score_normalise(SCORE_PROFILE_ENGLISH, text, bytes, *keep, size, &written) ==
           OK);
    ASSERT(strlen(*keep) == written);
    size_t n = score_split(*keep, written, words, WORDS);
    return n < WORDS ? n : WORDS;
}

static void use(const transcript *t) {
    ASSERT(t->ref && strlen(t->ref) == t->ref_bytes && *t->id);
    (void)audit_script_of(t->ref, t->ref_bytes);
    (void)audit_is_non_speech(t->ref, t->ref_bytes);
    if (!t->hyp)
        return;
    ASSERT(strlen(t->hyp) == t->hyp_bytes);
    score_word ref[WORDS], hyp[WORDS];
    char *texts[2], ops[2 * WORDS + 1];
    size_t n_ref = words_of(t->ref, t->ref_bytes, &texts[0], ref);
    size_t n_hyp = words_of(t->hyp, t->hyp_bytes, &texts[1], hyp);
    void *scratch = malloc(score_align_scratch(n_ref, n_hyp));
    ASSERT(scratch != NULL);
    score_counts with, without;
    ASSERT(score_align(ref, n_ref, hyp, n_hyp, score_sclite, scratch, &with, ops) == OK);
    ASSERT(score_align(ref, n_ref, hyp, n_hyp, score_sclite, scratch, &without, NULL) ==
           OK);
    ASSERT(memcmp(&with, &without, sizeof with) == 0);
    ASSERT(score_reference_words(&with) == n_ref);
    ASSERT(score_hypothesis_words(&with) == n_hyp);
    free(scratch);
    free(texts[0]);
    free(texts[1]);
}

static void read_pair(const char *ref, const char *hyp) {
    transcripts *t = NULL;
    diag d = DIAG_INIT;
    if (transcripts_read(ref, TRANSCRIPTS_REF, &t, &d) != OK) {
        ASSERT(d.code != OK && d.text[0]);
        return;
    }
    status s = transcripts_add_hypotheses(t, hyp, &d);
    ASSERT(s == OK || d.text[0]);
    size_t count;
    const transcript *items = transcripts_all(t, &count);
    for (size_t i = 0; s == OK && i < count; i++) {
        ASSERT(transcripts_find(t, items[i].id) == &items[i]);
        use(&items[i]);
    }
    transcripts_destroy(t);
}

static void read_partials(const char *path) {
    partials *p = NULL;
    diag d = DIAG_INIT;
    ASSERT(partials_open(path, &p, &d) == OK);
    for (bool more = true; more;) {
        partial_event e;
        if (partials_next(p, &e, &more, &d) != OK || !more)
            break;
        ASSERT(e.time_ms >= 0 && *e.session && strlen(e.text) == e.text_bytes);
        (void)partials_value(e.record, "noise");
    }
    partials_close(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char *const names[][2] = {
        {"r.jsonl", "h.jsonl"}, {"r.trn", "h.trn"}, {"r.stm", "h.ctm"}};
    if (n < 1)
        return 0;
    const uint8_t *first = data + 1;
    const uint8_t *cut = memchr(first, 0x1D, n - 1);
    size_t first_n = cut ? (size_t)(cut - first) : n - 1;
    size_t second_n = cut ? n - 2 - first_n : 0;
    unsigned kind = data[0] % 4;
    if (kind == 3) {
        read_partials(write_file("p.jsonl", first, first_n));
        return 0;
    }
    const char *ref = write_file(names[kind][0], first, first_n);
    read_pair(ref, write_file(names[kind][1], cut ? cut + 1 : first, second_n));
    return 0;
}
