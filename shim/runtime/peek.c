/* SPDX-License-Identifier: MIT */
/*
 * peek.c - a process's memory, by system call: an address that is not mapped, or
 * no longer, is an error and not a fault.
 *
 * Invariants: a page is entered into the cache whole or not at all.
 * Locks: none; one user per struct gs_peek.
 * Called from: unwind.c, cfi.c, cfi_expr.c, objects.c, dump.c; the goshim command.
 */
#include "peek.h"

#include "log.h"
#include "mem.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>

enum { GS_PEEK_PAGES = 64 }; /* direct mapped */

struct gs_peek_page {
	uint64_t addr; /* 0: empty */
	char bytes[GS_PAGE];
};

int gs_peek_open(struct gs_peek *peek, int pid)
{
	peek->pid = pid;
	peek->pages = gs_mem_map(GS_PEEK_PAGES * sizeof(*peek->pages));
	return peek->pages ? 0 : -ENOMEM;
}

void gs_peek_close(struct gs_peek *peek)
{
	gs_mem_unmap(peek->pages, GS_PEEK_PAGES * sizeof(*peek->pages));
	peek->pages = NULL;
}

/* The same through a file, where a filter of system calls forbids the other. */
static long gs_peek_file(const struct gs_peek *peek, uint64_t addr, void *buf, size_t n)
{
	char path[32];
	struct gs_text text = { .buf = path, .size = sizeof(path) };
	long fd, got;

	gs_log_format(&text, "/proc/%d/mem", peek->pid);
	fd = gs_sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	got = gs_sys4(__NR_pread64, fd, buf, n, addr);
	gs_sys1(__NR_close, fd);
	return got;
}

int gs_peek_read(const struct gs_peek *peek, uint64_t addr, void *buf, size_t n)
{
	struct iovec to = { buf, n }, from = { (void *)addr, n };
	long got = gs_sys6(__NR_process_vm_readv, peek->pid, &to, 1, &from, 1, 0);

	if (got == -EPERM || got == -ENOSYS)
		got = gs_peek_file(peek, addr, buf, n);
	if (got < 0)
		return (int)got;
	return (size_t)got == n ? 0 : -EFAULT;
}

static const struct gs_peek_page *gs_peek_page(const struct gs_peek *peek, uint64_t addr)
{
	struct gs_peek_page *page = &peek->pages[addr / GS_PAGE % GS_PEEK_PAGES];

	if (page->addr == addr)
		return page;
	page->addr = 0;
	if (gs_peek_read(peek, addr, page->bytes, GS_PAGE) != 0)
		return NULL;
	page->addr = addr;
	return page;
}

int gs_peek_read_constant(const struct gs_peek *peek, uint64_t addr, void *buf, size_t n)
{
	char *to = buf;

	while (n > 0) {
		uint64_t start = GS_ALIGN_DOWN(addr, GS_PAGE);
		size_t chunk = GS_MIN(n, (size_t)(start + GS_PAGE - addr));
		const struct gs_peek_page *page = start ? gs_peek_page(peek, start) : NULL;

		if (!page)
			return -EFAULT;
		memcpy(to, page->bytes + (addr - start), chunk);
		to += chunk;
		addr += chunk;
		n -= chunk;
	}
	return 0;
}
