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

/* libc, as it is loaded. */
static struct {
	char *base;
	char *text; /* its code, made writable once for all */
	size_t size;
	bool writable;
	const ElfW(Sym) *symbols;
	const char *names;
	const uint32_t *hash; /* DT_GNU_HASH */
} gs_redirect_libc;

/* The length of the body of name, which is at that address; 0 when libc's table has no such
   symbol. (dladdr1 would look through all of it each time.) */
static size_t gs_redirect_body(const char *name, const char *at)
{
	const uint32_t *h = gs_redirect_libc.hash;
	const uint32_t n = h[0], first = h[1], *buckets = h + 4 + h[2] * 2, *chain = buckets + n;
	uint32_t hash = 5381, i;

	for (const char *c = name; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	for (i = buckets[hash % n]; i >= first; i++) {
		const ElfW(Sym) *sym = &gs_redirect_libc.symbols[i];

		if ((chain[i - first] | 1) == (hash | 1) && sym->st_shndx != SHN_UNDEF &&
		    gs_redirect_libc.base + sym->st_value == at &&
		    strcmp(gs_redirect_libc.names + sym->st_name, name) == 0)
			return sym->st_size;
		if (chain[i - first] & 1)
			break;
	}
	return 0;
}

static void gs_redirect_open(bool open)
{
	long err = gs_sys3(__NR_mprotect, gs_redirect_libc.text, gs_redirect_libc.size,
			   open ? PROT_READ | PROT_WRITE | PROT_EXEC : PROT_READ | PROT_EXEC);

	gs_redirect_libc.writable = open && err == 0;
}

static bool gs_redirect_write(char *at, const unsigned char *code, size_t n)
{
	if (!gs_redirect_libc.writable)
		return false;
	memcpy(at, code, n);
	return memcmp(at, code, n) == 0;
}

static const char *gs_redirect_one(const struct gs_redirect *r)
{
	unsigned char code[GS_ARCH_REDIRECT_FAR];
	char *at = dlsym(RTLD_NEXT, r->name);
	size_t body, n;

	if (!at)
		at = dlvsym(RTLD_NEXT, r->name, "GLIBC_PRIVATE");
	if (!at)
		return "no such symbol";
	if (at == r->hook)
		return "already ours";
	if (at < gs_redirect_libc.text || at >= gs_redirect_libc.text + gs_redirect_libc.size)
		return "not libc's";
	body = gs_redirect_body(r->name, at);
	if (body == 0)
		return "not at the start of a symbol";
	n = gs_redirect_encode(code, at, r->hook, body);
	if (n == 0)
		return "body too short";
	return gs_redirect_write(at, code, n) ? NULL : "text not writable";
}

/* The linker has turned the offsets into addresses. */
static void gs_redirect_tables(const ElfW(Dyn) *d)
{
	for (; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_SYMTAB)
			gs_redirect_libc.symbols = (const void *)d->d_un.d_ptr;
		else if (d->d_tag == DT_STRTAB)
			gs_redirect_libc.names = (const void *)d->d_un.d_ptr;
		else if (d->d_tag == DT_GNU_HASH)
			gs_redirect_libc.hash = (const void *)d->d_un.d_ptr;
	}
}

/* Finds libc's code and tables, and tells where its data are. */
static int gs_redirect_look(struct dl_phdr_info *info, size_t size, void *pthread_create)
{
	char *base = (char *)info->dlpi_addr;
	bool libc = false;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t lo = GS_ALIGN_DOWN((uintptr_t)base + ph->p_vaddr, GS_PAGE);
		uintptr_t hi = GS_ALIGN_UP((uintptr_t)base + ph->p_vaddr + ph->p_memsz, GS_PAGE);

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X) ||
		    (uintptr_t)pthread_create < lo || (uintptr_t)pthread_create >= hi)
			continue;
		libc = true;
		gs_redirect_libc.text = (char *)lo;
		gs_redirect_libc.size = hi - lo;
	}
	gs_redirect_libc.base = base;
	for (int i = 0; libc && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type == PT_LOAD && (ph->p_flags & PF_W))
			gs_libc_own_data(base + ph->p_vaddr, base + ph->p_vaddr + ph->p_memsz);
		if (ph->p_type == PT_DYNAMIC)
			gs_redirect_tables((const ElfW(Dyn) *)(base + ph->p_vaddr));
	}
	return libc;
}

int gs_redirect_install(void)
{
	int done = 0;

	if (!gs_conf.redirect ||
	    !dl_iterate_phdr(gs_redirect_look, (void *)gs_real.pthread_create) ||
	    !gs_redirect_libc.symbols || !gs_redirect_libc.names || !gs_redirect_libc.hash)
		return 0;
	gs_redirect_open(true);
	for (size_t i = 0; i < GS_ARRAY_SIZE(gs_redirect_table); i++) {
		const char *why = gs_redirect_one(&gs_redirect_table[i]);

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
	gs_redirect_open(false);
	return done;
}
