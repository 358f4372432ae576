/* Transcripts from NIST's trn, stm and ctm. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records/transcripts_build.h"

#define FIELD_BYTES_MAX 256
#define LABELS_MAX 16

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static status no_memory(diag *d) {
    return diag_set(d, ERR_MEMORY, "no memory for this record");
}

/* The next line that says something; NULL at the end. */
static status next_line(lines *from, const char **out_text, size_t *out_n, diag *d) {
    for (;;) {
        const char *text;
        size_t n;
        status s = lines_next(from, &text, &n, d);
        if (s != OK || !text) {
            *out_text = NULL;
            return s;
        }
        while (n > 0 && is_blank(text[n - 1]))
            n--;
        while (n > 0 && is_blank(*text)) {
            text++;
            n--;
        }
        if (n > 0 && !(n > 1 && text[0] == ';' && text[1] == ';')) {
            *out_text = text;
            *out_n = n;
            return OK;
        }
    }
}

/* `{ a / b }` stands for several readings. */
static status refuse_alternatives(const char *text, size_t n, const char *field,
                                  diag *d) {
    const char *open = memchr(text, '{', n);
    if (open && memchr(open, '}', n - (size_t)(open - text)))
        return diag_field(d, ERR_UNSUPPORTED, field,
                          "alternatives { a / b } cannot be scored; keep one reading");
    return OK;
}

static status set_side(transcripts *t, transcript *item, unsigned side, const char *text,
                       size_t n, diag *d) {
    const char *kept = transcripts_text(t, text, n);
    if (!kept)
        return no_memory(d);
    if (side == TRANSCRIPTS_REF) {
        item->ref = kept;
        item->ref_bytes = n;
    } else {
        item->hyp = kept;
        item->hyp_bytes = n;
    }
    return OK;
}

status transcripts_read_trn(transcripts *t, lines *from, unsigned side, diag *d) {
    for (;;) {
        const char *text, *open = NULL;
        size_t n;
        status s = next_line(from, &text, &n, d);
        if (s != OK || !text)
            return s;
        for (size_t i = n; i-- > 0 && !open;)
            if (text[i] == '(')
                open = text + i;
        size_t id_bytes = open ? n - (size_t)(open - text) - 2 : 0;
        if (text[n - 1] != ')' || !open || id_bytes == 0 || id_bytes > FIELD_BYTES_MAX)
            return diag_field(d, ERR_SYNTAX, "id",
                              "a line of a .trn ends in its id, \"words "
                              "(speaker-utterance)\"");
        s = refuse_alternatives(text, (size_t)(open - text), "words", d);
        if (s != OK)
            return s;
        transcript item = {.speaker = "", .line = d->line};
        item.id = transcripts_text(t, open + 1, id_bytes);
        if (!item.id)
            return no_memory(d);
        size_t speaker = strcspn(item.id, "-_");
        if (item.id[speaker] && speaker > 0 &&
            !(item.speaker = transcripts_text(t, item.id, speaker)))
            return no_memory(d);
        size_t end = (size_t)(open - text);
        while (end > 0 && is_blank(text[end - 1]))
            end--;
        s = set_side(t, &item, side, text, end, d);
        if (s == OK)
            s = transcripts_add(t, &item, d);
        if (s != OK)
            return s;
    }
}

/* Cuts the next field off text[*n]. ERR_SYNTAX: there is none. */
static status take_field(const char **text, size_t *n, const char *name,
                         char out[FIELD_BYTES_MAX], diag *d) {
    size_t used = 0;
    while (used < *n && !is_blank((*text)[used]))
        used++;
    if (used == 0)
        return diag_field(d, ERR_SYNTAX, name, "missing");
    if (used >= FIELD_BYTES_MAX)
        return diag_field(d, ERR_LIMIT, name, "longer than %d bytes",
                          FIELD_BYTES_MAX - 1);
    memcpy(out, *text, used);
    out[used] = '\0';
    while (used < *n && is_blank((*text)[used]))
        used++;
    *text += used;
    *n -= used;
    return OK;
}

static status take_seconds(const char **text, size_t *n, const char *name, double *out,
                           diag *d) {
    char field[FIELD_BYTES_MAX], *end;
    status s = take_field(text, n, name, field, d);
    if (s != OK)
        return s;
    double value = strtod(field, &end);
    if (*end || !(value >= 0 && value <= 1e9))
        return diag_field(d, ERR_INVALID, name, "seconds from 0 are needed");
    *out = value;
    return OK;
}

