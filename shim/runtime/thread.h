/* SPDX-License-Identifier: MIT */
/*
 * thread.h - struct gs_thread, the green thread, and the registry of all of them.
 *
 * Records are type-stable: a stale pointer always points at some gs_thread, and
 * the sequence number in its wait word tells whether it is still the same wait.
 * pthread_t of a green thread is its TCB (as glibc has it), and gs_self in the
 * TCB's own thread-local block points back at the record.
 */
#ifndef GS_THREAD_H
#define GS_THREAD_H

#include "context.h"
#include "list.h"
#include "lock.h"
#include "timer.h"

#include <signal.h>

struct gs_worker;
struct gs_proc;
struct gs_signal_state;
struct gs_priority;

enum gs_thread_kind {
	GS_KIND_FREE,   /* record on the free list */
	GS_KIND_GREEN,  /* made by pthread_create, or main */
	GS_KIND_WORKER, /* a worker's own scheduler context (gs_worker.g0) */
};

/* For people: dumps and tools. The wait word, not this, decides. */
enum gs_thread_state {
	GS_STATE_NEW,
	GS_STATE_RUNNABLE,
	GS_STATE_RUNNING,
	GS_STATE_WAITING,
	GS_STATE_REGION, /* in a system call that may block its worker */
	GS_STATE_DEAD,   /* finished, not joined yet */
	GS_STATE_COUNT
};

/* Why a thread waits; gs_reason_name gives the words. */
enum gs_reason {
	GS_REASON_NONE,
	GS_REASON_MUTEX,
	GS_REASON_COND,
	GS_REASON_RDLOCK,
	GS_REASON_WRLOCK,
	GS_REASON_BARRIER,
	GS_REASON_SPIN,
	GS_REASON_SEM,
	GS_REASON_ONCE,
	GS_REASON_JOIN,
	GS_REASON_FUTEX,
	GS_REASON_LIBC_LOCK,
	GS_REASON_READ,
	GS_REASON_WRITE,
	GS_REASON_ACCEPT,
	GS_REASON_CONNECT,
	GS_REASON_POLL,
	GS_REASON_SELECT,
	GS_REASON_EPOLL,
	GS_REASON_SLEEP,
	GS_REASON_SIGNAL,
	GS_REASON_CHILD,
	GS_REASON_REGION,
	GS_REASON_EXIT,
	GS_REASON_COUNT
};

/* Things that want the thread's attention when it next leaves the runtime
   (or, for GS_ATT_RETAKE, when it next enters). */
enum {
	GS_ATT_PREEMPT = 1, /* others wait: give up the processor */
	GS_ATT_SIGNAL = 2,  /* a signal is queued for it */
	GS_ATT_CANCEL = 4,  /* pthread_cancel was called on it */
	GS_ATT_RETAKE = 8,  /* the monitor took, or is taking, its processor */
	GS_ATT_WISH = 16,   /* somebody wants something done on its own kernel thread */
	GS_ATT_PASSED = 32, /* the first worker's own: signals were passed to it */
};

/* What the next context does for a thread that has just left its stack. */
enum gs_switch_op {
	GS_OP_NONE,  /* a scheduler context: nothing */
	GS_OP_PARK,  /* waiting, unless claimed meanwhile */
	GS_OP_YIELD, /* back on the local run queue */
	GS_OP_GLOBAL,/* back on the global run queue */
	GS_OP_DEAD,  /* finished: release it */
};

struct gs_stack {
	void *base;    /* lowest address, guard included */
	size_t size;   /* guard included; stack, TCB and record share it */
	size_t guard;
	uint16_t cls;  /* size class it came from; GS_STACK_USER: the program's memory */
};

