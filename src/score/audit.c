#include "score/audit.h"

static const char *const names[AUDIT_SCRIPT_COUNT] = {
    "none",   "Latin", "Greek", "Cyrillic", "Armenian", "Hebrew",
    "Arabic", "Indic", "Thai",  "Georgian", "Hangul",   "Han or kana"};

const char *audit_script_name(audit_script s) {
    return names[s];
}

/* The code point at text[*at], which moves on; 0xFFFD for a broken byte. */
static uint32_t next_point(const char *text, size_t bytes, size_t *at) {
    unsigned char c = (unsigned char)text[(*at)++];
    if (c < 0x80)
        return c;
    unsigned more = c >= 0xC2 && c < 0xE0   ? 1
                    : c >= 0xE0 && c < 0xF0 ? 2
                    : c >= 0xF0 && c < 0xF5 ? 3
                                            : 0;
    if (more == 0 || more > bytes - *at)
        return 0xFFFD;
    uint32_t point = c & (0x3Fu >> more);
    for (unsigned i = 0; i < more; i++) {
        unsigned char next = (unsigned char)text[*at + i];
        if ((next & 0xC0) != 0x80)
            return 0xFFFD;
        point = point << 6 | (next & 0x3F);
    }
    *at += more;
    return point;
}

static audit_script script_of_point(uint32_t point) {
    static const struct {
        uint32_t first, last;
        audit_script script;
    } blocks[] = {
        {'A', 'Z', AUDIT_SCRIPT_LATIN},
        {'a', 'z', AUDIT_SCRIPT_LATIN},
        {0xC0, 0xD6, AUDIT_SCRIPT_LATIN},
        {0xD8, 0xF6, AUDIT_SCRIPT_LATIN},
        {0xF8, 0x24F, AUDIT_SCRIPT_LATIN},
        {0x370, 0x3FF, AUDIT_SCRIPT_GREEK},
        {0x400, 0x52F, AUDIT_SCRIPT_CYRILLIC},
        {0x531, 0x587, AUDIT_SCRIPT_ARMENIAN},
        {0x5D0, 0x5F2, AUDIT_SCRIPT_HEBREW},
        {0x620, 0x6FF, AUDIT_SCRIPT_ARABIC},
        {0x750, 0x77F, AUDIT_SCRIPT_ARABIC},
        {0x900, 0xDFF, AUDIT_SCRIPT_INDIC},
        {0xE01, 0xE4E, AUDIT_SCRIPT_THAI},
        {0x10A0, 0x10FF, AUDIT_SCRIPT_GEORGIAN},
        {0x1100, 0x11FF, AUDIT_SCRIPT_HANGUL},
        {0x1E00, 0x1EFF, AUDIT_SCRIPT_LATIN},
        {0x1F00, 0x1FFF, AUDIT_SCRIPT_GREEK},
        {0x3041, 0x30FF, AUDIT_SCRIPT_HAN_KANA},
        {0x3400, 0x4DBF, AUDIT_SCRIPT_HAN_KANA},
        {0x4E00, 0x9FFF, AUDIT_SCRIPT_HAN_KANA},
        {0xAC00, 0xD7A3, AUDIT_SCRIPT_HANGUL},
        {0xF900, 0xFAFF, AUDIT_SCRIPT_HAN_KANA},
        {0x20000, 0x323AF, AUDIT_SCRIPT_HAN_KANA},
    };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        if (point >= blocks[i].first && point <= blocks[i].last)
            return blocks[i].script;
    return AUDIT_SCRIPT_NONE;
}

audit_script audit_script_of(const char *text, size_t bytes) {
    uint64_t letters[AUDIT_SCRIPT_COUNT] = {0};
    for (size_t at = 0; at < bytes;)
        letters[script_of_point(next_point(text, bytes, &at))]++;
    audit_script most = AUDIT_SCRIPT_NONE;
    letters[AUDIT_SCRIPT_NONE] = 0;
    for (int s = 1; s < AUDIT_SCRIPT_COUNT; s++)
        if (letters[s] > letters[most])
            most = (audit_script)s;
    return most;
}

/* Part of a word: a digit, a letter, or anything outside ASCII but the punctuation of
 * U+2000..206F and U+3000..303F and no-break space. */
static bool is_said(uint32_t point) {
    if (point < 0x80)
        return (point >= '0' && point <= '9') ||
               ((point | 0x20) >= 'a' && (point | 0x20) <= 'z');
    return !(point >= 0x2000 && point <= 0x206F) &&
           !(point >= 0x3000 && point <= 0x303F) && point != 0xA0 && point != 0xFFFD;
}

static uint64_t count_said(const char *text, size_t bytes) {
    uint64_t n = 0;
    for (size_t at = 0; at < bytes;)
        n += is_said(next_point(text, bytes, &at));
    return n;
}

bool audit_is_empty(const char *text, size_t bytes) {
    return count_said(text, bytes) == 0;
}

static char closing(char open) {
    switch (open) {
    case '[':
        return ']';
    case '<':
        return '>';
    case '{':
        return '}';
    case '(':
        return ')';
    case '*':
        return '*';
    default:
        return '\0';
    }
}

bool audit_is_non_speech(const char *text, size_t bytes) {
    if (audit_is_empty(text, bytes))
        return false;
    for (size_t at = 0; at < bytes;) {
        char close = closing(text[at]);
        if (close) {
            size_t end = at + 1;
            while (end < bytes && text[end] != close)
                end++;
            if (end == bytes)
                return false; /* an open bracket is no mark */
            at = end + 1;
        } else if (is_said(next_point(text, bytes, &at))) {
            return false;
        }
    }
    return true;
}

bool audit_is_unlike_in_length(const char *a, size_t a_bytes, const char *b,
                               size_t b_bytes) {
    uint64_t x = count_said(a, a_bytes), y = count_said(b, b_bytes);
    uint64_t less = x < y ? x : y, more = x < y ? y : x;
    return more - less >= AUDIT_LETTERS_LEAST && more >= AUDIT_RATIO_LEAST * less;
}
