/* SPDX-License-Identifier: MIT */
/*
 * redirect.c - entry redirection.
 *
 * stdio, the resolver, system and their like call read, poll, connect, wait4 by
 * direct calls inside libc, which no preloaded symbol can catch. But they call the
 * exported entry. So the entry is overwritten with a jump to the hook; the hook
 * makes its system call itself, so the body is never needed again.
 *
 * A function is left alone when: its symbol is not in libc.so, its body is too
 * short for the jump, the page cannot be made writable, or the bytes read back
 * are not the bytes written. Functions that a vfork or posix_spawn child runs
 * before exec (dup2, sigaction, execve) are not in the list; gs_libc_close, which
 * is, knows such a child by its process number.
 *
 * Invariants: written once, while the process has one thread.
 * Called from: init.c.
 */
#include "redirect.h"

#include "real.h"
#include "runtime/arch.h"
#include "runtime/conf.h"
#include "runtime/fd.h"
#include "runtime/log.h"
#include "runtime/sys.h"

#include <dirent.h>
#include <dlfcn.h>
#include <link.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

struct gs_redirect {
	const char *name;
	void *hook;
};

#define GS_REDIRECT(name) { #name, (void *)name }

static const struct gs_redirect gs_redirect_table[] = {
	GS_REDIRECT(read),
	GS_REDIRECT(write),
	GS_REDIRECT(readv),
	GS_REDIRECT(writev),
	GS_REDIRECT(pread64),
	GS_REDIRECT(pwrite64),
	GS_REDIRECT(recv),
	GS_REDIRECT(recvfrom),
	GS_REDIRECT(recvmsg),
	GS_REDIRECT(recvmmsg),
	GS_REDIRECT(send),
	GS_REDIRECT(sendto),
	GS_REDIRECT(sendmsg),
	GS_REDIRECT(sendmmsg),
	GS_REDIRECT(connect),
	GS_REDIRECT(accept),
	GS_REDIRECT(accept4),
	GS_REDIRECT(poll),
	GS_REDIRECT(ppoll),
	GS_REDIRECT(select),
	GS_REDIRECT(clock_nanosleep),
	GS_REDIRECT(nanosleep),
	GS_REDIRECT(wait4),
	GS_REDIRECT(waitid),
	GS_REDIRECT(open64),
	GS_REDIRECT(getdents64),
	GS_REDIRECT(socket),
	GS_REDIRECT(pipe2),
	{ "pthread_mutex_lock", (void *)gs_libc_mutex_lock },
	{ "pthread_mutex_unlock", (void *)gs_libc_mutex_unlock },
	{ "__close_nocancel", (void *)gs_libc_close },
	{ "__lll_lock_wait_private", (void *)gs_libc_lock_wait },
	{ "__lll_lock_wake_private", (void *)gs_libc_lock_wake },
};

/* The bytes of a jump from at to target; returns how many, 0 when none fits in room. */
static size_t gs_redirect_encode(unsigned char *out, const char *at, const void *target, size_t room)
{
	ptrdiff_t off = (const char *)target - (at + GS_ARCH_REDIRECT_NEAR);

	if (off == (int32_t)off && room >= GS_ARCH_REDIRECT_NEAR) {
		int32_t rel = (int32_t)off;

		out[0] = 0xe9;
		memcpy(out + 1, &rel, sizeof(rel));
		return GS_ARCH_REDIRECT_NEAR;
	}
	if (room >= GS_ARCH_REDIRECT_FAR) {
		memcpy(out, "\xff\x25\0\0\0\0", 6);
		memcpy(out + 6, &target, sizeof(target));
		return GS_ARCH_REDIRECT_FAR;
	}
	return 0;
}

static bool gs_redirect_write(char *at, const unsigned char *code, size_t n)
{
	uintptr_t page = GS_ALIGN_DOWN((uintptr_t)at, GS_PAGE);
	size_t len = GS_ALIGN_UP((uintptr_t)at + n, GS_PAGE) - page;
	bool ok;

	if (gs_sys3(__NR_mprotect, page, len, PROT_READ | PROT_WRITE | PROT_EXEC) < 0)
		return false;
	memcpy(at, code, n);
	ok = memcmp(at, code, n) == 0;
	gs_sys3(__NR_mprotect, page, len, PROT_READ | PROT_EXEC);
	return ok;
}

static const char *gs_redirect_one(const struct gs_redirect *r, const char *libc)
{
	unsigned char code[GS_ARCH_REDIRECT_FAR];
	const ElfW(Sym) *sym = NULL;
	Dl_info info;
	size_t n;
	char *at = dlsym(RTLD_NEXT, r->name);

	if (!at)
		at = dlvsym(RTLD_NEXT, r->name, "GLIBC_PRIVATE");
	if (!at)
		return "no such symbol";
	if (at == r->hook)
		return "already ours";
	if (!dladdr1(at, &info, (void **)&sym, RTLD_DL_SYMENT) || !sym ||
	    info.dli_saddr != (void *)at)
		return "not at the start of a symbol";
	if (info.dli_fbase != (void *)libc)
		return "not libc's";
	n = gs_redirect_encode(code, at, r->hook, sym->st_size);
	if (n == 0)
		return "body too short";
	return gs_redirect_write(at, code, n) ? NULL : "text not writable";
}

static int gs_redirect_data(struct dl_phdr_info *info, size_t size, void *libc)
{
	char *base = (char *)info->dlpi_addr;

	if (base != libc)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type == PT_LOAD && (ph->p_flags & PF_W))
			gs_libc_own_data(base + ph->p_vaddr, base + ph->p_vaddr + ph->p_memsz);
	}
	return 1;
}

int gs_redirect_install(void)
{
	Dl_info libc;
	int done = 0;

	if (!gs_conf.redirect || !dladdr((void *)gs_real.pthread_create, &libc))
		return 0;
	dl_iterate_phdr(gs_redirect_data, libc.dli_fbase);
	for (size_t i = 0; i < GS_ARRAY_SIZE(gs_redirect_table); i++) {
		const char *why = gs_redirect_one(&gs_redirect_table[i], libc.dli_fbase);

		if (!why) {
			done++;
			/* relaxed: one thread */
			if (gs_redirect_table[i].hook == (void *)gs_libc_close)
				atomic_store_explicit(&gs_fd_closes_seen, true,
						      memory_order_relaxed);
		} else
			gs_log_debug("libc's own calls of %s are not redirected: %s",
				     gs_redirect_table[i].name, why);
	}
	return done;
}
