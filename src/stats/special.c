#include "stats/special.h"

#include <math.h>
#include <stdbool.h>

static const double log_sqrt_two_pi = 0.91893853320467274178;
static const double two_pi = 6.28318530717958647693;
static const double tiny = 1e-300;

/* Terms a series or continued fraction may take. They need about sqrt(parameter). */
enum { TERMS_MAX = 1000000 };

double stats_log_gamma(double a) {
    int sign;
    return a > 0 ? lgamma_r(a, &sign) : NAN;
}

/* ln a! less Stirling's approximation of it, for real a > 0. */
static double stirling_error(double a) {
    if (a < 16)
        return stats_log_gamma(a + 1) - (a + 0.5) * log(a) + a - log_sqrt_two_pi;
    double w = 1 / (a * a);
    return (1.0 / 12 -
            w * (1.0 / 360 -
                 w * (1.0 / 1260 -
                      w * (1.0 / 1680 - w * (1.0 / 1188 - w * 691.0 / 360360))))) /
           a;
}

/* Loader's deviance x ln(x / m) + m - x, without cancellation where x is near m. */
static double deviance(double x, double m) {
    double d = x - m;
    if (fabs(d) >= 0.1 * (x + m))
        return x * log(x / m) - d;
    double v = d / (x + m);
    double sum = d * v;
    double term = 2 * x * v;
    for (int j = 3; j < 1000; j += 2) {
        term *= v * v;
        double next = sum + term / j;
        if (next == sum)
            break;
        sum = next;
    }
    return sum;
}

/* ln of x^a e^-x / Gamma(a + 1). */
static double log_gamma_prefix(double a, double x) {
    if (a < 1e-3) /* Stirling's form would subtract logs of a */
        return a * log(x) - x - stats_log_gamma(a + 1);
    return -stirling_error(a) - deviance(a, x) - log_sqrt_two_pi - 0.5 * log(a);
}

double stats_log_beta(double a, double b) {
    if (!(a > 0 && b > 0))
        return NAN;
    if (a < 10 && b < 10)
        return stats_log_gamma(a) + stats_log_gamma(b) - stats_log_gamma(a + b);
    double n = a + b;
    if (a < 1 || b < 1) { /* ln Gamma(small) + ln(Gamma(large) / Gamma(large + small)) */
        double s = fmin(a, b);
        double l = fmax(a, b);
        double ratio = stirling_error(l) - stirling_error(n) + s - s * log(n) -
                       (l - 0.5) * log1p(s / l);
        return stats_log_gamma(s) + ratio;
    }
    return log_sqrt_two_pi + stirling_error(a) + stirling_error(b) - stirling_error(n) -
           a * log1p(b / a) - b * log1p(a / b) + 0.5 * log(n / a / b);
}

/* ln of x^a y^b / (a B(a, b)), y = 1 - x. */
static double log_beta_prefix(double a, double b, double x, double y) {
    if (a < 1 || b < 1) {
        double log_x = x < 0.5 ? log(x) : log1p(-y);
        double log_y = y < 0.5 ? log(y) : log1p(-x);
        return a * log_x + b * log_y - log(a) - stats_log_beta(a, b);
    }
    double n = a + b;
    return stirling_error(n) - stirling_error(a) - stirling_error(b) -
           deviance(a, n * x) - deviance(b, n * y) - log_sqrt_two_pi +
           0.5 * log(b / a / n);
}

/* sum over k of x^k / (a + 1)_k: gamma_lower = prefix times this. */
static double gamma_series(double a, double x) {
    double sum = 1;
    double term = 1;
    for (int k = 1; k < TERMS_MAX && term > sum * 1e-17; k++) {
        term *= x / (a + k);
        sum += term;
    }
    return sum;
}

/* a / (x + 1 - a - 1 (1 - a) / (x + 3 - a - ...)): gamma_upper = prefix times this. */
static double gamma_fraction(double a, double x) {
    double b = x + 1 - a;
    double c = 1 / tiny;
    double d = 1 / b;
    double h = d;
    for (int k = 1; k < TERMS_MAX; k++) {
        double an = -k * (k - a);
        b += 2;
        d = an * d + b;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = b + an / c;
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-16)
            break;
    }
    return a * h;
}

/* Q(a, x) for x < 1 and small a, where 1 - P would cancel:
 * 1 - x^a / Gamma(a + 1) - x^a sum over k >= 1 of a (-x)^k / ((a + k) k!) / Gamma(a + 1)
 */
