/* SPDX-License-Identifier: MIT */
/*
 * host.h - what the runtime asks of the C library but cannot do with a raw
 * system call. shim/real.c fills the table in the constructor; unit tests fill
 * it with the plain libc functions. The runtime calls no libc function by name
 * but the mem* family.
 */
#ifndef GS_HOST_H
#define GS_HOST_H

#include "base.h"

#include <pthread.h>
#include <time.h>

struct dl_phdr_info;

struct gs_host {
	/* The C library's own threads: used for the monitor and for the snapshot. */
	int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	int (*pthread_join)(pthread_t, void **);
	int (*pthread_detach)(pthread_t);
	void (*pthread_exit)(void *);
	int (*pthread_attr_init)(pthread_attr_t *);
	int (*pthread_attr_setstack)(pthread_attr_t *, void *, size_t);
	int (*pthread_attr_setstacksize)(pthread_attr_t *, size_t);
	int (*pthread_attr_destroy)(pthread_attr_t *);
	int (*pthread_setcancelstate)(int, int *);
	int (*pthread_setcanceltype)(int, int *);
	int (*pthread_cancel)(pthread_t);
	int (*clock_gettime)(clockid_t, struct timespec *);
	int (*iterate_phdr)(int (*)(struct dl_phdr_info *, size_t, void *), void *);
	/* Dynamic linker and libc internals, GLIBC_PRIVATE. */
	void *(*tls_allocate)(void *tp);              /* _dl_allocate_tls */
	void (*tls_deallocate)(void *tp, bool tcb);   /* _dl_deallocate_tls */
	void (*tls_static_info)(size_t *, size_t *);  /* _dl_get_tls_static_info */
	void (*ctype_init)(void);                     /* __ctype_init */
	void (*call_tls_dtors)(void);                 /* __call_tls_dtors */
	void *(*uselocale)(void *);
	void *(*getspecific)(unsigned);
	int (*setspecific)(unsigned, const void *);
	void (*free)(void *);
	int *(*errno_location)(void);
	int *(*h_errno_location)(void);
	void *(*res_state)(void);
	size_t sizeof_res_state;
	/* nptl_db descriptors: {bits, count, offset}, and one size. */
	const uint32_t *sizeof_pthread;   /* _thread_db_sizeof_pthread */
	const uint32_t *db_tid, *db_list, *db_cancelhandling, *db_specific, *db_dtvp;
	const ptrdiff_t *rseq_offset;     /* __rseq_offset; NULL before 2.35 */
	const uint32_t *rseq_size;
	unsigned long minsigstksz;        /* AT_MINSIGSTKSZ */
	unsigned long vdso;               /* AT_SYSINFO_EHDR */
	/* The C library's process exit, for the last thread. */
	void (*exit)(int) GS_NORETURN;
};

extern struct gs_host gs_host;

#endif
