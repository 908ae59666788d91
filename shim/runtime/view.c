/* SPDX-License-Identifier: MIT */
/*
 * view.c - green threads and stacks as text.
 *
 * Invariants: nothing here allocates but from the kernel, takes a lock or writes
 * anywhere but to the buffer it is given.
 * Locks: none.
 * Called from: dump.c; the goshim command.
 */
#include "view.h"

#include "mem.h"
#include "symbol.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum {
	GS_VIEW_CACHE = 4096, /* places */
	GS_VIEW_FRAMES = 100, /* what is further down is left out, as in Go */
	GS_VIEW_LINK = 96,
	GS_VIEW_LOWEST = 65536, /* below vm.mmap_min_addr no object has its address */
};

struct gs_view_cache {
	uint64_t addr; /* 0: empty */
	const char *name; /* NULL: no symbol */
	uint64_t offset;
};

int gs_view_open(struct gs_view *v, int pid)
{
	int err = gs_objects_open(&v->os, pid);

	if (err != 0)
		return err;
	v->cache = gs_mem_map(GS_VIEW_CACHE * sizeof(*v->cache));
	if (!v->cache) {
		gs_objects_close(&v->os);
		return -ENOMEM;
	}
	return 0;
}

void gs_view_close(struct gs_view *v)
{
	for (unsigned i = 0; i < v->os.n; i++)
		gs_symbol_close(&v->os.list[i]);
	gs_mem_unmap(v->cache, GS_VIEW_CACHE * sizeof(*v->cache));
	gs_objects_close(&v->os);
}

uint64_t gs_view_age(const struct gs_view_moment *first, const struct gs_view_moment *now,
		     uint64_t since)
{
	double rate;

	if (since == 0 || first->cycles == 0 || now->cycles <= first->cycles)
		return GS_NEVER;
	if (since >= now->cycles)
		return 0;
	rate = (double)(now->ns - first->ns) / (double)(now->cycles - first->cycles);
	return (uint64_t)((double)(now->cycles - since) * rate);
}

/* Of a reason that is not named: an address. */
const uint8_t gs_view_objects[GS_REASON_COUNT] = {
	[GS_REASON_NONE] = GS_VIEW_NOTHING,
	[GS_REASON_SLEEP] = GS_VIEW_NOTHING,
	[GS_REASON_JOIN] = GS_VIEW_THREAD,
	[GS_REASON_READ] = GS_VIEW_DESCRIPTOR,
	[GS_REASON_WRITE] = GS_VIEW_DESCRIPTOR,
	[GS_REASON_ACCEPT] = GS_VIEW_DESCRIPTOR,
	[GS_REASON_CONNECT] = GS_VIEW_DESCRIPTOR,
	[GS_REASON_EPOLL] = GS_VIEW_DESCRIPTOR,
};

enum gs_view_object gs_view_object(unsigned kind, uint64_t object)
{
	if (kind != GS_VIEW_ADDRESS || object >= GS_VIEW_LOWEST)
		return kind;
	/* select and poll of a single descriptor name it */
	return object ? GS_VIEW_DESCRIPTOR : GS_VIEW_NOTHING;
}

/* What is behind a descriptor: "socket:[1234]", a path. */
static void gs_view_link(struct gs_text *t, int pid, unsigned long long fd)
{
	char path[64], link[GS_VIEW_LINK];
	struct gs_text name = { .buf = path, .size = sizeof(path) };
	long n;

	gs_log_format(&name, "/proc/%d/fd/%llu", pid, fd);
	n = gs_sys4(__NR_readlinkat, AT_FDCWD, path, link, sizeof(link) - 1);
	if (n <= 0)
		return;
	link[n] = '\0';
	gs_log_format(t, " (%s)", link);
}

static void gs_view_waits(struct gs_text *t, const struct gs_view *v,
			  const struct gs_view_thread *thread)
{
	unsigned long long object = thread->object;

	gs_log_format(t, ": %s", thread->reason);
	switch (gs_view_object(thread->kind, object)) {
	case GS_VIEW_THREAD:
		gs_log_format(t, " of thread 0x%llx", object);
		break;
	case GS_VIEW_ADDRESS:
		gs_log_format(t, " on 0x%llx", object);
		break;
	case GS_VIEW_DESCRIPTOR:
		gs_log_format(t, " on descriptor %llu", object);
		gs_view_link(t, v->os.peek.pid, object);
		break;
	default:
		break;
	}
}

