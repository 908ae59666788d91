/* SPDX-License-Identifier: MIT */
/*
 * select.c - select and pselect for green threads, on the round in mux.c.
 *
 * The kernel's select overwrites the sets it is given, and empties them when nothing
 * is ready. So the members are copied first; the first question is put on the
 * program's own sets (a ready descriptor or an error ends there, natively), the later
 * ones on a working copy.
 *
 * Invariants: the program's sets are what the kernel would have made of them: the
 * answer, empty after a time-out, untouched after an error or a signal.
 * Locks: none held.
 * Called from: hooks/poll.c.
 */
#include "mux.h"

#include "access.h"
#include "mem.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

enum { GS_MUX_IN, GS_MUX_OUT, GS_MUX_EX, GS_MUX_SETS };

enum {
	GS_MUX_WORD = 64,       /* bits */
	GS_MUX_FEW_WORDS = 16,  /* of a set that is copied to the stack: FD_SETSIZE bits */
};

struct gs_mux_selected {
	struct gs_mux mux;
	int nfds;
	size_t words;                      /* of each set */
	unsigned long *sets[GS_MUX_SETS];  /* the program's, or NULL */
	unsigned long *saved[GS_MUX_SETS]; /* what they were; NULL when there is nothing */
	unsigned long *work[GS_MUX_SETS];  /* what the kernel makes of them */
	bool begun;                        /* the first question was put, on the program's sets */
};

static int gs_mux_select_now(int nfds, unsigned long *const sets[GS_MUX_SETS])
{
	struct timespec zero = { 0, 0 };
	long ret;

	/* EINTR: see gs_mux_poll_now; the sets are untouched then. */
	do
		ret = gs_sys6(__NR_pselect6, nfds, sets[GS_MUX_IN], sets[GS_MUX_OUT],
			      sets[GS_MUX_EX], &zero, NULL);
	while (ret == -EINTR);
	return (int)ret;
}

static void gs_mux_select_copy(const struct gs_mux_selected *s,
			       unsigned long *const to[GS_MUX_SETS],
			       unsigned long *const from[GS_MUX_SETS])
{
	for (int i = 0; i < GS_MUX_SETS; i++)
		if (s->saved[i])
			memcpy(to[i], from[i], s->words * sizeof(long));
}

/* Some members were closed since the first question. As in the kernel that is no error
   any more: they count as ready. work is a fresh copy. */
static int gs_mux_select_closed(struct gs_mux_selected *s)
{
	int ret;

	for (uint32_t m = 0; m < s->mux.n; m++) {
		int fd = s->mux.members[m].fd;

		if (fd < 0 || gs_sys2(__NR_fcntl, fd, F_GETFD) >= 0)
			continue;
		s->mux.members[m].fd = ~fd;
		for (int i = 0; i < GS_MUX_SETS; i++)
			if (s->saved[i])
				s->work[i][fd / GS_MUX_WORD] &= ~(1UL << fd % GS_MUX_WORD);
	}
	ret = gs_mux_select_now(s->nfds, s->work);
	for (uint32_t m = 0; m < s->mux.n && ret >= 0; m++) {
		unsigned fd = (unsigned)~s->mux.members[m].fd;
		size_t word = fd / GS_MUX_WORD;
		unsigned long bit = 1UL << fd % GS_MUX_WORD;

		if (s->mux.members[m].fd >= 0)
			continue;
		for (int i = 0; i < GS_MUX_SETS; i++) {
			if (s->saved[i] && (s->saved[i][word] & bit)) {
				s->work[i][word] |= bit;
				ret++;
			}
		}
	}
	return ret;
}

static int gs_mux_select_ask(struct gs_mux *m)
{
	struct gs_mux_selected *s = GS_CONTAINER_OF(m, struct gs_mux_selected, mux);
	int ret;

	if (!s->begun) {
		ret = gs_mux_select_now(s->nfds, s->sets);
		s->begun = ret == 0;
		return ret;
	}
	gs_mux_select_copy(s, s->work, s->saved);
	ret = gs_mux_select_now(s->nfds, s->work);
	if (GS_UNLIKELY(ret == -EBADF))
		ret = gs_mux_select_closed(s);
	if (ret > 0)
		gs_mux_select_copy(s, s->sets, s->work);
	return ret;
}

/* One word of all sets together; bits from nfds on do not count. */
static unsigned long gs_mux_select_union(const struct gs_mux_selected *s, size_t word)
{
	unsigned long all = 0;

	for (int i = 0; i < GS_MUX_SETS; i++)
		if (s->saved[i])
			all |= s->saved[i][word];
	if (word == s->words - 1 && s->nfds % GS_MUX_WORD)
		all &= (1UL << s->nfds % GS_MUX_WORD) - 1;
	return all;
}

