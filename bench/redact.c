/* bench_redact [SEED]: how much the redactor finds, what it takes wrongly, how fast.
 *
 * Makes sentences with one entity each, written and spoken in several manners, and
 * sentences with none that look as if they had one. Recall is the share of entities of
 * which no byte came out; a false positive is a replacement that touches no entity.
 * Digits, groups and manners are drawn at random; the sentences around them are fixed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "privacy/redact.h"
#include "stats/rng.h"

/* The forms of sentences are tables of this file, not input. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

enum { EACH = 2000, TEXT_BYTES = 512 };

static stats_rng random_state;

static unsigned below(unsigned n) {
    return (unsigned)stats_rng_below(&random_state, n);
}

#define PICK(list) list[below(sizeof list / sizeof list[0])]

static void random_digits(char *out, size_t n) {
    for (size_t i = 0; i < n; i++)
        out[i] = (char)('0' + below(10));
    out[n] = '\0';
}

/* ---- numbers with the right check digits ---- */

static void make_card(char *out, char *groups) {
    random_digits(out, 16);
    bool amex = below(5) == 0;
    memcpy(out, amex ? "37" : below(2) ? "41" : "53", 2);
    size_t n = amex ? 15 : 16;
    unsigned sum = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        unsigned v = (unsigned)(out[n - 2 - i] - '0') * (i % 2 == 0 ? 2 : 1);
        sum += v > 9 ? v - 9 : v;
    }
    out[n - 1] = (char)('0' + (10 - sum % 10) % 10);
    out[n] = '\0';
    strcpy(groups, amex ? "465" : "4444");
}

static void make_ssn(char *out, char *groups) {
    random_digits(out, 9);
    out[0] = (char)('1' + below(5));
    out[4] = (char)('1' + below(9));
    out[8] = (char)('1' + below(9));
    strcpy(groups, "324");
}

static void make_phone(char *out, char *groups) {
    random_digits(out, 10);
    out[0] = (char)('2' + below(8));
    out[1] = (char)('0' + below(9));
    out[3] = (char)('2' + below(8));
    strcpy(groups, "334");
}

static void make_account(char *out, char *groups) {
    random_digits(out, 8 + below(5));
    out[0] = (char)('1' + below(9));
    strcpy(groups, "9");
}

static const char *const ones[] = {"zero", "one", "two",   "three", "four",
                                   "five", "six", "seven", "eight", "nine"};
static const char *const teens[] = {"ten",      "eleven",  "twelve",  "thirteen",
                                    "fourteen", "fifteen", "sixteen", "seventeen",
                                    "eighteen", "nineteen"};
static const char *const tens[] = {"",      "",      "twenty",  "thirty", "forty",
                                   "fifty", "sixty", "seventy", "eighty", "ninety"};

static void say_two(char *out, const char *digits) {
    unsigned v = (unsigned)(digits[0] - '0') * 10 + (unsigned)(digits[1] - '0');
    if (v < 10)
        sprintf(out, "oh %s ", ones[v]);
    else if (v < 20)
        sprintf(out, "%s ", teens[v - 10]);
    else if (v % 10 == 0)
        sprintf(out, "%s ", tens[v / 10]);
    else
        sprintf(out, "%s%c%s ", tens[v / 10], below(4) ? ' ' : '-', ones[v % 10]);
}

/* The digits as somebody says them: single, doubled, in pairs, some in figures. */
static void say_digits(char *out, const char *digits, const char *groups) {
    unsigned manner = below(4);
    size_t n = strlen(digits), group = 0, left = (size_t)(groups[0] - '0');
    const char *zero = below(2) ? "oh" : "zero";
    *out = '\0';
    for (size_t i = 0; i < n;) {
        char *end = out + strlen(out);
        size_t run = 1;
        while (i + run < n && run < 3 && run < left && digits[i + run] == digits[i])
            run++;
        const char *one = digits[i] == '0' ? zero : ones[digits[i] - '0'];
        if (manner == 1 && run > 1) {
            sprintf(end, "%s %s ", run == 2 ? "double" : "triple", one);
        } else if (manner == 2 && left >= 2 && i + 1 < n && digits[i] != '0') {
            run = 2;
            say_two(end, digits + i);
        } else if (manner == 3 && below(3) == 0) {
            run = 1;
            sprintf(end, "%c ", digits[i]);
        } else {
            run = 1;
            sprintf(end, "%s ", one);
        }
        i += run;
        left = left > run ? left - run : 0;
        if (left == 0 && groups[group + 1]) {
            left = (size_t)(groups[++group] - '0');
            unsigned pause = below(8);
            size_t used = strlen(out);
            if (i < n && pause < 3)
                strcpy(out + used - (pause == 0), pause == 0   ? ", "
                                                  : pause == 1 ? "uh "
                                                               : "dash ");
        } else if (left == 0) {
            left = n;
        }
    }
    out[strlen(out) - 1] = '\0';
}