/* "<o,f0,male>" becomes label1=o, label2=f0, label3=male. */
static status take_labels(transcripts *t, const char **text, size_t *n, transcript *item,
                          diag *d) {
    if (*n == 0 || **text != '<')
        return OK;
    char field[FIELD_BYTES_MAX];
    status s = take_field(text, n, "labels", field, d);
    if (s != OK)
        return s;
    size_t bytes = strlen(field);
    if (field[bytes - 1] != '>')
        return diag_field(d, ERR_SYNTAX, "labels", "need a closing >, <o,f0,male>");
    field[bytes - 1] = '\0';
    transcript_attribute *list = transcripts_keep(t, LABELS_MAX * sizeof *list);
    if (!list)
        return no_memory(d);
    item->attributes = list;
    for (const char *at = field + 1;; at++) {
        size_t length = strcspn(at, ",");
        char name[16];
        if (item->n_attributes == LABELS_MAX)
            return diag_field(d, ERR_LIMIT, "labels", "more than %d", LABELS_MAX);
        snprintf(name, sizeof name, "label%d", item->n_attributes + 1);
        transcript_attribute *a = &list[item->n_attributes];
        a->name = transcripts_text(t, name, strlen(name));
        a->value = transcripts_text(t, at, length);
        if (!a->name || !a->value)
            return no_memory(d);
        item->n_attributes++;
        at += length;
        if (!*at)
            return OK;
    }
}

static status add_segment(transcripts *t, const segment *seg, diag *d) {
    if (t->n_segments == t->segment_capacity) {
        size_t capacity = t->segment_capacity ? 2 * t->segment_capacity : 256;
        segment *grown = realloc(t->segments, capacity * sizeof *grown);
        if (!grown)
            return no_memory(d);
        t->segments = grown;
        t->segment_capacity = capacity;
    }
    t->segments[t->n_segments++] = *seg;
    return OK;
}

static int by_place(const char *file_a, const char *channel_a, const char *file_b,
                    const char *channel_b) {
    int order = strcmp(file_a, file_b);
    return order ? order : strcmp(channel_a, channel_b);
}

static int by_end(const void *a, const void *b) {
    const segment *x = a, *y = b;
    int order = by_place(x->file, x->channel, y->file, y->channel);
    if (order)
        return order;
    if (x->end_s != y->end_s)
        return x->end_s < y->end_s ? -1 : 1;
    return (x->begin_s > y->begin_s) - (x->begin_s < y->begin_s);
}

static status read_stm_line(transcripts *t, const char *text, size_t n, diag *d) {
    char file[FIELD_BYTES_MAX], channel[FIELD_BYTES_MAX], speaker[FIELD_BYTES_MAX];
    segment seg = {.item = SEGMENT_IGNORED};
    transcript item = {.line = d->line};
    status s = take_field(&text, &n, "file", file, d);
    if (s == OK)
        s = take_field(&text, &n, "channel", channel, d);
    if (s == OK)
        s = take_field(&text, &n, "speaker", speaker, d);
    if (s == OK)
        s = take_seconds(&text, &n, "begin", &seg.begin_s, d);
    if (s == OK)
        s = take_seconds(&text, &n, "end", &seg.end_s, d);
    if (s == OK && seg.end_s < seg.begin_s)
        s = diag_field(d, ERR_INVALID, "end", "is %g, before begin %g", seg.end_s,
                       seg.begin_s);
    if (s == OK)
        s = take_labels(t, &text, &n, &item, d);
    if (s == OK)
        s = refuse_alternatives(text, n, "words", d);
    if (s != OK)
        return s;
    char id[3 * FIELD_BYTES_MAX];
    int id_bytes =
        snprintf(id, sizeof id, "%s:%s:%.3f-%.3f", file, channel, seg.begin_s, seg.end_s);
    seg.file = transcripts_text(t, file, strlen(file));
    seg.channel = transcripts_text(t, channel, strlen(channel));
    item.speaker = transcripts_text(t, speaker, strlen(speaker));
    item.id = transcripts_text(t, id, (size_t)id_bytes);
    if (!seg.file || !seg.channel || !item.speaker || !item.id)
        return no_memory(d);
    static const char ignore[] = "IGNORE_TIME_SEGMENT_IN_SCORING";
    if (n != strlen(ignore) || memcmp(text, ignore, n) != 0) {
        s = set_side(t, &item, TRANSCRIPTS_REF, text, n, d);
        if (s == OK)
            s = transcripts_add(t, &item, d);
        seg.item = t->n - 1;
    }
    return s == OK ? add_segment(t, &seg, d) : s;
}

status transcripts_read_stm(transcripts *t, lines *from, diag *d) {
    for (;;) {
        const char *text;
        size_t n;
        status s = next_line(from, &text, &n, d);
        if (s == OK && text)
            s = read_stm_line(t, text, n, d);
        if (s != OK || !text) {
            if (t->n_segments > 0)
                qsort(t->segments, t->n_segments, sizeof t->segments[0], by_end);
            return s;
        }
    }
}