void gs_view_thread(struct gs_text *t, const struct gs_view *v,
		    const struct gs_view_thread *thread)
{
	unsigned long long ms = thread->age / 1000000;

	gs_log_format(t, "thread %llu (tid %d", (unsigned long long)thread->id, thread->tid);
	if (thread->name[0])
		gs_log_format(t, ", \"%s\"", thread->name);
	gs_log_format(t, ") %s", thread->state);
	if (thread->reason)
		gs_view_waits(t, v, thread);
	if (thread->age != GS_NEVER)
		gs_log_format(t, ", for %llu.%03llu s", ms / 1000, ms % 1000);
	if (thread->worker >= 0)
		gs_log_format(t, ", on worker %d (kernel thread %d)", thread->worker, thread->ktid);
	if (thread->wired)
		gs_log_format(t, ", wired");
	gs_log_format(t, "\n");
}

void gs_view_place(struct gs_text *t, struct gs_view *v, uint64_t addr, bool call)
{
	/* The call that returns to addr may end its function. */
	uint64_t at = addr - call;
	struct gs_object *o = gs_objects_find(&v->os, at);
	struct gs_view_cache *c = &v->cache[at * 0x9e3779b97f4a7c15 >> 52];

	_Static_assert(GS_VIEW_CACHE == 1 << (64 - 52), "an index of 12 bits");
	if (!o) {
		gs_log_format(t, "?");
		return;
	}
	if (c->addr != at) {
		c->addr = at;
		if (!gs_symbol_find(&v->os, o, at, &c->name, &c->offset))
			c->name = NULL;
	}
	if (c->name)
		gs_log_format(t, "%s+0x%llx (", c->name, (unsigned long long)c->offset + call);
	gs_log_format(t, "%s+0x%llx", gs_objects_name(o), (unsigned long long)(addr - o->bias));
	if (c->name)
		gs_log_format(t, ")");
}

unsigned gs_view_stack(struct gs_text *t, struct gs_view *v, struct gs_view_walk *w)
{
	unsigned n = 0;
	int more;

	do {
		if (n == GS_VIEW_FRAMES) {
			gs_log_format(t, "    and more\n");
			break;
		}
		gs_log_format(t, "    #%-2u 0x%016llx ", n++, (unsigned long long)w->pc);
		if (w->signal)
			gs_log_format(t, "<signal handler called>");
		else
			gs_view_place(t, v, w->pc, w->call);
		gs_log_format(t, "\n");
		more = w->step(w);
	} while (more > 0);
	if (more == -ENODATA)
		gs_log_format(t, "    the rest cannot be told from outside the thread\n");
	return n;
}

static const char *gs_view_number(const char *at, uint64_t *n)
{
	*n = 0;
	while (*at == ' ')
		at++;
	if (at[0] == '0' && at[1] == 'x')
		at += 2;
	for (;; at++) {
		if (*at >= '0' && *at <= '9')
			*n = *n * 16 + (uint64_t)(*at - '0');
		else if (*at >= 'a' && *at <= 'f')
			*n = *n * 16 + (uint64_t)(*at - 'a') + 10;
		else
			return at;
	}
}

bool gs_view_kernel_frame(const struct gs_view *v, int ktid, struct gs_unwind_frame *f)
{
	enum { CALL_AND_ARGUMENTS = 7 };
	char buf[256];
	struct gs_text path = { .buf = buf, .size = sizeof(buf) };
	const char *at = buf;
	uint64_t sp, pc;
	long fd, n;

	gs_log_format(&path, "/proc/%d/task/%d/syscall", v->os.peek.pid, ktid);
	fd = gs_sys4(__NR_openat, AT_FDCWD, buf, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return false;
	n = gs_sys3(__NR_read, fd, buf, sizeof(buf) - 1);
	gs_sys1(__NR_close, fd);
	/* "running", or the call's number, its arguments, sp and pc. */
	if (n <= 0 || buf[0] < '0' || buf[0] > '9')
		return false;
	buf[n] = '\0';
	for (unsigned i = 0; i < CALL_AND_ARGUMENTS; i++)
		at = gs_view_number(at, &sp);
	gs_view_number(gs_view_number(at, &sp), &pc);
	if (!sp || !pc)
		return false;
	*f = (struct gs_unwind_frame){ 0 };
	gs_unwind_set(f, GS_UNWIND_RSP, sp);
	gs_unwind_set(f, GS_UNWIND_PC, pc);
	return true;
}
