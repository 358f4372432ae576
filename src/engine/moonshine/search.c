#include "engine/moonshine/search.h"

#include "base/assert.h"

#define BLOCK_MIN 3
#define BLOCK_MAX 16
/* blocks this long are a loop at the second copy already */
#define BLOCK_TWICE 5
/* draft tokens looked through for the place to go on */
#define RESUME_WINDOW 8
/* draft tokens offered after a mistake, while trust is low */
#define RESUME_OFFER 4
/* draft tokens offered at once: past it a run costs in proportion */
#define OFFER_MAX 6

static bool same_block(const heard *a, const heard *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (a[i].token != b[i].token)
            return false;
    return true;
}

size_t search_repeats(const heard *tokens, size_t n, size_t keep) {
    for (size_t block = BLOCK_MIN; block <= BLOCK_MAX; block++) {
        size_t copies = block >= BLOCK_TWICE ? 2 : 3;
        if (block * copies > n)
            continue; /* a longer block needs fewer copies */
        size_t same = 1;
        while (same < copies &&
               same_block(tokens + n - block * (same + 1), tokens + n - block, block))
            same++;
        if (same == copies) {
            size_t cut = n - block * (copies - 1);
            return cut < keep ? keep : cut;
        }
    }
    return n;
}

/* Where the draft goes on after `token` came instead of draft[at]: behind the next place
 * it has that token, else behind the one that was replaced. */
static size_t resume(const hypothesis *draft, size_t at, int32_t token) {
    for (size_t i = at + 1; i < draft->n && i <= at + RESUME_WINDOW; i++)
        if (draft->tokens[i].token == token)
            return i + 1;
    return at + 1;
}

static void keep_token(hypothesis *out, int32_t token, const moonshine_next *next) {
    uint16_t before = out->n ? out->tokens[out->n - 1].frame : 0;
    out->tokens[out->n++] = (heard){
        .token = (uint16_t)token,
        .frame = next->frame > before ? next->frame : before,
        .probability = next->probability,
    };
}

/* Feeds the begin token and all forced tokens but the last, but for what is cached, and
 * keeps the forced ones: what was known of them stays; where they are is known anew of
 * those that were fed. Returns the tokens fed. */
static size_t feed_forced(const moonshine_decoder *m, moonshine_state *s,
                          const search_plan *plan, hypothesis *out) {
    int32_t feed[SEARCH_TOKENS_MAX] = {MOONSHINE_BOS};
    uint16_t frames[SEARCH_TOKENS_MAX];
    const hypothesis *draft = plan->draft;
    size_t forced = plan->forced, cached = plan->cached;
    for (size_t i = 0; i + 1 < forced; i++)
        feed[1 + i] = draft->tokens[i].token;
    moonshine_rewind(s, cached);
    if (forced > cached)
        moonshine_feed(m, s, feed + cached, forced - cached, frames + cached);
    uint16_t before = 0;
    for (size_t i = 0; i < forced; i++) {
        out->tokens[i] = draft->tokens[i];
        uint16_t frame = i < cached ? draft->tokens[i].frame : frames[i];
        before = frame > before ? frame : before;
        out->tokens[i].frame = before;
    }
    out->n = forced;
    return forced - cached;
}

status search_run(const moonshine_decoder *m, moonshine_state *s, const search_plan *plan,
                  hypothesis *out, search_counts *counts) {
    ASSERT(plan->forced <= plan->draft->n);
    ASSERT(plan->tokens_max <= SEARCH_TOKENS_MAX);
    ASSERT(plan->cached <= plan->forced);
    const hypothesis draft = *plan->draft; /* out may be the same object */
    search_plan mine = *plan;
    mine.draft = &draft;
    search_counts unused = {0};
    if (!counts)
        counts = &unused;
    int32_t feed[1 + OFFER_MAX];
    moonshine_next next[1 + OFFER_MAX];
    size_t at = plan->forced; /* next token of the draft to offer */
    size_t trust = OFFER_MAX;
    counts->fed += (uint32_t)feed_forced(m, s, &mine, out);
    feed[0] = out->n ? out->tokens[out->n - 1].token : MOONSHINE_BOS;
    for (;;) {
        if (plan->stop.asked && plan->stop.asked(plan->stop.context))
            return ERR_CANCELLED;
        size_t known = out->n;
        size_t offer = at < draft.n ? draft.n - at : 0;
        if (offer > trust)
            offer = trust;
        if (known + offer > plan->tokens_max)
            offer = known < plan->tokens_max ? plan->tokens_max - known : 0;
        for (size_t i = 0; i < offer; i++)
            feed[1 + i] = draft.tokens[at + i].token;
        moonshine_step(m, s, feed, 1 + offer, next);
        counts->runs++;
        counts->fed += (uint32_t)(1 + offer);
        counts->offered += (uint32_t)offer;
        size_t taken = 0;
        for (bool more = true; more; taken++) {
            const moonshine_next *n = &next[taken];
            int32_t token = out->n == 0 && plan->never_empty ? n->runner_up : n->token;
            if (token == MOONSHINE_EOS || out->n >= plan->tokens_max)
                return OK;
            keep_token(out, token, n);
            size_t cut = search_repeats(out->tokens, out->n, plan->forced);
            if (cut < out->n) {
                out->n = cut;
                return OK;
            }
            more = taken < offer && draft.tokens[at + taken].token == token;
        }
        /* The last token taken is the decoder's own: not in the cache yet. */
        counts->accepted += (uint32_t)(taken - 1);
        moonshine_rewind(s, out->n);
        feed[0] = out->tokens[out->n - 1].token;
        size_t last = at + taken - 1; /* the draft's word on the decoder's own token */
        if (last >= draft.n) {
            at = draft.n;
        } else if (draft.tokens[last].token == feed[0]) {
            at = last + 1;
            trust = trust ? trust * 2 : 2;
        } else {
            at = resume(&draft, last, feed[0]);
            trust = taken > 1 ? RESUME_OFFER : trust / 2;
        }
        if (trust > OFFER_MAX)
            trust = OFFER_MAX;
    }
}
