#include "cli/score_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

status score_input_pair(const char *ref, const char *hyp, transcripts **out, diag *d) {
    if (!ref)
        return transcripts_read(hyp, TRANSCRIPTS_REF | TRANSCRIPTS_HYP, out, d);
    transcripts *t = NULL;
    status s = transcripts_read(ref, TRANSCRIPTS_REF, &t, d);
    if (s == OK)
        s = transcripts_add_hypotheses(t, hyp, d);
    if (s == OK)
        *out = t;
    else
        transcripts_destroy(t);
    return s;
}

status score_input_read(const args *a, transcripts **out, diag *d) {
    const char *ref = args_text(a, "ref", NULL), *hyp = args_text(a, "hyp", NULL);
    if (a->n_positional > 1 || (a->n_positional == 1 && (ref || hyp)))
        return diag_field(d, ERR_INVALID, a->positional[a->n_positional - 1],
                          "give one .jsonl file, or --ref and --hyp");
    if (a->n_positional == 0 && (!ref || !hyp))
        return diag_field(d, ERR_INVALID, ref ? "--hyp" : "--ref",
                          "missing; give one .jsonl file, or --ref and --hyp");
    return score_input_pair(ref, a->n_positional == 1 ? a->positional[0] : hyp, out, d);
}

status score_input_profile(const args *a, score_profile *out, diag *d) {
    const char *name = args_text(a, "profile", score_profile_name(SCORE_PROFILE_BASIC));
    if (score_profile_parse(name, out) == OK)
        return OK;
    char known[128] = "";
    size_t n = 0;
    for (int p = 0; p < SCORE_PROFILE_COUNT; p++)
        n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", p ? ", " : "",
                              score_profile_name((score_profile)p));
    return diag_field(d, ERR_INVALID, "--profile", "\"%.40s\" is none of %s", name,
                      known);
}

const char *score_input_value(const void *record, const char *attribute) {
    return transcript_value(record, attribute);
}

/* memory, which holds *size things of `one` bytes, or a larger one for n of them; NULL:
 * there is none. Contents are not kept. */
static void *room(void *memory, size_t *size, size_t n, size_t one) {
    if (memory && n <= *size)
        return memory;
    free(memory);
    *size = n + n / 2 + 16;
    return malloc(*size * one);
}

status score_side_set(score_side *side, score_profile profile, bool characters,
                      const char *text, size_t bytes) {
    if (profile != SCORE_PROFILE_NONE) {
        side->text = room(side->text, &side->text_size, score_normalise_bound(bytes), 1);
        if (!side->text)
            return ERR_MEMORY;
        status s =
            score_normalise(profile, text, bytes, side->text, side->text_size, &bytes);
        if (s != OK)
            return s;
        text = side->text;
    }
    size_t most = characters ? bytes : bytes / 2 + 1; /* a blank between two words */
    side->words = room(side->words, &side->words_size, most, sizeof *side->words);
    if (!side->words)
        return ERR_MEMORY;
    side->n = characters ? score_split_characters(text, bytes, side->words, most)
                         : score_split(text, bytes, side->words, most);
    return OK;
}

void score_side_deinit(score_side *side) {
    free(side->text);
    free(side->words);
    *side = (score_side){0};
}

status score_pair_align(score_pair *pair, score_costs costs, bool want_ops) {
    size_t n = pair->ref.n, m = pair->hyp.n;
    if (n > SCORE_WORDS_MAX || m > SCORE_WORDS_MAX)
        return ERR_LIMIT;
    pair->scratch =
        room(pair->scratch, &pair->scratch_size, score_align_scratch(n, m), 1);
    pair->ops = room(pair->ops, &pair->ops_size, n + m + 1, 1);
    if (!pair->scratch || !pair->ops)
        return ERR_MEMORY;
    return score_align(pair->ref.words, n, pair->hyp.words, m, costs, pair->scratch,
                       &pair->counts, want_ops ? pair->ops : NULL);
}

void score_pair_deinit(score_pair *pair) {
    score_side_deinit(&pair->ref);
    score_side_deinit(&pair->hyp);
    free(pair->scratch);
    free(pair->ops);
    *pair = (score_pair){0};
}

void *score_grown(void *list, size_t *size, size_t n, size_t one) {
    if (list && n <= *size)
        return list;
    size_t wanted = 2 * n + 16;
    char *larger = realloc(list, wanted * one);
    if (!larger)
        return NULL;
    memset(larger + *size * one, 0, (wanted - *size) * one);
    *size = wanted;
    return larger;
}
