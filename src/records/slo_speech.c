#include "records/slo_speech.h"

#include <string.h>

const slo_speech slo_speech_table[SLO_SPEECH_INDICATORS] = {
    {"first-partial", "first_partial_ms", "rostrum_first_partial_seconds",
     SPEECH_HISTOGRAM},
    {"first-audio", "first_audio_ms", "rostrum_first_audio_seconds", SPEECH_HISTOGRAM},
    {"finalise-latency", "finalise_ms", "rostrum_finalise_seconds", SPEECH_HISTOGRAM},
    {"queue-age", "queue_age_ms", "rostrum_queue_age_seconds", SPEECH_GAUGE},
    {"turn-latency", "turn_ms", "rostrum_turn_seconds", SPEECH_HISTOGRAM},
    {"success", "success", "", SPEECH_COUNTERS},
};

const slo_speech *slo_speech_find(const char *name) {
    for (size_t i = 0; i < SLO_SPEECH_INDICATORS; i++)
        if (strcmp(slo_speech_table[i].name, name) == 0)
            return &slo_speech_table[i];
    return NULL;
}
