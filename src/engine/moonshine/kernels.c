#include "engine/moonshine/kernels.h"

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
