/* SPDX-License-Identifier: MIT */
/*
 * fd.h - what is known of each descriptor: its kind, its readiness per
 * direction, its time-outs, who waits on it, and which use of the number this is.
 *
 * Records are indexed by descriptor number, made on first use, never freed. A
 * close advances gen, wakes every waiter with "gone", and forgets the rest.
 */
#ifndef GS_FD_H
#define GS_FD_H

#include "list.h"
#include "thread.h"

/* Directions and conditions, as bits. */
enum {
	GS_FD_IN = 1,
	GS_FD_OUT = 2,
	GS_FD_PRI = 4,
	GS_FD_HUP = 8, /* hang-up or error: sticky, ends every wait */
};

/* A direction's memory: two bits, and above them the count of its events. A
   thread reads the word, tries, and on "would block" (or a transfer that shows it)
   clears GS_FD_READY by compare-and-swap: an event in between makes that fail. So
   the bit is as good as cleared before the attempt, at no cost when there is more. */
enum {
	GS_FD_READY = 1,  /* may have something: try */
	GS_FD_STICKY = 2, /* hung up, or half of it, or broken: always try */
	GS_FD_COUNT = 4,  /* one event */
};

/* What a descriptor is, as far as the way of asking it for data depends on it. */
enum gs_fd_kind {
	GS_FD_UNKNOWN,
	GS_FD_FILE,     /* regular file, directory, block or memory device: never polled */
	GS_FD_TTY,      /* a terminal: its own rules (VMIN, SIGTTIN) need the plain call */
	GS_FD_CHAR,     /* any other device */
	GS_FD_ANON,     /* eventfd, timerfd, signalfd, inotify, epoll, packet pipe, ... */
	GS_FD_PIPE,     /* pipe or FIFO: a short transfer means drained, but see GS_FD_PACKETS */
	GS_FD_TCP,      /* the same, a socket; sockets from here on */
	GS_FD_STREAM,   /* other byte streams: only "would block" means drained */
	GS_FD_UNIX,     /* the same, local */
	GS_FD_SEQPACKET,
	GS_FD_DGRAM,    /* datagrams and whatever else keeps message boundaries */
	GS_FD_UNIX_DGRAM,
};

static inline bool gs_fd_is_socket(unsigned kind)
{
	return kind >= GS_FD_TCP;
}

static inline bool gs_fd_is_stream(unsigned kind)
{
	return kind >= GS_FD_TCP && kind <= GS_FD_UNIX;
}

enum gs_fd_flag {
	GS_FD_REGISTERED = 1 << 0, /* with the netpoller, under this gen */
	GS_FD_TRUSTED = 1 << 1,    /* no close of this number can escape us */
	GS_FD_SOLE = 1 << 2,       /* the process's only number for its open file */
	GS_FD_MODE = 1 << 3,       /* GS_FD_NONBLOCK is known */
	GS_FD_NONBLOCK = 1 << 4,   /* the program set O_NONBLOCK */
	GS_FD_ASK_IN = 1 << 5,     /* no way to read without blocking: poll, then read */
	GS_FD_ASK_OUT = 1 << 6,    /* the same for write */
	GS_FD_URGENT = 1 << 7,     /* had urgent data: a short read may mean the mark */
	GS_FD_LISTENS = 1 << 8,
	GS_FD_LINGERS = 1 << 9,    /* SO_LINGER was set: close may block */
	GS_FD_LOWAT = 1 << 10,     /* SO_RCVLOWAT was set: let the kernel wait */
	GS_FD_CONNECTING = 1 << 11,/* O_NONBLOCK is on for the length of a connect */
	GS_FD_ERROR = 1 << 12,     /* error holds what a partial transfer could not report */
	GS_FD_WAITED = 1 << 13,    /* the audit saw somebody wait here */
	GS_FD_REARMED = 1 << 14,   /* and has re-armed it for him */
	GS_FD_REPORTS_OUT = 1 << 15, /* registered for output too: somebody has waited for it */
	GS_FD_PACKETS = 1 << 16,   /* a pipe that may hold packets: a short read may be one */
	GS_FD_ONCE = 1 << 17,      /* is armed for one event at a time, see fd_doze.c */
	GS_FD_DORMANT = 1 << 18,   /* and not armed now: an event may come unreported */
	GS_FD_INSTANT = 1 << 19,   /* no call on it waits: /dev/null and its like */
};

