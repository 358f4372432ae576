#include "readiness/diagnose/slices.h"

#include <math.h>
#include <string.h>

#include "base/assert.h"
#include "readiness/diagnose/cuboid.h"
#include "readiness/diagnose/noise.h"
#include "stats/sort.h"

#define TRIES 48     /* best candidates looked at before a round gives up */
#define NAMING 4.0   /* nats a cause must be worth beyond finding it among the others */
#define REFUTED 0.25 /* weight of parts that did not change which refutes a slice */
#define REFUTED_ALL 0.05  /* the same for the slice that is the whole table */
#define PART_NATS 3.0     /* evidence a part needs to count as refuting: odds of 20 */
#define UNDONE 0.25       /* part of an effect that is as good as none */
#define LEAST_EFFECT 0.03 /* |log factor| of a cause worth naming */
#define SPARSE 10.0       /* counts a row, below which the median of rows says little */
#define DOUBTED 0.15      /* effects up to this may be what slices do every day, */
#define WANDERS 3.0       /* if they are below so many times what slices wander by */
#define SLICES_LEAST 8    /* slices from which that can be read */
#define FITS 3            /* passes over all factors after each new cause */

const slice_options slice_defaults = {.depth = 0, .least_share = 0.01};

typedef struct {
    uint32_t cuboid, group;
    double score;  /* gain - price, nats */
    double factor; /* for its rows, on top of the present model */
} candidate;

typedef struct {
    uint32_t cuboid, group;
    double factor;
} cause;

typedef struct {
    cube c;
    double *model;  /* [rows]: expected times the factors that apply */
    double *weight; /* [rows]: 1 / variance of d */
    double *d;      /* [rows] */
    double *loss;   /* [rows]: under the present model */
    double *key;    /* [rows] working memory */
    size_t *order;  /* [rows] working memory */
    uint32_t *row;  /* [rows] the same */
    /* per group of the cuboid in hand, [rows] */
    double *total, *below, *middle, *gain, *seen, *modelled, *rows;
    bool counts;      /* whole numbers were seen */
    double least_phi; /* counting noise that counts cannot be without */
    slice_noise noise;
    candidate best[TRIES]; /* highest score first */
    size_t n_best;
    cause causes[SLICES_CAUSES_MAX];
    size_t n_causes;
} search;

size_t slices_scratch(size_t rows, size_t attributes, unsigned depth) {
    if (rows > SLICES_ROWS_MAX || attributes > SLICES_ATTRIBUTES_MAX)
        return 0;
    if (depth == 0 || depth > attributes)
        depth = (unsigned)attributes;
    return sizeof(search) + 64 + cube_bytes(rows, attributes, depth) +
           rows * (12 * sizeof(double) + sizeof(size_t) + sizeof(uint32_t)) + 14 * 16;
}

static bool holds(const search *s, size_t i, size_t row) {
    return s->c.cuboids[s->causes[i].cuboid].group[row] == s->causes[i].group;
}

/* The model of a row under all causes but `without` (n_causes: all). A cause of infinite
 * factor explains whatever its rows hold. */
static double model_of(const search *s, size_t row, size_t without) {
    double model = s->c.expected[row];
    for (size_t i = 0; i < s->n_causes; i++) {
        if (i == without || !holds(s, i, row))
            continue;
        if (isinf(s->causes[i].factor))
            return s->c.seen[row];
        model *= s->causes[i].factor;
    }
    return model;
}

static double row_loss(const search *s, size_t row, double model) {
    return slice_loss(slice_deviance(s->noise, s->c.seen[row], model, s->c.expected[row],
                                     s->c.spread[row]));
}

/* Model, disagreement, noise, weights and losses under the present causes. */
static void refresh(search *s) {
    for (size_t r = 0; r < s->c.rows; r++) {
        s->model[r] = model_of(s, r, s->n_causes);
        s->d[r] = slice_disagreement(s->c.seen[r], s->model[r]);
    }
    s->noise = slice_noise_fit(s->d, s->c.spread, s->c.rows, s->order, s->key);
    s->noise.phi = fmax(s->noise.phi, s->least_phi);
    for (size_t r = 0; r < s->c.rows; r++) {
        s->weight[r] = 1 / (s->noise.s2 + s->noise.phi * s->c.spread[r]);
        s->loss[r] = row_loss(s, r, s->model[r]);
    }
}

/* The factor that moves the model to a row that disagrees by d; INFINITY at 2: nothing
 * was expected. */
