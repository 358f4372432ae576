/* records/instant.h: points in time as people and machines write them.
 *
 * "2026-01-31T08:15:00Z", with a fraction, with an offset such as +02:00; or seconds
 * since 1970-01-01 UTC. Years 1970 to 9999. Pure: reads no clock and no time zone. */
#ifndef ROSTRUM_RECORDS_INSTANT_H
#define ROSTRUM_RECORDS_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

#define INSTANT_BYTES 48
#define INSTANT_MAX_S 253402300799.0 /* 9999-12-31T23:59:59Z */

/* s since 1970 with the fraction. false: not an instant. */
bool instant_parse(const char *text, double *out_s);

/* "2026-01-31T08:15:00Z"; a time outside 1970..9999 is written as a number. */
void instant_text(int64_t s, char out[INSTANT_BYTES]);

/* Days since 1970-01-01 of a civil date (Gregorian, also before 1582). */
int64_t instant_days(int64_t year, int month, int day);

#endif
