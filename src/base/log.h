/* base/log.h: one line a fact on standard error.
 *
 *   2026-01-31T12:00:00.123Z warn pool worker_lost worker=moonshine-tiny/0 signal=9
 *
 * A line is an event name and key=value fields. Values are numbers, enum names and
 * identifiers we made ourselves. Never text a client sent: no audio, transcript,
 * prompt, key or header value; there is deliberately no "message" argument.
 * Any thread: a line is one write(2). */
#ifndef ROSTRUM_BASE_LOG_H
#define ROSTRUM_BASE_LOG_H

typedef enum { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG } log_level;

/* Lines above this level are dropped. Default LOG_INFO. Call before threads start. */
void log_set_level(log_level level);

/* "error" | "warn" | "info" | "debug" -> level; returns 0, or -1 for another name. */
int log_level_parse(const char *name, log_level *out_level);

/* area and event are literals in lower_snake; format makes "key=value ..." or "". */
void log_event(log_level level, const char *area, const char *event, const char *format,
               ...) __attribute__((format(printf, 4, 5)));

#endif
