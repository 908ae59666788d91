/* SPDX-License-Identifier: MIT */
/*
 * stop.c - PTRACE_SEIZE and PTRACE_INTERRUPT, which leave no trace: no SIGSTOP that
 * the program or its parent could see. If this command dies, the kernel lets go.
 *
 * A few system calls end with EINTR even if no handler runs (signal(7)), so a thread
 * in a call is not to be stopped. One that has entered a call just before the stop
 * came is told to begin that call again.
 *
 * Called from: dump.c.
 */
#include "stop.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

enum { GS_STOP_RESTART = -513 }; /* the kernel's own -ERESTARTNOINTR */

static bool gs_stop_wait(struct gs_stop *s)
{
	int status;
	pid_t got;

	do
		got = waitpid(s->tid, &status, __WALL);
	while (got < 0 && errno == EINTR);
	if (got != s->tid || !WIFSTOPPED(status))
		return false; /* it has ended */
	if (status >> 16 != PTRACE_EVENT_STOP)
		s->signal = WSTOPSIG(status);
	return true;
}

bool gs_stop_thread(struct gs_stop *s, int tid, struct gs_unwind_frame *f)
{
	struct user_regs_struct r;

	*s = (struct gs_stop){ .tid = tid };
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0)
		return false;
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0 || !gs_stop_wait(s))
		return false;
	if (ptrace(PTRACE_GETREGS, tid, NULL, &r) != 0) {
		gs_stop_release(s);
		return false;
	}
	if ((long long)r.orig_rax >= 0 && (long long)r.rax == -EINTR && !s->signal) {
		r.rax = (unsigned long long)GS_STOP_RESTART;
		ptrace(PTRACE_SETREGS, tid, NULL, &r);
	}
	*f = (struct gs_unwind_frame){ .exact = true };
	const unsigned long long values[GS_UNWIND_REGS] = {
		r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8,
		r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip,
	};
	for (unsigned i = 0; i < GS_UNWIND_REGS; i++)
		gs_unwind_set(f, i, values[i]);
	return true;
}

void gs_stop_release(struct gs_stop *s)
{
	ptrace(PTRACE_DETACH, s->tid, NULL, (void *)(long)s->signal);
}
