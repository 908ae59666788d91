/* SPDX-License-Identifier: MIT */
/*
 * fd_mode.c - what is remembered of the open file behind a number: its kind,
 * O_NONBLOCK, time-outs, an error it still has to report.
 *
 * That must stay right when the file has several numbers and is changed through
 * another one. A number that was opened through a hook and never duplicated is the
 * file's only one (GS_FD_SOLE) and keeps its own record right. A change made through
 * any other bumps gs_fd_epoch, and every record that is not SOLE asks the kernel again
 * before it next relies on its memory. Changes by another process that shares the open
 * file are not noticed: the answer it gave first stands until the epoch moves.
 *
 * Locks: the record's. Called from: io*.c, and hooks in any context.
 */
#include "fd.h"

#include "netpoll.h"
#include "sched.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>

_Atomic uint32_t gs_fd_epoch;

enum { GS_FD_MEM_MAJOR = 1 }; /* /dev/null, zero, random */
enum { GS_FD_NULL_MINOR = 3, GS_FD_ZERO_MINOR = 5, GS_FD_FULL_MINOR = 7 };

static int gs_fd_sockopt(int fd, int option, void *value, socklen_t len)
{
	return (int)gs_sys_try5(__NR_getsockopt, fd, SOL_SOCKET, option, value, &len);
}

static unsigned gs_fd_ask_socket(int fd, uint32_t *flags)
{
	int domain = 0, type = 0, protocol = 0, lowat = 1;
	struct linger linger = { 0, 0 };

	/* The kind whose rules ask least of it. */
	if (gs_fd_sockopt(fd, SO_TYPE, &type, sizeof(type)) == -ENOSYS)
		return GS_FD_STREAM;
	gs_fd_sockopt(fd, SO_DOMAIN, &domain, sizeof(domain));
	if (type == SOCK_STREAM && domain != AF_UNIX &&
	    gs_fd_sockopt(fd, SO_PROTOCOL, &protocol, sizeof(protocol)) == -ENOSYS)
		return GS_FD_STREAM;
	if (type == SOCK_STREAM) {
		if (gs_fd_sockopt(fd, SO_LINGER, &linger, sizeof(linger)) == 0 && linger.l_onoff)
			*flags |= GS_FD_LINGERS;
		if (gs_fd_sockopt(fd, SO_RCVLOWAT, &lowat, sizeof(lowat)) == 0 && lowat > 1)
			*flags |= GS_FD_LOWAT;
	}
	return gs_fd_socket_kind(domain, type, protocol);
}

/* Some pipe of this process has been told to keep packets apart. Such a pipe of another
   process's, which nobody makes, is left to the audit: else each pipe that is older than
   the first thread would be read once more whenever it is empty. */
static _Atomic bool gs_fd_packets;

void gs_fd_packets_begin(void)
{
	/* relaxed: as said where it is read */
	atomic_store_explicit(&gs_fd_packets, true, memory_order_relaxed);
}

static bool gs_fd_never_waits(dev_t device)
{
	return minor(device) == GS_FD_NULL_MINOR || minor(device) == GS_FD_ZERO_MINOR ||
	       minor(device) == GS_FD_FULL_MINOR;
}

static unsigned gs_fd_ask_kind(int fd, const struct stat *st, uint32_t *flags)
{
	char termios[64]; /* the kernel's is smaller */
	long mode;

	switch (st->st_mode & S_IFMT) {
	case S_IFSOCK:
		return gs_fd_ask_socket(fd, flags);
	case S_IFIFO:
		mode = gs_sys3(__NR_fcntl, fd, F_GETFL, 0);
		/* Whether the writer writes packets does not show at the other end. relaxed: set
		   before anybody can write them */
		if (atomic_load_explicit(&gs_fd_packets, memory_order_relaxed))
			*flags |= GS_FD_PACKETS;
		return mode >= 0 && (mode & O_DIRECT) ? GS_FD_ANON : GS_FD_PIPE;
	case S_IFCHR:
		if (major(st->st_rdev) == GS_FD_MEM_MAJOR) {
			if (gs_fd_never_waits(st->st_rdev))
				*flags |= GS_FD_INSTANT;
			return GS_FD_FILE;
		}
		return gs_sys_try3(__NR_ioctl, fd, TCGETS, termios) == 0 ? GS_FD_TTY : GS_FD_CHAR;
	case S_IFREG:
	case S_IFDIR:
	case S_IFBLK:
	case S_IFLNK:
		return GS_FD_FILE;
	default:
		return GS_FD_ANON;
	}
}