static void write_digits(char *out, const char *digits, const char *groups) {
    static const char *const marks[] = {" ", "-", "", " "};
    const char *mark = PICK(marks);
    size_t at = 0, n = strlen(digits);
    *out = '\0';
    for (const char *g = groups; at < n; g++) {
        size_t size = (size_t)(*g - '0');
        size = size > n - at || size > 8 ? n - at : size;
        strncat(out, digits + at, size);
        at += size;
        if (at < n)
            strcat(out, mark);
    }
}

/* ---- entities ---- */

static const char *const names[] = {"john",    "maria", "wei",   "kowalski", "fatima",
                                    "o'brien", "singh", "laura", "peters",   "ana"};
static const char *const hosts[] = {"gmail", "outlook", "acme", "proton", "fastmail"};

static void put_email(char *out, bool spoken) {
    const char *a = PICK(names), *b = PICK(names), *host = PICK(hosts);
    unsigned number = below(100);
    static const char *const written[] = {"%s.%s@%s.com", "%s%s@%s.org",
                                          "%s_%s@mail.%s.net"};
    static const char *const said[] = {
        "%s dot %s at %s dot com", "%s underscore %s at %s dot org",
        "%s %s at %s dot net", "%s dash %s at mail dot %s dot com"};
    if (below(4) == 0)
        sprintf(out, spoken ? "%s %s %u at %s dot com" : "%s%s%u@%s.com", a, b, number,
                host);
    else if (spoken)
        sprintf(out, PICK(said), a, b, host);
    else
        sprintf(out, PICK(written), a, b, host);
}

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const days[] = {"first",        "second",   "third", "fourth",
                                   "fifth",        "ninth",    "tenth", "twelfth",
                                   "twenty first", "thirtieth"};

static void put_date(char *out, bool spoken) {
    unsigned year = 1940 + below(70), day = 1 + below(28), month = below(12);
    char said[64], digits[8];
    if (!spoken) {
        static const char *const forms[] = {"%02u/%02u/%u", "%02u-%02u-%u"};
        if (below(2))
            sprintf(out, PICK(forms), month + 1, day, year);
        else
            sprintf(out, "%s %u, %u", months[month], day, year);
        return;
    }
    sprintf(digits, "%02u", year % 100);
    say_two(said, digits);
    if (year == 2000)
        strcpy(said, "two thousand ");
    said[strlen(said) - 1] = '\0';
    const char *century = year < 2000 ? "nineteen " : year == 2000 ? "" : "twenty ";
    if (year % 100 == 0 && year < 2000)
        strcpy(said, "hundred");
    if (below(2))
        sprintf(out, "%s %s %s%s", months[month], PICK(days), century, said);
    else
        sprintf(out, "the %s of %s %s%s", PICK(days), months[month], century, said);
}

static void put_ip(char *out, bool spoken) {
    char said[4][64];
    unsigned octet[4];
    for (size_t i = 0; i < 4; i++) {
        char digits[8];
        octet[i] = below(256);
        sprintf(digits, "%u", octet[i]);
        say_digits(said[i], digits, "9");
        for (char *at; (at = strstr(said[i], "-"));)
            *at = ' ';
    }
    if (spoken)
        sprintf(out, "%s dot %s dot %s dot %s", said[0], said[1], said[2], said[3]);
    else
        sprintf(out, "%u.%u.%u.%u", octet[0], octet[1], octet[2], octet[3]);
}

static void put_url(char *out, bool spoken) {
    static const char *const written[] = {"https://www.%s.com/%s?id=7", "www.%s.org/%s",
                                          "%s.io/%s"};
    static const char *const said[] = {"w w w dot %s dot com slash %s",
                                       "%s dot org slash %s",
                                       "www dot %s dot net slash %s"};
    if (spoken)
        sprintf(out, PICK(said), PICK(hosts), PICK(names));
    else
        sprintf(out, PICK(written), PICK(hosts), "account");
}