static double factor_of(double d) {
    return d < 2 ? (2 + d) / (2 - d) : INFINITY;
}

/* The factor of a slice, from the weighted median of d and from its sums. The median
 * resists wild rows, and says nothing where a row holds a handful or where half of the
 * rows were empty once. */
static double factor_from(const search *s, double middle, double seen, double modelled,
                          double rows) {
    bool sparse = s->counts && fmax(seen, modelled) < SPARSE * rows;
    if (!sparse && fabs(middle) < 2)
        return factor_of(middle);
    return modelled > 0 ? seen / modelled : INFINITY;
}

/* Loss of a row once its model is multiplied. */
static double loss_after(const search *s, size_t row, double factor) {
    return isinf(factor) ? 0 : row_loss(s, row, s->model[row] * factor);
}

/* middle[g] = weighted median of d over each group's rows, and their sums; s->order is
 * sorted by d. */
static void add_up(search *s, const cuboid *c) {
    memset(s->total, 0, c->groups * sizeof(double));
    memset(s->below, 0, c->groups * sizeof(double));
    memset(s->gain, 0, c->groups * sizeof(double));
    memset(s->seen, 0, c->groups * sizeof(double));
    memset(s->modelled, 0, c->groups * sizeof(double));
    memset(s->rows, 0, c->groups * sizeof(double));
    for (size_t r = 0; r < s->c.rows; r++) {
        uint32_t g = c->group[r];
        s->total[g] += s->weight[r];
        s->seen[g] += s->c.seen[r];
        s->modelled[g] += s->model[r];
        s->rows[g]++;
    }
    for (size_t i = 0; i < s->c.rows; i++) {
        size_t r = s->order[i];
        uint32_t g = c->group[r];
        if (s->below[g] < s->total[g] / 2)
            s->middle[g] = s->d[r];
        s->below[g] += s->weight[r];
    }
}

/* What a slice of this cuboid must gain: finding it among all slices that name as many
 * attributes, and one factor. */
static double price_of(const search *s, const cuboid *c) {
    double choices = 1;
    int n = (int)s->c.attributes, k = __builtin_popcount(c->named);
    for (int i = 0; i < k; i++)
        choices *= (double)(n - i) / (i + 1);
    return NAMING + log(choices) + log((double)c->groups) + 0.5 * log((double)s->c.rows);
}

static void offer(search *s, candidate new) {
    if (s->n_best == TRIES && new.score <= s->best[TRIES - 1].score)
        return;
    size_t at = s->n_best < TRIES ? s->n_best++ : TRIES - 1;
    for (; at > 0 && s->best[at - 1].score < new.score; at--)
        s->best[at] = s->best[at - 1];
    s->best[at] = new;
}

/* Offers every slice of one cuboid whose gain pays its price. */
static void search_cuboid(search *s, uint32_t index) {
    const cuboid *c = &s->c.cuboids[index];
    add_up(s, c);
    double least = 0.5 * sqrt(s->noise.s2); /* closer to 0 cannot pay */
    for (uint32_t g = 0; g < c->groups; g++) {
        double f = factor_from(s, s->middle[g], s->seen[g], s->modelled[g], s->rows[g]);
        s->total[g] = (isinf(f) || fabs(slice_disagreement(f, 1)) > least) ? f : 1;
    }
    for (size_t r = 0; r < s->c.rows; r++) {
        double factor = s->total[c->group[r]];
        if (factor != 1)
            s->gain[c->group[r]] += s->loss[r] - loss_after(s, r, factor);
    }
    double price = price_of(s, c);
    for (uint32_t g = 0; g < c->groups; g++)
        if (s->gain[g] > price)
            offer(s, (candidate){index, g, s->gain[g] - price, s->total[g]});
}

/* Is there an attribute along which too much of the slice clearly did not change? */
static bool refuted(search *s, const candidate *k) {
    const cuboid *c = &s->c.cuboids[k->cuboid];
    for (size_t a = 0; a < s->c.attributes; a++) {
        if (c->named >> a & 1)
            continue;
        const cuboid *parts = &s->c.cuboids[1 + a]; /* the cuboids that name one */
        memset(s->gain, 0, parts->groups * sizeof(double));
        memset(s->total, 0, parts->groups * sizeof(double));
        double whole = 0, against = 0;
        for (size_t r = 0; r < s->c.rows; r++) {
            if (c->group[r] != k->group)
                continue;
            s->gain[parts->group[r]] += s->loss[r] - loss_after(s, r, k->factor);
            s->total[parts->group[r]] += s->weight[r];
            whole += s->weight[r];
        }
        for (uint32_t g = 0; g < parts->groups; g++)
            if (s->gain[g] < -PART_NATS)
                against += s->total[g];
        if (against > (c->named ? REFUTED : REFUTED_ALL) * whole)
            return true;
    }
    return false;
}

