/* serve/api/realtime_items.h: the conversation items of a Realtime session.
 *
 * One item is one piece of committed audio and its transcript. Voice activity makes
 * them (one an utterance), or the client's commits do (one a commit, which may hold
 * several utterances when it is longer than one may be). The newest ones are kept, so
 * that a client can retrieve them. Pure but for memory. One thread at a time. */
#ifndef ROSTRUM_SERVE_REALTIME_ITEMS_H
#define ROSTRUM_SERVE_REALTIME_ITEMS_H

#include "base/buf.h"
#include "engine/proto.h"

#define ITEMS_MAX 32           /* items at a time: commits may run ahead of transcripts */
#define ITEMS_WITH_TEXT 8      /* finished items kept, with their transcripts */
#define ITEM_TEXT_BYTES 65536u /* transcript of one: hours would be needed to fill it */
#define ITEM_ID_BYTES 48
#define ITEM_OPEN UINT64_MAX

typedef struct {
    uint32_t number;     /* from 1 in the session; 0: no item here */
    bool announced;      /* the client was told: committed, added, done */
    bool done;           /* its transcript is final */
    bool has_utterance;  /* made by voice activity */
    uint32_t utterance;  /* of the worker */
    uint64_t ends_at_ms; /* made by commit: stream position of the commit, or ITEM_OPEN */
    uint32_t said_utterance; /* deltas: the utterance of the words said last, */
    uint32_t said_words;     /* how many of its words, */
    bool said_any;           /* and whether any were, of any utterance */
    double seconds;          /* of audio transcribed */
    buf text;                /* transcript so far */
} realtime_item;

typedef struct {
    char tag[16];                  /* of the session: random part of the ids */
    uint32_t last;                 /* number of the newest item */
    realtime_item item[ITEMS_MAX]; /* number % ITEMS_MAX */
} realtime_items;

void items_init(realtime_items *items);
void items_deinit(realtime_items *items);

/* A new item. The one that must give way, if it was announced and is not done, goes to
 * *out_dropped (its number only; 0: none). */
realtime_item *items_add(realtime_items *items, uint32_t *out_dropped);

/* NULL: there is none. */
realtime_item *items_by_number(realtime_items *items, uint32_t number);
realtime_item *items_by_utterance(realtime_items *items, uint32_t utterance);
realtime_item *items_by_id(realtime_items *items, const char *id);

/* Items made by commits: the oldest that is not done and ends after stream_ms (an open
 * one ends after everything); the oldest that is committed and not done. */
realtime_item *items_manual_at(realtime_items *items, uint64_t stream_ms);
realtime_item *items_manual_first(realtime_items *items);
/* The one that is not committed yet. */
realtime_item *items_manual_open(realtime_items *items);

/* Forgets items the client was not told of: their audio was cleared. */
void items_clear_unannounced(realtime_items *items);

/* The item is done; a much older one that is done goes. */
void items_finish(realtime_items *items, realtime_item *item);
void items_remove(realtime_item *item);

void item_id(const realtime_items *items, uint32_t number, char out[ITEM_ID_BYTES]);

/* Appends words[from..to) with a blank before each but the first of `out`. */
void item_add_words(buf *out, const engine_text *text, uint32_t from, uint32_t to);

/* The words up to `to` that no delta has carried yet, as a delta's text (it begins with
 * a blank unless it is the item's first); marks them said. false: there are none. */
bool item_take_delta(realtime_item *item, const engine_text *text, uint32_t to, buf *out);

#endif
