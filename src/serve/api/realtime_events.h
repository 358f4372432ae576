/* serve/api/realtime_events.h: what a Realtime client says, one JSON event a message.
 *
 * Appends come 10 to 50 times a second and are almost only base64: they are found by
 * a scan of the text, without a tree. Everything else goes through the JSON parser.
 * Foreign bytes: fuzzed. Any thread. */
#ifndef ROSTRUM_SERVE_REALTIME_EVENTS_H
#define ROSTRUM_SERVE_REALTIME_EVENTS_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "base/diag.h"

typedef enum {
    EVENT_APPEND,      /* input_audio_buffer.append */
    EVENT_COMMIT,      /* input_audio_buffer.commit */
    EVENT_CLEAR,       /* input_audio_buffer.clear */
    EVENT_UPDATE,      /* session.update */
    EVENT_RETRIEVE,    /* conversation.item.retrieve */
    EVENT_DELETE,      /* conversation.item.delete */
    EVENT_CANCEL,      /* response.cancel */
    EVENT_CONVERSATION /* one that only a conversation session understands */
} realtime_event_kind;

#define REALTIME_EVENT_ID 128 /* bytes of a client's event id, with terminator */

typedef struct {
    realtime_event_kind kind;
    char event_id[REALTIME_EVENT_ID]; /* "" when there was none */
    const char *audio;                /* EVENT_APPEND: base64, not terminated; borrowed */
    size_t audio_bytes;
    const char *item_id;  /* EVENT_RETRIEVE, EVENT_DELETE; borrowed from tree */
    const cJSON *session; /* EVENT_UPDATE; borrowed from tree */
    cJSON *tree;          /* owned; NULL for an append found by the scan */
} realtime_event;

/* Reads text[n]. The audio of a scanned append points into text. ERR_SYNTAX, ERR_INVALID
 * (d.field names the parameter): *out holds the event_id as far as it was read and
 * nothing to free. */
MUST_CHECK status realtime_event_parse(const char *text, size_t n, realtime_event *out,
                                       diag *d);
void realtime_event_free(realtime_event *e);

#endif
