/* SPDX-License-Identifier: MIT */
/*
 * probes.h - places that bpftrace, perf, SystemTap and gdb can attach to in a running
 * process: provider goshim. Each is one nop and a note in the file; nothing is needed
 * at run time, and without sys/sdt.h at build time there are none.
 */
#ifndef GS_PROBES_H
#define GS_PROBES_H

#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define GS_PROBE1(name, a) DTRACE_PROBE1(goshim, name, a)
#define GS_PROBE2(name, a, b) DTRACE_PROBE2(goshim, name, a, b)
#define GS_PROBE3(name, a, b, c) DTRACE_PROBE3(goshim, name, a, b, c)
#else
#define GS_PROBE1(name, a)
#define GS_PROBE2(name, a, b)
#define GS_PROBE3(name, a, b, c)
#endif

#endif
