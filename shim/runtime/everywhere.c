/* SPDX-License-Identifier: MIT */
/*
 * everywhere.c - a system call on every kernel thread of the process.
 *
 * libc does this with a signal, too, but its list of threads knows no green ones, and
 * its handler writes to the TCB it believes the kernel thread has. Here the kernel is
 * asked which threads there are (/proc/self/task), again and again until all it names
 * have answered: a thread that an old one starts meanwhile is in the next list, one
 * that a new one starts has the new ids.
 *
 * The handler makes one system call and touches no thread-local storage, so it may
 * interrupt anything, the runtime and the monitor included. Nobody blocks its signal
 * for long. The number is that of the workers' kick (signal.c): whatever comes without
 * an order for the kernel thread it comes to is passed on. Which of two pending ones is
 * taken for the order does not matter, for both come.
 *
 * If the call succeeds here and fails on another thread, the process is in a state
 * nobody can describe; the hook aborts it, as libc does.
 *
 * Locks: gs_everywhere_lock, held while others answer; they need no lock for that.
 * Called from: hooks/ids.c.
 */
#include "everywhere.h"

#include "kick.h"
#include "log.h"
#include "mem.h"
#include "preempt.h"
#include "sched.h"
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

enum { GS_EVERYWHERE_BUFFER = 32 * 1024, GS_EVERYWHERE_MOST = 8192, GS_EVERYWHERE_SIGSET = 8 };

