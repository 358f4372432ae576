/* serve/registry/calibrate.h: how many live sessions of a model this machine sustains.
 *
 * Plays real recordings at the pace of speech to one worker, ever more of them at once,
 * and looks for the most at which
 *
 *   the first partial's p95 <= 1.2 x that of two streams (and 50 ms, for small samples)
 *   late steps <= 3 %, nobody falls behind, and mean pressure <= 1
 *
 * then keeps a tenth in reserve. About 15 s. ERR_NOT_FOUND: the
 * recording is no speech. What is measured while other
 * programs use a fifth of the machine is no measurement of it: ERR_STATE, unless anyway
 * is set (a container sees the whole host and may have its own share). */
#ifndef ROSTRUM_SERVE_CALIBRATE_H
#define ROSTRUM_SERVE_CALIBRATE_H

#include "serve/registry/calibration.h"
#include "serve/registry/trial.h"

/* One level was played; passed: within the limits above. */
typedef void calibrate_progress(void *context, const trial_level *level, bool passed);

MUST_CHECK status calibrate(const char *engine_dir, const model_manifest *m,
                            unsigned threads, bool anyway, const speech *recording,
                            calibrate_progress *progress, void *context, calibration *out,
                            diag *d);

/* Pure: is the level within the limits, measured against the unloaded one? */
bool calibrate_passes(const trial_level *unloaded, const trial_level *level);

/* Pure: how many streams to play next; 0: found. best: most that passed (0: none);
 * worst: fewest that failed (0: none); most: slots there are. */
unsigned calibrate_next(unsigned best, unsigned worst, unsigned predicted, unsigned most);

#endif