static double gamma_upper_small(double a, double x) {
    double sum = 0;
    double term = 1;
    for (int k = 1; k < 100; k++) {
        term *= -x / k;
        sum += term / (a + k);
    }
    double log_lead = a * log(x) - stats_log_gamma(a + 1);
    return -expm1(log_lead) - exp(log_lead) * a * sum;
}

static bool gamma_domain(double a, double x) {
    return a > 0 && a < INFINITY && x >= 0;
}

double stats_gamma_lower(double a, double x) {
    if (!gamma_domain(a, x))
        return NAN;
    if (x == 0 || x == INFINITY)
        return x > 0;
    if (x < a + 1)
        return exp(log_gamma_prefix(a, x)) * gamma_series(a, x);
    return 1 - stats_gamma_upper(a, x);
}

double stats_gamma_upper(double a, double x) {
    if (!gamma_domain(a, x))
        return NAN;
    if (x == 0 || x == INFINITY)
        return x == 0;
    if (a < 1 && x < 1)
        return gamma_upper_small(a, x);
    if (x < a + 1)
        return 1 - stats_gamma_lower(a, x);
    return exp(log_gamma_prefix(a, x)) * gamma_fraction(a, x);
}

/* The continued fraction of I_x(a, b) (DLMF 8.17.22), best for x < (a + 1) / (a + b + 2):
 * I_x = prefix times this. */
static double beta_fraction(double a, double b, double x) {
    double c = 1;
    double d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m < TERMS_MAX; m++) {
        double step = 1;
        for (int half = 0; half < 2; half++) {
            double an =
                half == 0 ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
                          : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
            d = 1 + an * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + an / c;
            c = fabs(c) < tiny ? tiny : c;
            step = d * c;
            h *= step;
        }
        if (fabs(step - 1) < 1e-16)
            break;
    }
    return h;
}

static bool beta_domain(double a, double b, double x, double y) {
    return a > 0 && a < INFINITY && b > 0 && b < INFINITY && x >= 0 && y >= 0;
}

/* ln I_x(a, b) with y = 1 - x given apart, so that neither end loses digits. */
static double log_beta_lower(double a, double b, double x, double y) {
    if (!beta_domain(a, b, x, y))
        return NAN;
    if (x == 0 || y == 0)
        return x == 0 ? -INFINITY : 0;
    if (x <= (a + 1) / (a + b + 2))
        return log_beta_prefix(a, b, x, y) + log(beta_fraction(a, b, x));
    return log1p(-exp(log_beta_prefix(b, a, y, x)) * beta_fraction(b, a, y));
}

double stats_beta_log_lower(double a, double b, double x) {
    return log_beta_lower(a, b, x, 1 - x);
}

double stats_beta_lower(double a, double b, double x) {
    return exp(log_beta_lower(a, b, x, 1 - x));
}

double stats_beta_upper(double a, double b, double x) {
    return exp(log_beta_lower(b, a, 1 - x, x));
}

/* The quantiles: Newton's steps on the log of the smaller tail over an unbounded scale
 * (ln x, or the logit of x), inside a bracket that every evaluation narrows. */
typedef struct {
    double low, high, at;
} bracket;

/* Moves to at - excess / slope when that lies inside, else to the middle. false: done. */
static bool bracket_step(bracket *k, double excess, double slope) {
    if (excess > 0)
        k->high = k->at;
    else
        k->low = k->at;
    double next = k->at - excess / slope;
    if (!(next >= k->low && next <= k->high))
        next = 0.5 * (k->low + k->high);
    double moved = fabs(next - k->at);
    k->at = next;
    return moved > 1e-16 * (1 + fabs(next)) && excess != 0;
}

enum { STEPS_MAX = 200 }; /* bisection alone ends in 65 */

/* Where both tails are known: p + q = 1. */
static double gamma_solve(double a, double p, double q) {
    if (!(a > 0 && a < INFINITY && p >= 0 && q >= 0))
        return NAN;
    if (p == 0 || q == 0)
        return p == 0 ? 0 : INFINITY;
    bracket k = {-745, 709, log(a)};
    for (int step = 0; step < STEPS_MAX; step++) {
        double x = exp(k.at);
        double tail = p < q ? stats_gamma_lower(a, x) : stats_gamma_upper(a, x);
        double sign = p < q ? 1 : -1;
        double excess = sign * (log(tail) - log(p < q ? p : q));
        double slope = exp(log_gamma_prefix(a, x)) * a / tail;
        if (!bracket_step(&k, excess, slope))
            break;
    }
    return exp(k.at);
}

double stats_gamma_quantile(double a, double p) {
    return gamma_solve(a, p, 1 - p);
}

