/* serve/api/ids.h: names the server gives to sessions, items and requests.
 *
 * Random, so that they say nothing about anybody and cannot be guessed. */
#ifndef ROSTRUM_SERVE_IDS_H
#define ROSTRUM_SERVE_IDS_H

#define ID_BYTES 40

/* "PREFIX_" and 24 hex digits. prefix: at most 14 characters. */
void id_make(const char *prefix, char out[ID_BYTES]);

/* A UUID of version 4. */
void id_uuid(char out[ID_BYTES]);

#endif
