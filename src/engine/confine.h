/* engine/confine.h: takes from a worker what recognising speech does not need.
 *
 * A worker runs third-party numerical code over untrusted audio. Whatever goes wrong in
 * there must not become a file, a connection or a program.
 *
 *   confine_begin  before load: dies with the gateway, no core files, few descriptors,
 *                  a memory limit, low priority for batch; no network and no exec
 *                  (seccomp); only its model and the system's libraries can be read,
 *                  nothing can be written (landlock, where the kernel has it)
 *   confine_files  after load, before other threads exist: no file at all (landlock)
 *   confine_calls  when all threads exist: only the system calls that computing on an
 *                  open socket takes (seccomp, all threads)
 *
 * A refused call returns EPERM (EACCES from landlock) instead of killing: libraries probe
 * for files at odd moments and go on without; the refusal is what protects.
 * Sanitizer builds (ROSTRUM_SANITIZED) keep files and the other system calls, which
 * their runtimes need for reports; sockets and exec are refused there as well.
 *
 * Memory is limited by RLIMIT_DATA: it counts what the process may write, while
 * RLIMIT_AS would count mapped weights and reserved but unused address space, which
 * runtimes take by the gigabyte. */
#ifndef ROSTRUM_ENGINE_CONFINE_H
#define ROSTRUM_ENGINE_CONFINE_H

#include <stdbool.h>

#include "base/diag.h"

typedef struct {
    const char *model_dir;
    unsigned memory_mb; /* 0: no limit */
    bool batch;
} confine_config;

/* ERR_IO: the kernel refused a filter; the worker must not go on. A kernel without
 * landlock is no error. All: main thread. */
MUST_CHECK status confine_begin(const confine_config *config, diag *d);
MUST_CHECK status confine_files(diag *d);
MUST_CHECK status confine_calls(diag *d);

/* Landlock's version here; 0: the kernel has none. */
int confine_landlock_version(void);

#endif
