/* privacy/checks.h: does a string of digits and letters carry the right check digits?
 *
 * chars[n] are '0'-'9' and 'A'-'Z' without separators. Sources: ISO/IEC 7812 (cards and
 * Luhn), ISO 13616 (IBAN, ISO 7064 mod 97-10), SSA (areas never issued), HMRC NIM39110
 * (NINO), INSEE (NIR key), Spanish Interior Ministry (DNI, NIE letter), German BZSt
 * (Steuer-ID, ISO 7064 mod 11,10), Receita Federal (CPF), NANPA and ITU E.164 (phones).
 * Pure. Any thread. */
#ifndef ROSTRUM_PRIVACY_CHECKS_H
#define ROSTRUM_PRIVACY_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

bool check_luhn(const char *digits, size_t n);
/* A prefix of a card scheme, a length it issues, and Luhn. */
bool check_card(const char *digits, size_t n);
/* Length of an IBAN that begins with these two letters; 0: no such country. */
size_t check_iban_length(const char country[2]);
bool check_iban(const char *chars, size_t n);
bool check_ssn(const char *digits, size_t n);
bool check_nino(const char *chars, size_t n);
bool check_nir(const char *chars, size_t n);
bool check_dni(const char *chars, size_t n); /* DNI or NIE */
bool check_steuer_id(const char *digits, size_t n);
bool check_cpf(const char *digits, size_t n);
/* Ten digits a North American number can have: area and exchange begin with 2 to 9. */
bool check_nanp(const char *digits, size_t n);

#endif
