/* readiness/cost/focus.h: ledger entries as rows of FOCUS 1.2, for any FinOps tool.
 *
 * A row is one entry of the ledger: a tenant (SubAccount), a worker (Resource), a day
 * (ChargePeriod) and a reason (Tags: category, cause, pool). All mandatory columns are
 * there and those conditional ones that apply. Costs are US dollars with six decimals,
 * exact; quantities are slot seconds with three.
 *
 *   chargeback   BilledCost = EffectiveCost: what goes on the tenant's bill
 *   showback     BilledCost = 0: nothing is invoiced; EffectiveCost is what it cost
 *
 * What no tenant caused and nobody was charged for has the billing account itself as
 * its SubAccount.
 * Source: FinOps Open Cost and Usage Specification 1.2 (CC-BY-4.0), Joint Development
 * Foundation Projects, LLC. Pure. Safe from any thread. */
#ifndef ROSTRUM_READINESS_COST_FOCUS_H
#define ROSTRUM_READINESS_COST_FOCUS_H

#include "readiness/cost/ledger.h"

#define FOCUS_TEXT_BYTES 2048 /* one row, or the header, at its longest */
#define FOCUS_NAME_BYTES 128  /* a name, with terminator: no row is longer then */

/* What is the same in all rows. Names are printable ASCII without '"' and '\\', shorter
 * than FOCUS_NAME_BYTES. */
typedef struct {
    const char *provider;        /* ProviderName, PublisherName, InvoiceIssuerName */
    const char *billing_account; /* BillingAccountId */
    ledger_policy policy;
} focus_account;

/* The first line of the file, with its line feed. */
void focus_header(char out[FOCUS_TEXT_BYTES]);

/* One line with its line feed. day is YYYY-MM-DD; tenant NULL: the platform.
 * ERR_INVALID: day is not a date of the calendar, or a name is too long. */
MUST_CHECK status focus_row(const focus_account *account, const ledger_row *row,
                            const char *day, const char *pool, const char *worker,
                            const char *tenant, char out[FOCUS_TEXT_BYTES], diag *d);

/* Is it a date of the calendar, as YYYY-MM-DD, of the years 1970 to 9998? */
bool focus_is_day(const char *text);

#endif