int gs_fd_classify(struct gs_fd *f, int fd)
{
	uint32_t gen = atomic_load_explicit(&f->gen, memory_order_relaxed);
	uint32_t flags = 0;
	struct gs_thread *self;
	struct stat st;
	unsigned kind;
	long err = gs_sys_try2(__NR_fstat, fd, &st);

	if (err == -ENOSYS)
		return GS_FD_TTY; /* the plain call is always right */
	if (err < 0)
		return (int)err;
	kind = gs_fd_ask_kind(fd, &st, &flags);
	if (atomic_load_explicit(&gs_fd_closes_seen, memory_order_relaxed))
		flags |= GS_FD_TRUSTED;
	if (!gs_fd_begin(&self))
		return (int)kind;
	gs_lock(&f->lock);
	/* Closed and reused while we asked: the answer is about the past. */
	if (atomic_load_explicit(&f->gen, memory_order_relaxed) == gen) {
		if (!gs_fd_is_socket(kind)) {
			atomic_store_explicit(&f->timeout_in, UINT32_MAX, memory_order_relaxed);
			atomic_store_explicit(&f->timeout_out, UINT32_MAX, memory_order_relaxed);
		}
		atomic_store_explicit(&f->kind, (uint8_t)kind, memory_order_relaxed);
		gs_fd_mark(f, flags);
	}
	gs_unlock(&f->lock);
	gs_fd_end(self);
	return (int)kind;
}

void gs_fd_refresh(struct gs_fd *f)
{
	/* acquire: pairs with the release in gs_fd_changed */
	uint32_t epoch = atomic_load_explicit(&gs_fd_epoch, memory_order_acquire);

	if ((gs_fd_flags(f) & GS_FD_SOLE) ||
	    atomic_load_explicit(&f->epoch, memory_order_relaxed) == epoch)
		return;
	gs_fd_unmark(f, GS_FD_MODE);
	if (gs_fd_is_socket(atomic_load_explicit(&f->kind, memory_order_relaxed))) {
		atomic_store_explicit(&f->timeout_in, 0, memory_order_relaxed);
		atomic_store_explicit(&f->timeout_out, 0, memory_order_relaxed);
	}
	atomic_store_explicit(&f->epoch, epoch, memory_order_relaxed);
}

bool gs_fd_nonblock(struct gs_fd *f, int fd)
{
	uint32_t flags;
	long mode;

	gs_fd_refresh(f);
	flags = gs_fd_flags(f);
	if (flags & (GS_FD_MODE | GS_FD_CONNECTING))
		return flags & GS_FD_NONBLOCK;
	mode = gs_sys3(__NR_fcntl, fd, F_GETFL, 0);
	if (mode < 0)
		return false;
	if (mode & O_NONBLOCK) {
		gs_fd_mark(f, GS_FD_MODE | GS_FD_NONBLOCK);
	} else {
		gs_fd_unmark(f, GS_FD_NONBLOCK);
		gs_fd_mark(f, GS_FD_MODE);
	}
	return mode & O_NONBLOCK;
}

uint64_t gs_fd_deadline(struct gs_fd *f, int fd, uint32_t dir)
{
	_Atomic uint32_t *timeout = dir == GS_FD_IN ? &f->timeout_in : &f->timeout_out;
	struct timeval tv = { 0, 0 };
	uint64_t ms;

	gs_fd_refresh(f);
	ms = atomic_load_explicit(timeout, memory_order_relaxed);
	if (GS_UNLIKELY(ms == 0)) {
		gs_fd_sockopt(fd, dir == GS_FD_IN ? SO_RCVTIMEO : SO_SNDTIMEO, &tv, sizeof(tv));
		ms = (uint64_t)tv.tv_sec * 1000 + ((uint64_t)tv.tv_usec + 999) / 1000;
		if (ms == 0 || ms > UINT32_MAX)
			ms = UINT32_MAX;
		atomic_store_explicit(timeout, (uint32_t)ms, memory_order_relaxed);
	}
	return ms == UINT32_MAX ? GS_NEVER : gs_now() + ms * 1000000;
}

