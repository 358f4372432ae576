#include "readiness/cost/focus.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"

static const char *const columns[] = {
    "BilledCost",         "BillingAccountId",   "BillingAccountName",
    "BillingAccountType", "BillingCurrency",    "BillingPeriodEnd",
    "BillingPeriodStart", "ChargeCategory",     "ChargeClass",
    "ChargeDescription",  "ChargeFrequency",    "ChargePeriodEnd",
    "ChargePeriodStart",  "ConsumedQuantity",   "ConsumedUnit",
    "ContractedCost",     "EffectiveCost",      "InvoiceIssuerName",
    "ListCost",           "PricingQuantity",    "PricingUnit",
    "ProviderName",       "PublisherName",      "ResourceId",
    "ResourceName",       "ResourceType",       "ServiceCategory",
    "ServiceName",        "ServiceSubcategory", "SubAccountId",
    "SubAccountName",     "SubAccountType",     "Tags",
};
#define COLUMNS (sizeof columns / sizeof columns[0])

typedef struct {
    int year, month, day;
} date;

static int days_in_month(date d) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = d.year % 4 == 0 && (d.year % 100 != 0 || d.year % 400 == 0);
    return days[d.month - 1] + (d.month == 2 && leap);
}

static bool read_day(const char *text, date *out) {
    static const char shape[] = "dddd-dd-dd";
    int digits[8], n = 0;
    if (strlen(text) != sizeof shape - 1)
        return false;
    for (size_t i = 0; shape[i]; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == 'd' ? !digit : text[i] != '-')
            return false;
        if (digit)
            digits[n++] = text[i] - '0';
    }
    date d = {digits[0] * 1000 + digits[1] * 100 + digits[2] * 10 + digits[3],
              digits[4] * 10 + digits[5], digits[6] * 10 + digits[7]};
    if (d.year < 1970 || d.year > 9998 || d.month < 1 || d.month > 12 || d.day < 1 ||
        d.day > days_in_month(d))
        return false;
    *out = d;
    return true;
}

bool focus_is_day(const char *text) {
    date d;
    return read_day(text, &d);
}

static date next_month(date d) {
    return d.month == 12 ? (date){d.year + 1, 1, 1} : (date){d.year, d.month + 1, 1};
}

static date next_day(date d) {
    return d.day < days_in_month(d) ? (date){d.year, d.month, d.day + 1} : next_month(d);
}

/* Fields of one line, in the order of columns[]. */
typedef struct {
    char *out;
    size_t at, fields;
} line;

static void add(line *l, const char *text) {
    int n = snprintf(l->out + l->at, FOCUS_TEXT_BYTES - l->at, "%s%s",
                     l->fields ? "," : "", text);
    ASSERT(n >= 0 && l->at + (size_t)n < FOCUS_TEXT_BYTES);
    l->at += (size_t)n;
    l->fields++;
}

static void end(line *l) {
    ASSERT(l->fields == COLUMNS && l->at + 1 < FOCUS_TEXT_BYTES);
    l->out[l->at] = '\n';
    l->out[l->at + 1] = '\0';
}

/* Quoted: it may hold commas. */
static void add_name(line *l, const char *text) {
    char quoted[4 * FOCUS_NAME_BYTES];
    snprintf(quoted, sizeof quoted, "\"%s\"", text);
    add(l, quoted);
}

static void add_time(line *l, date d) {
    char text[48];
    snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00Z", d.year, d.month, d.day);
    add(l, text);
}

static void add_dollars(line *l, int64_t microusd) {
    char text[48];
    snprintf(text, sizeof text, "%lld.%06lld", (long long)(microusd / 1000000),
             (long long)(microusd % 1000000));
    add(l, text);
}

static void add_seconds(line *l, int64_t ms) {
    char text[48];
    snprintf(text, sizeof text, "%lld.%03lld", (long long)(ms / 1000),
             (long long)(ms % 1000));
    add(l, text);
}