/* The factor of a cause, against the model without it. */
static double fit_factor(search *s, size_t i) {
    size_t n = 0;
    double total = 0, below = 0, seen = 0, modelled = 0;
    for (size_t r = 0; r < s->c.rows; r++) {
        if (!holds(s, i, r))
            continue;
        double model = model_of(s, r, i);
        s->key[n] = slice_disagreement(s->c.seen[r], model);
        seen += s->c.seen[r];
        modelled += model;
        s->row[n++] = (uint32_t)r;
        total += s->weight[r];
    }
    stats_sort_order(s->key, n, s->order);
    size_t at = 0;
    while (at + 1 < n && below + s->weight[s->row[s->order[at]]] < total / 2)
        below += s->weight[s->row[s->order[at++]]];
    return factor_from(s, s->key[s->order[at]], seen, modelled, (double)n);
}

static void fit_all(search *s) {
    for (int pass = 0; pass < FITS; pass++)
        for (size_t i = 0; i < s->n_causes; i++)
            s->causes[i].factor = fit_factor(s, i);
    refresh(s);
}

static bool add_best(search *s) {
    stats_sort_order(s->d, s->c.rows, s->order);
    s->n_best = 0;
    for (size_t i = 0; i < s->c.n_cuboids; i++)
        search_cuboid(s, (uint32_t)i);
    for (size_t i = 0; i < s->n_best; i++) {
        if (refuted(s, &s->best[i]))
            continue;
        s->causes[s->n_causes++] =
            (cause){s->best[i].cuboid, s->best[i].group, s->best[i].factor};
        return true;
    }
    return false;
}

/* Log likelihood lost when cause i is taken away and nothing takes its place. */
static double evidence_of(const search *s, size_t i) {
    double lost = 0;
    for (size_t r = 0; r < s->c.rows; r++)
        if (holds(s, i, r))
            lost += row_loss(s, r, model_of(s, r, i)) - s->loss[r];
    return lost;
}

static void drop(search *s, size_t i) {
    memmove(&s->causes[i], &s->causes[i + 1],
            (s->n_causes - i - 1) * sizeof s->causes[0]);
    s->n_causes--;
}

/* What describing the table costs: the rows under the model, and naming the causes. */
static double cost(const search *s) {
    double sum = 0;
    for (size_t r = 0; r < s->c.rows; r++)
        sum += s->loss[r] - 0.5 * log(s->weight[r]);
    for (size_t i = 0; i < s->n_causes; i++)
        sum += price_of(s, &s->c.cuboids[s->causes[i].cuboid]);
    return sum;
}

/* The cuboid that names exactly these attributes. */
static uint32_t cuboid_of(const search *s, uint32_t named) {
    uint32_t i = 0;
    while (s->c.cuboids[i].named != named)
        i++;
    return i;
}

/* The first row a cause holds. */
static size_t row_in(const search *s, size_t i) {
    size_t row = 0;
    while (!holds(s, i, row))
        row++;
    return row;
}

/* Does too much of the slice, whose factor this is, end up as it was expected? Exceptions
 * that undo a slice say that it is the wrong one. */
static bool undone(const search *s, uint32_t index, uint32_t group, double factor) {
    double whole = 0, same = 0;
    for (size_t r = 0; r < s->c.rows; r++) {
        if (s->c.cuboids[index].group[r] != group)
            continue;
        whole += s->weight[r];
        if (fabs(slice_disagreement(s->model[r], s->c.expected[r])) <
            UNDONE * fabs(slice_disagreement(factor, 1)))
            same += s->weight[r];
    }
    return same > REFUTED * whole;
}

/* Puts the slice in the place of the causes that lie inside it, if there are two or more,
 * and looks for its exceptions. Keeps what costs less. */