struct gs_fd {
	_Atomic uint64_t in, out;
	struct gs_list waiters; /* of struct gs_fd_waiter; under lock */
	struct gs_lock lock;
	_Atomic uint32_t gen;   /* which use of the number; changed under lock */
	_Atomic uint32_t queued;/* length of waiters; changed under lock, read by anybody */
	_Atomic uint32_t flags; /* enum gs_fd_flag */
	_Atomic uint32_t epoch; /* gs_fd_epoch when mode and time-outs were asked */
	_Atomic uint32_t timeout_in, timeout_out; /* ms; 0: not known; UINT32_MAX: none */
	_Atomic uint16_t error;
	_Atomic uint8_t kind;   /* enum gs_fd_kind */
	uint8_t waste;          /* events for nobody, of late; under lock */
} GS_ALIGNED(64);
_Static_assert(sizeof(struct gs_fd) == GS_CACHE_LINE, "a descriptor's record is one cache line");

/* The table. Numbers beyond it have no record and get plain calls. */
enum { GS_FD_CHUNK_BITS = 10, GS_FD_CHUNK = 1 << GS_FD_CHUNK_BITS, GS_FD_CHUNKS = 1 << 16 };
extern struct gs_fd *_Atomic gs_fd_table[GS_FD_CHUNKS];
extern _Atomic uint32_t gs_fd_top; /* chunks at and above this index do not exist */

/* The record of fd, or NULL when there is none yet. */
static inline struct gs_fd *gs_fd_find(int fd)
{
	unsigned at = (unsigned)fd >> GS_FD_CHUNK_BITS;
	struct gs_fd *chunk;

	if (GS_UNLIKELY(at >= GS_FD_CHUNKS))
		return NULL;
	/* acquire: pairs with the release that published the chunk */
	chunk = atomic_load_explicit(&gs_fd_table[at], memory_order_acquire);
	return GS_LIKELY(chunk != NULL) ? &chunk[fd & (GS_FD_CHUNK - 1)] : NULL;
}

/* The record of fd, made if need be; NULL when fd is not open, out of the table,
   or memory is short. */
struct gs_fd *gs_fd_make(int fd);

static inline struct gs_fd *gs_fd_get(int fd)
{
	struct gs_fd *f = gs_fd_find(fd);

	return GS_LIKELY(f != NULL) ? f : gs_fd_make(fd);
}

static inline uint32_t gs_fd_flags(const struct gs_fd *f)
{
	/* relaxed: each bit stands for itself */
	return atomic_load_explicit(&f->flags, memory_order_relaxed);
}

/* Can a call on what this is not wait, whoever has closed the number meanwhile? */
static inline bool gs_fd_is_instant(const struct gs_fd *f)
{
	const uint32_t both = GS_FD_INSTANT | GS_FD_TRUSTED;

	return (gs_fd_flags(f) & both) == both;
}

static inline void gs_fd_mark(struct gs_fd *f, uint32_t flags)
{
	atomic_fetch_or_explicit(&f->flags, flags, memory_order_relaxed);
}

static inline void gs_fd_unmark(struct gs_fd *f, uint32_t flags)
{
	atomic_fetch_and_explicit(&f->flags, ~flags, memory_order_relaxed);
}

static inline _Atomic uint64_t *gs_fd_side(struct gs_fd *f, uint32_t dir)
{
	return dir == GS_FD_IN ? &f->in : &f->out;
}

