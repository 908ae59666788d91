/* SPDX-License-Identifier: MIT */
/*
 * socket.c - sockets: making them, connecting them, and passing data. (shutdown, bind,
 * listen and the questions are libc's own: they do not wait, and what they change the
 * netpoller reports.)
 *
 * Called from: the program, and libc's own functions through the second door.
 */
#include "gate.h"
#include "runtime/io.h"

#include <string.h>
#include <sys/socket.h>

void __chk_fail(void) GS_NORETURN; /* libc's "buffer overflow detected" */

/* SOCK_NONBLOCK is O_NONBLOCK, which is what the records are told. */
static int gs_socket_mode(int type)
{
	return type & SOCK_NONBLOCK;
}

GS_EXPORT int socket(int domain, int type, int protocol)
{
	long ret = gs_sys3(__NR_socket, domain, type, protocol);

	if (ret >= 0)
		gs_fd_opened((int)ret, gs_fd_socket_kind(domain, type, protocol),
			     gs_socket_mode(type));
	return (int)gs_gate_result(ret);
}

GS_EXPORT int socketpair(int domain, int type, int protocol, int fds[2])
{
	long ret = gs_sys4(__NR_socketpair, domain, type, protocol, fds);

	for (int i = 0; ret == 0 && i < 2; i++)
		gs_fd_opened(fds[i], gs_fd_socket_kind(domain, type, protocol),
			     gs_socket_mode(type));
	return (int)gs_gate_result(ret);
}

GS_EXPORT int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct gs_thread *self = gs_gate();

	return (int)gs_gate_result(self ? gs_io_accept(self, fd, addr, len, flags)
					: gs_gate_sys4(__NR_accept4, fd, addr, len, flags));
}

GS_EXPORT int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return accept4(fd, addr, len, 0);
}

GS_EXPORT int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct gs_thread *self = gs_gate();

	return (int)gs_gate_result(self ? gs_io_connect(self, fd, addr, len)
					: gs_gate_sys3(__NR_connect, fd, addr, len));
}

GS_EXPORT int __connect(int fd, const struct sockaddr *addr, socklen_t len)
	__attribute__((alias("connect")));

/* ---- receiving ---- */

GS_EXPORT ssize_t recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *addr,
			   socklen_t *len)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(GS_LIKELY(self != NULL)
				      ? gs_io_recv(self, fd, buf, n, flags, addr, len)
				      : gs_gate_sys6(__NR_recvfrom, fd, buf, n, flags, addr, len));
}

GS_EXPORT ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t room, int flags,
				 struct sockaddr *addr, socklen_t *len)
{
	if (n > room)
		__chk_fail();
	return recvfrom(fd, buf, n, flags, addr, len);
}

GS_EXPORT ssize_t recv(int fd, void *buf, size_t n, int flags)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(GS_LIKELY(self != NULL)
				      ? gs_io_recv(self, fd, buf, n, flags, NULL, NULL)
				      : gs_gate_sys6(__NR_recvfrom, fd, buf, n, flags, NULL, NULL));
}

GS_EXPORT ssize_t __recv_chk(int fd, void *buf, size_t n, size_t room, int flags)
{
	if (n > room)
		__chk_fail();
	return recv(fd, buf, n, flags);
}

GS_EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(self ? gs_io_recvmsg(self, fd, msg, flags)
				   : gs_gate_sys3(__NR_recvmsg, fd, msg, flags));
}

GS_EXPORT int recvmmsg(int fd, struct mmsghdr *vec, unsigned n, int flags,
		       struct timespec *timeout)
{
	struct gs_thread *self = gs_gate();

	return (int)gs_gate_result(self ? gs_io_recvmmsg(self, fd, vec, n, flags, timeout)
					: gs_gate_sys5(__NR_recvmmsg, fd, vec, n, flags, timeout));
}

/* ---- sending ---- */

GS_EXPORT ssize_t sendto(int fd, const void *buf, size_t n, int flags,
			 const struct sockaddr *addr, socklen_t len)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(GS_LIKELY(self != NULL)
				      ? gs_io_send(self, fd, buf, n, flags, addr, len)
				      : gs_gate_sys6(__NR_sendto, fd, buf, n, flags, addr, len));
}

GS_EXPORT ssize_t send(int fd, const void *buf, size_t n, int flags)
{
	struct gs_thread *self = gs_gate();

	return gs_gate_result(GS_LIKELY(self != NULL)
				      ? gs_io_send(self, fd, buf, n, flags, NULL, 0)
				      : gs_gate_sys6(__NR_sendto, fd, buf, n, flags, NULL, 0));
}

GS_EXPORT ssize_t __send(int fd, const void *buf, size_t n, int flags)
	__attribute__((alias("send")));

/* A message was sent: the descriptors in it have other numbers too, somewhere. */
static void gs_socket_passed(const struct msghdr *msg)
{
	struct cmsghdr *c;

	if (GS_LIKELY(!gs_sched_on || msg->msg_controllen < CMSG_LEN(sizeof(int))))
		return;
	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR((struct msghdr *)msg, c)) {
		size_t n = 0;

		if (c->cmsg_len > CMSG_LEN(0))
			n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			gs_fd_shared(fd);
		}
	}
}

GS_EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct gs_thread *self = gs_gate();
	long ret = self ? gs_io_sendmsg(self, fd, msg, flags)
			: gs_gate_sys3(__NR_sendmsg, fd, msg, flags);

	if (ret >= 0)
		gs_socket_passed(msg);
	return gs_gate_result(ret);
}

GS_EXPORT int sendmmsg(int fd, struct mmsghdr *vec, unsigned n, int flags)
{
	struct gs_thread *self = gs_gate();
	long ret = self ? gs_io_sendmmsg(self, fd, vec, n, flags)
			: gs_gate_sys4(__NR_sendmmsg, fd, vec, n, flags);

	for (long i = 0; i < ret; i++)
		gs_socket_passed(&vec[i].msg_hdr);
	return (int)gs_gate_result(ret);
}

/* ---- options ---- */

GS_EXPORT int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	long ret = gs_sys5(__NR_setsockopt, fd, level, option, value, len);

	if (ret == 0 && gs_sched_on)
		gs_fd_option_set(fd, level, option, value, len);
	return (int)gs_gate_result(ret);
}

GS_EXPORT int getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
	struct gs_fd *f = gs_fd_find(fd);
	long ret = gs_sys5(__NR_getsockopt, fd, level, option, value, len);

	/* An error that a partial transfer fetched but could not report. */
	if (ret == 0 && level == SOL_SOCKET && option == SO_ERROR && gs_gate() && f &&
	    GS_UNLIKELY(gs_fd_flags(f) & GS_FD_ERROR) && *len >= sizeof(int) && *(int *)value == 0)
		*(int *)value = gs_fd_take_error(f);
	return (int)gs_gate_result(ret);
}
