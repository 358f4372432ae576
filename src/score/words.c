#include "score/words.h"

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

score_word score_word_of(const char *text, size_t bytes) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    return (score_word){.text = text, .bytes = (uint32_t)bytes, .hash = hash};
}

size_t score_split(const char *text, size_t bytes, score_word *words, size_t max) {
    size_t count = 0;
    size_t at = 0;
    while (at < bytes) {
        while (at < bytes && is_space(text[at]))
            at++;
        size_t start = at;
        while (at < bytes && !is_space(text[at]))
            at++;
        if (at == start)
            break;
        if (count < max)
            words[count] = score_word_of(text + start, at - start);
        count++;
    }
    return count;
}
