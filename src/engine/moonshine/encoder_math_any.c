/* The encoder's float arithmetic for whatever processor this is built for. */
#define ENCODER_MATH encoder_math_any
#include "engine/moonshine/encoder_math_body.h"
