/* SPDX-License-Identifier: MIT */
/*
 * mux_poll.c - poll and epoll_wait for green threads, on the round in mux.c.
 *
 * The first question goes to the kernel before the program's arguments are touched,
 * wherever it alone can say whether they are any good.
 *
 * epoll_wait: the program's epoll descriptor is one member, itself pollable.
 *
 * Locks: none held.
 * Called from: hooks/poll.c.
 */
#include "mux.h"

#include "access.h"
#include "loop.h"
#include "mem.h"
#include "netpoll.h"
#include "sys.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>

/* ---- poll ---- */

struct gs_mux_polled {
	struct gs_mux mux;
	struct pollfd *fds;
	unsigned long nfds;
};

/* A signal that the kernel handed to this worker may break the call although it does
   not wait. Whom it is for is settled by then, and the question is asked again. */
static int gs_mux_poll_now(struct pollfd *fds, unsigned long nfds)
{
	long ret;

	do
		ret = gs_sys3(__NR_poll, fds, nfds, 0);
	while (ret == -EINTR);
	return (int)ret;
}

static int gs_mux_poll_ask(struct gs_mux *m)
{
	struct gs_mux_polled *p = GS_CONTAINER_OF(m, struct gs_mux_polled, mux);

	return gs_mux_poll_now(p->fds, p->nfds);
}

static uint32_t gs_mux_poll_events(short events)
{
	uint32_t watch = 0; /* hang-up and error are always watched */

	if (events & (POLLIN | POLLRDNORM | POLLRDHUP)) /* a peer's shutdown counts as input */
		watch |= GS_FD_IN;
	if (events & (POLLOUT | POLLWRNORM))
		watch |= GS_FD_OUT;
	if (events & POLLPRI)
		watch |= GS_FD_PRI;
	/* Found on rare devices only: any event may be it, and none is remembered. */
	if (events & (POLLRDBAND | POLLWRBAND | POLLMSG))
		watch |= GS_FD_IN | GS_FD_OUT | GS_FD_PRI;
	return watch;
}

/* asked: the kernel was, after that many rounds of events, and there was nothing. */
static GS_NOINLINE int gs_mux_poll_wait(struct gs_thread *self, struct pollfd *fds,
					unsigned long nfds, uint64_t deadline, bool asked,
					uint32_t rounds)
{
	struct gs_mux_member few[GS_MUX_FEW];
	struct gs_mux_polled p = {
		.mux = { .ask = gs_mux_poll_ask, .members = few, .reason = GS_REASON_POLL,
			 .obj = nfds == 1 ? gs_mux_fd_obj(fds->fd) : fds,
			 .rounds = rounds, .nothing = asked },
		.fds = fds,
		.nfds = nfds,
	};
	size_t size = nfds * sizeof(few[0]); /* the kernel bounds nfds by RLIMIT_NOFILE */
	int ret;

	if (nfds > GS_MUX_FEW) {
		p.mux.members = gs_mem_map(size);
		if (!p.mux.members)
			return -ENOMEM;
	}
	for (unsigned long i = 0; i < nfds; i++) {
		struct gs_mux_member *member = &p.mux.members[p.mux.n];

		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue;
		member->fd = fds[i].fd;
		member->input = fds[i].events & (POLLIN | POLLRDNORM);
		member->waiter.events = gs_mux_poll_events(fds[i].events);
		member->waiter.exclusive = false;
		p.mux.n++;
	}
	ret = gs_mux_wait(self, &p.mux, deadline, asked ? GS_MUX_ASKED : GS_MUX_ASK_UNLESS_IDLE);
	if (p.mux.members != few)
		gs_mem_unmap(p.mux.members, size);
	return ret;
}

int gs_mux_poll(struct gs_thread *self, struct pollfd *fds, unsigned long nfds,
		uint64_t deadline)
{
	/* The kernel goes first where it alone can say whether fds and nfds are any good. */
	bool asked = nfds > GS_MUX_FEW || deadline == GS_MUX_NOW ||
		     !gs_access_on_stack(self, fds, nfds * sizeof(*fds));
	/* acquire: the question comes after it */
	uint32_t rounds = atomic_load_explicit(&gs_netpoll_rounds, memory_order_acquire);
	int ret = asked && nfds ? gs_mux_poll_now(fds, nfds) : 0;

	if (ret == 0 && deadline != GS_MUX_NOW)
		ret = gs_mux_poll_wait(self, fds, nfds, deadline, asked, rounds);
	return ret == 0 && gs_mux_signalled(self) ? -EINTR : ret;
}

/* ---- epoll ---- */

struct gs_mux_epolled {
	struct gs_mux mux;
	struct epoll_event *events;
	int epfd, max;
};

static int gs_mux_epoll_now(int epfd, struct epoll_event *events, int max)
{
	long ret;

	do
		ret = gs_sys4(__NR_epoll_wait, epfd, events, max, 0);
	while (ret == -EINTR);
	return (int)ret;
}

static int gs_mux_epoll_ask(struct gs_mux *m)
{
	struct gs_mux_epolled *e = GS_CONTAINER_OF(m, struct gs_mux_epolled, mux);

	return gs_mux_epoll_now(e->epfd, e->events, e->max);
}

int gs_mux_epoll(struct gs_thread *self, int epfd, struct epoll_event *events, int max,
		 uint64_t deadline, bool sleeps)
{
	struct gs_mux_member member = {
		.waiter = { .events = GS_FD_IN, .exclusive = true },
		.input = true,
		.fd = epfd,
	};
	struct gs_mux_epolled e = {
		.mux = { .ask = gs_mux_epoll_ask, .members = &member, .n = 1,
			 .reason = GS_REASON_EPOLL, .obj = gs_mux_fd_obj(epfd) },
		.events = events,
		.epfd = epfd,
		.max = max,
	};

	int ret;

	/* The kernel always goes first: it alone knows whether epfd is an epoll instance.
	   Unlike poll, epoll_wait prefers "nothing in time" to a signal. */
	if (sleeps && deadline != GS_MUX_NOW && gs_loop_may_sleep(self)) {
		ret = gs_loop_sleepy(self) ? 0 : gs_mux_epoll_now(epfd, events, max);
		return ret ? ret : gs_loop_sleep(self, epfd, events, max, deadline);
	}
	ret = gs_mux_wait(self, &e.mux, deadline, GS_MUX_ASK);
	if (e.mux.parked)
		gs_loop_parked(self);
	return ret;
}