struct gs_everywhere_entry { /* what getdents64 fills in */
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

static struct gs_lock gs_everywhere_lock;
static bool gs_everywhere_ready;

/* The order, and how many have not carried it out yet. */
static struct {
	long nr, a, b, c;
	int tid;
	_Atomic uint32_t left;
	_Atomic bool failed;
} gs_everywhere_order;

/* The handler that had the signal's number before. */
static void (*gs_everywhere_other)(int, siginfo_t *, void *);

static void gs_everywhere_handler(int sig, siginfo_t *info, void *context)
{
	/* acquire: pairs with the release of the count that precedes the signal */
	if (atomic_load_explicit(&gs_everywhere_order.left, memory_order_acquire) == 0 ||
	    gs_everywhere_order.tid != gs_sys_gettid()) {
		if (gs_everywhere_other)
			gs_everywhere_other(sig, info, context);
		return;
	}
	if (gs_sys3(gs_everywhere_order.nr, gs_everywhere_order.a, gs_everywhere_order.b,
		    gs_everywhere_order.c) < 0)
		atomic_store_explicit(&gs_everywhere_order.failed, true, memory_order_relaxed);
	/* release: pairs with the acquire in gs_everywhere_tell, for failed */
	if (atomic_fetch_sub_explicit(&gs_everywhere_order.left, 1, memory_order_release) == 1)
		gs_sys_futex_wake(&gs_everywhere_order.left, 1);
}

static void gs_everywhere_install(void)
{
	struct gs_arch_sigaction action = {
		.handler = (void *)gs_everywhere_handler,
		.flags = SA_SIGINFO | SA_RESTART | GS_ARCH_SA_RESTORER,
		.restorer = gs_arch_sigreturn,
	}, before = { 0 };
	uint64_t unblock = 1ULL << (GS_EVERYWHERE_SIGNAL - 1);

	if (gs_everywhere_ready)
		return;
	gs_sys4(__NR_rt_sigprocmask, SIG_UNBLOCK, &unblock, NULL, GS_EVERYWHERE_SIGSET);
	gs_sys4(__NR_rt_sigaction, GS_EVERYWHERE_SIGNAL, NULL, &before, GS_EVERYWHERE_SIGSET);
	if ((before.flags & SA_SIGINFO) && before.handler > (void *)SIG_IGN) {
		gs_everywhere_other = (void (*)(int, siginfo_t *, void *))before.handler;
		action.mask = before.mask;
	}
	gs_sys4(__NR_rt_sigaction, GS_EVERYWHERE_SIGNAL, &action, NULL, GS_EVERYWHERE_SIGSET);
	gs_everywhere_ready = true;
}

/* Tells tid to do it, and waits until it has. */
static void gs_everywhere_tell(int pid, int tid)
{
	uint32_t left;
	long err;

	gs_everywhere_order.tid = tid;
	/* release: the handler that sees it sees the order */
	atomic_store_explicit(&gs_everywhere_order.left, 1, memory_order_release);
	while ((err = gs_kick(tid, GS_EVERYWHERE_SIGNAL)) == -EBUSY)
		gs_sys0(__NR_sched_yield); /* it may go on after all */
	if (err == 0)
		/* acquire: pairs with the release in gs_everywhere_handler */
		while ((left = atomic_load_explicit(&gs_everywhere_order.left,
						    memory_order_acquire)) != 0) {
			const struct timespec ts = { .tv_nsec = 10000000 };

			if (gs_sys_futex_wait(&gs_everywhere_order.left, left, &ts) == -ETIMEDOUT &&
			    gs_sys3(__NR_tgkill, pid, tid, 0) < 0)
				break; /* it has ended without looking at its signals */
		}
	/* relaxed: a handler that comes this late does nothing */
	atomic_store_explicit(&gs_everywhere_order.left, 0, memory_order_relaxed);
}

static bool gs_everywhere_known(const int *done, size_t n, int tid)
{
	for (size_t i = 0; i < n; i++)
		if (done[i] == tid)
			return true;
	return false;
}

static int gs_everywhere_number(const char *s)
{
	int n = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (*s - '0');
	return n;
}

/* One walk through the list of threads; returns how many were new. */
static size_t gs_everywhere_walk(int pid, int *done, size_t *n, char *buf)
{
	long fd = gs_sys4(__NR_openat, AT_FDCWD, "/proc/self/task",
			  O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	size_t before = *n;
	long len;

	if (fd < 0)
		return 0;
	while ((len = gs_sys3(__NR_getdents64, fd, buf, GS_EVERYWHERE_BUFFER)) > 0)
		for (long at = 0; at < len;) {
			struct gs_everywhere_entry *e = (void *)(buf + at);
			int tid = gs_everywhere_number(e->name);

			at += e->len;
			if (tid == 0 || *n == GS_EVERYWHERE_MOST ||
			    gs_everywhere_known(done, *n, tid))
				continue;
			gs_everywhere_tell(pid, tid);
			done[(*n)++] = tid;
		}
	gs_sys1(__NR_close, fd);
	return *n - before;
}

static void gs_everywhere_others(void)
{
	const size_t size = GS_EVERYWHERE_BUFFER + GS_EVERYWHERE_MOST * sizeof(int);
	int pid = gs_sys_getpid();
	char *buf = gs_mem_map(size);
	size_t n = 1;
	int *done;

	GS_BUG_ON(!buf);
	done = (int *)(buf + GS_EVERYWHERE_BUFFER);
	done[0] = gs_sys_gettid();
	while (gs_everywhere_walk(pid, done, &n, buf) > 0)
		;
	gs_mem_unmap(buf, size);
}

long gs_everywhere(struct gs_thread *self, long nr, long a, long b, long c)
{
	long ret;

	/* It stays on its kernel thread until all is done. */
	if (self)
		gs_enter(self);
	gs_lock(&gs_everywhere_lock);
	gs_everywhere_install();
	gs_everywhere_order.nr = nr;
	gs_everywhere_order.a = a;
	gs_everywhere_order.b = b;
	gs_everywhere_order.c = c;
	/* relaxed: the release of left publishes it */
	atomic_store_explicit(&gs_everywhere_order.failed, false, memory_order_relaxed);
	ret = gs_sys3(nr, a, b, c);
	if (ret >= 0)
		gs_everywhere_others();
	/* relaxed: gs_everywhere_tell has acquired */
	if (atomic_load_explicit(&gs_everywhere_order.failed, memory_order_relaxed))
		ret = GS_EVERYWHERE_TORN;
	gs_unlock(&gs_everywhere_lock);
	if (self)
		gs_leave(self);
	return ret;
}

void gs_everywhere_after_fork(void)
{
	gs_everywhere_lock = (struct gs_lock)GS_LOCK_INIT;
	/* relaxed: one thread */
	atomic_store_explicit(&gs_everywhere_order.left, 0, memory_order_relaxed);
}
