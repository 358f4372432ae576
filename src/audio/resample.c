#include "audio/resample.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define PI 3.14159265358979323846
#define STOP_DB 75.0     /* design value; measured 70 and better (test_resample) */
#define EXACT_PHASES 640 /* 11.025 kHz needs all of them; stranger rates interpolate */
#define ROUGH_PHASES 512
#define TAPS_MAX 2048 /* 192 kHz to 16 kHz takes 1,792 */
#define DOWN_MAX 12   /* keeps the filter within TAPS_MAX */
#define BLOCK 512     /* input samples filtered at a time */
#define KEPT_TABLES 8 /* unused tables kept for the next session of that rate */

/* One ratio's filter. out = up * in / down in lowest terms. */
typedef struct table {
    struct table *next;
    uint32_t from_hz, to_hz, up, down;
    uint32_t phases; /* == up: exact; else rows are interpolated */
    uint32_t taps;   /* multiple of 8 */
    unsigned users;
    float *row; /* [phases + 1][taps]; row p is centred at p / phases of a sample */
} table;

static pthread_mutex_t tables_lock = PTHREAD_MUTEX_INITIALIZER;
static table *tables; /* most recently used first */

struct resampler {
    table *filter;
    uint64_t in_total;  /* samples pushed */
    uint64_t out_total; /* samples made */
    uint32_t phase;     /* of the next output sample: 0..up-1, in 1/up samples */
    uint32_t skip;      /* input samples to drop before `kept` is of use */
    uint32_t kept_n;
    int16_t kept[]; /* [taps]: input from the next output's first tap on */
};

