/* privacy/redact.h: takes the entities out of a text while it is still coming.
 *
 * redact_push takes any pieces of a text; what comes out is the text with every entity
 * replaced as the policy says. An answer is given when, and only when, no further text
 * can change it, so
 *   - no byte of an entity comes out before its class is decided, and
 *   - how the text was cut into pieces changes nothing.
 *
 * Hold-back: at most REDACT_HELD_BYTES bytes or REDACT_HELD_ATOMS words, numbers and
 * marks are held. Plain words wait for the one or two behind them ("john smith at ..."
 * may become a mail address), numbers for the end of their run. An entity that does not
 * fit (a web address of a page and a half) is replaced at once and the rest of it
 * swallowed.
 *
 * A hypothesis that may still change: copy the redactor (a plain value), push the
 * unstable words into the copy and show what comes out; the copy is then dropped.
 *
 * Not found: names, street addresses, what is said in other languages, digits that a
 * recogniser misheard as other words. Pure. One thread at a time. */
#ifndef ROSTRUM_PRIVACY_REDACT_H
#define ROSTRUM_PRIVACY_REDACT_H

#include "privacy/atoms.h"
#include "privacy/classes.h"

#define REDACT_HELD_BYTES 4096
#define REDACT_HELD_ATOMS 256
#define REDACT_LABEL_BYTES 24

typedef enum {
    REDACT_KEEP,
    REDACT_LABEL, /* by the label, such as [CARD] */
    REDACT_MASK,  /* every character by '*', spaces too, so that words leave no shape */
    REDACT_REMOVE /* with the white space before it */
} redact_action;

typedef struct {
    struct {
        redact_action action;
        char label[REDACT_LABEL_BYTES];
    } of[ENTITY_COUNT];
    /* Never redacted: digits and letters only ("8005551212"), a mail address, a host, or
     * "@example.com" for all mail addresses of that host; lower case. May be NULL if
     * n_allowed == 0. Borrowed. */
    const char *const *allowed;
    size_t n_allowed;
} redact_policy;

/* Every class by its label, nothing allowed. */
void redact_policy_init(redact_policy *policy);

/* What comes out: text[n] stands for source_bytes of the input from byte source on. The
 * text is borrowed for the call; class ENTITY_NONE is text as it came. n may be 0 where
 * an entity was removed. */
typedef struct {
    entity class;
    const char *text;
    size_t n;
    uint64_t source, source_bytes;
} redact_piece;

typedef void redact_put(void *to, const redact_piece *piece);

typedef struct {
    const redact_policy *policy; /* borrowed */
    uint64_t counts[ENTITY_COUNT];
    /* the rest is the redactor's own */
    uint64_t source; /* of text[0] */
    char text[REDACT_HELD_BYTES];
    size_t n, out; /* bytes held; of them, those that are out */
    atom atoms[REDACT_HELD_ATOMS];
    size_t first, end; /* atoms that wait: [first, end) */
    atom open;         /* the word or number that still grows; kind ATOM_END: none */
    uint8_t lead;      /* white space bytes before the next atom */
    char pending[4];   /* of a character cut in two */
    uint8_t n_pending, pending_bytes;
    left_context left;
    bool swallow; /* the rest of a cut entity, up to white space */
} redactor;

/* policy is borrowed until the last call. */
void redact_init(redactor *r, const redact_policy *policy);
void redact_push(redactor *r, private_text text, redact_put *put, void *to);
/* The text is over: gives out what is held. The redactor can then take another text; the
 * counts go on. */
void redact_finish(redactor *r, redact_put *put, void *to);
/* Bytes now held. */
size_t redact_held(const redactor *r);

#endif
