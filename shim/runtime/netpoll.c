/* SPDX-License-Identifier: MIT */
/*
 * netpoll.c - one edge-triggered epoll instance for all descriptors, and an
 * eventfd that wakes whoever sleeps in it.
 *
 * Our two descriptors are moved to high numbers, so that programs which expect
 * the lowest free number, or close a range of low ones, do not meet them.
 *
 * Invariants: an event's data is {generation, descriptor}; the wake-up eventfd's
 * is all ones. gs_netpoll_kicked is set from the kick until the wake-up is read.
 * Locks: none; the kernel's own. Called from: fd*.c (add, del, arm), poller.c and
 * monitor.c (wait), idle.c (kick); reap.c, hooks/unistd.c (our numbers); init.c.
 */
#include "netpoll.h"

#include "log.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>

_Atomic uint32_t gs_netpoll_count, gs_netpoll_rounds;
struct gs_netpoll_ops gs_netpoll_ops;

static _Atomic int gs_netpoll_epfd = -1, gs_netpoll_evfd = -1;
static _Atomic uint32_t gs_netpoll_kicked;

static const uint64_t gs_netpoll_wakeup = UINT64_MAX;
static const uint32_t gs_netpoll_mask =
	EPOLLIN | EPOLLRDHUP | EPOLLPRI | (uint32_t)EPOLLET;

int gs_netpoll_raise(int fd)
{
	struct rlimit limit;
	/* Not higher than need be: the kernel's table of descriptors grows with it, and
	   programs that select() over all of getdtablesize() read sets of 1024. */
	long want = 1024, high = -1;

	if (gs_sys_try2(__NR_getrlimit, RLIMIT_NOFILE, &limit) == 0 && (long)limit.rlim_cur < want)
		want = (long)limit.rlim_cur;
	for (long at = want - 16; at > 64 && high < 0; at /= 2)
		high = gs_sys3(__NR_fcntl, fd, F_DUPFD_CLOEXEC, at);
	if (high < 0)
		return fd;
	gs_sys1(__NR_close, fd);
	return (int)high;
}

static int gs_netpoll_watch_eventfd(void)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = gs_netpoll_wakeup };

	return (int)gs_sys4(__NR_epoll_ctl, gs_netpoll_epfd, EPOLL_CTL_ADD, gs_netpoll_evfd, &ev);
}

