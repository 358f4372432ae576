#include "engine/moonshine/kernels.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__)
static bool avx2_runs(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool avx512vnni_runs(void) {
    return avx2_runs() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}
#endif

static bool scalar_runs(void) {
    return true;
}

/* Best first. */
static const struct {
    const kernels *set;
    bool (*runs)(void);
} sets[] = {
#if defined(__x86_64__)
    {&kernels_avx512vnni, avx512vnni_runs},
    {&kernels_avx2, avx2_runs},
#endif
    {&kernels_scalar, scalar_runs},
};

size_t kernels_sketch_at(size_t n, size_t k, size_t inputs) {
    size_t byte = n / 16 * (inputs * 8) + k / 4 * 32 + n % 8 * 4 + k % 4;
    return byte * 2 + n % 16 / 8;
}

void kernels_sieve_init(kernels_sieve *s) {
    s->floor = s->high = -INFINITY;
    s->total = 0;
    s->n = 0;
}

void kernels_sieve_shake(const kernels_sketch *w, float doubt, kernels_sieve *s) {
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->logit[i] + w->step[s->at[i]] * doubt >= s->floor) {
            s->at[kept] = s->at[i];
            s->logit[kept] = s->logit[i];
            kept++;
        }
    }
    s->n = kept;
}

const kernels *kernels_pick(void) {
    size_t i = 0;
    while (!sets[i].runs()) {
        i++;
    }
    return sets[i].set;
}

const kernels *kernels_named(const char *name) {
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        if (strcmp(sets[i].set->name, name) == 0 && sets[i].runs()) {
            return sets[i].set;
        }
    }
    return NULL;
}
