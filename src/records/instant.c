#include "records/instant.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Years that begin in March make the leap day the last one; 400 years repeat. */
int64_t instant_days(int64_t year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool leap(int64_t year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int64_t year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && leap(year));
}

/* Does text begin as the shape says, 'd' standing for a digit? */
static bool shaped(const char *text, const char *shape) {
    for (; *shape; shape++, text++)
        if (*shape == 'd' ? *text < '0' || *text > '9' : *text != *shape)
            return false;
    return true;
}

/* "Z" or "+02:00" at the end: seconds east of UTC. */
static bool parse_zone(const char *text, int *out_s) {
    if (strcmp(text, "Z") == 0) {
        *out_s = 0;
        return true;
    }
    if ((*text != '+' && *text != '-') || !shaped(text + 1, "dd:dd") || text[6])
        return false;
    int hours = atoi(text + 1), minutes = atoi(text + 4);
    *out_s = (*text == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return hours < 24 && minutes < 60;
}

static bool parse_date(const char *t, double *out_s) {
    if (!shaped(t, "dddd-dd-ddTdd:dd:dd"))
        return false;
    int64_t year = atoi(t);
    int month = atoi(t + 5), day = atoi(t + 8), hour = atoi(t + 11), zone = 0;
    int minute = atoi(t + 14), second = atoi(t + 17);
    if (year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > month_days(year, month) || hour > 23 || minute > 59 || second > 60)
        return false;
    double fraction = 0;
    const char *rest = t + 19;
    if (*rest == '.') {
        size_t digits = strspn(rest + 1, "0123456789");
        if (digits == 0)
            return false;
        fraction = strtod(rest, NULL);
        rest += 1 + digits;
    }
    if (!parse_zone(rest, &zone))
        return false;
    *out_s = (double)(instant_days(year, month, day) * 86400 + hour * 3600 + minute * 60 +
                      second - zone) +
             fraction;
    return *out_s >= 0;
}

bool instant_parse(const char *text, double *out_s) {
    double s;
    if (strlen(text) > 64)
        return false;
    if (text[strspn(text, "0123456789.")] == '\0' && *text) {
        char *end;
        s = strtod(text, &end);
        if (*end || !(s >= 0 && s <= INSTANT_MAX_S))
            return false;
    } else if (!parse_date(text, &s)) {
        return false;
    }
    *out_s = s;
    return true;
}

void instant_text(int64_t s, char out[INSTANT_BYTES]) {
    if (s < 0 || (double)s > INSTANT_MAX_S) {
        snprintf(out, INSTANT_BYTES, "%lld", (long long)s);
        return;
    }
    int64_t day = s / 86400, year = 1970 + day / 366;
    while (instant_days(year + 1, 1, 1) <= day)
        year++;
    int month = 1;
    while (month < 12 && instant_days(year, month + 1, 1) <= day)
        month++;
    int of_month = (int)(day - instant_days(year, month, 1)) + 1,
        of_day = (int)(s % 86400);
    snprintf(out, INSTANT_BYTES, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)year, month,
             of_month, of_day / 3600, of_day / 60 % 60, of_day % 60);
}
