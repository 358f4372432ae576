/* The encoder's float arithmetic for whatever processor this is built for. */
#define ENCODER_MATH encoder_math_any
#include "engine/moonshine/encoder_math_body.h"

const encoder_math *encoder_math_for(const kernels *set) {
#if defined(__x86_64__)
    if (set != &kernels_scalar) /* the others are AVX2 and what goes beyond it */
        return &encoder_math_avx2;
#endif
    (void)set;
    return &encoder_math_any;
}
