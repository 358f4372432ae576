/* score/churn.h: how restless a live transcript is while it is being spoken.
 *
 * Words are compared from the start. A partial that does not begin with all the words
 * shown before it is a rewrite; the shown words behind the first difference are unstable.
 *
 *   unstable partial word ratio   unstable words / words of the finals
 *   rewrites a second             rewrites / seconds from the first shown word to the
 * final rewrites a session            rewrites / sessions committed-prefix violation    a
 * partial changes a word that was committed before corrected final               a final
 * does (a second pass may; it is not a violation) commit lag                    from the
 * event that first showed a word in its place, unchanged since, to the one that committed
 * it; a final commits all its words first partial                 first shown word -
 * start of speech time to final                 final - end of speech
 *
 * Source of the ratio: Shangguan et al. 2020 (unstable partial words over final words).
 * Words are kept as hashes: no text is held. Pure; the caller owns the state. */
#ifndef ROSTRUM_SCORE_CHURN_H
#define ROSTRUM_SCORE_CHURN_H

#include "base/status.h"
#include "score/words.h"

#define CHURN_WORDS_MAX 1024 /* words of one utterance: minutes of speech */

typedef struct {
    uint64_t utterances, finals, partials, rewrites;
    uint64_t unstable_words, final_words;
    uint64_t violations, corrected;
    double shown_ms; /* sum of first shown word .. final, of utterances with a final */
} churn_counts;

/* One utterance. Start from all zeros. */
typedef struct {
    struct churn_word {
        uint64_t hash;
        uint32_t bytes;
        double since_ms; /* shown in this place, unchanged */
    } words[CHURN_WORDS_MAX];
    size_t n, committed;
    double last_ms, first_shown_ms;
    bool started, shown, ended;
} churn_utterance;

typedef struct {
    double time_ms;
    const score_word *words; /* [n]: the whole transcript of the utterance so far */
    size_t n, committed;     /* the first `committed` will not change, they say */
    bool final;
} churn_event;

/* Takes the next event of an utterance, and adds to counts (never NULL).
 *   lags_ms   [CHURN_WORDS_MAX] commit lags of the words this event commits
 * ERR_LIMIT: more than CHURN_WORDS_MAX words. ERR_INVALID: time goes back, is not finite,
 * or more words are committed than shown. ERR_STATE: the utterance has had its final.
 * On an error nothing is changed. */
MUST_CHECK status churn_take(churn_utterance *u, const churn_event *e,
                             churn_counts *counts, double *lags_ms, size_t *out_lags);

/* to += more, field by field. */
void churn_add(churn_counts *to, const churn_counts *more);

/* 0 when there are no finals, or nothing was shown. */
double churn_unstable_ratio(const churn_counts *c);
double churn_rewrites_a_second(const churn_counts *c);

#endif
