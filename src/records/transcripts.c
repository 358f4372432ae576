#include "records/transcripts.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "records/transcripts_build.h"

#define BLOCK_BYTES (2u << 20) /* and aligned to it: one large page */

struct block {
    block *next;
    size_t used, size;
    alignas(max_align_t) char data[];
};

void *transcripts_keep(transcripts *t, size_t bytes) {
    size_t rounded =
        (bytes + alignof(max_align_t) - 1) & ~(size_t)(alignof(max_align_t) - 1);
    block *b = t->blocks;
    if (!b || b->size - b->used < rounded) {
        size_t size = (sizeof *b + rounded + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
        b = aligned_alloc(BLOCK_BYTES, size);
        if (!b)
            return NULL;
        (void)madvise(b, size, MADV_HUGEPAGE); /* faults cost more than the reading */
        *b = (block){.next = t->blocks, .size = size - sizeof *b};
        t->blocks = b;
    }
    void *kept = b->data + b->used;
    b->used += rounded;
    return kept;
}

const char *transcripts_text(transcripts *t, const char *text, size_t n) {
    char *kept = transcripts_keep(t, n + 1);
    if (!kept)
        return NULL;
    memcpy(kept, text, n);
    kept[n] = '\0';
    return kept;
}

static uint32_t hash_of(const char *id) {
    size_t bytes = strlen(id);
    uint64_t hash = bytes;
    for (size_t at = 0; at < bytes; at += sizeof hash) {
        uint64_t piece = 0;
        memcpy(&piece, id + at, bytes - at < sizeof piece ? bytes - at : sizeof piece);
        hash = (hash ^ piece) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    return (uint32_t)hash;
}

/* The slot of an id: where it is, or the free one where it belongs. n_slots is a power
 * of two and never full. The hash in the slot spares most looks at the record. */
static size_t slot_of(const transcripts *t, const char *id, uint32_t hash) {
    size_t slot = hash & (t->n_slots - 1);
    while (t->slots[slot] && (t->slots[slot] >> 32 != hash ||
                              strcmp(t->items[(uint32_t)t->slots[slot] - 1].id, id) != 0))
        slot = (slot + 1) & (t->n_slots - 1);
    return slot;
}

static status no_room(size_t n, diag *d) {
    return diag_set(d, ERR_MEMORY, "no memory for %zu utterances", n);
}

static status grow_index(transcripts *t, diag *d) {
    size_t n_slots = t->n_slots ? 2 * t->n_slots : 2048;
    uint64_t *slots = calloc(n_slots, sizeof *slots);
    if (!slots)
        return no_room(n_slots / 2, d);
    for (size_t i = 0; i < t->n_slots; i++) {
        size_t slot = (t->slots[i] >> 32) & (n_slots - 1);
        while (t->slots[i] && slots[slot])
            slot = (slot + 1) & (n_slots - 1);
        if (t->slots[i])
            slots[slot] = t->slots[i];
    }
    free(t->slots);
    t->slots = slots;
    t->n_slots = n_slots;
    return OK;
}

/* Puts item i, which is there, into the index. ERR_EXISTS: its id is taken. */
static status index_item(transcripts *t, size_t i, diag *d) {
    status s = 2 * (i + 1) > t->n_slots ? grow_index(t, d) : OK;
    if (s != OK)
        return s;
    uint32_t hash = hash_of(t->items[i].id);
    size_t slot = slot_of(t, t->items[i].id, hash);
    if (t->slots[slot]) {
        diag_at(d, NULL, t->items[i].line, 0);
        return diag_field(d, ERR_EXISTS, "id",
                          "%.80s is already on line %d; ids are unique in a file",
                          t->items[i].id, t->items[(uint32_t)t->slots[slot] - 1].line);
    }
    t->slots[slot] = (uint64_t)hash << 32 | (i + 1);
    return OK;
}

status transcripts_add(transcripts *t, const transcript *item, diag *d) {
    if (t->n == TRANSCRIPTS_MAX)
        return diag_set(d, ERR_LIMIT, "more than %u utterances", TRANSCRIPTS_MAX);
    if (t->n == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 1024;
        transcript *items = realloc(t->items, capacity * sizeof *items);
        if (!items)
            return no_room(capacity, d);
        t->items = items;
        t->capacity = capacity;
    }
    t->items[t->n] = *item;
    status s = t->unindexed ? OK : index_item(t, t->n, d);
    t->n += s == OK;
    return s;
}

const transcript *transcripts_all(const transcripts *t, size_t *out_n) {
    *out_n = t->n;
    return t->items;
}

const transcript *transcripts_find(const transcripts *t, const char *id) {
    if (t->n_slots == 0)
        return NULL;
    uint32_t found = (uint32_t)t->slots[slot_of(t, id, hash_of(id))];
    return found ? &t->items[found - 1] : NULL;
}

const char *transcript_value(const transcript *item, const char *attribute) {
    const char *value = NULL;
    if (strcmp(attribute, "speaker") == 0)
        value = item->speaker;
    for (size_t i = 0; i < item->n_attributes && !value; i++)
        if (strcmp(item->attributes[i].name, attribute) == 0)
            value = item->attributes[i].value;
    return value && *value ? value : NULL;
}

static bool ends_in(const char *path, const char *ending) {
    size_t n = strlen(path), tail = strlen(ending);
    return n >= tail && strcmp(path + n - tail, ending) == 0;
}

static status read_format(transcripts *t, const char *path, unsigned needs, lines *from,
                          diag *d) {
    if (strcmp(path, "-") == 0 || ends_in(path, ".jsonl"))
        return transcripts_read_jsonl(t, from, needs, d);
    diag_at(d, path, 0, 0);
    if (ends_in(path, ".ctm") && needs == TRANSCRIPTS_HYP && t->n_segments > 0)
        return transcripts_read_ctm(t, from, d);
    if (ends_in(path, ".ctm"))
        return diag_set(d, ERR_INVALID,
                        "a .ctm holds hypotheses for the segments of an .stm");
    if (needs == (TRANSCRIPTS_REF | TRANSCRIPTS_HYP))
        return diag_set(d, ERR_INVALID,
                        "only a .jsonl file holds references and hypotheses together");
    if (ends_in(path, ".trn"))
        return transcripts_read_trn(t, from, needs, d);
    if (ends_in(path, ".stm") && needs == TRANSCRIPTS_REF)
        return transcripts_read_stm(t, from, d);
    if (ends_in(path, ".stm"))
        return diag_set(d, ERR_INVALID, "an .stm holds references, no hypotheses");
    return diag_set(d, ERR_INVALID, "the name must end in .jsonl, .trn, .stm or .ctm");
}

static status read_into(transcripts *t, const char *path, unsigned needs, diag *d) {
    lines *from = NULL;
    status s = lines_open(path, &from, d);
    if (s == OK)
        s = read_format(t, path, needs, from, d);
    lines_close(from);
    return s;
}

/* As transcripts_read; unindexed: transcripts_find is not for this list. */
static status read_list(const char *path, unsigned needs, bool unindexed,
                        transcripts **out, diag *d) {
    transcripts *t = calloc(1, sizeof *t);
    if (!t)
        return diag_set(d, ERR_MEMORY, "no memory");
    t->unindexed = unindexed;
    status s = read_into(t, path, needs, d);
    if (s == OK && t->n == 0) {
        diag_at(d, NULL, 0, 0);
        s = diag_set(d, ERR_INVALID, "no utterances in it");
    }
    if (s == OK)
        *out = t;
    else
        transcripts_destroy(t);
    return s;
}

status transcripts_read(const char *path, unsigned needs, transcripts **out, diag *d) {
    return read_list(path, needs, false, out, d);
}

/* The ids of both lists are the same in the same order: the usual case, and the one that
 * needs no index. */
static bool same_ids(const transcripts *a, const transcripts *b) {
    size_t i = 0;
    while (a->n == b->n && i < a->n && strcmp(a->items[i].id, b->items[i].id) == 0)
        i++;
    return a->n == b->n && i == a->n;
}

/* Gives the records of t the hypotheses of `from` with the same ids. */
static status join(transcripts *t, transcripts *from, diag *d) {
    bool paired = same_ids(t, from);
    for (size_t i = 0; i < from->n && !paired; i++) {
        status s = index_item(from, i, d);
        if (s != OK)
            return s;
        if (!transcripts_find(t, from->items[i].id)) {
            diag_at(d, NULL, from->items[i].line, 0);
            return diag_field(d, ERR_INVALID, "id", "%.80s has no reference",
                              from->items[i].id);
        }
    }
    for (size_t i = 0; i < t->n; i++) {
        transcript *item = &t->items[i];
        const transcript *other =
            paired ? &from->items[i] : transcripts_find(from, item->id);
        if (!other) {
            diag_at(d, NULL, 0, 0);
            return diag_field(
                d, ERR_INVALID, "id",
                "%.80s of the references is missing here; where nothing was "
                "recognised an empty hypothesis says so",
                item->id);
        }
        item->hyp = other->hyp;
        item->hyp_bytes = other->hyp_bytes;
    }
    return OK;
}

status transcripts_add_hypotheses(transcripts *t, const char *path, diag *d) {
    if (ends_in(path, ".ctm"))
        return read_into(t, path, TRANSCRIPTS_HYP, d);
    transcripts *from = NULL;
    status s = read_list(path, TRANSCRIPTS_HYP, true, &from, d);
    if (s != OK)
        return s;
    s = join(t, from, d);
    if (s == OK) { /* the texts move in with us */
        block **last = &t->blocks;
        while (*last)
            last = &(*last)->next;
        *last = from->blocks;
        from->blocks = NULL;
    }
    transcripts_destroy(from);
    return s;
}

void transcripts_destroy(transcripts *t) {
    if (!t)
        return;
    while (t->blocks) {
        block *next = t->blocks->next;
        free(t->blocks);
        t->blocks = next;
    }
    free(t->items);
    free(t->slots);
    free(t->segments);
    free(t);
}