/* The first segment of file and channel that ends after at_s, else the last one; NULL:
 * there is none of them. */
static const segment *segment_at(const transcripts *t, const char *file,
                                 const char *channel, double at_s) {
    size_t low = 0, high = t->n_segments;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const segment *s = &t->segments[middle];
        int order = by_place(s->file, s->channel, file, channel);
        if (order < 0 || (order == 0 && s->end_s <= at_s))
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t back = 0; back <= 1 && back <= low; back++) {
        const segment *s = low - back < t->n_segments ? &t->segments[low - back] : NULL;
        if (s && by_place(s->file, s->channel, file, channel) == 0)
            return s;
    }
    return NULL;
}

typedef struct {
    size_t item;
    double begin_s;
    int line;
    const char *text;
} timed_word;

typedef struct {
    timed_word *words; /* [n] */
    size_t n, capacity;
} timed_words;

static int by_time(const void *a, const void *b) {
    const timed_word *x = a, *y = b;
    if (x->item != y->item)
        return x->item < y->item ? -1 : 1;
    if (x->begin_s != y->begin_s)
        return x->begin_s < y->begin_s ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

static status add_word(transcripts *t, timed_words *w, const timed_word *word,
                       const char *text, diag *d) {
    if (w->n == w->capacity) {
        size_t capacity = w->capacity ? 2 * w->capacity : 1024;
        timed_word *grown = realloc(w->words, capacity * sizeof *grown);
        if (!grown)
            return no_memory(d);
        w->words = grown;
        w->capacity = capacity;
    }
    w->words[w->n] = *word;
    w->words[w->n].text = transcripts_text(t, text, strlen(text));
    if (!w->words[w->n].text)
        return no_memory(d);
    w->n++;
    return OK;
}

static status read_ctm_line(transcripts *t, timed_words *w, const char *text, size_t n,
                            diag *d) {
    char file[FIELD_BYTES_MAX], channel[FIELD_BYTES_MAX], word[FIELD_BYTES_MAX];
    double begin_s = 0, duration_s = 0;
    status s = take_field(&text, &n, "file", file, d);
    if (s == OK)
        s = take_field(&text, &n, "channel", channel, d);
    if (s == OK && n > 0 && *text == '*')
        return diag_field(d, ERR_UNSUPPORTED, "begin",
                          "alternatives <ALT_BEGIN> cannot be scored; keep one reading");
    if (s == OK)
        s = take_seconds(&text, &n, "begin", &begin_s, d);
    if (s == OK)
        s = take_seconds(&text, &n, "duration", &duration_s, d);
    if (s == OK)
        s = take_field(&text, &n, "word", word, d);
    if (s != OK)
        return s;
    const segment *seg = segment_at(t, file, channel, begin_s + duration_s / 2);
    if (!seg)
        return diag_field(d, ERR_INVALID, "file",
                          "%.80s, channel %.40s has no segment in the .stm", file,
                          channel);
    if (seg->item == SEGMENT_IGNORED)
        return OK;
    timed_word timed = {.item = seg->item, .begin_s = begin_s, .line = d->line};
    return add_word(t, w, &timed, word, d);
}

/* The words of each record, joined by blanks. */
static status join_words(transcripts *t, const timed_words *w, diag *d) {
    for (size_t first = 0; first < w->n;) {
        size_t end = first, bytes = 0;
        for (; end < w->n && w->words[end].item == w->words[first].item; end++)
            bytes += strlen(w->words[end].text) + 1;
        char *text = transcripts_keep(t, bytes);
        if (!text)
            return no_memory(d);
        transcript *item = &t->items[w->words[first].item];
        item->hyp = text;
        item->hyp_bytes = bytes - 1;
        for (; first < end; first++) {
            size_t n = strlen(w->words[first].text);
            memcpy(text, w->words[first].text, n);
            text[n] = first + 1 < end ? ' ' : '\0';
            text += n + 1;
        }
    }
    return OK;
}

status transcripts_read_ctm(transcripts *t, lines *from, diag *d) {
    timed_words w = {0};
    status s = OK;
    for (;;) {
        const char *text;
        size_t n;
        s = next_line(from, &text, &n, d);
        if (s != OK || !text)
            break;
        s = read_ctm_line(t, &w, text, n, d);
        if (s != OK)
            break;
    }
    if (s == OK) {
        for (size_t i = 0; i < t->n; i++) {
            t->items[i].hyp = "";
            t->items[i].hyp_bytes = 0;
        }
        if (w.n > 0)
            qsort(w.words, w.n, sizeof w.words[0], by_time);
        s = join_words(t, &w, d);
    }
    free(w.words);
    return s;
}