/* Do events tell when the direction becomes ready? Else its memory is not to be cleared. */
static inline bool gs_fd_reports(const struct gs_fd *f, uint32_t dir)
{
	uint32_t want = dir == GS_FD_OUT ? GS_FD_REPORTS_OUT : GS_FD_REGISTERED;

	return (gs_fd_flags(f) & (want | GS_FD_DORMANT)) == want;
}

/* The direction was found empty (full) by an attempt made after seen was read. */
static inline void gs_fd_drained(struct gs_fd *f, uint32_t dir, uint64_t seen)
{
	/* relaxed: the count in the word orders it against events; what to do about a
	   cleared bit is decided under the record's lock */
	atomic_compare_exchange_strong_explicit(gs_fd_side(f, dir), &seen,
						seen & ~(uint64_t)GS_FD_READY,
						memory_order_relaxed, memory_order_relaxed);
}

/* One thread waiting on one descriptor; lives on the waiter's stack. A thread may
   have many of them under one token (poll). */
struct gs_fd_waiter {
	struct gs_list node;
	struct gs_thread *t;
	uint64_t token;
	struct gs_fd *fd;   /* set by gs_fd_watch, NULL when not queued */
	uint32_t events;    /* GS_FD_* it waits for; GS_FD_HUP is implied */
	_Atomic bool queued;/* in fd's list; whoever wakes it takes it off first */
	bool exclusive;     /* a reader or writer: one event wakes one of them. Poll
			       waiters are not exclusive: an event wakes all of them */
	bool gone;          /* out: the descriptor was closed under the waiter */
	bool armed;         /* out: it was armed for this wait, so that whatever there is
			       already gives an event */
};

/* Queues w (t, token, events, exclusive filled in) on descriptor fd, registering
   it with the netpoller if this is the first wait on it. Readiness that was
   remembered before is not consulted: the caller asks the kernel again after
   watching and before parking. Returns 0, -EBADF, -EPERM (the descriptor cannot
   be polled) or -ENOMEM/-ENOSPC. Inside the runtime, wait begun. */
int gs_fd_watch(int fd, struct gs_fd_waiter *w);

/* Takes w off again; harmless when it is not queued. If w was exclusive and its
   wake-up is not going to be used, passes readiness on to the next waiter. */
void gs_fd_unwatch(struct gs_fd_waiter *w, bool used);

/* Parks until direction dir of f, which is fd in its use gen, had an event that
   seen (the direction's word, read before the attempt that found nothing) does not
   count. Returns 0 (try again), -EBADF (closed meanwhile), -EINTR, -ETIMEDOUT, or
   what gs_fd_watch returns. Outside the runtime. */
int gs_fd_wait(struct gs_thread *self, struct gs_fd *f, int fd, uint32_t gen, uint32_t dir,
	       uint64_t seen, enum gs_reason reason, uint64_t deadline);

/* Direction dir is left ready by somebody who used it: wakes the next in line. */
void gs_fd_pass(struct gs_thread *self, struct gs_fd *f, uint32_t dir);

/* The kind of fd, found out once. -EBADF when it is not open. */
int gs_fd_classify(struct gs_fd *f, int fd);

static inline int gs_fd_kind(struct gs_fd *f, int fd)
{
	/* relaxed: a kind stands for itself; a stale one is as old as the race with close */
	unsigned kind = atomic_load_explicit(&f->kind, memory_order_relaxed);

	return GS_LIKELY(kind != GS_FD_UNKNOWN) ? (int)kind : gs_fd_classify(f, fd);
}

/* Has the program made the open file non-blocking? Asked of the kernel at most once
   per change. */
bool gs_fd_nonblock(struct gs_fd *f, int fd);

/* The deadline of a wait that begins now, by SO_RCVTIMEO or SO_SNDTIMEO. */
uint64_t gs_fd_deadline(struct gs_fd *f, int fd, uint32_t dir);