double stats_gamma_upper_quantile(double a, double q) {
    return gamma_solve(a, 1 - q, q);
}

/* logit of the x with I_x(a, b) = p, 1 - I_x(a, b) = q. */
static double beta_solve(double a, double b, double p, double q) {
    if (!(beta_domain(a, b, 0, 0) && p >= 0 && q >= 0))
        return NAN;
    if (p == 0 || q == 0)
        return p == 0 ? -INFINITY : INFINITY;
    bracket k = {-745, 745, log(a / b)};
    for (int step = 0; step < STEPS_MAX; step++) {
        double x = 1 / (1 + exp(-k.at));
        double y = 1 / (1 + exp(k.at));
        double log_tail = p < q ? log_beta_lower(a, b, x, y) : log_beta_lower(b, a, y, x);
        double sign = p < q ? 1 : -1;
        double excess = sign * (log_tail - log(p < q ? p : q));
        double slope = exp(log_beta_prefix(a, b, x, y) - log_tail) * a;
        if (!bracket_step(&k, excess, slope))
            break;
    }
    return k.at;
}

double stats_beta_quantile(double a, double b, double p) {
    return 1 / (1 + exp(-beta_solve(a, b, p, 1 - p)));
}

double stats_beta_upper_quantile(double a, double b, double q) {
    return 1 / (1 + exp(-beta_solve(a, b, 1 - q, q)));
}

double stats_chi_square_upper(double df, double x) {
    return stats_gamma_upper(0.5 * df, 0.5 * x);
}

double stats_chi_square_upper_quantile(double df, double q) {
    return 2 * stats_gamma_upper_quantile(0.5 * df, q);
}

/* P(T > t) = I_x(df / 2, 1 / 2) / 2 with x = df / (df + t^2), t >= 0. */
double stats_student_upper(double df, double t) {
    if (isnan(t))
        return NAN;
    double square = t * t;
    double x = square < INFINITY ? df / (df + square) : 0;
    double y = square < INFINITY ? square / (df + square) : 1;
    double tail = 0.5 * exp(log_beta_lower(0.5 * df, 0.5, x, y));
    return t >= 0 ? tail : 1 - tail;
}

double stats_student_upper_quantile(double df, double q) {
    double tail = fmin(q, 1 - q);
    double logit = beta_solve(0.5 * df, 0.5, 2 * tail, 1 - 2 * tail);
    double t = sqrt(df * exp(-logit));
    return q <= 0.5 ? t : -t;
}

double stats_f_upper(double df_1, double df_2, double f) {
    double x = df_1 * f;
    if (!(f >= 0))
        return NAN;
    if (f == INFINITY)
        return 0;
    return exp(log_beta_lower(0.5 * df_2, 0.5 * df_1, df_2 / (df_2 + x), x / (df_2 + x)));
}

static bool binomial_domain(double n, double p, double k) {
    return n >= 0 && n < INFINITY && p >= 0 && p <= 1 && k >= 0 && k <= n;
}

double stats_binomial_mass(double n, double p, double k) {
    if (!binomial_domain(n, p, k))
        return NAN;
    if (k == 0)
        return exp(n * log1p(-p));
    if (k == n)
        return exp(n * log(p));
    if (p == 0 || p == 1)
        return 0;
    return exp(stirling_error(n) - stirling_error(k) - stirling_error(n - k) -
               deviance(k, n * p) - deviance(n - k, n * (1 - p))) *
           sqrt(n / (two_pi * k * (n - k)));
}

double stats_binomial_lower(double n, double p, double k) {
    if (!binomial_domain(n, p, k))
        return NAN;
    return k == n ? 1 : stats_beta_upper(k + 1, n - k, p);
}

double stats_binomial_upper(double n, double p, double k) {
    if (!binomial_domain(n, p, k))
        return NAN;
    return k == 0 ? 1 : stats_beta_lower(k, n - k + 1, p);
}

double stats_poisson_mass(double mean, double k) {
    if (!(mean >= 0 && k >= 0))
        return NAN;
    if (k == 0 || mean == 0)
        return k == 0 ? exp(-mean) : 0;
    return exp(log_gamma_prefix(k, mean));
}

double stats_poisson_lower(double mean, double k) {
    return k >= 0 ? stats_gamma_upper(k + 1, mean) : NAN;
}

double stats_poisson_upper(double mean, double k) {
    if (!(k >= 0 && mean >= 0))
        return NAN;
    return k == 0 ? 1 : stats_gamma_lower(k, mean);
}
