#include "privacy/checks.h"

#include <stdint.h>
#include <string.h>

static bool all_digits(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return true;
}

static unsigned number(const char *digits, size_t n) {
    unsigned v = 0;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (unsigned)(digits[i] - '0');
    return v;
}

bool check_luhn(const char *digits, size_t n) {
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned v = (unsigned)(digits[n - 1 - i] - '0') << (i & 1);
        sum += v > 9 ? v - 9 : v;
    }
    return n > 1 && sum % 10 == 0;
}

bool check_card(const char *digits, size_t n) {
    static const struct {
        uint8_t prefix_digits, least, most; /* of the prefix; of the number */
        uint16_t first, last;
    } schemes[] = {
        {1, 13, 13, 4, 4},       {1, 16, 16, 4, 4},       {1, 19, 19, 4, 4},
        {2, 16, 16, 51, 55},     {4, 16, 16, 2221, 2720}, {2, 15, 15, 34, 34},
        {2, 15, 15, 37, 37},     {4, 16, 19, 6011, 6011}, {3, 16, 19, 644, 659},
        {2, 16, 19, 62, 62},     {4, 16, 19, 3528, 3589}, {2, 14, 19, 36, 36},
        {2, 16, 19, 38, 39},     {3, 16, 19, 300, 305},   {4, 12, 19, 5018, 5018},
        {4, 12, 19, 5020, 5020}, {4, 12, 19, 5038, 5038}, {4, 12, 19, 5893, 5893},
        {4, 12, 19, 6304, 6304}, {4, 12, 19, 6759, 6759}, {4, 12, 19, 6761, 6763},
        {2, 16, 16, 60, 60},     {2, 16, 16, 81, 82},     {4, 16, 16, 2200, 2204},
    };
    if (n < 12 || n > 19 || !all_digits(digits, n) || !check_luhn(digits, n))
        return false;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        unsigned prefix = number(digits, schemes[i].prefix_digits);
        if (n >= schemes[i].least && n <= schemes[i].most && prefix >= schemes[i].first &&
            prefix <= schemes[i].last)
            return true;
    }
    return false;
}

size_t check_iban_length(const char country[2]) {
    /* SWIFT IBAN registry: country and length */
    static const char lengths[] =
        "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28"
        "EE20EG29ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26"
        "IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28"
        "NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25"
        "SV28TL23TN24TR26UA29VA22VG24XK20YE30";
    for (const char *at = lengths; *at; at += 4)
        if (at[0] == country[0] && at[1] == country[1])
            return number(at + 2, 2);
    return 0;
}

bool check_iban(const char *chars, size_t n) {
    if (n < 15 || check_iban_length(chars) != n || !all_digits(chars + 2, 2))
        return false;
    unsigned rest = 0;
    for (size_t i = 0; i < n; i++) {
        char c = chars[(i + 4) % n]; /* the first four go to the end */
        if (c >= '0' && c <= '9')
            rest = (rest * 10 + (unsigned)(c - '0')) % 97;
        else if (c >= 'A' && c <= 'Z')
            rest = (rest * 100 + (unsigned)(c - 'A') + 10) % 97;
        else
            return false;
    }
    return rest == 1;
}

bool check_ssn(const char *digits, size_t n) {
    if (n != 9 || !all_digits(digits, n))
        return false;
    unsigned area = number(digits, 3);
    return area != 0 && area != 666 && area < 900 && number(digits + 3, 2) != 0 &&
           number(digits + 5, 4) != 0;
}

bool check_nino(const char *s, size_t n) {
    static const char never[][3] = {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"};
    if (n != 9 || !all_digits(s + 2, 6) || s[8] < 'A' || s[8] > 'D')
        return false;
    for (size_t i = 0; i < 2; i++)
        if (s[i] < 'A' || s[i] > 'Z' || strchr("DFIQUV", s[i]) || (i == 1 && s[i] == 'O'))
            return false;
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        if (memcmp(s, never[i], 2) == 0)
            return false;
    return true;
}

/* Sex, year, month, department (2A and 2B are Corsica), commune, order, key. */
bool check_nir(const char *s, size_t n) {
    char digits[15];
    if (n != 15)
        return false;
    memcpy(digits, s, n);
    if (s[5] == '2' && (s[6] == 'A' || s[6] == 'B')) {
        digits[5] = '1';
        digits[6] = s[6] == 'A' ? '9' : '8';
    }
    if (!all_digits(digits, n) || !strchr("123478", digits[0]))
        return false;
    unsigned month = number(digits + 3, 2), rest = 0;
    bool known = (month >= 1 && month <= 12) || (month >= 20 && month <= 42) ||
                 (month >= 50 && month <= 99);
    for (size_t i = 0; i < 13; i++)
        rest = (rest * 10 + (unsigned)(digits[i] - '0')) % 97;
    return known && number(digits + 13, 2) == 97 - rest;
}

bool check_dni(const char *s, size_t n) {
    char digits[8];
    if (n != 9)
        return false;
    memcpy(digits, s, 8);
    if (digits[0] >= 'X' && digits[0] <= 'Z')
        digits[0] = (char)('0' + (digits[0] - 'X'));
    return all_digits(digits, 8) &&
           s[8] == "TRWAGMYFPDXBNJZSQVHLCKE"[number(digits, 8) % 23];
}

/* Of the first ten digits exactly one comes twice or three times. */
static bool steuer_digits(const char *digits) {
    unsigned times[10] = {0}, repeated = 0;
    for (size_t i = 0; i < 10; i++)
        times[digits[i] - '0']++;
    for (size_t i = 0; i < 10; i++) {
        if (times[i] > 3)
            return false;
        repeated += times[i] > 1;
    }
    return repeated == 1;
}

bool check_steuer_id(const char *digits, size_t n) {
    if (n != 11 || !all_digits(digits, n) || digits[0] == '0' || !steuer_digits(digits))
        return false;
    unsigned product = 10;
    for (size_t i = 0; i < 10; i++) {
        unsigned sum = ((unsigned)(digits[i] - '0') + product) % 10;
        product = (sum == 0 ? 10 : sum) * 2 % 11;
    }
    return (unsigned)(digits[10] - '0') == (11 - product) % 10;
}

bool check_cpf(const char *digits, size_t n) {
    if (n != 11 || !all_digits(digits, n) || memcmp(digits, digits + 1, 10) == 0)
        return false; /* eleven of one digit pass the sums */
    for (size_t length = 9; length < 11; length++) {
        unsigned sum = 0;
        for (size_t i = 0; i < length; i++)
            sum += (unsigned)(digits[i] - '0') * (unsigned)(length + 1 - i);
        if ((unsigned)(digits[length] - '0') != sum * 10 % 11 % 10)
            return false;
    }
    return true;
}

bool check_nanp(const char *digits, size_t n) {
    return n == 10 && all_digits(digits, n) && digits[0] >= '2' && digits[3] >= '2' &&
           digits[1] != '9';
}
