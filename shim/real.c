/* SPDX-License-Identifier: MIT */
/*
 * real.c - looks up libc's own functions, for the hooks (gs_real) and the
 * runtime (gs_host).
 *
 * All look-ups happen in the constructor: dlsym may allocate, and on first use it
 * can deadlock while dlopen holds the loader's lock.
 * Called from: init.c; hooks/start.c and dlfcn.c, should they come first.
 */
#include "real.h"

#include "runtime/host.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <locale.h>
#include <netdb.h>
#include <resolv.h>
#include <sys/auxv.h>

struct gs_real gs_real;
void *gs_real_dlopen, *gs_real_dlmopen;
void *(*gs_real_dlsym)(void *, const char *);
int (*gs_real_register_atfork)(void (*)(void), void (*)(void), void (*)(void), void *);
struct gs_host gs_host;

void gs_real_find_dlsym(void)
{
	/* Its versions on x86-64: since 2.34 in libc.so, before that elsewhere. */
	*(void **)&gs_real_dlsym = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");
	if (!gs_real_dlsym)
		*(void **)&gs_real_dlsym = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5");
}

/* The default version: what a program linked today would get. */
static void *gs_real_find(const char *name)
{
	return gs_real_dlsym(RTLD_NEXT, name);
}

static void *gs_real_private(const char *name)
{
	return dlvsym(RTLD_DEFAULT, name, "GLIBC_PRIVATE");
}

static const char *gs_real_hooks(void)
{
	/* A name this libc lacks stays NULL: no program that runs on it can call the hook. */
#define GS_HOOK(group, name)
#define GS_HOOK_REAL(group, name) *(void **)&gs_real.name = gs_real_find(#name);
#include "hooks.def"
#undef GS_HOOK
#undef GS_HOOK_REAL
	*(void **)&gs_real_register_atfork = gs_real_find("__register_atfork");
	if (!gs_real_register_atfork)
		return "__register_atfork";
	return gs_real.pthread_create ? NULL : "pthread_create";
}

static void gs_real_internals(void)
{
	*(void **)&gs_host.tls_allocate = gs_real_private("_dl_allocate_tls");
	*(void **)&gs_host.tls_deallocate = gs_real_private("_dl_deallocate_tls");
	*(void **)&gs_host.tls_static_info = gs_real_private("_dl_get_tls_static_info");
	*(void **)&gs_host.call_tls_dtors = gs_real_private("__call_tls_dtors");
	gs_host.sizeof_pthread = gs_real_private("_thread_db_sizeof_pthread");
	gs_host.db_tid = gs_real_private("_thread_db_pthread_tid");
	gs_host.db_list = gs_real_private("_thread_db_pthread_list");
	gs_host.db_cancelhandling = gs_real_private("_thread_db_pthread_cancelhandling");
	gs_host.db_specific = gs_real_private("_thread_db_pthread_specific");
	gs_host.db_dtvp = gs_real_private("_thread_db_pthread_dtvp");
	gs_host.rseq_offset = gs_real_find("__rseq_offset");
	gs_host.rseq_size = gs_real_find("__rseq_size");
}

const char *gs_real_resolve(void)
{
	const char *missing;

	gs_real_find_dlsym();
	missing = gs_real_hooks();
	if (missing)
		return missing;
	gs_real_dlopen = (void *)gs_real.dlopen;
	gs_real_dlmopen = (void *)gs_real.dlmopen;
	gs_real_internals();
	gs_host.pthread_create = gs_real.pthread_create;
	gs_host.pthread_join = gs_real.pthread_join;
	gs_host.pthread_detach = gs_real.pthread_detach;
	gs_host.pthread_exit = gs_real.pthread_exit;
	gs_host.pthread_cancel = gs_real.pthread_cancel;
	gs_host.pthread_setcancelstate = pthread_setcancelstate;
	gs_host.pthread_setcanceltype = pthread_setcanceltype;
	gs_host.pthread_attr_init = pthread_attr_init;
	gs_host.pthread_attr_setstack = pthread_attr_setstack;
	gs_host.pthread_attr_setstacksize = pthread_attr_setstacksize;
	gs_host.pthread_attr_destroy = pthread_attr_destroy;
	gs_host.clock_gettime = gs_real.clock_gettime;
	gs_host.iterate_phdr = dl_iterate_phdr;
	*(void **)&gs_host.uselocale = (void *)uselocale;
	gs_host.getspecific = pthread_getspecific;
	gs_host.setspecific = pthread_setspecific;
	gs_host.free = free;
	gs_host.errno_location = __errno_location;
	gs_host.h_errno_location = __h_errno_location;
	*(void **)&gs_host.res_state = (void *)__res_state;
	gs_host.sizeof_res_state = sizeof(struct __res_state);
	gs_host.minsigstksz = getauxval(AT_MINSIGSTKSZ);
	gs_host.vdso = getauxval(AT_SYSINFO_EHDR);
	gs_host.exit = exit;
	return NULL;
}