static void put_iban(char *out, bool spoken) {
    char digits[24], chars[64];
    random_digits(digits, 18);
    unsigned rest = 0; /* DE: digits, then 1314 and 00 */
    sprintf(chars, "%s131400", digits);
    for (const char *at = chars; *at; at++)
        rest = (rest * 10 + (unsigned)(*at - '0')) % 97;
    sprintf(chars, "%02u%s", 98 - rest, digits);
    char body[256];
    if (spoken) {
        say_digits(body, chars, "99");
        sprintf(out, "D E %s", body);
    } else {
        write_digits(body, chars, "244442");
        sprintf(out, "DE%s", body);
    }
}

static void put_entity(entity class, bool spoken, char *out) {
    char digits[24], groups[8];
    switch (class) {
    case ENTITY_EMAIL:
        put_email(out, spoken);
        return;
    case ENTITY_DATE:
        put_date(out, spoken);
        return;
    case ENTITY_IP:
        put_ip(out, spoken);
        return;
    case ENTITY_URL:
        put_url(out, spoken);
        return;
    case ENTITY_IBAN:
        put_iban(out, spoken);
        return;
    case ENTITY_CARD:
        make_card(digits, groups);
        break;
    case ENTITY_NATIONAL_ID:
        make_ssn(digits, groups);
        break;
    case ENTITY_PHONE:
        make_phone(digits, groups);
        break;
    default:
        make_account(digits, groups);
    }
    if (spoken)
        say_digits(out, digits, groups);
    else
        write_digits(out, digits, groups);
}

static const char *const frames[] = {
    "so it is %s if you need it again",
    "Sure, %s.",
    "I already gave you %s, right?",
    "okay let me read it out %s thanks",
    "you had %s on file before we moved",
    "yeah um %s and that is all I have",
    "%s",
    "we wrote down %s, is that right",
};

/* ---- sentences without ---- */

static void put_harmless(char *out) {
    static const char *const rows[] = {
        "order number %u%u shipped on monday",
        "call me at four or maybe five thirty",
        "we met in nineteen eighty five and again in twenty twenty four",
        "that was $%u,%03u.99 with tax, about %u percent more",
        "install version %u.%u.4.1 and then restart",
        "one two three testing one two three",
        "the train at 12:%u leaves from platform %u at 7:15",
        "he lives at %u baker street on the %u floor",
        "ticket %u%u is still open since last week",
        "two thousand five hundred thirty people came",
        "look at the dot on the map at noon",
        "I was born to run and march on",
        "first of all may I say that one in ten agreed",
        "count with me one two three four five six seven eight nine ten",
        "the score was %u to %u after ninety minutes",
        "chapter %u section %u, page 214",
        "it weighs twelve hundred kilos and costs thirty five thousand dollars",
        "in 2019, 2020 and 2021 we grew by %u and %u percent",
        "I left at %u past six to pick up the kids",
        "pi is about 3.14159265 and e is 2.71828182",
        "may the fourth be with you",
        "flight %u%u is delayed at gate B%u",
        "we had one hundred and %u guests and %u cars",
        "invoice 2024%u%u was paid",
        "oh no I did not mean that at all",
        "on May 5th we open at 9 and close at 10:30",
        "set a timer for %u minutes and %u seconds",
        "the 1st, 2nd and 3rd of 400 runners",
    };
    sprintf(out, PICK(rows), 10 + below(89), 100 + below(899), below(90), 1 + below(9));
}

/* ---- measuring ---- */

typedef struct {
    uint64_t from, end; /* of the entity; equal: none */
    uint64_t covered;   /* bytes of it that were replaced */
    entity class;       /* of what touched it */
    uint64_t wrong[ENTITY_COUNT];
} measured;

static void measure(void *to, const redact_piece *piece) {
    measured *m = to;
    if (piece->class == ENTITY_NONE)
        return;
    uint64_t from = piece->source, end = piece->source + piece->source_bytes;
    uint64_t low = from > m->from ? from : m->from, high = end < m->end ? end : m->end;
    if (low < high) {
        m->covered += high - low;
        m->class = piece->class;
    } else {
        m->wrong[piece->class]++;
    }
}

static measured redact_one(const char *text, size_t from, size_t end) {
    static redactor r;
    static redact_policy policy;
    redact_policy_init(&policy);
    measured m = {from, end, 0, ENTITY_NONE, {0}};
    redact_init(&r, &policy);
    redact_push(&r, private_text_of(text, strlen(text)), measure, &m);
    redact_finish(&r, measure, &m);
    return m;
}