/* A connection was made over f: forgets the hang-up that an unconnected socket shows. */
void gs_fd_connected(struct gs_thread *self, struct gs_fd *f, int fd);

/* An error that belongs to the next call on f, because this one has partial success
   to report; 0 takes it back out. Positive errno. */
void gs_fd_put_error(struct gs_fd *f, int error);
int gs_fd_take_error(struct gs_fd *f);

/* What the fd*.c files share. */

/* May records be touched from here? Enters the runtime if this is a green thread. */
bool gs_fd_begin(struct gs_thread **self);
void gs_fd_end(struct gs_thread *self);
/* Under the lock: the number is being closed. */
void gs_fd_wake_gone(struct gs_fd *f);
/* Under the lock: the direction's memory of another file ends. */
void gs_fd_restart(_Atomic uint64_t *side);
/* Under the lock: an event, or what stands for one, on a direction. */
void gs_fd_count(_Atomic uint64_t *side, bool sticky);

/* fd_doze.c; all under the lock. Arms the registration anew, for output too if out. */
int gs_fd_arm(struct gs_fd *f, int fd, bool out);
/* An event has come, and before anybody is told: it may be the only one. */
void gs_fd_doze_off(struct gs_fd *f);
/* An event was handled; wanted: somebody waited. */
void gs_fd_doze(struct gs_fd *f, int fd, bool wanted, bool slept);
/* If f is not sole and somebody changed something: forgets what may have changed. */
void gs_fd_refresh(struct gs_fd *f);

/* The life of numbers, told by the hooks. Any context: these do nothing while the
   library is off and in a vfork child, which has a table of its own. */

/* A pipe is about to be made that keeps packets apart, or one is told to. */
void gs_fd_packets_begin(void);

/* About to be closed. A closed descriptor that is polled or read at that moment:
   natively the waiter keeps the open file and waits on; here it is told EBADF. */
void gs_fd_closing(int fd);
void gs_fd_closing_range(unsigned first, unsigned last);
/* A new open file under a number the kernel has just given out. mode: its O_ flags. */
void gs_fd_opened(int fd, enum gs_fd_kind kind, int mode);
/* The same for a connection accepted from listener. */
void gs_fd_accepted(int fd, struct gs_fd *listener, bool nonblock);
/* Another number for from's open file. */
void gs_fd_dupped(int from, int to);
/* The open file is about to be known under other numbers too (SCM_RIGHTS). */
void gs_fd_shared(int fd);
/* The program set the O_ flags to mode, or FIONBIO to on; or changed a time-out. */
void gs_fd_mode_set(int fd, int mode);
void gs_fd_nonblock_set(int fd, bool on);
void gs_fd_timeout_set(int fd);
/* setsockopt succeeded. */
void gs_fd_option_set(int fd, int level, int option, const void *value, unsigned len);
/* The kind of a new socket. */
enum gs_fd_kind gs_fd_socket_kind(int domain, int type, int protocol);

/* Bumped when something about an open file with several numbers changes. */
extern _Atomic uint32_t gs_fd_epoch;

/* Set once the C library's own closes come through the hooks too (redirect.c, for
   __close_nocancel); until then a number that was not opened through a hook is not
   trusted to be what it was: it is always tried, and re-armed at each park. */
extern _Atomic bool gs_fd_closes_seen;

/* Is this the process the records are about, and not a vfork child in its memory?
   A system call; for closes that come by the second door. */
bool gs_fd_at_home(void);
void gs_fd_settle_in(void);

/* Start-up: takes the netpoller's events. */
void gs_fd_init(void);

/* For the monitor, about once a second: re-arms, once per wait, every descriptor that
   had a waiter at the previous call already. Returns true while there are waiters it
   has not done that for. Any kernel thread. */
bool gs_fd_audit(void);

/* fork, child side: nothing is registered, nobody waits, all numbers are shared. */
void gs_fd_after_fork(void);

#endif
