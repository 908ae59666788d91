/* SPDX-License-Identifier: MIT */
/*
 * sigset.h - sets of signals as the kernel has them: bit n - 1 for signal n.
 *
 * Floor 0: no state.
 */
#ifndef GS_SIGSET_H
#define GS_SIGSET_H

#include "base.h"

#include <signal.h>

#define GS_SIG(n) (UINT64_C(1) << ((n) - 1))

enum {
	GS_SIG_LAST = 64,
	GS_SIG_BYTES = 8, /* of a set, for the kernel */
	/* glibc keeps 33 for its set*id broadcast, which the library replaces. Here it
	   asks a worker to look at the signals of the thread it runs. */
	GS_SIG_KICK = 33,
};

/* Nobody can block or catch these. */
#define GS_SIGS_FATAL (GS_SIG(SIGKILL) | GS_SIG(SIGSTOP))

/* The C library's own: 32 (preempt.h) and 33. Programs never see them. */
#define GS_SIGS_LIBC (GS_SIG(32) | GS_SIG(33))

/* The ones an instruction causes. */
#define GS_SIGS_FAULT                                                              \
	(GS_SIG(SIGSEGV) | GS_SIG(SIGBUS) | GS_SIG(SIGFPE) | GS_SIG(SIGILL) |      \
	 GS_SIG(SIGTRAP) | GS_SIG(SIGSYS))

/* The ones a system call causes: the kernel sends them to the calling thread. */
#define GS_SIGS_LOCAL (GS_SIG(SIGPIPE) | GS_SIG(SIGXFSZ))

/* Queued, in order. */
#define GS_SIGS_REALTIME (~UINT64_C(0) << 33)

/* No worker ever blocks these in the kernel. */
#define GS_SIGS_OPEN (GS_SIGS_FATAL | GS_SIGS_LIBC | GS_SIGS_FAULT | GS_SIGS_LOCAL)

/* What a program may block. */
#define GS_SIGS_BLOCKABLE (~(GS_SIGS_FATAL | GS_SIGS_LIBC))

/* Ignored by default. */
#define GS_SIGS_IGNORED \
	(GS_SIG(SIGCHLD) | GS_SIG(SIGURG) | GS_SIG(SIGWINCH) | GS_SIG(SIGCONT))

/* Stop the process by default. */
#define GS_SIGS_STOP (GS_SIG(SIGSTOP) | GS_SIG(SIGTSTP) | GS_SIG(SIGTTIN) | GS_SIG(SIGTTOU))

static inline bool gs_sig_valid(int sig)
{
	return sig >= 1 && sig <= GS_SIG_LAST;
}

/* Which pending signals sig takes back: what stops the process and what continues it do so
   with each other, whatever their actions. */
static inline uint64_t gs_sig_opposites(int sig)
{
	if (sig == SIGCONT)
		return GS_SIGS_STOP;
	return GS_SIGS_STOP & GS_SIG(sig) ? GS_SIG(SIGCONT) : 0;
}

/* The signal to take first of a non-empty set: the kernel's order. */
static inline int gs_sig_first(uint64_t set)
{
	return __builtin_ctzll(set & GS_SIGS_FAULT ? set & GS_SIGS_FAULT : set) + 1;
}

#endif