/* ---- changes ---- */

/* What a change made through one number means to the records of others. */
static void gs_fd_each(void (*fn)(struct gs_fd *f, int fd, const void *arg), const void *arg)
{
	/* relaxed: a chunk made just now knows of no file yet */
	uint32_t top = atomic_load_explicit(&gs_fd_top, memory_order_relaxed);

	for (uint32_t at = 0; at < top; at++) {
		int first = (int)(at << GS_FD_CHUNK_BITS);
		struct gs_fd *chunk = gs_fd_find(first);

		for (int i = 0; chunk && i < GS_FD_CHUNK; i++)
			fn(&chunk[i], first + i, arg);
	}
}

static unsigned gs_fd_known(const struct gs_fd *f)
{
	/* relaxed: a kind stands for itself */
	return atomic_load_explicit(&f->kind, memory_order_relaxed);
}

/* Something of f's open file changed: other numbers it may have must ask again. */
static void gs_fd_changed(struct gs_fd *f)
{
	if (f && (gs_fd_flags(f) & GS_FD_SOLE))
		return;
	/* release: pairs with the acquire in gs_fd_refresh; who sees the new epoch asks
	   the kernel after the change */
	atomic_fetch_add_explicit(&gs_fd_epoch, 1, memory_order_release);
}

void gs_fd_nonblock_set(int fd, bool on)
{
	struct gs_fd *f;
	struct gs_thread *self;
	uint32_t flags;

	if (!gs_fd_begin(&self))
		return;
	f = gs_fd_find(fd);
	if (f) {
		gs_fd_refresh(f);
		flags = gs_fd_flags(f);
		if (!(flags & GS_FD_MODE) || !(flags & GS_FD_NONBLOCK) == on) {
			gs_fd_changed(f);
			if (flags & GS_FD_SOLE) {
				gs_fd_unmark(f, on ? 0 : GS_FD_NONBLOCK);
				gs_fd_mark(f, GS_FD_MODE | (on ? GS_FD_NONBLOCK : 0));
			}
		}
	} else {
		gs_fd_changed(NULL);
	}
	gs_fd_end(self);
}

static void gs_fd_note_packets(struct gs_fd *f, int fd, const void *arg)
{
	if (gs_fd_known(f) == GS_FD_PIPE)
		gs_fd_mark(f, GS_FD_PACKETS);
}

/* Files are opened so, too, to go past the page cache: that is nobody's business here. */
static bool gs_fd_may_be_pipe(const struct gs_fd *f, int fd)
{
	struct stat st;

	if (f && gs_fd_known(f) == GS_FD_FILE)
		return false;
	return gs_sys_try2(__NR_fstat, fd, &st) != 0 || S_ISFIFO(st.st_mode);
}

void gs_fd_mode_set(int fd, int mode)
{
	struct gs_fd *f = gs_fd_find(fd);
	struct gs_thread *self;

	/* Packets; which number is its other end nobody can tell. */
	if ((mode & O_DIRECT) && gs_fd_may_be_pipe(f, fd)) {
		gs_fd_packets_begin();
		if (gs_fd_begin(&self)) {
			if (f && gs_fd_known(f) == GS_FD_PIPE)
				atomic_store_explicit(&f->kind, GS_FD_ANON, memory_order_relaxed);
			gs_fd_each(gs_fd_note_packets, NULL);
			gs_fd_end(self);
		}
	}
	gs_fd_nonblock_set(fd, mode & O_NONBLOCK);
}

void gs_fd_timeout_set(int fd)
{
	struct gs_fd *f = gs_fd_find(fd);
	struct gs_thread *self;

	if (!gs_fd_begin(&self))
		return;
	gs_fd_changed(f);
	if (f) {
		atomic_store_explicit(&f->timeout_in, 0, memory_order_relaxed);
		atomic_store_explicit(&f->timeout_out, 0, memory_order_relaxed);
	}
	gs_fd_end(self);
}

