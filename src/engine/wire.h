/* engine/wire.h: the worker's end of the socket.
 *
 * Reading is the I/O thread's: bytes are cut into frames and each is given to a handler.
 * Writing is anyone's: a thread writes straight to the socket; what the kernel does not
 * take at once is kept, up to WIRE_UNSENT_BYTES, and sent by the I/O thread. A gateway
 * that lets more than that pile up is broken, and the worker leaves. */
#ifndef ROSTRUM_ENGINE_WIRE_H
#define ROSTRUM_ENGINE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/proto.h"

/* 256 slots at 16 KiB of text each: more than a live gateway is ever behind. */
#define WIRE_UNSENT_BYTES (4u << 20)

typedef struct wire wire;

/* False ends wire_run. payload[h->bytes] is borrowed for the call. */
typedef bool (*wire_handler)(void *context, const engine_header *h,
                             const uint8_t *payload);

/* fd becomes non-blocking and stays the caller's. ERR_MEMORY, ERR_IO. */
MUST_CHECK status wire_create(int fd, wire **out);
void wire_destroy(wire *w); /* takes NULL */

/* Sends whole frames. Any thread. */
void wire_send(wire *w, const uint8_t *frames, size_t n);

/* Reads and writes for at most timeout_ms. OK: the time is over, or the handler said
 * stop. ERR_LOST: the gateway closed the socket. ERR_SYNTAX: it sent what is no frame.
 * ERR_LIMIT: it does not read. ERR_IO. */
MUST_CHECK status wire_run(wire *w, int timeout_ms, wire_handler handler, void *context);

#endif
