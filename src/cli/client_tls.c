#include "cli/client_tls.h"

#include <stdlib.h>

#include "net/openssl.h"

struct client_tls {
    SSL_CTX *context;
    SSL *ssl;
};

static status failed(client_tls *t, diag *d) {
    long verdict = SSL_get_verify_result(t->ssl);
    ERR_clear_error();
    if (verdict != X509_V_OK)
        return diag_set(d, ERR_AUTH, "TLS: the server's certificate: %s",
                        X509_verify_cert_error_string(verdict));
    return diag_set(d, ERR_IO, "TLS: the connection failed");
}

status client_tls_create(const char *host, client_tls **out, diag *d) {
    client_tls *t = calloc(1, sizeof *t);
    if (t == NULL)
        return diag_set(d, ERR_MEMORY, "no memory for TLS");
    t->context = SSL_CTX_new(TLS_client_method());
    BIO *in = BIO_new(BIO_s_mem()), *wire = BIO_new(BIO_s_mem());
    if (t->context != NULL)
        t->ssl = SSL_new(t->context);
    if (t->ssl == NULL || in == NULL || wire == NULL ||
        SSL_CTX_set_default_verify_paths(t->context) != 1) {
        BIO_free(in);
        BIO_free(wire);
        client_tls_destroy(t);
        return diag_set(d, ERR_MEMORY, "TLS cannot be set up");
    }
    SSL_set_bio(t->ssl, in, wire);
    SSL_set_verify(t->ssl, SSL_VERIFY_PEER, NULL);
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
    bool named =
        X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 ||
        (SSL_set1_host(t->ssl, host) == 1 && SSL_set_tlsext_host_name(t->ssl, host) == 1);
    ERR_clear_error();
    if (!named) {
        client_tls_destroy(t);
        return diag_set(d, ERR_INVALID, "TLS: the host's name cannot be checked");
    }
    SSL_set_connect_state(t->ssl);
    *out = t;
    return OK;
}

void client_tls_destroy(client_tls *t) {
    if (t == NULL)
        return;
    SSL_free(t->ssl);
    SSL_CTX_free(t->context);
    free(t);
}

bool client_tls_ready(const client_tls *t) {
    return SSL_is_init_finished(t->ssl) != 0;
}

static void take_wire(client_tls *t, buf *wire) {
    uint8_t piece[4096];
    int n;
    while ((n = BIO_read(SSL_get_wbio(t->ssl), piece, sizeof piece)) > 0)
        buf_add(wire, piece, (size_t)n);
}

status client_tls_receive(client_tls *t, const uint8_t *in, size_t n, buf *plain,
                          buf *wire, diag *d) {
    if (n > 0 && BIO_write(SSL_get_rbio(t->ssl), in, (int)n) != (int)n)
        return diag_set(d, ERR_MEMORY, "TLS: no memory");
    uint8_t piece[4096];
    int got = SSL_is_init_finished(t->ssl) ? 1 : SSL_do_handshake(t->ssl);
    while (got > 0 && (got = SSL_read(t->ssl, piece, sizeof piece)) > 0)
        buf_add(plain, piece, (size_t)got);
    take_wire(t, wire);
    int why = SSL_get_error(t->ssl, got);
    bool waits = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_ZERO_RETURN;
    return waits ? OK : failed(t, d);
}

status client_tls_send(client_tls *t, const uint8_t *plain, size_t n, buf *wire,
                       diag *d) {
    if (n > 0 && SSL_write(t->ssl, plain, (int)n) != (int)n)
        return failed(t, d);
    take_wire(t, wire);
    return OK;
}
