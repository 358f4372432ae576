#include "privacy/atoms.h"

#include <string.h>

#define WORD_BYTES_MAX 14

typedef struct {
    const char *word;
    lexeme means;
} lexicon_row;

#define WORD(word, kind, value) {word, {LEX_##kind, value}},
static const lexicon_row lexicon[] = {
#include "privacy/lexicon.def"
};
#undef WORD

lexeme lexicon_of(const char *word, size_t n) {
    char lower[WORD_BYTES_MAX + 1];
    if (n == 0 || n > WORD_BYTES_MAX)
        return (lexeme){LEX_NONE, 0};
    for (size_t i = 0; i < n; i++)
        lower[i] = ascii_lower(word[i]);
    lower[n] = '\0';
    if (n == 1 && lower[0] >= 'a' && lower[0] <= 'z')
        return (lexeme){LEX_LETTER, (uint8_t)ascii_upper(lower[0])};
    size_t low = 0, high = sizeof lexicon / sizeof lexicon[0];
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(lower, lexicon[middle].word);
        if (order == 0)
            return lexicon[middle].means;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return (lexeme){LEX_NONE, 0};
}

const atom *look_at(look *l, size_t i) {
    static const atom end = {.kind = ATOM_END, .lead = 1};
    if (i < l->n)
        return &l->atoms[i];
    l->wait |= !l->ended;
    return &end;
}

bool atom_is(const atom *a, lexeme_kind kind) {
    return a->kind == ATOM_WORD && a->means.kind == kind;
}

bool atom_is_mark(const atom *a, char mark) {
    return a->kind == ATOM_MARK && a->mark == mark;
}

bool atom_says(const look *l, const atom *a, const char *word) {
    if (a->kind != ATOM_WORD || strlen(word) != a->bytes)
        return false;
    for (size_t i = 0; i < a->bytes; i++)
        if (ascii_lower(atom_text(l, a)[i]) != word[i])
            return false;
    return true;
}
