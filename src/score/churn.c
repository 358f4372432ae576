#include "score/churn.h"

#include <math.h>

static bool same(const struct churn_word *kept, const score_word *word) {
    return kept->hash == word->hash && kept->bytes == word->bytes;
}

static size_t common_prefix(const churn_utterance *u, const churn_event *e) {
    size_t n = 0;
    while (n < u->n && n < e->n && same(&u->words[n], &e->words[n]))
        n++;
    return n;
}

static status check(const churn_utterance *u, const churn_event *e) {
    if (u->ended)
        return ERR_STATE;
    if (e->n > CHURN_WORDS_MAX)
        return ERR_LIMIT;
    if (!isfinite(e->time_ms) || (u->started && e->time_ms < u->last_ms) ||
        e->committed > e->n)
        return ERR_INVALID;
    return OK;
}

status churn_take(churn_utterance *u, const churn_event *e, churn_counts *counts,
                  double *lags_ms, size_t *out_lags) {
    status s = check(u, e);
    if (s != OK)
        return s;
    size_t kept = common_prefix(u, e), lags = 0;
    counts->utterances += !u->started;
    counts->partials += !e->final;
    counts->rewrites += kept < u->n;
    counts->unstable_words += u->n - kept;
    if (kept < u->committed) {
        counts->violations += !e->final;
        counts->corrected += e->final;
    }
    for (size_t i = kept; i < e->n; i++)
        u->words[i] = (struct churn_word){
            .hash = e->words[i].hash, .bytes = e->words[i].bytes, .since_ms = e->time_ms};
    size_t committed = e->final ? e->n : e->committed;
    for (size_t i = u->committed; i < committed; i++)
        lags_ms[lags++] = e->time_ms - u->words[i].since_ms;
    if (e->n > 0 && !u->shown) {
        u->shown = true;
        u->first_shown_ms = e->time_ms;
    }
    u->n = e->n;
    u->committed =
        committed > u->committed || kept < u->committed ? committed : u->committed;
    u->started = true;
    u->last_ms = e->time_ms;
    u->ended = e->final;
    if (e->final) {
        counts->finals++;
        counts->final_words += e->n;
        counts->shown_ms += u->shown ? e->time_ms - u->first_shown_ms : 0;
    }
    *out_lags = lags;
    return OK;
}

void churn_add(churn_counts *to, const churn_counts *more) {
    to->utterances += more->utterances;
    to->finals += more->finals;
    to->partials += more->partials;
    to->rewrites += more->rewrites;
    to->unstable_words += more->unstable_words;
    to->final_words += more->final_words;
    to->violations += more->violations;
    to->corrected += more->corrected;
    to->shown_ms += more->shown_ms;
}

double churn_unstable_ratio(const churn_counts *c) {
    return c->final_words ? (double)c->unstable_words / (double)c->final_words : 0;
}

double churn_rewrites_a_second(const churn_counts *c) {
    return c->shown_ms > 0 ? (double)c->rewrites / (c->shown_ms / 1000) : 0;
}
