/* cli/client_tls.h: TLS of a client connection between two byte queues.
 *
 * Checks the server's certificate against the system's (SSL_CERT_FILE names another
 * file) and its name. One thread at a time. */
#ifndef ROSTRUM_CLI_CLIENT_TLS_H
#define ROSTRUM_CLI_CLIENT_TLS_H

#include "base/buf.h"
#include "base/diag.h"

typedef struct client_tls client_tls;

MUST_CHECK status client_tls_create(const char *host, client_tls **out, diag *d);
void client_tls_destroy(client_tls *t);

/* Bytes from the network in [n]; what they mean is appended to plain and what must be
 * sent to wire. n 0 starts the handshake. */
MUST_CHECK status client_tls_receive(client_tls *t, const uint8_t *in, size_t n,
                                     buf *plain, buf *wire, diag *d);
bool client_tls_ready(const client_tls *t);
/* Encrypts plain[n]; only when ready. */
MUST_CHECK status client_tls_send(client_tls *t, const uint8_t *plain, size_t n,
                                  buf *wire, diag *d);

#endif
