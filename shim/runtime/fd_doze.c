/* SPDX-License-Identifier: MIT */
/*
 * fd_doze.c - descriptors whose events find nobody waiting.
 *
 * An event loop that is busy has its next events without asking for them: whatever
 * arrives on its descriptors meanwhile would wake the kernel thread that sleeps in
 * epoll_wait, each time for nothing. So a descriptor that has done that a few times
 * is armed for one event at a time, by whoever waits for it (a system call each time,
 * a tenth of a wake-up), and is dormant from that event on until the next wait. After
 * a while it is tried again the other way.
 *
 * A dormant direction is one of which events do not tell (gs_fd_reports): its memory
 * says "ready" and is not cleared. Its word counts an event when it falls asleep, so
 * no attempt made before clears it either: who reads the new count sees the flag.
 *
 * Invariants: a record with waiters is not dormant once its lock is free. DORMANT goes
 * with ONCE. The kernel may be armed while the record is dormant (an event fetched before
 * the arming, told of after it), which costs a wake-up; never the other way round but for
 * an event that has been fetched and will be told of.
 * Locks: the record's is held. Called from: fd.c, fd_mode.c.
 */
#include "fd.h"

#include "netpoll.h"

enum {
	GS_FD_WASTE = 16,      /* for an event that woke a kernel thread for nobody; a useful
				  one takes 1 off */
	GS_FD_WASTE_HIGH = 48, /* from here on armed for one at a time, */
	GS_FD_WASTE_LOW = 16,  /* down to here, */
	GS_FD_WASTE_FULL = 255,/* beginning with this; each arming takes 1 off */
};

int gs_fd_arm(struct gs_fd *f, int fd, bool out)
{
	uint32_t flags = gs_fd_flags(f);
	bool once = flags & GS_FD_ONCE;
	int err;

	if (once && --f->waste < GS_FD_WASTE_LOW)
		once = false;
	err = gs_netpoll_rearm(fd, atomic_load_explicit(&f->gen, memory_order_relaxed), out, once);
	if (err != 0)
		return err;
	if (flags & (GS_FD_ONCE | GS_FD_DORMANT))
		gs_fd_unmark(f, GS_FD_DORMANT | (once ? 0 : GS_FD_ONCE));
	if (out)
		gs_fd_mark(f, GS_FD_REPORTS_OUT);
	return 0;
}

void gs_fd_doze_off(struct gs_fd *f)
{
	/* Before the counts, whose release shows it. */
	gs_fd_mark(f, GS_FD_DORMANT);
	gs_fd_count(&f->in, false);
	gs_fd_count(&f->out, false);
}

void gs_fd_doze(struct gs_fd *f, int fd, bool wanted, bool slept)
{
	uint32_t flags = gs_fd_flags(f);

	if (flags & GS_FD_ONCE) {
		/* Others wait. It is not for descriptors with several waiters. */
		if (atomic_load_explicit(&f->queued, memory_order_relaxed) != 0) {
			f->waste = 1;
			gs_fd_arm(f, fd, flags & GS_FD_REPORTS_OUT);
		}
		return;
	}
	if (wanted) {
		f->waste -= f->waste > 0;
		return;
	}
	if (!slept)
		return;
	f->waste += GS_FD_WASTE;
	if (f->waste < GS_FD_WASTE_HIGH ||
	    gs_netpoll_hush(fd, atomic_load_explicit(&f->gen, memory_order_relaxed)) != 0)
		return;
	f->waste = GS_FD_WASTE_FULL;
	gs_fd_mark(f, GS_FD_ONCE);
	gs_fd_doze_off(f);
}
