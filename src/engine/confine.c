#include "engine/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTORS_MAX                                                                  \
    64 /* weights, libraries, the socket; all open before audio comes */
#define BATCH_NICE 10

static status refused(diag *d, const char *what) {
    return diag_set(d, ERR_IO, "confinement failed: %s: %s", what, strerror(errno));
}

#ifndef ROSTRUM_SANITIZED
/* The kernel's struct in the version that added scopes; older kernels get less of it. */
typedef struct {
    uint64_t files;
    uint64_t network;
    uint64_t scoped;
} ruleset;

#define READ_FILES                                                                       \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |                        \
     LANDLOCK_ACCESS_FS_EXECUTE)
#define ALL_FILES_V1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define ALL_FILES_V3 ((UINT64_C(1) << 15) - 1) /* and REFER, TRUNCATE */
#define ALL_NETWORK UINT64_C(3)                /* bind and connect TCP */
#define ALL_SCOPES UINT64_C(3)                 /* abstract sockets, signals */
#endif

int confine_landlock_version(void) {
    long version =
        syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

#ifndef ROSTRUM_SANITIZED
static void allow_reading(int rules, const char *path) {
    int fd = path[0] ? open(path, O_PATH | O_CLOEXEC) : -1;
    if (fd < 0) /* what is not there needs no permission */
        return;
    struct landlock_path_beneath_attr rule = {.allowed_access = READ_FILES,
                                              .parent_fd = fd};
    if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) !=
        0) {
        rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE; /* it is a file */
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    close(fd);
}

/* Nothing but reading below the given paths, from now on, in this thread and those it
 * starts. */
static status restrict_files(const char *const *paths, diag *d) {
    int version = confine_landlock_version();
    if (version == 0)
        return OK;
    ruleset wanted = {.files = version >= 3 ? ALL_FILES_V3 : ALL_FILES_V1};
    size_t size = sizeof wanted.files;
    if (version >= 4) {
        wanted.network = ALL_NETWORK;
        size = offsetof(ruleset, scoped);
    }
    if (version >= 6) {
        wanted.scoped = ALL_SCOPES;
        size = sizeof wanted;
    }
    int rules = (int)syscall(SYS_landlock_create_ruleset, &wanted, size, 0);
    if (rules < 0)
        return refused(d, "landlock rules");
    for (size_t i = 0; paths && paths[i]; i++)
        allow_reading(rules, paths[i]);
    long failed = syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
    return failed ? refused(d, "landlock") : OK;
}
#endif

/* Loads and releases ctx. */
static status load_filter(scmp_filter_ctx ctx, int result, diag *d) {
    if (result == 0)
        result = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
    if (result == 0)
        result = seccomp_load(ctx);
    seccomp_release(ctx);
    errno = result < 0 ? -result : 0;
    return result == 0 ? OK : refused(d, "seccomp");
}

/* No worker ever needs these, not even while it loads. */
static status deny_outside(diag *d) {
    static const int calls[] = {
        SCMP_SYS(socket),
        SCMP_SYS(connect),
        SCMP_SYS(bind),
        SCMP_SYS(listen),
        SCMP_SYS(accept),
        SCMP_SYS(accept4),
        SCMP_SYS(socketpair),
        SCMP_SYS(execve),
        SCMP_SYS(execveat),
        SCMP_SYS(io_uring_setup),
        SCMP_SYS(bpf),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(userfaultfd),
        SCMP_SYS(unshare),
        SCMP_SYS(setns),
        SCMP_SYS(mount),
        SCMP_SYS(umount2),
        SCMP_SYS(pivot_root),
        SCMP_SYS(chroot),
        SCMP_SYS(init_module),
        SCMP_SYS(finit_module),
        SCMP_SYS(kexec_load),
        SCMP_SYS(reboot),
        SCMP_SYS(keyctl),
        SCMP_SYS(add_key),
        SCMP_SYS(request_key),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(process_vm_writev),
#ifndef ROSTRUM_SANITIZED
        SCMP_SYS(ptrace), /* the leak checker stops its own threads with it */
#endif
    };
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    if (!ctx)
        return diag_set(d, ERR_MEMORY, "no memory for the system call filter");
    int result = 0;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0] && result == 0; i++)
        result = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
    return load_filter(ctx, result, d);
}

