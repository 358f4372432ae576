#include "cli/score_wer.h"

/* Columns of UTF-8 text, one for each character. */
static unsigned columns(const char *text, size_t bytes) {
    unsigned n = 0;
    for (size_t i = 0; i < bytes; i++)
        n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

/* A column of the view: a word of either side and what became of it. */
typedef struct {
    const score_word *ref, *hyp; /* NULL: none */
    char op;
    unsigned width;
} view_column;

static view_column next_column(const score_word **ref, const score_word **hyp, char op) {
    view_column c = {.op = op};
    if (op != 'I')
        c.ref = (*ref)++;
    if (op != 'D')
        c.hyp = (*hyp)++;
    unsigned r = c.ref ? columns(c.ref->text, c.ref->bytes) : 1;
    unsigned h = c.hyp ? columns(c.hyp->text, c.hyp->bytes) : 1;
    c.width = r > h ? r : h;
    return c;
}

static void add_cell(buf *out, const score_word *word, unsigned width) {
    unsigned used = word ? columns(word->text, word->bytes) : 0;
    if (word)
        buf_add(out, word->text, word->bytes);
    for (; !word && used < width; used++)
        buf_add(out, "*", 1);
    buf_addf(out, "%*s", (int)(width - used + 1), "");
}

enum { VIEW_MARGIN = 5 };

/* Rows of the columns ops[n]; the words at ref and hyp are the first of them. */
static void add_view(const score_word *ref, const score_word *hyp, const char *ops,
                     size_t n, buf *out) {
    static const char *const names[] = {"REF: ", "HYP: ", "EVL: "};
    for (int row = 0; row < 3; row++) {
        const score_word *r = ref, *h = hyp;
        buf_add_text(out, names[row]);
        for (size_t i = 0; i < n; i++) {
            view_column c = next_column(&r, &h, ops[i]);
            if (row < 2)
                add_cell(out, row == 0 ? c.ref : c.hyp, c.width);
            else
                buf_addf(out, "%-*c", (int)c.width + 1, c.op == 'C' ? ' ' : c.op);
        }
        while (out->size > 0 && out->data[out->size - 1] == ' ')
            out->size--;
        buf_add_text(out, "\n");
    }
}

void wer_print_alignment(const char *id, const score_pair *pair, unsigned width,
                         buf *out) {
    const score_counts *n = &pair->counts;
    buf_addf(out, "id: %s\nscores: %llu correct, %llu sub, %llu del, %llu ins\n", id,
             (unsigned long long)(n->correct), (unsigned long long)(n->substitutions),
             (unsigned long long)(n->deletions), (unsigned long long)(n->insertions));
    const score_word *ref = pair->ref.words, *hyp = pair->hyp.words;
    for (const char *ops = pair->ops; *ops;) {
        const score_word *r = ref, *h = hyp;
        size_t fits = 0;
        for (unsigned used = VIEW_MARGIN; ops[fits]; fits++) {
            used += next_column(&r, &h, ops[fits]).width + 1;
            if (used > width && fits > 0)
                break;
        }
        add_view(ref, hyp, ops, fits, out);
        for (; fits > 0; fits--)
            (void)next_column(&ref, &hyp, *ops++);
    }
    buf_add_text(out, "\n");
}

void wer_add_json_word(const score_word *word, buf *out) {
    if (word->bytes == 0) {
        buf_add_text(out, "null");
        return;
    }
    buf text;
    buf_init(&text, word->bytes);
    buf_add(&text, word->text, word->bytes);
    buf_add_json(out, buf_text(&text));
    buf_deinit(&text);
}

void wer_print_alignment_json(const char *id, const score_pair *pair, buf *out) {
    buf_add_text(out, "{\"id\":");
    buf_add_json(out, id);
    buf_addf(out, ",\"ops\":\"%s\"", pair->ops);
    for (int side = 0; side < 2; side++) {
        const score_word *ref = pair->ref.words, *hyp = pair->hyp.words;
        buf_add_text(out, side == 0 ? ",\"ref\":[" : ",\"hyp\":[");
        for (const char *op = pair->ops; *op; op++) {
            view_column c = next_column(&ref, &hyp, *op);
            const score_word *word = side == 0 ? c.ref : c.hyp;
            buf_add_text(out, op > pair->ops ? "," : "");
            if (word)
                wer_add_json_word(word, out);
            else
                buf_add_text(out, "null");
        }
        buf_add_text(out, "]");
    }
    buf_add_text(out, "}");
}