typedef struct {
    unsigned all, found, named;
} tally;

static tally measure_class(entity class, bool spoken, bool show) {
    tally t = {0};
    for (int i = 0; i < EACH; i++) {
        char words[TEXT_BYTES / 2], text[TEXT_BYTES];
        put_entity(class, spoken, words);
        const char *frame = PICK(frames);
        size_t from = (size_t)(strstr(frame, "%s") - frame);
        snprintf(text, sizeof text, frame, words);
        measured m = redact_one(text, from, from + strlen(words));
        size_t spare =
            4 * (strncmp(words, "the ", 4) == 0); /* "the" is no part of a date */
        bool gone = m.covered + spare >= strlen(words);
        t.all++;
        t.found += gone;
        t.named += gone && m.class == class;
        if (show && !gone)
            fprintf(stderr, "missed %s: %s\n", entities[class].name, text);
    }
    return t;
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void ignore(void *to, const redact_piece *piece) {
    *(uint64_t *)to += piece->n;
}

static double megabytes_per_s(void) {
    static char text[1 << 20];
    static redactor r;
    redact_policy policy;
    uint64_t out = 0;
    size_t n = 0;
    redact_policy_init(&policy);
    while (n + TEXT_BYTES < sizeof text) { /* a fifth of the sentences hold an entity */
        char words[TEXT_BYTES / 2];
        if (below(5) == 0) {
            put_entity((entity)below(ENTITY_COUNT), below(2), words);
            n += (size_t)sprintf(text + n, PICK(frames), words);
        } else {
            put_harmless(text + n);
            n += strlen(text + n);
        }
        text[n++] = '\n';
    }
    double best = 0;
    for (int round = 0; round < 5; round++) {
        double start = seconds();
        redact_init(&r, &policy);
        redact_push(&r, private_text_of(text, n), ignore, &out);
        redact_finish(&r, ignore, &out);
        double rate = (double)n / (seconds() - start) / 1e6;
        best = rate > best ? rate : best;
    }
    return best;
}

static void figure(const char *what, double value, const char *unit, double goal,
                   bool ok) {
    printf("figure\t%s\t%.2f%s\t-\t-\t%g%s\t%s\n", what, value, unit, goal, unit,
           ok ? "yes" : "no");
}

int main(int argc, char **argv) {
    random_state = stats_rng_make(argc > 1 ? strtoull(argv[1], NULL, 10) : 1, 0);
    bool show = argc > 2;
    tally all = {0};
    printf("%-12s %9s %9s %9s %9s\n", "class", "written", "named so", "spoken",
           "named so");
    for (int class = 0; class < ENTITY_COUNT; class ++) {
        tally w = measure_class((entity) class, false, show);
        tally s = measure_class((entity) class, true, show);
        printf("%-12s %8.2f%% %8.2f%% %8.2f%% %8.2f%%\n", entities[class].name,
               100.0 * w.found / w.all, 100.0 * w.named / w.all, 100.0 * s.found / s.all,
               100.0 * s.named / s.all);
        all.all += w.all + s.all;
        all.found += w.found + s.found;
    }
    uint64_t wrong[ENTITY_COUNT] = {0}, total = 0;
    enum { HARMLESS = 20000 };
    for (int i = 0; i < HARMLESS; i++) {
        char text[TEXT_BYTES];
        put_harmless(text);
        measured m = redact_one(text, 0, 0);
        for (int k = 0; k < ENTITY_COUNT; k++) {
            wrong[k] += m.wrong[k];
            total += m.wrong[k];
            if (show && m.wrong[k])
                fprintf(stderr, "wrong %s: %s\n", entities[k].name, text);
        }
    }
    printf("false positives in %d hard sentences without an entity:", HARMLESS);
    for (int k = 0; k < ENTITY_COUNT; k++)
        printf(" %s %llu", entities[k].name, (unsigned long long)wrong[k]);
    double recall = 100.0 * all.found / all.all, rate = 100.0 * (double)total / HARMLESS;
    double speed = megabytes_per_s();
    printf("\n");
    figure("redact: entities of which nothing came out", recall, " %", 99, recall >= 99);
    figure("redact: false positives a hard sentence", rate, " %", 1, rate <= 1);
    figure("redact: characters a second", speed, " M", 10, speed >= 10);
    return 0;
}
