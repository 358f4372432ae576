/* The encoder's float arithmetic for whatever processor this is built for. */
#define ENCODER_MATH encoder_math_any
#include "engine/moonshine/encoder_math_body.h"

const encoder_math *encoder_math_pick(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &encoder_math_avx2;
#endif
    return &encoder_math_any;
}
