/* SPDX-License-Identifier: MIT */
/*
 * access.c - asks the kernel, which alone can tell without a fault, by calls that do
 * nothing else.
 *
 * Locks: none. Called from: hooks; floor 3.
 */
#include "access.h"

#include "sys.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

bool gs_access_on_stack(const struct gs_thread *self, const void *p, size_t len)
{
	uintptr_t at = (uintptr_t)p, top;

	if (GS_UNLIKELY(!self))
		return false;
	top = (uintptr_t)self->stack.base + self->stack.size;
	return at >= (uintptr_t)__builtin_frame_address(0) && at < top && len <= top - at;
}

/* The kernel reads the 8 bytes of a signal set before it finds that -1 is no way to
   change the mask: EFAULT or EINVAL, and nothing is done. */
static bool gs_access_reads(const void *at)
{
	return gs_sys4(__NR_rt_sigprocmask, -1, at, NULL, sizeof(uint64_t)) != -EFAULT;
}

/* It writes the mask there. */
static bool gs_access_writes(const void *at)
{
	return gs_sys4(__NR_rt_sigprocmask, SIG_BLOCK, NULL, at, sizeof(uint64_t)) == 0;
}

/* Does ask hold for one word of each page that [p, p+len) touches, and for the last? */
static bool gs_access_all(const void *p, size_t len, bool (*ask)(const void *))
{
	const char *at = p, *last = at + len - GS_MIN(len, sizeof(uint64_t));

	for (;;) {
		if (!ask(at))
			return false;
		if (at >= last)
			return true;
		at = (const char *)GS_ALIGN_DOWN((uintptr_t)at, GS_PAGE) + GS_PAGE;
		at = GS_MIN(at, last);
	}
}

bool gs_access_readable(const struct gs_thread *self, const void *p, size_t len)
{
	if (gs_access_on_stack(self, p, len))
		return true;
	if (!p) /* which to the call means "no set" */
		return false;
	/* Four aligned bytes lie in the same page as the eight aligned ones about them. */
	if (len < sizeof(uint64_t))
		return gs_access_reads((const void *)GS_ALIGN_DOWN((uintptr_t)p, sizeof(uint64_t)));
	return gs_access_all(p, len, gs_access_reads);
}

bool gs_access_writable(const struct gs_thread *self, void *p, size_t len)
{
	if (gs_access_on_stack(self, p, len))
		return true;
	return p && gs_access_all(p, len, gs_access_writes);
}