static uint32_t greatest_divisor(uint32_t a, uint32_t b) {
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Modified Bessel function of the first kind, order 0. */
static double bessel_i0(double x) {
    double sum = 1, term = 1;
    for (int k = 1; k < 64 && term > sum * 1e-12; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

/* The filter for a sample that lies `centre` (0..1) past tap taps/2 - 1. */
static void fill_row(float *row, uint32_t taps, double centre, double cutoff,
                     double beta) {
    const double half = taps / 2.0;
    double sum = 0;
    for (uint32_t j = 0; j < taps; j++) {
        double u = (double)j - (half - 1) - centre;
        double x = u / half;
        double window = fabs(x) >= 1 ? 0 : bessel_i0(beta * sqrt(1 - x * x));
        double sinc = fabs(u) < 1e-9 ? 2 * cutoff : sin(2 * PI * cutoff * u) / (PI * u);
        row[j] = (float)(sinc * window);
        sum += sinc * window;
    }
    for (uint32_t j = 0; j < taps; j++)
        row[j] = (float)(row[j] / sum); /* a steady level stays what it is */
}

static table *table_build(uint32_t from_hz, uint32_t to_hz) {
    const uint32_t common = greatest_divisor(from_hz, to_hz);
    const double nyquist = (from_hz < to_hz ? from_hz : to_hz) / 2.0;
    const double transition = 0.0625 * nyquist / from_hz; /* cycles per input sample */
    const double cutoff = 0.96875 * nyquist / from_hz;
    const double beta = 0.1102 * (STOP_DB - 8.7);
    double length = (STOP_DB - 8) / (2.285 * 2 * PI * transition);

    table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->from_hz = from_hz;
    t->to_hz = to_hz;
    t->up = to_hz / common;
    t->down = from_hz / common;
    t->phases = t->up <= EXACT_PHASES ? t->up : ROUGH_PHASES;
    t->taps = ((uint32_t)ceil(length) + 7) / 8 * 8;
    ASSERT(t->taps <= TAPS_MAX);
    t->row = malloc((size_t)(t->phases + 1) * t->taps * sizeof *t->row);
    if (t->row == NULL) {
        free(t);
        return NULL;
    }
    for (uint32_t p = 0; p <= t->phases; p++)
        fill_row(t->row + (size_t)p * t->taps, t->taps, (double)p / t->phases, cutoff,
                 beta);
    return t;
}

/* Frees unused tables beyond the first KEPT_TABLES. With the lock held. */
static void forget_old_tables(void) {
    unsigned unused = 0;
    for (table **at = &tables; *at != NULL;) {
        table *t = *at;
        if (t->users == 0 && ++unused > KEPT_TABLES) {
            *at = t->next;
            free(t->row);
            free(t);
        } else {
            at = &t->next;
        }
    }
}

static table *table_take(uint32_t from_hz, uint32_t to_hz) {
    pthread_mutex_lock(&tables_lock);
    table **at = &tables;
    while (*at != NULL && ((*at)->from_hz != from_hz || (*at)->to_hz != to_hz))
        at = &(*at)->next;
    table *t = *at;
    if (t != NULL)
        *at = t->next;
    else
        t = table_build(from_hz, to_hz);
    if (t != NULL) {
        t->users++;
        t->next = tables;
        tables = t;
        forget_old_tables();
    }
    pthread_mutex_unlock(&tables_lock);
    return t;
}

static void table_give(table *t) {
    pthread_mutex_lock(&tables_lock);
    t->users--;
    forget_old_tables();
    pthread_mutex_unlock(&tables_lock);
}

static bool rate_taken(uint32_t hz) {
    return hz >= RESAMPLE_RATE_MIN_HZ && hz <= RESAMPLE_RATE_MAX_HZ;
}

static void begin(resampler *r) {
    r->in_total = r->out_total = 0;
    r->phase = r->skip = 0;
    r->kept_n = r->filter->taps / 2 - 1; /* zeros before the first sample */
    memset(r->kept, 0, r->kept_n * sizeof r->kept[0]);
}

status resampler_create(uint32_t from_hz, uint32_t to_hz, resampler **out) {
    if (!rate_taken(from_hz) || !rate_taken(to_hz) || from_hz / to_hz > DOWN_MAX)
        return ERR_INVALID;
    table *t = table_take(from_hz, to_hz);
    if (t == NULL)
        return ERR_MEMORY;
    resampler *r = calloc(1, sizeof *r + t->taps * sizeof r->kept[0]);
    if (r == NULL) {
        table_give(t);
        return ERR_MEMORY;
    }
    r->filter = t;
    begin(r);
    *out = r;
    return OK;
}

void resampler_destroy(resampler *r) {
    if (r == NULL)
        return;
    table_give(r->filter);
    free(r);
}

/* taps is a multiple of 8: eight sums that do not wait for each other. */
static float dot(const float *a, const float *b, uint32_t taps) {
    float sum[8] = {0};
    for (uint32_t j = 0; j < taps; j += 8)
        for (uint32_t k = 0; k < 8; k++)
            sum[k] += a[j + k] * b[j + k];
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) +
           ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

static float filtered(const table *t, uint32_t phase, const float *in) {
    if (t->phases == t->up)
        return dot(t->row + (size_t)phase * t->taps, in, t->taps);
    double place = (double)phase * t->phases / t->up;
    uint32_t p = (uint32_t)place;
    float mix = (float)(place - p);
    const float *row = t->row + (size_t)p * t->taps;
    return (1 - mix) * dot(row, in, t->taps) + mix * dot(row + t->taps, in, t->taps);
}

static int16_t rounded(float v) {
    return v >= 32767 ? INT16_MAX : v <= -32768 ? INT16_MIN : (int16_t)lrintf(v);
}

/* Filters kept + in [n <= BLOCK]; stops before output sample `limit`. */
static void push_block(resampler *r, const int16_t *in, size_t n, uint64_t limit,
                       buf *out) {
    const table *t = r->filter;
    float work[TAPS_MAX + BLOCK];
    size_t dropped = r->skip < n ? r->skip : n;
    r->skip -= (uint32_t)dropped;
    size_t have = 0;
    for (; have < r->kept_n; have++)
        work[have] = r->kept[have];
    for (size_t i = dropped; i < n; i++)
        work[have++] = in[i];

    int16_t made[BLOCK];
    size_t made_n = 0, at = 0;
    while (at + t->taps <= have && r->out_total < limit) {
        made[made_n++] = rounded(filtered(t, r->phase, work + at));
        r->out_total++;
        uint32_t next = r->phase + t->down;
        at += next / t->up;
        r->phase = next % t->up;
        if (made_n == BLOCK) {
            buf_add(out, made, sizeof made);
            made_n = 0;
        }
    }
    buf_add(out, made, made_n * sizeof made[0]);
    if (r->out_total >= limit) { /* the end: nothing is needed any more */
        r->kept_n = 0;
        return;
    }
    if (at > have) {
        r->skip += (uint32_t)(at - have);
        at = have;
    }
    r->kept_n = (uint32_t)(have - at);
    ASSERT(r->kept_n <= t->taps);
    for (size_t i = 0; i < r->kept_n; i++)
        r->kept[i] = (int16_t)work[at + i]; /* exact: they came as 16 bits */
}

void resampler_push(resampler *r, const int16_t *in, size_t n, buf *out) {
    r->in_total += n;
    while (n > 0) {
        size_t block = n < BLOCK ? n : BLOCK;
        push_block(r, in, block, UINT64_MAX, out);
        in += block;
        n -= block;
    }
}

void resampler_end(resampler *r, buf *out) {
    static const int16_t zeros[BLOCK] = {0};
    const table *t = r->filter;
    uint64_t limit = (r->in_total * t->up + t->down - 1) / t->down;
    for (uint32_t left = t->taps; left > 0 && r->out_total < limit;) {
        uint32_t block = left < BLOCK ? left : BLOCK;
        push_block(r, zeros, block, limit, out);
        left -= block;
    }
    begin(r);
}
