/* base/assert.h: assertions for our own mistakes. They stay on in release builds.
 * One condition each; bad input is never an assertion. A failure prints place and
 * condition (never data) and aborts. */
#ifndef ROSTRUM_BASE_ASSERT_H
#define ROSTRUM_BASE_ASSERT_H

#ifdef ROSTRUM_NO_ASSERT /* only for branch-coverage builds */
#define ASSERT(condition) ((void)sizeof(condition))
#else
#define ASSERT(condition)                                                                \
    ((condition) ? (void)0 : assert_failed(__FILE__, __LINE__, #condition))
#endif

_Noreturn void assert_failed(const char *file, int line, const char *condition);

#endif