static void gs_mux_select_members(struct gs_mux_selected *s)
{
	static const uint8_t watch[GS_MUX_SETS] = {
		[GS_MUX_IN] = GS_FD_IN,
		[GS_MUX_OUT] = GS_FD_OUT,
		[GS_MUX_EX] = GS_FD_PRI,
	};

	for (size_t word = 0; word < s->words; word++) {
		for (unsigned long all = gs_mux_select_union(s, word); all; all &= all - 1) {
			struct gs_mux_member *member = &s->mux.members[s->mux.n++];
			unsigned bit = (unsigned)__builtin_ctzl(all);

			member->fd = (int)(word * GS_MUX_WORD + bit);
			member->waiter.events = 0;
			member->waiter.exclusive = false;
			for (int i = 0; i < GS_MUX_SETS; i++)
				if (s->saved[i] && s->saved[i][word] >> bit & 1)
					member->waiter.events |= watch[i];
			member->input = member->waiter.events & GS_FD_IN;
		}
	}
}

static GS_NOINLINE int gs_mux_select_wait(struct gs_thread *self, struct gs_mux_selected *s,
					  uint64_t deadline)
{
	struct gs_mux_member few[GS_MUX_FEW];
	size_t n = 0, size;
	int ret;

	for (size_t word = 0; word < s->words; word++)
		for (unsigned long all = gs_mux_select_union(s, word); all; all &= all - 1)
			n++;
	size = n * sizeof(few[0]);
	s->mux.members = few;
	if (n > GS_MUX_FEW) {
		s->mux.members = gs_mem_map(size);
		if (!s->mux.members)
			return -ENOMEM;
	}
	gs_mux_select_members(s);
	if (n == 1)
		s->mux.obj = gs_mux_fd_obj(s->mux.members[0].fd);
	/* Without members gs_mux_wait asks nothing, but the sets have to be emptied. */
	ret = n ? 0 : gs_mux_select_ask(&s->mux);
	if (ret == 0)
		ret = gs_mux_wait(self, &s->mux, deadline, GS_MUX_ASK);
	if (s->mux.members != few)
		gs_mem_unmap(s->mux.members, size);
	return ret;
}

/* The kernel looks at no more of a set than its descriptor table is long, so programs
   get away with select(getdtablesize(), ...) on sets of FD_SETSIZE bits, and our copies
   must be no longer either. The table's length is a power of two, and a bit beyond it is
   not looked at: no EBADF although nothing is open there. scratch: nfds zero bits. */
static int gs_mux_select_bound(int nfds, unsigned long *scratch)
{
	for (long fd = GS_MUX_FEW_WORDS * GS_MUX_WORD; fd < nfds; fd *= 2) {
		unsigned long *const sets[GS_MUX_SETS] = { scratch, NULL, NULL };
		int ret;

		if (gs_sys2(__NR_fcntl, fd, F_GETFD) >= 0)
			continue;
		scratch[fd / GS_MUX_WORD] = 1; /* fd is a multiple of GS_MUX_WORD */
		ret = gs_mux_select_now((int)fd + 1, sets);
		scratch[fd / GS_MUX_WORD] = 0;
		if (ret == 0)
			return (int)fd;
	}
	return nfds;
}

/* Fills saved and work from the program's sets. Returns 0 or -EFAULT. */
static int gs_mux_select_save(struct gs_thread *self, struct gs_mux_selected *s,
			      unsigned long *copies)
{
	size_t bytes = s->words * sizeof(long);

	for (int i = 0; i < GS_MUX_SETS; i++) {
		if (!s->sets[i] || bytes == 0)
			continue;
		if (!gs_access_readable(self, s->sets[i], bytes))
			return -EFAULT;
		s->saved[i] = copies + (size_t)i * s->words;
		s->work[i] = copies + (size_t)(GS_MUX_SETS + i) * s->words;
		memcpy(s->saved[i], s->sets[i], bytes);
	}
	return 0;
}

int gs_mux_select(struct gs_thread *self, int nfds, unsigned long *in, unsigned long *out,
		  unsigned long *ex, uint64_t deadline)
{
	unsigned long few[2 * GS_MUX_SETS * GS_MUX_FEW_WORDS];
	unsigned long *copies = few;
	struct gs_mux_selected s = {
		.mux = { .ask = gs_mux_select_ask, .reason = GS_REASON_SELECT, .obj = in },
		.nfds = nfds,
		.sets = { in, out, ex },
	};
	size_t size = 0;
	int ret;

	/* Nothing can become of it but the kernel's answer. */
	if (nfds < 0 || (deadline == GS_MUX_NOW && !gs_mux_signalled(self)))
		return gs_mux_select_now(nfds, s.sets);
	s.words = ((size_t)nfds + GS_MUX_WORD - 1) / GS_MUX_WORD;
	if (s.words > GS_MUX_FEW_WORDS) {
		size = 2 * GS_MUX_SETS * s.words * sizeof(long);
		copies = gs_mem_map(size);
		if (!copies)
			return -ENOMEM;
		s.nfds = gs_mux_select_bound(nfds, copies);
		s.words = ((size_t)s.nfds + GS_MUX_WORD - 1) / GS_MUX_WORD;
	}
	ret = gs_mux_select_save(self, &s, copies);
	if (ret == 0) {
		ret = gs_mux_select_wait(self, &s, deadline);
		if (ret == 0 && gs_mux_signalled(self))
			ret = -EINTR;
		/* They are empty now, and known to be writable. */
		if (ret < 0 && s.begun)
			gs_mux_select_copy(&s, s.sets, s.saved);
	}
	if (size)
		gs_mem_unmap(copies, size);
	return ret;
}
