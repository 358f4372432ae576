/* audio/g711.h: telephone companding, ITU-T G.711 (tables 1a to 2b), expanded to 16 bits.
 *
 * mu-law has 14 bits of range and A-law 13; both are scaled to fill 16, so that full
 * scale stays full scale: +-32124 and +-32256. Pure. */
#ifndef ROSTRUM_AUDIO_G711_H
#define ROSTRUM_AUDIO_G711_H

#include <stdint.h>

int16_t g711_mulaw(uint8_t code);
int16_t g711_alaw(uint8_t code);

#endif