static status limit(int resource, rlim_t value, diag *d) {
    struct rlimit now;
    if (getrlimit(resource, &now) != 0)
        return refused(d, "reading a limit");
    if (now.rlim_max != RLIM_INFINITY && now.rlim_max < value)
        value = now.rlim_max;
    now = (struct rlimit){value, value};
    return setrlimit(resource, &now) == 0 ? OK : refused(d, "setting a limit");
}

status confine_begin(const confine_config *config, diag *d) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return refused(d, "prctl");
    status s = limit(RLIMIT_CORE, 0, d);
    if (s == OK)
        s = limit(RLIMIT_NOFILE, DESCRIPTORS_MAX, d);
#ifndef ROSTRUM_SANITIZED /* shadow memory is terabytes of data */
    if (s == OK && config->memory_mb > 0)
        s = limit(RLIMIT_DATA, (rlim_t)config->memory_mb << 20, d);
#endif
    if (s == OK && config->batch && setpriority(PRIO_PROCESS, 0, BATCH_NICE) != 0)
        s = refused(d, "nice");
#ifndef ROSTRUM_SANITIZED
    const char *const readable[] = {config->model_dir,
                                    "/usr",
                                    "/lib",
                                    "/lib64",
                                    "/etc/ld.so.cache",
                                    "/proc",
                                    "/sys/devices/system",
                                    "/dev/null",
                                    "/dev/urandom",
                                    NULL};
    if (s == OK)
        s = restrict_files(readable, d);
#endif
    return s == OK ? deny_outside(d) : s;
}

status confine_files(diag *d) {
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        return refused(d, "dumpable");
#ifndef ROSTRUM_SANITIZED
    return restrict_files(NULL, d);
#else
    return OK;
#endif
}

#ifdef ROSTRUM_SANITIZED
status confine_calls(diag *d) {
    (void)d;
    return OK;
}
#else
/* Memory may be had, but never memory that can run. */
static int allow_memory(scmp_filter_ctx ctx) {
    static const int calls[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    int result = 0;
    for (size_t i = 0; i < 2 && result == 0; i++)
        result = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return result;
}

/* Calls of which only the harmless form is allowed. */
static int allow_forms(scmp_filter_ctx ctx) {
    int result = allow_memory(ctx);
    if (result == 0) /* abort() */
        result = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    if (result == 0) /* reading a limit */
        result = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
                                  SCMP_A2(SCMP_CMP_EQ, 0, 0));
    return result;
}

status confine_calls(diag *d) {
    static const int calls[] = {
        /* the socket, the log, files that were left open */
        SCMP_SYS(read),
        SCMP_SYS(write),
        SCMP_SYS(writev),
        SCMP_SYS(pread64),
        SCMP_SYS(lseek),
        SCMP_SYS(fstat),
        SCMP_SYS(close),
        SCMP_SYS(poll),
        SCMP_SYS(ppoll),
        /* memory and threads that exist */
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(madvise),
        SCMP_SYS(brk),
        SCMP_SYS(futex),
        SCMP_SYS(sched_yield),
        SCMP_SYS(sched_getaffinity),
        SCMP_SYS(set_robust_list),
        SCMP_SYS(rseq),
        SCMP_SYS(membarrier),
        /* time and facts */
        SCMP_SYS(clock_gettime),
        SCMP_SYS(clock_getres),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(time),
        SCMP_SYS(clock_nanosleep),
        SCMP_SYS(nanosleep),
        SCMP_SYS(getrusage),
        SCMP_SYS(getpid),
        SCMP_SYS(gettid),
        SCMP_SYS(getcpu),
        SCMP_SYS(getrandom),
        SCMP_SYS(sysinfo),
        SCMP_SYS(uname),
        SCMP_SYS(getrlimit),
        /* signals and the end */
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigaction),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(sigaltstack),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
    };
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!ctx)
        return diag_set(d, ERR_MEMORY, "no memory for the system call filter");
    int result =
        seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a list */
    for (size_t i = 0; i < sizeof calls / sizeof calls[0] && result == 0; i++)
        result = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
    if (result == 0)
        result = allow_forms(ctx);
    return load_filter(ctx, result, d);
}
#endif
