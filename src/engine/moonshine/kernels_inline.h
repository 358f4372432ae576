/* engine/moonshine/kernels_inline.h: what the files of one instruction set share. */
#ifndef ROSTRUM_MOONSHINE_KERNELS_INLINE_H
#define ROSTRUM_MOONSHINE_KERNELS_INLINE_H

#define INLINE static inline __attribute__((always_inline))

/* Before each loop over a tile's sums: they are registers only once it is unrolled. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 12")
#endif

#define AHEAD 2048 /* bytes of weights asked for before they are needed */

#endif
