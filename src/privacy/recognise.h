/* privacy/recognise.h: is there an entity at the start of a look?
 *
 * Each recogniser answers for its own classes; recognise() asks all of them. An answer
 * holds only if the look's wait is not set. Pure. */
#ifndef ROSTRUM_PRIVACY_RECOGNISE_H
#define ROSTRUM_PRIVACY_RECOGNISE_H

#include "privacy/spoken.h"

/* The strongest entity at the start of the look; of two equal ones the longer. */
found recognise(look *l);

found recognise_number(look *l); /* cards, IBANs, national ids, phones, accounts */
found recognise_date(look *l);   /* dates */
found recognise_email(look *l);  /* mail addresses */
found recognise_host(look *l);   /* web addresses, IP addresses */

/* A top-level domain: one people say, or for strict one that is no English word. */
bool recognise_top_domain(const char *name, size_t n, bool strict);

#endif