static bool replace_inside(search *s, uint32_t index, uint32_t group) {
    const cuboid *wide = &s->c.cuboids[index];
    cause before[SLICES_CAUSES_MAX];
    size_t n = s->n_causes, kept = 0;
    memcpy(before, s->causes, sizeof before);
    double price = cost(s);
    for (size_t i = 0; i < n; i++) {
        uint32_t named = s->c.cuboids[before[i].cuboid].named;
        s->n_causes = n;
        s->causes[i] = before[i];
        bool inside =
            (named & wide->named) == wide->named && wide->group[row_in(s, i)] == group;
        if (!inside)
            s->causes[kept++] = before[i];
    }
    s->n_causes = kept;
    if (n - kept >= 2) {
        s->causes[s->n_causes++] = (cause){index, group, 1};
        fit_all(s);
        while (s->n_causes < n && add_best(s))
            fit_all(s);
        if (cost(s) < price && !undone(s, index, group, s->causes[kept].factor))
            return true;
    }
    memcpy(s->causes, before, sizeof before);
    s->n_causes = n;
    if (n - kept >= 2)
        refresh(s);
    return false;
}

/* Tries every slice one attribute wider than a cause. The greedy search names parts of a
 * slice when most of that slice lies under other causes as well. */
static void generalise(search *s) {
    bool changed = true;
    for (int round = 0; changed && round < SLICES_CAUSES_MAX; round++) {
        changed = false;
        for (size_t i = 0; !changed && i < s->n_causes; i++)
            for (size_t a = 0; !changed && a < s->c.attributes; a++) {
                uint32_t named = s->c.cuboids[s->causes[i].cuboid].named;
                if (!(named >> a & 1))
                    continue;
                uint32_t index = cuboid_of(s, named & ~(1u << a));
                changed =
                    replace_inside(s, index, s->c.cuboids[index].group[row_in(s, i)]);
            }
    }
}

/* Splits what changed in a row among its causes, in proportion to |log factor|. */
static double part_of(const search *s, size_t which, size_t row) {
    double whole = 0, own = 0;
    for (size_t i = 0; i < s->n_causes; i++) {
        if (!holds(s, i, row))
            continue;
        double f = s->causes[i].factor;
        double size = f > 0 && !isinf(f) ? fabs(log(f)) : 10;
        whole += size;
        if (i == which)
            own = size;
    }
    return whole > 0 ? own / whole : 0;
}

static void describe(const search *s, size_t i, double change, slice_cause *out) {
    const cuboid *c = &s->c.cuboids[s->causes[i].cuboid];
    *out = (slice_cause){.named = c->named, .factor = s->causes[i].factor};
    double explained = 0;
    for (size_t r = 0; r < s->c.rows; r++) {
        if (!holds(s, i, r))
            continue;
        if (out->rows++ == 0)
            for (size_t a = 0; a < s->c.attributes; a++)
                if (c->named >> a & 1)
                    out->code[a] = s->c.codes[r * s->c.attributes + a];
        out->expected += s->c.expected[r];
        out->seen += s->c.seen[r];
        explained += fabs(s->model[r] - s->c.expected[r]) * part_of(s, i, r);
    }
    out->share = change > 0 ? fmin(1, explained / change) : 0;
    out->evidence = evidence_of(s, i);
}

/* Sum of |model - expected|: the change the causes stand for. */
static double change_modelled(const search *s) {
    double sum = 0;
    for (size_t r = 0; r < s->c.rows; r++)
        sum += fabs(s->model[r] - s->c.expected[r]);
    return sum;
}

/* How far whole slices lie from what causes of more than this |log factor| say: a normal
 * sd, read off the quieter ones that name one attribute. 0 where there are too few. */
static double wander(search *s, double effect) {
    size_t n = 0;
    double *model = s->middle;
    memcpy(model, s->c.expected, s->c.rows * sizeof *model);
    for (size_t i = 0; i < s->n_causes; i++)
        for (size_t r = 0; r < s->c.rows; r++)
            if (fabs(log(s->causes[i].factor)) > effect && holds(s, i, r))
                model[r] = isinf(s->causes[i].factor) ? s->c.seen[r]
                                                      : model[r] * s->causes[i].factor;
    for (size_t a = 0; a < s->c.attributes; a++) {
        const cuboid *c = &s->c.cuboids[1 + a];
        memset(s->seen, 0, c->groups * sizeof(double));
        memset(s->modelled, 0, c->groups * sizeof(double));
        for (size_t r = 0; r < s->c.rows; r++) {
            s->seen[c->group[r]] += s->c.seen[r];
            s->modelled[c->group[r]] += model[r];
        }
        for (uint32_t g = 0; g < c->groups && n < s->c.rows; g++)
            s->key[n++] = fabs(slice_disagreement(s->seen[g], s->modelled[g]));
    }
    stats_sort(s->key, n);
    return n < SLICES_LEAST ? 0 : s->key[n * 2 / 5] / 0.5244005127080407;
}

