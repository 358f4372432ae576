#include "score/words.h"

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static uint64_t mix(uint64_t hash, uint64_t block) {
    hash = (hash ^ block) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

#define EACH_BYTE 0x0101010101010101u
#define HIGH_BITS 0x8080808080808080u

/* The high bit of every byte of block that is white space (' ' or '\t' to '\r'). Adding
 * to seven bits carries into the eighth and no further. */
static inline uint64_t spaces_of(uint64_t block) {
    uint64_t low = block & ~HIGH_BITS;
    uint64_t not_blank = (low ^ ' ' * EACH_BYTE) + 0x7F * EACH_BYTE;
    uint64_t from_tab = low + (0x80 - '\t') * EACH_BYTE;
    uint64_t past_return = low + (0x80 - '\r' - 1) * EACH_BYTE;
    return (~not_blank | (from_tab & ~past_return)) & ~block & HIGH_BITS;
}

static inline uint64_t load(const char *text, size_t bytes) {
    uint64_t block = 0;
    memcpy(&block, text, bytes);
    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
        block = __builtin_bswap64(block);
    return block;
}

/* The word that starts at text[0] and ends at white space or text[bytes]. */
static inline score_word word_at(const char *text, size_t bytes) {
    uint64_t hash = 0, block = 0;
    size_t n = 0;
    for (;;) {
        size_t left = bytes - n;
        if (left >= 8) {
            block = load(text + n, 8);
            uint64_t spaces = spaces_of(block);
            if (!spaces) {
                hash = mix(hash, block);
                n += 8;
                continue;
            }
            left = (size_t)__builtin_ctzll(spaces) / 8;
            block &= (1ull << 8 * left) - 1;
        } else {
            size_t end = 0;
            while (end < left && !is_space(text[n + end]))
                end++;
            left = end;
            block = load(text + n, left);
        }
        n += left;
        break;
    }
    if (n <= SCORE_HASH_EXACT_BYTES)
        hash = n < SCORE_HASH_EXACT_BYTES ? block : load(text, n);
    else
        hash = mix(hash, block);
    return (score_word){.text = text, .bytes = (uint32_t)n, .hash = hash};
}

score_word score_word_of(const char *text, size_t bytes) {
    return word_at(text, bytes);
}

size_t score_split(const char *text, size_t bytes, score_word *words, size_t max) {
    size_t count = 0;
    size_t at = 0;
    for (;;) {
        while (at < bytes && is_space(text[at]))
            at++;
        if (at == bytes)
            return count;
        score_word word = word_at(text + at, bytes - at);
        if (count < max)
            words[count] = word;
        count++;
        at += word.bytes;
    }
}

/* Bytes of the character at text[0]; a broken sequence is taken byte by byte. */
static size_t character_bytes(const char *text, size_t left) {
    unsigned char c = (unsigned char)text[0];
    size_t n = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (n > left)
        return 1;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)text[i] & 0xC0) != 0x80)
            return 1;
    return n;
}

size_t score_split_characters(const char *text, size_t bytes, score_word *characters,
                              size_t max) {
    static const score_word blank = {.text = " ", .bytes = 1, .hash = ' '};
    size_t count = 0;
    bool gap = false;
    for (size_t at = 0; at < bytes;) {
        if (is_space(text[at])) {
            gap = count > 0;
            at++;
            continue;
        }
        if (gap) {
            if (count < max)
                characters[count] = blank;
            count++;
            gap = false;
        }
        size_t n = character_bytes(text + at, bytes - at);
        if (count < max)
            characters[count] = score_word_of(text + at, n);
        count++;
        at += n;
    }
    return count;
}

int score_compare_words(const score_word *a, const score_word *b) {
    uint32_t least = a->bytes < b->bytes ? a->bytes : b->bytes;
    int order = least ? memcmp(a->text, b->text, least) : 0;
    return order ? order : (a->bytes > b->bytes) - (a->bytes < b->bytes);
}
