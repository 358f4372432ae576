#include "cli/client_track.h"

#include <stdio.h>
#include <string.h>

#define TEXT_BYTES (1u << 20)

void track_init(track *t, bool paced, void (*result)(void *, const client_result *),
                void *owner) {
    *t = (track){.paced = paced, .result = result, .owner = owner};
    for (unsigned i = 0; i < TRACK_WINDOWS; i++)
        buf_init(&t->window[i].text, TEXT_BYTES);
}

void track_deinit(track *t) {
    for (unsigned i = 0; i < TRACK_WINDOWS; i++)
        buf_deinit(&t->window[i].text);
}

static track_window *window_at(track *t, unsigned i) {
    return &t->window[(t->first + i) % TRACK_WINDOWS];
}

status track_begin(track *t, const recording *r, double start_ms) {
    if (t->n == TRACK_WINDOWS)
        return ERR_LIMIT;
    track_window *w = window_at(t, t->n++);
    buf_clear(&w->text);
    w->start_ms = start_ms;
    w->result = (client_result){.played = r,
                                .first_partial_ms = -1,
                                .final_ms = -1,
                                .first_pass_ms = -1,
                                .server_final_ms = -1};
    return OK;
}

/* Answers the oldest window. */
static void answer(track *t) {
    track_window *w = window_at(t, 0);
    w->result.text = buf_text(&w->text);
    w->result.started_ms = t->stream_start_ms + w->start_ms;
    t->result(t->owner, &w->result);
    t->first = (t->first + 1) % TRACK_WINDOWS;
    t->n--;
}

/* The window of stream time at_ms. */
static track_window *window_of(track *t, double at_ms) {
    track_window *found = t->n > 0 ? window_at(t, 0) : NULL;
    for (unsigned i = 1; i < t->n; i++)
        if (window_at(t, i)->start_ms <= at_ms)
            found = window_at(t, i);
    return found;
}

static track_item *item_of(track *t, const char *id, double start_ms) {
    for (unsigned i = 0; i < TRACK_ITEMS; i++)
        if (strcmp(t->item[i].id, id) == 0 && t->item[i].start_ms == start_ms)
            return &t->item[i];
    track_item *item = &t->item[t->next_item++ % TRACK_ITEMS];
    memset(item, 0, sizeof *item);
    snprintf(item->id, sizeof item->id, "%s", id);
    item->start_ms = start_ms;
    return item;
}

/* Milliseconds from a moment of the recording to now. */
static double since(const track *t, const track_window *w, double now_ms, double at_s) {
    return now_ms - t->stream_start_ms - w->start_ms - at_s * 1000;
}

/* text begins with prefix, and the prefix ends where a word does. */
static bool keeps(const char *text, const char *prefix) {
    size_t n = strlen(prefix);
    return strncmp(text, prefix, n) == 0 && (n == 0 || text[n] == ' ' || text[n] == '\0');
}

const recording *track_partial(track *t, double now_ms, const char *id,
                               const char *committed, const char *tentative,
                               unsigned committed_words, double audio_start_ms,
                               const char **out_before) {
    track_item *item = item_of(t, id, audio_start_ms);
    /* Speech of the next recording may start inside its padding: look a little later. */
    track_window *w = window_of(t, audio_start_ms + 400);
    if (w == NULL)
        return NULL;
    client_result *r = &w->result;
    char shown[sizeof item->shown];
    const char *blank = committed[0] != '\0' && tentative[0] != '\0' ? " " : "";
    snprintf(shown, sizeof shown, "%s%s%s", committed, blank, tentative);
    r->partials++;
    r->violations += !keeps(committed, item->committed);
    r->revised += !keeps(shown, item->shown);
    snprintf(item->committed, sizeof item->committed, "%s", committed);
    memcpy(item->shown, shown, sizeof shown);
    for (; item->committed_words < committed_words && item->committed_words < TRACK_WORDS;
         item->committed_words++)
        item->commit_ms[item->committed_words] = now_ms;
    if (t->paced && r->first_partial_ms < 0 && shown[0] != '\0')
        r->first_partial_ms = since(t, w, now_ms, r->played->onset_s);
    *out_before = buf_text(&w->text);
    return r->played;
}

void track_final(track *t, double now_ms, const track_final_event *e) {
    track_item *item = item_of(t, e->item, e->audio_start_ms);
    double at_ms = e->n_words > 0 ? e->speech_end_ms : e->audio_start_ms;
    track_window *w = window_of(t, at_ms);
    while (w != NULL && e->n_words > 0 && w != window_at(t, 0))
        answer(t);
    if (w != NULL && e->n_words > 0) {
        client_result *r = &w->result;
        r->finals++;
        r->corrected += e->corrected;
        r->degraded += e->degraded;
        r->violations += e->passes == 1 && !keeps(e->transcript, item->committed);
        r->first_pass_ms = e->first_pass_ms;
        r->server_final_ms = e->server_final_ms;
        if (w->text.size > 0)
            buf_add_text(&w->text, " ");
        buf_add_text(&w->text, e->transcript);
        if (t->paced) {
            r->final_ms = since(t, w, now_ms, r->played->end_s);
            if (r->first_partial_ms < 0)
                r->first_partial_ms = since(t, w, now_ms, r->played->onset_s);
            for (unsigned i = 0; i < e->n_words && r->n_lags < CLIENT_LAGS_MAX; i++) {
                double at = i < item->committed_words ? item->commit_ms[i] : now_ms;
                r->commit_lag_ms[r->n_lags++] =
                    (float)(at - t->stream_start_ms - e->word_end_ms[i]);
            }
        }
    }
    item->id[0] = '\0';
}

void track_end(track *t) {
    while (t->n > 0)
        answer(t);
}
