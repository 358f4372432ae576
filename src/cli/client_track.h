/* cli/client_track.h: which words of a session belong to which recording, and when.
 *
 * The server tells times of the stream (ms since its first sample). A recording's window
 * runs from its start to the start of the next; finals come in order, so a recording is
 * answered once a final of a later window came, or the session ended.
 * Pure but for memory: wall times are arguments. */
#ifndef ROSTRUM_CLI_CLIENT_TRACK_H
#define ROSTRUM_CLI_CLIENT_TRACK_H

#include "cli/client.h"

#define TRACK_WINDOWS                                                                    \
    16 /* recordings under way; a server further behind than that is lost */
#define TRACK_ITEMS 16
#define TRACK_WORDS 512

/* One utterance. A commit longer than the longest utterance is one item of several, which
 * their starts tell apart. */
typedef struct {
    char id[48]; /* "" free */
    double start_ms;
    char committed[4096];          /* the longest committed text seen */
    char shown[4096];              /* last partial, committed and tentative */
    double commit_ms[TRACK_WORDS]; /* wall time at which word i was committed */
    unsigned committed_words;
} track_item;

typedef struct {
    client_result result;
    double start_ms; /* stream time of its first sample */
    buf text;
} track_window;

typedef struct {
    track_window window[TRACK_WINDOWS];
    unsigned first, n; /* ring */
    track_item item[TRACK_ITEMS];
    unsigned next_item;
    bool paced;
    double stream_start_ms; /* wall time at which stream time 0 was spoken */
    void (*result)(void *owner, const client_result *result);
    void *owner;
} track;

void track_init(track *t, bool paced, void (*result)(void *, const client_result *),
                void *owner);
void track_deinit(track *t);

/* A recording begins at stream time start_ms. ERR_LIMIT: too many are unanswered. */
MUST_CHECK status track_begin(track *t, const recording *r, double start_ms);

/* rostrum.transcription.partial. Returns the recording it belongs to, or NULL; before:
 * words of earlier finals of the same recording. */
const recording *track_partial(track *t, double now_ms, const char *item,
                               const char *committed, const char *tentative,
                               unsigned committed_words, double audio_start_ms,
                               const char **out_before);

typedef struct {
    const char *item, *transcript;
    int passes;
    bool degraded;
    unsigned corrected;
    double audio_start_ms, speech_end_ms;
    double first_pass_ms, server_final_ms; /* -1: not told */
    const double *word_end_ms;             /* [n_words] stream time */
    unsigned n_words;
} track_final_event;

/* rostrum.transcription.final. */
void track_final(track *t, double now_ms, const track_final_event *e);
/* No more will come. */
void track_end(track *t);

#endif
