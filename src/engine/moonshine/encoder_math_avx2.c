/* The encoder's float arithmetic with AVX2 and FMA: compiled with -mavx2 -mfma. */
#if defined(__x86_64__)
#define ENCODER_MATH encoder_math_avx2
#include "engine/moonshine/encoder_math_body.h"
#endif