/* Drops causes that change less than the least share of what all of them change, or
 * hardly more than slices of this table wander from day to day. */
static void drop_small(search *s, double least_share) {
    for (;;) {
        size_t smallest = s->n_causes;
        double least = least_share, change = change_modelled(s);
        for (size_t i = 0; i < s->n_causes; i++) {
            slice_cause c;
            describe(s, i, change, &c);
            double effect = fabs(log(c.factor));
            if (effect < LEAST_EFFECT ||
                (effect < DOUBTED && c.named && effect < WANDERS * wander(s, effect)))
                c.share = 0;
            if (c.share < least) {
                least = c.share;
                smallest = i;
            }
        }
        if (smallest == s->n_causes)
            return;
        drop(s, smallest);
        fit_all(s);
    }
}

static void answer(const search *s, slice_answer *out) {
    double change = change_modelled(s), left = 0, all = 0;
    *out = (slice_answer){.rows = s->c.rows, .noise_rel = sqrt(s->noise.s2)};
    for (size_t r = 0; r < s->c.rows; r++) {
        out->expected += s->c.expected[r];
        out->seen += s->c.seen[r];
        all += fabs(s->c.seen[r] - s->c.expected[r]);
        left += fabs(s->c.seen[r] - s->model[r]);
    }
    out->unexplained = all > 0 ? fmin(1, left / all) : 0;
    for (size_t i = 0; i < s->n_causes; i++) {
        slice_cause c;
        describe(s, i, change, &c);
        size_t at = out->n++;
        for (; at > 0 && out->causes[at - 1].share < c.share; at--)
            out->causes[at] = out->causes[at - 1];
        out->causes[at] = c;
    }
}

static bool are_whole(const double *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (x[i] != floor(x[i]))
            return false;
    return true;
}

static status check(const slice_table *t, diag *d) {
    if (t->attributes == 0 || t->attributes > SLICES_ATTRIBUTES_MAX)
        return diag_set(d, ERR_LIMIT, "%zu attributes; 1 to %d are possible",
                        t->attributes, SLICES_ATTRIBUTES_MAX);
    if (t->rows > SLICES_ROWS_MAX)
        return diag_set(d, ERR_LIMIT, "%zu rows; at most %d are possible", t->rows,
                        SLICES_ROWS_MAX);
    for (size_t r = 0; r < t->rows; r++) {
        bool good = t->expected[r] >= 0 && isfinite(t->expected[r]) && t->seen[r] >= 0 &&
                    isfinite(t->seen[r]) &&
                    (!t->spread || (t->spread[r] > 0 && isfinite(t->spread[r])));
        for (size_t a = 0; a < t->attributes; a++)
            good = good && t->codes[r * t->attributes + a] < t->values[a];
        if (good)
            continue;
        diag_at(d, NULL, (int)r + 1, 0);
        return diag_set(d, ERR_INVALID,
                        "a value is negative, not finite, or of no known slice");
    }
    return OK;
}

status slices_explain(const slice_table *table, const slice_options *options,
                      void *scratch, slice_answer *out, diag *d) {
    status st = check(table, d);
    if (st != OK)
        return st;
    unsigned depth = options->depth;
    if (depth == 0 || depth > table->attributes)
        depth = (unsigned)table->attributes;
    arena a = {scratch,
               (char *)scratch + slices_scratch(table->rows, table->attributes, depth)};
    search *s = arena_take(&a, 1, sizeof *s);
    *s = (search){0};
    cube_build(table, depth, &a, &s->c);
    double **arrays[] = {&s->model, &s->weight, &s->d,        &s->loss,
                         &s->key,   &s->total,  &s->below,    &s->middle,
                         &s->gain,  &s->seen,   &s->modelled, &s->rows};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        *arrays[i] = arena_take(&a, s->c.rows, sizeof(double));
    s->order = arena_take(&a, s->c.rows, sizeof(size_t));
    s->row = arena_take(&a, s->c.rows, sizeof(uint32_t));
    s->counts = are_whole(s->c.seen, s->c.rows);
    if (s->counts) /* noise of the seen, and of an expectation that was counted itself */
        s->least_phi = are_whole(s->c.expected, s->c.rows) ? 2 : 1;
    refresh(s);
    while (s->c.rows > 0 && s->n_causes < SLICES_CAUSES_MAX && add_best(s))
        fit_all(s);
    generalise(s);
    drop_small(s, options->least_share);
    answer(s, out);
    return OK;
}
