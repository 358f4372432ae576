/* engine/pocketsphinx/engine.h: the floor engine: Debian's pocketsphinx, streaming.
 *
 * Always there, needs no download, and is much worse than the neural engines (about 30 %
 * word errors where they make 5). Settings of the manifest:
 *
 *   hmm, lm, dict   paths, absolute or below the model folder
 *   decoders        utterances that can be open at once; each costs about 93 MB
 *   hop_ms          audio between two hypotheses (240)
 *   agree           hypotheses in a row a word must stand in to be committed (4)
 *   guard_ms        age of the audio of a word before it may be committed (1500)
 *
 * A pocketsphinx decoder is made for one utterance at a time and takes 0.4 s to build,
 * so `load` builds them all. Nothing of an utterance stays in a decoder: the running
 * cepstral mean and the noise estimate are set back at each start, or one speaker's
 * voice would change another's words. */
#ifndef ROSTRUM_POCKETSPHINX_ENGINE_H
#define ROSTRUM_POCKETSPHINX_ENGINE_H

#include "rostrum/engine.h"

extern const rostrum_engine pocketsphinx_engine;

#endif
