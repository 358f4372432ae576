/* net/openssl.h: the OpenSSL headers, includable beside base/status.h: OpenSSL has a type
 * named as one of our codes, ERR_STATE. */
#ifndef ROSTRUM_NET_OPENSSL_H
#define ROSTRUM_NET_OPENSSL_H

#define ERR_STATE openssl_err_state
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#undef ERR_STATE

#endif