struct gs_thread {
	/* The free list's link (gs_pool): first word. */
	struct gs_thread *free_next;
	/* Switching. */
	gs_context ctx;           /* where it continues, while it is off its stack */
	void *tp;                 /* its TCB: what %fs holds while it runs; its pthread_t */
	struct gs_worker *worker; /* who runs it, while it runs */
	struct gs_worker *home;   /* the only worker that may run it, if wired */
	_Atomic uint64_t wake;    /* wait word, see wait.h */
	_Atomic uint32_t attention;
	uint32_t inrt;            /* runtime nesting; 0: running program code */
	uint32_t in_region;       /* in a system call that may block */
	uint8_t op;               /* enum gs_switch_op */
	uint8_t kind;             /* enum gs_thread_kind */
	_Atomic uint8_t state;    /* enum gs_thread_state */
	uint8_t reason;           /* enum gs_reason */
	uint8_t interruptible;    /* this wait may end with -EINTR */
	uint8_t wired;            /* home is its worker, for good */
	uint8_t lost;             /* the monitor took its processor while it ran */
	uint8_t robust;           /* the kernel knows its list of robust mutexes; then it is wired */
	struct gs_thread *next;   /* run queue and batch link */
	const void *wait_obj;     /* what it waits for, for dumps: an address or a descriptor */
	uint64_t since;           /* cycle counter when it last got or left the processor */
	uint64_t ran;             /* cycles it has had the processor, up to since */
	uint64_t readied;         /* cycle counter at a wake-up that is sampled (stats.h), else 0 */
	uint64_t rights;          /* to protection keys, while off its stack; see rights.h */
	struct gs_proc *region_p; /* the processor it left behind in a blocking region */
	uint32_t region_visit;    /* and the status word it left it with */
	uint32_t regions;         /* how many it has entered: the number of the last */
	uint8_t region_lasting;   /* its regions have lasted, of late: see region.c */
	uint64_t region_begun;    /* cycle counter when this one began, if that is watched */
	long region_slept;        /* and how often its kernel thread had slept by then */
	struct gs_timer timer;    /* its wait's deadline */
	/* Identity and life; see life.c. */
	uint64_t id;              /* 1 is main; never reused */
	int tid;                  /* what gettid says */
	_Atomic uint32_t life;    /* life.c's word: joinable, joined, detached, exited */
	struct gs_thread *_Atomic joiner;
	_Atomic uint64_t joiner_token;
	void *(*start)(void *);
	void *arg;
	void *result;
	struct gs_stack stack;
	char name[16];
	uint8_t c11;              /* started by thrd_create */
	uint8_t exiting;
	uint8_t loop_parks;       /* how often it has parked in epoll_wait; see loop.c */
	uint8_t loop_slept;       /* its last epoll_wait has slept */
	uint16_t yields;          /* how often it has yielded, for sched.c */
	_Atomic uint8_t exposed;  /* in a system call that is a cancellation point */
	/* Signals; see signal.c. */
	_Atomic uint64_t sigmask;    /* blocked, bit n-1 for signal n */
	_Atomic uint64_t sigpending; /* thread-directed, not delivered yet */
	struct gs_signal_state *sig; /* queue, alternate stack; allocated when first needed */
	struct gs_priority *_Atomic priority; /* if something has raised it, see priority.c; or NULL */
	_Atomic uint8_t beyond;      /* past the point where it can be lent a priority, see lend.c */
} GS_ALIGNED(64);

/* The current thread of this kernel thread: a green one, a worker's own, or NULL
   on kernel threads the library does not know and before the first thread. */
extern __thread struct gs_thread *gs_self __attribute__((tls_model("initial-exec")));

/* A zeroed record with an id and a tid, registered; NULL when memory is short. room: where it
   is to be, which has been zero or a record ever since it was mapped; NULL: in the pool. */
struct gs_thread *gs_thread_new(void *room);
/* A fresh id and tid, for a record whose stack and TCB are reused. */
void gs_thread_number(struct gs_thread *t);
/* Back to the pool, a record from there. */
void gs_thread_free(struct gs_thread *t);

/* The green thread whose pthread_t this is, or NULL when it is none of ours. */
struct gs_thread *gs_thread_of(const void *pthread);
/* The green thread with this synthetic tid, or NULL. Walks the registry. */
struct gs_thread *gs_thread_by_tid(int tid);

/* Calls fn for every record ever made, free ones included; stops when fn
   returns false. No lock: fields may change under fn's eyes. */
void gs_thread_each(bool (*fn)(struct gs_thread *, void *), void *arg);

/* The words for both, by number; the tools read them from outside. */
extern const char *const gs_reason_names[GS_REASON_COUNT];
extern const char *const gs_state_names[GS_STATE_COUNT];

/* The same, "?" for a number that is none. */
const char *gs_reason_name(unsigned reason);
const char *gs_state_name(unsigned state);

/* Live green threads, main included. Relaxed reads; life.c changes it. */
extern _Atomic long gs_thread_count;

/* Held across fork, see child.c. */
void gs_thread_fork_lock(void);
void gs_thread_fork_unlock(void);

/* Inside the runtime or a blocking region: hooks leave it to the kernel. Two loads, for the
   fields are written one at a time, and a load wider than the last write has to wait for it. */
static inline bool gs_thread_busy(const struct gs_thread *t)
{
	return t->inrt != 0 || t->in_region != 0;
}

#endif
