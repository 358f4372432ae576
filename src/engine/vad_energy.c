#include "engine/vad_energy.h"

#include <math.h>

/* Where the floor starts: a quiet room through a common microphone. Speech from the
 * first frame on is then speech, and noise is learnt from below or above. */
#define FLOOR_START_DB (-50.0f)
#define FLOOR_MIN_DB (-75.0f)
#define FLOOR_FALL 0.3f      /* of the way to a quieter frame, each frame */
#define FLOOR_FOLLOW 0.05f   /* of the way to a frame that is little louder */
#define FLOOR_NEAR_DB 5.0f   /* how much louder "little" is */
#define FLOOR_RISE_DB 0.064f /* a frame: 2 dB a second */
#define SPEECH_DB 8.0f       /* above the floor: probability 0.5 */
#define SPEECH_SLOPE_DB 2.0f

static float level_db(double sum, size_t n) {
    double power = sum / (double)n;
    if (!(power > 1e-10)) /* also NaN */
        return LEVEL_SILENCE_DB;
    return (float)(10 * log10(power));
}

frame_levels levels_measure(const float *pcm) {
    frame_levels levels;
    double whole = 0;
    for (size_t p = 0; p < FRAME_PIECES; p++) {
        const float *x = pcm + p * PIECE_SAMPLES;
        float sum = 0;
        for (size_t i = 0; i < PIECE_SAMPLES; i++)
            sum += x[i] * x[i];
        levels.piece_db[p] = level_db(sum, PIECE_SAMPLES);
        whole += sum;
    }
    levels.frame_db = level_db(whole, FRAME_SAMPLES);
    return levels;
}

void vad_energy_init(vad_energy *v) {
    v->floor_db = FLOOR_START_DB;
}

float vad_energy_frame(vad_energy *v, const frame_levels *levels) {
    float above = levels->frame_db - v->floor_db;
    if (above < 0)
        v->floor_db += FLOOR_FALL * above;
    else if (above < FLOOR_NEAR_DB)
        v->floor_db += FLOOR_FOLLOW * above;
    else
        v->floor_db += FLOOR_RISE_DB;
    if (v->floor_db < FLOOR_MIN_DB)
        v->floor_db = FLOOR_MIN_DB;
    if (levels->frame_db < LEVEL_AUDIBLE_DB)
        return 0;
    return 1 / (1 + expf(-(above - SPEECH_DB) / SPEECH_SLOPE_DB));
}