int gs_netpoll_init(void)
{
	long ep = gs_sys1(__NR_epoll_create1, EPOLL_CLOEXEC);
	long ev = gs_sys2(__NR_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (ep < 0 || ev < 0) {
		if (ep >= 0)
			gs_sys1(__NR_close, ep);
		if (ev >= 0)
			gs_sys1(__NR_close, ev);
		return (int)(ep < 0 ? ep : ev);
	}
	gs_netpoll_epfd = gs_netpoll_raise((int)ep);
	gs_netpoll_evfd = gs_netpoll_raise((int)ev);
	gs_netpoll_kicked = 0;
	return gs_netpoll_watch_eventfd();
}

static int gs_netpoll_control(int op, int fd, uint32_t gen, uint32_t events)
{
	struct epoll_event ev = {
		.events = events,
		.data.u64 = (uint64_t)gen << 32 | (uint32_t)fd,
	};

	return (int)gs_sys4(__NR_epoll_ctl, gs_netpoll_epfd, op, fd, &ev);
}

int gs_netpoll_add(int fd, uint32_t gen, bool out)
{
	uint32_t events = gs_netpoll_mask | (out ? EPOLLOUT : 0);
	int err = gs_netpoll_control(EPOLL_CTL_ADD, fd, gen, events);

	/* A dup under the old number kept the registration alive: take it over. */
	if (err == -EEXIST)
		err = gs_netpoll_control(EPOLL_CTL_MOD, fd, gen, events);
	else if (err == 0)
		/* relaxed: only "are there any" is asked */
		atomic_fetch_add_explicit(&gs_netpoll_count, 1, memory_order_relaxed);
	return err;
}

int gs_netpoll_rearm(int fd, uint32_t gen, bool out, bool once)
{
	return gs_netpoll_control(EPOLL_CTL_MOD, fd, gen,
				  gs_netpoll_mask | (out ? EPOLLOUT : 0) |
					  (once ? EPOLLONESHOT : 0));
}

int gs_netpoll_hush(int fd, uint32_t gen)
{
	return gs_netpoll_control(EPOLL_CTL_MOD, fd, gen, (uint32_t)EPOLLET);
}

int gs_netpoll_del(int fd)
{
	int err = gs_netpoll_control(EPOLL_CTL_DEL, fd, 0, false);

	if (err == 0)
		atomic_fetch_sub_explicit(&gs_netpoll_count, 1, memory_order_relaxed);
	return err;
}

int gs_netpoll_wait(struct gs_netpoll_batch *b, uint64_t timeout)
{
	struct timespec ts, *tsp = NULL;
	long n;

	b->n = 0;
	b->slept = false;
	if (timeout == 0) {
		n = gs_sys4(__NR_epoll_wait, gs_netpoll_epfd, b->events, GS_NETPOLL_BATCH, 0);
	} else {
		if (timeout != GS_NEVER) {
			ts.tv_sec = (time_t)(timeout / GS_NSEC);
			ts.tv_nsec = (long)(timeout % GS_NSEC);
			tsp = &ts;
		}
		n = gs_sys_try6(__NR_epoll_pwait2, gs_netpoll_epfd, b->events, GS_NETPOLL_BATCH, tsp,
			    NULL, 0);
		if (n == -ENOSYS || n == -EPERM) /* before Linux 5.11, or filtered out */
			n = gs_sys4(__NR_epoll_wait, gs_netpoll_epfd, b->events, GS_NETPOLL_BATCH,
				    tsp ? (int)GS_MIN(timeout / 1000000 + 1, 3600000ULL) : -1);
	}
	if (n > 0)
		b->n = (int)n;
	return b->n;
}

void gs_netpoll_drain(const struct gs_netpoll_batch *b)
{
	uint64_t drain;

	for (int i = 0; i < b->n; i++)
		if (b->events[i].data.u64 == gs_netpoll_wakeup) {
			gs_sys3(__NR_read, gs_netpoll_evfd, &drain, sizeof(drain));
			/* seq_cst: a kick after this writes again; one before it is meant
			   for the caller, who is awake */
			atomic_store_explicit(&gs_netpoll_kicked, 0, memory_order_seq_cst);
		}
}

void gs_netpoll_dispatch(struct gs_netpoll_batch *b)
{
	/* relaxed: before the events' records are locked; who reads it has locked them since */
	if (b->n > 0)
		atomic_fetch_add_explicit(&gs_netpoll_rounds, 1, memory_order_relaxed);
	for (int i = 0; i < b->n; i++) {
		uint64_t data = b->events[i].data.u64;

		if (data != gs_netpoll_wakeup)
			gs_netpoll_ops.event((int)(uint32_t)data, (uint32_t)(data >> 32),
					     b->events[i].events, b->slept);
	}
	b->n = 0;
}

void gs_netpoll_kick(void)
{
	uint64_t one = 1;

	/* seq_cst: pairs with the store in gs_netpoll_drain */
	if (atomic_exchange_explicit(&gs_netpoll_kicked, 1, memory_order_seq_cst) == 0)
		gs_sys3(__NR_write, gs_netpoll_evfd, &one, sizeof(one));
}

bool gs_netpoll_owns(int fd)
{
	return fd >= 0 && (fd == gs_netpoll_epfd || fd == gs_netpoll_evfd);
}

int gs_netpoll_own(unsigned first, unsigned last)
{
	unsigned a = (unsigned)gs_netpoll_epfd, b = (unsigned)gs_netpoll_evfd, own = ~0U;

	if (a >= first && a <= last)
		own = a;
	if (b >= first && b <= last)
		own = GS_MIN(own, b);
	return (int)own;
}

/* Another number for ours, which is fd; -errno when all are taken. */
static int gs_netpoll_move(int fd)
{
	long to = gs_sys3(__NR_fcntl, fd, F_DUPFD_CLOEXEC, fd + 1);

	for (long at = fd / 2; to < 0 && at > 2; at /= 2)
		to = gs_sys3(__NR_fcntl, fd, F_DUPFD_CLOEXEC, at);
	return (int)to;
}

void gs_netpoll_evade(int fd)
{
	int moved;

	if (!gs_netpoll_owns(fd))
		return;
	moved = gs_netpoll_move(fd);
	if (moved < 0)
		return;
	if (fd == gs_netpoll_epfd)
		gs_netpoll_epfd = moved;
	else
		gs_netpoll_evfd = moved;
}

void gs_netpoll_after_fork(void)
{
	gs_sys1(__NR_close, gs_netpoll_epfd);
	gs_sys1(__NR_close, gs_netpoll_evfd);
	gs_netpoll_count = 0;
	if (gs_netpoll_init() != 0)
		gs_log_line("no epoll instance in the forked child: descriptors cannot be waited for");
}