/* A JSON object in a quoted CSV field, where each quote is doubled. */
static void add_tags(line *l, const ledger_row *row, const char *pool) {
    char text[4 * FOCUS_NAME_BYTES], cause[64] = "";
    if (row->category == LEDGER_IDLE)
        snprintf(cause, sizeof cause, ",\"\"rostrum/cause\"\":\"\"%s\"\"",
                 ledger_cause_name(row->cause));
    snprintf(
        text, sizeof text,
        "\"{\"\"rostrum/category\"\":\"\"%s\"\"%s,\"\"rostrum/pool\"\":\"\"%s\"\"}\"",
        ledger_category_name(row->category), cause, pool);
    add(l, text);
}

static void add_description(line *l, const ledger_row *row, const char *pool) {
    char text[2 * FOCUS_NAME_BYTES];
    bool idle = row->category == LEDGER_IDLE;
    snprintf(text, sizeof text, "%s%s%s slot time of pool %s",
             ledger_category_name(row->category), idle ? ": " : "",
             idle ? ledger_cause_name(row->cause) : "", pool);
    add_name(l, text);
}

void focus_header(char out[FOCUS_TEXT_BYTES]) {
    line l = {.out = out};
    for (size_t i = 0; i < COLUMNS; i++)
        add(&l, columns[i]);
    end(&l);
}

static status check_name(const char *name, const char *what, diag *d) {
    if (strlen(name) >= FOCUS_NAME_BYTES)
        return diag_field(d, ERR_INVALID, what, "is longer than %d bytes",
                          FOCUS_NAME_BYTES - 1);
    for (const char *c = name; *c; c++)
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
            return diag_field(d, ERR_INVALID, what,
                              "holds a byte that is not printable ASCII, or \" or \\");
    return OK;
}

static status check(const focus_account *account, const char *pool, const char *worker,
                    const char *tenant, diag *d) {
    const char *names[][2] = {{account->provider, "provider"},
                              {account->billing_account, "billing-account"},
                              {pool, "pool"},
                              {worker, "worker"},
                              {tenant, "tenant"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        status s = check_name(names[i][0], names[i][1], d);
        if (s != OK)
            return s;
    }
    return OK;
}

status focus_row(const focus_account *account, const ledger_row *row, const char *day,
                 const char *pool, const char *worker, const char *tenant,
                 char out[FOCUS_TEXT_BYTES], diag *d) {
    date from;
    if (!read_day(day, &from))
        return diag_field(d, ERR_INVALID, "day", "is not a date as YYYY-MM-DD");
    const char *payer = tenant ? tenant : account->billing_account;
    status s = check(account, pool, worker, payer, d);
    if (s != OK)
        return s;
    int64_t billed = account->policy == LEDGER_CHARGEBACK ? row->cost_microusd : 0;
    line l = {.out = out};
    add_dollars(&l, billed);
    add_name(&l, account->billing_account);
    add_name(&l, account->billing_account);
    add(&l, "Platform");
    add(&l, "USD");
    add_time(&l, next_month(from));
    add_time(&l, (date){from.year, from.month, 1});
    add(&l, "Usage");
    add(&l, ""); /* ChargeClass: null, it corrects nothing */
    add_description(&l, row, pool);
    add(&l, "Usage-Based");
    add_time(&l, next_day(from));
    add_time(&l, from);
    add_seconds(&l, row->slot_ms);
    add(&l, "Slot-Seconds");
    add_dollars(&l, row->cost_microusd);
    add_dollars(&l, row->cost_microusd);
    add_name(&l, account->provider);
    add_dollars(&l, row->cost_microusd);
    add_seconds(&l, row->slot_ms);
    add(&l, "Slot-Seconds");
    add_name(&l, account->provider);
    add_name(&l, account->provider);
    add_name(&l, worker);
    add_name(&l, worker);
    add(&l, "Worker");
    add(&l, "AI and Machine Learning");
    add(&l, "Speech inference");
    add(&l, "AI Platforms");
    add_name(&l, payer);
    add_name(&l, payer);
    add(&l, tenant ? "Tenant" : "Platform");
    add_tags(&l, row, pool);
    end(&l);
    return OK;
}