/* An option that is remembered of a socket's open file. */
struct gs_fd_option {
	uint32_t flag;
	bool on, ulp;
	uint64_t cookie; /* the kernel's name for the socket */
};

static void gs_fd_note_option(struct gs_fd *f, const struct gs_fd_option *o)
{
	if (o->ulp) /* TLS in the kernel: a short read may be the end of a record */
		atomic_store_explicit(&f->kind, GS_FD_STREAM, memory_order_relaxed);
	else if (o->on)
		gs_fd_mark(f, o->flag);
	else
		gs_fd_unmark(f, o->flag);
}

static void gs_fd_note_same(struct gs_fd *f, int fd, const void *arg)
{
	const struct gs_fd_option *o = arg;
	uint64_t cookie = 0;

	if (!gs_fd_is_socket(gs_fd_known(f)) || (gs_fd_flags(f) & GS_FD_SOLE))
		return;
	if (gs_fd_sockopt(fd, SO_COOKIE, &cookie, sizeof(cookie)) == 0 && cookie == o->cookie)
		gs_fd_note_option(f, o);
}

void gs_fd_option_set(int fd, int level, int option, const void *value, socklen_t len)
{
	struct gs_fd *f = gs_fd_find(fd);
	struct gs_fd_option o = { 0 };
	struct gs_thread *self;
	int arg = 0;

	if (level == SOL_SOCKET && (option == SO_RCVTIMEO || option == SO_SNDTIMEO ||
				    option == SO_RCVTIMEO_NEW || option == SO_SNDTIMEO_NEW))
		gs_fd_timeout_set(fd);
	if (level == SOL_SOCKET && option == SO_LINGER)
		o.flag = GS_FD_LINGERS;
	else if (level == SOL_SOCKET && option == SO_RCVLOWAT)
		o.flag = GS_FD_LOWAT;
	else if (level == IPPROTO_TCP && option == TCP_ULP)
		o.ulp = true;
	else
		return;
	memcpy(&arg, value, GS_MIN(len, sizeof(arg)));
	o.on = o.flag == GS_FD_LOWAT ? arg < 0 || arg > 1 : arg != 0;
	if (!gs_fd_begin(&self))
		return;
	/* An unknown kind is asked for later, and these with it. */
	if (f && (gs_fd_flags(f) & GS_FD_SOLE)) {
		if (gs_fd_is_socket(gs_fd_known(f)))
			gs_fd_note_option(f, &o);
	} else if (gs_fd_sockopt(fd, SO_COOKIE, &o.cookie, sizeof(o.cookie)) == 0) {
		gs_fd_each(gs_fd_note_same, &o);
	}
	gs_fd_end(self);
}

void gs_fd_connected(struct gs_thread *self, struct gs_fd *f, int fd)
{
	uint64_t words = atomic_load_explicit(&f->in, memory_order_relaxed) |
			 atomic_load_explicit(&f->out, memory_order_relaxed);

	if (GS_LIKELY(!(words & GS_FD_STICKY)))
		return;
	gs_enter(self);
	gs_lock(&f->lock);
	gs_fd_restart(&f->in);
	gs_fd_restart(&f->out);
	/* A hang-up that came since is reported anew. */
	if (gs_fd_flags(f) & GS_FD_REGISTERED)
		gs_fd_arm(f, fd, gs_fd_flags(f) & GS_FD_REPORTS_OUT);
	gs_unlock(&f->lock);
	gs_leave(self);
}

void gs_fd_put_error(struct gs_fd *f, int error)
{
	atomic_store_explicit(&f->error, (uint16_t)error, memory_order_relaxed);
	gs_fd_mark(f, GS_FD_ERROR);
}

int gs_fd_take_error(struct gs_fd *f)
{
	gs_fd_unmark(f, GS_FD_ERROR);
	return atomic_exchange_explicit(&f->error, 0, memory_order_relaxed);
}

