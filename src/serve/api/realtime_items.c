#include "serve/api/realtime_items.h"

#include <stdio.h>
#include <string.h>

#include "serve/api/ids.h"

void items_init(realtime_items *items) {
    char id[ID_BYTES];
    memset(items, 0, sizeof *items);
    id_make("", id);
    snprintf(items->tag, sizeof items->tag, "%.12s", id + 1);
}

void items_deinit(realtime_items *items) {
    for (unsigned i = 0; i < ITEMS_MAX; i++)
        items_remove(&items->item[i]);
}

void items_remove(realtime_item *item) {
    buf_deinit(&item->text);
    *item = (realtime_item){0};
}

realtime_item *items_add(realtime_items *items, uint32_t *out_dropped) {
    uint32_t number = ++items->last;
    realtime_item *item = &items->item[number % ITEMS_MAX];
    *out_dropped = item->announced && !item->done ? item->number : 0;
    items_remove(item);
    item->number = number;
    item->ends_at_ms = ITEM_OPEN;
    buf_init(&item->text, ITEM_TEXT_BYTES);
    return item;
}

realtime_item *items_by_number(realtime_items *items, uint32_t number) {
    realtime_item *item = &items->item[number % ITEMS_MAX];
    return number && item->number == number ? item : NULL;
}

/* Items from the oldest kept to the newest. */
static realtime_item *nth(realtime_items *items, uint32_t i) {
    return items_by_number(items, items->last + 1 + i - ITEMS_MAX);
}

realtime_item *items_by_utterance(realtime_items *items, uint32_t utterance) {
    for (uint32_t i = 0; i < ITEMS_MAX; i++) {
        realtime_item *item = nth(items, i);
        if (item && item->has_utterance && item->utterance == utterance)
            return item;
    }
    return NULL;
}

realtime_item *items_by_id(realtime_items *items, const char *id) {
    char own[ITEM_ID_BYTES];
    for (uint32_t i = 0; i < ITEMS_MAX; i++) {
        realtime_item *item = nth(items, i);
        if (!item || !item->announced)
            continue;
        item_id(items, item->number, own);
        if (strcmp(own, id) == 0)
            return item;
    }
    return NULL;
}

realtime_item *items_manual_at(realtime_items *items, uint64_t stream_ms) {
    for (uint32_t i = 0; i < ITEMS_MAX; i++) {
        realtime_item *item = nth(items, i);
        if (item && !item->has_utterance && !item->done && item->ends_at_ms > stream_ms)
            return item;
    }
    return NULL;
}

realtime_item *items_manual_first(realtime_items *items) {
    for (uint32_t i = 0; i < ITEMS_MAX; i++) {
        realtime_item *item = nth(items, i);
        if (item && !item->has_utterance && !item->done && item->ends_at_ms != ITEM_OPEN)
            return item;
    }
    return NULL;
}

realtime_item *items_manual_open(realtime_items *items) {
    for (uint32_t i = 0; i < ITEMS_MAX; i++) {
        realtime_item *item = nth(items, i);
        if (item && !item->has_utterance && !item->done && item->ends_at_ms == ITEM_OPEN)
            return item;
    }
    return NULL;
}

void items_clear_unannounced(realtime_items *items) {
    for (unsigned i = 0; i < ITEMS_MAX; i++)
        if (items->item[i].number && !items->item[i].announced)
            items_remove(&items->item[i]);
}

void items_finish(realtime_items *items, realtime_item *item) {
    item->done = true;
    realtime_item *old = items_by_number(items, item->number - ITEMS_WITH_TEXT);
    if (item->number > ITEMS_WITH_TEXT && old && old->done)
        items_remove(old);
}

void item_id(const realtime_items *items, uint32_t number, char out[ITEM_ID_BYTES]) {
    snprintf(out, ITEM_ID_BYTES, "item_%s%08x", items->tag, number);
}

void item_add_words(buf *out, const engine_text *text, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to && i < text->n_words; i++) {
        if (out->size > 0)
            buf_add(out, " ", 1);
        buf_add_text(out, text->words[i].text);
    }
}

bool item_take_delta(realtime_item *item, const engine_text *text, uint32_t to,
                     buf *out) {
    if (!item->said_any || item->said_utterance != text->utterance)
        item->said_words = 0;
    item->said_utterance = text->utterance;
    if (to > text->n_words)
        to = text->n_words;
    if (to <= item->said_words)
        return false;
    buf words;
    buf_init(&words, ITEM_TEXT_BYTES);
    item_add_words(&words, text, item->said_words, to);
    if (item->said_any)
        buf_add(out, " ", 1);
    buf_add(out, words.data, words.size);
    buf_deinit(&words);
    item->said_words = to;
    item->said_any = true;
    return true;
}
