#include "serve/pool/admission.h"

#include <math.h>

#include "base/assert.h"
#include "base/limits.h"

#define BAD_REPORTS 2  /* 1 s at LIMIT_HEARTBEAT_MS: one slow moment is no trend */
#define GOOD_REPORTS 4 /* 2 s: opening too early would swing */

const char *slots_source_name(slots_source source) {
    static const char *const names[] = {"configured", "calibrated", "guessed"};
    return names[source];
}

static unsigned clamp(unsigned n) {
    if (n < 1)
        return 1;
    return n > LIMIT_WORKER_SLOTS ? LIMIT_WORKER_SLOTS : n;
}

admission_plan admission_choose(unsigned configured, unsigned calibrated,
                                unsigned slots_per_thread, unsigned slots_max,
                                unsigned threads) {
    ASSERT(threads >= 1);
    unsigned most = slots_max ? slots_max : LIMIT_WORKER_SLOTS;
    unsigned guess =
        slots_per_thread > most / threads ? most : slots_per_thread * threads;
    admission_plan plan = {.guess = clamp(guess)};
    if (configured) {
        plan.ask = clamp(configured);
        plan.guess = plan.ask; /* the operator's word stands whatever was measured */
        plan.source = SLOTS_CONFIGURED;
    } else if (calibrated) {
        plan.ask = clamp(calibrated);
        plan.source = SLOTS_CALIBRATED;
    } else {
        plan.ask = plan.guess;
        plan.source = SLOTS_GUESSED;
    }
    return plan;
}

bool admission_report(admission_gate *gate, const engine_load *load) {
    /* written so that NaN is bad and not good */
    bool good = load->pressure < 1.1f && load->late_permille < 30;
    bool bad = !(load->pressure <= 1.4f) || load->late_permille > 100;
    gate->good = good ? gate->good + 1 : 0;
    gate->bad = bad ? gate->bad + 1 : 0;
    bool was = gate->closed;
    if (gate->bad >= BAD_REPORTS)
        gate->closed = true;
    else if (gate->good >= GOOD_REPORTS)
        gate->closed = false;
    return gate->closed != was;
}

unsigned admission_retry_after_s(double session_ms, unsigned slots) {
    if (!(session_ms > 0) || slots == 0)
        return 5;
    double seconds = ceil(session_ms / 1000.0 / slots);
    if (!(seconds > 1))
        return 1;
    return seconds > 60 ? 60 : (unsigned)seconds;
}
