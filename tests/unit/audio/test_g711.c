#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audio/g711.h"

typedef struct {
    uint8_t code;
    int16_t sample;
} known;

/* ITU-T G.711 table 2a and 2b, decoder output values times 4. */
static void mulaw_codes_have_the_values_of_the_standard(void **state) {
    (void)state;
    static const known row[] = {
        {0x80, 32124},  /* largest: 8031 */
        {0x00, -32124}, /* and its negative */
        {0x8f, 16764},  /* last of the highest segment: 4191 */
        {0x90, 15996},  /* first of the next: 3999 */
        {0x9f, 8316},   /* 2079 */
        {0xa0, 7932},   /* 1983 */
        {0xef, 132},    /* 33 */
        {0xf0, 120},    /* 30 */
        {0xfe, 8},      /* smallest step: 2 */
        {0xff, 0},      {0x7f, 0}, {0x7e, -8},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        assert_int_equal(g711_mulaw(row[i].code), row[i].sample);
}

/* Table 1a and 1b, times 8 (even bits inverted on the line). */
static void alaw_codes_have_the_values_of_the_standard(void **state) {
    (void)state;
    static const known row[] = {
        {0xaa, 32256},  /* largest: 4032 */
        {0x2a, -32256}, /* and its negative */
        {0xa5, 16896},  /* 2112 */
        {0xba, 16128},  /* 2016 */
        {0xd5, 8},      /* 1 */
        {0x55, -8},     /* -1: A-law has no zero */
        {0xc5, 264},    /* 33: first of the second segment */
        {0xda, 248},    /* 31: last of the first */
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        assert_int_equal(g711_alaw(row[i].code), row[i].sample);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mulaw_codes_have_the_values_of_the_standard),
        cmocka_unit_test(alaw_codes_have_the_values_of_the_standard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
