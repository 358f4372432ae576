/* cli/bench_proc.h: CPU time and memory of a process and all its descendants, from /proc
 * (Linux). */
#ifndef ROSTRUM_CLI_BENCH_PROC_H
#define ROSTRUM_CLI_BENCH_PROC_H

/* User and system seconds so far; -1: there is no such process. */
double bench_proc_cpu_s(int pid);

#endif
