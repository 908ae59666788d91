/* SPDX-License-Identifier: MIT */
/*
 * ceiling.c - mutexes with a priority ceiling.
 *
 * The word has the ceiling in its upper bits; below them 0 free, 1 held, 2 held and waited
 * for. A thread has a count of what it holds for each ceiling, and its priority in the
 * kernel is the highest of them, if its own is not higher (priority.c).
 *
 * The counting is glibc's to the letter, for what comes of it can be seen: one who could
 * not be raised stays counted, and so does one whose time was up.
 *
 * Locks: gs_priority.lock, taken inside the runtime, nothing below it.
 * Called from: shared.c, hooks/pthread_sync.c; init.c.
 */
#include "ceiling.h"

#include "priority.h"
#include "sched.h"
#include "shared_word.h"
#include "sys.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>

enum { GS_CEILING_SHIFT = 19 };

static const uint32_t gs_ceiling_mask = UINT32_MAX << GS_CEILING_SHIFT;

static struct gs_thread *gs_ceiling_self(void)
{
	return gs_self && gs_self->kind == GS_KIND_GREEN ? gs_self : NULL;
}

/* self holds one more of ceiling more, and one less of less; 0: none. */
static int gs_ceiling_change(struct gs_thread *self, int less, int more)
{
	struct gs_priority *c = gs_priority_get(self, self);
	int highest, before;

	if (!c)
		return -ENOMEM;
	before = highest = c->highest;
	if (more != 0) {
		if (c->held[more] + 1 == 0)
			return -EAGAIN;
		c->held[more]++;
		highest = GS_MAX(highest, more);
	}
	/* It may have been locked before the library was on, or by another. */
	if (less != 0 && c->held[less] != 0 && --c->held[less] == 0 && before == less &&
	    less > more) {
		highest = less;
		while (highest > 0 && c->held[highest] == 0)
			highest--;
	}
	if (highest == before)
		return 0;
	gs_enter(self);
	gs_lock(&c->lock);
	c->highest = highest;
	c->version++;
	gs_unlock(&c->lock);
	gs_leave(self);
	return c->priority < GS_MAX(highest, before) ? gs_priority_settle(self, self, c) : 0;
}

/* Raises self to the word's ceiling; *counted is the one that it counts for, of an
   earlier word or 0. */
static int gs_ceiling_raise(struct gs_thread *self, uint32_t word, int *counted)
{
	int ceiling = (int)(word >> GS_CEILING_SHIFT), err;
	struct gs_priority *c;

	if (!self)
		return 0;
	c = gs_priority_get(self, self);
	if (!c)
		return -ENOMEM;
	if (c->priority > ceiling) {
		gs_ceiling_change(self, *counted, 0);
		return -EINVAL;
	}
	err = gs_ceiling_change(self, *counted, ceiling);
	*counted = ceiling;
	return err;
}

/* Waits until the lock is the caller's, as one that is waited for, or until the ceiling is
   no longer that of fixed: -EAGAIN. */
static int gs_ceiling_wait(struct gs_thread *self, struct gs_mutex *m, uint32_t fixed,
			   clockid_t clock, const struct timespec *abs)
{
	struct gs_deadline d;
	uint32_t word;
	int err;

	for (;;) {
		word = fixed;
		if (gs_shared_swap(m, &word, fixed | 2))
			return 0;
		if ((word & gs_ceiling_mask) != fixed)
			return -EAGAIN;
		if (word == (fixed | 1) && !gs_shared_swap(m, &word, fixed | 2))
			continue;
		if (abs && gs_park_deadline(&d, clock, abs) != 0)
			return -EINVAL;
		err = gs_shared_sleep(self, m, fixed | 2, abs ? &d : NULL);
		if (err)
			return err;
	}
}

int gs_ceiling_lock(struct gs_thread *self, struct gs_mutex *m, bool try, clockid_t clock,
		    const struct timespec *abs)
{
	int tid = gs_mutex_tid(), counted = 0, err = gs_shared_again(m, gs_shared_owner(m) == tid);
	struct gs_thread *me = gs_ceiling_self();
	uint32_t word = gs_shared_word(m), fixed;

	if (err != -EBUSY)
		return err;
	do {
		err = gs_ceiling_raise(me, word, &counted);
		if (err)
			return err;
		fixed = word & gs_ceiling_mask;
		word = fixed;
		if (gs_shared_swap(m, &word, fixed | 1))
			err = 0;
		else if ((word & gs_ceiling_mask) != fixed)
			err = -EAGAIN;
		else
			err = try ? -EBUSY : gs_ceiling_wait(self, m, fixed, clock, abs);
		word = gs_shared_word(m);
	} while (err == -EAGAIN);
	if (me && (err == -EBUSY || err == -EINVAL))
		gs_ceiling_change(me, counted, 0);
	if (err)
		return err;
	m->count = 1;
	gs_mutex_own(m, tid);
	return 0;
}

int gs_ceiling_unlock(struct gs_mutex *m)
{
	int kind = m->kind, type = kind & GS_MUTEX_TYPE;
	struct gs_thread *me = gs_ceiling_self();
	uint32_t old;

	if ((type == GS_MUTEX_RECURSIVE || type == GS_MUTEX_ERRORCHECK) &&
	    (gs_shared_owner(m) != gs_mutex_tid() ||
	     (gs_shared_word(m) & ~gs_ceiling_mask) == 0))
		return -EPERM;
	if (type == GS_MUTEX_RECURSIVE && --m->count != 0)
		return 0;
	/* relaxed: as in gs_mutex_own */
	atomic_store_explicit(&m->owner, 0, memory_order_relaxed);
	m->nusers--;
	/* release: pairs with the acquire in gs_shared_swap */
	old = atomic_fetch_and_explicit(&m->lock, gs_ceiling_mask, memory_order_release);
	if ((old & ~gs_ceiling_mask) > 1)
		gs_shared_wake(m, kind, 1);
	return me ? gs_ceiling_change(me, (int)(old >> GS_CEILING_SHIFT), 0) : 0;
}

int gs_ceiling_set(struct gs_thread *self, struct gs_mutex *m, int ceiling, int *old)
{
	struct gs_thread *me = gs_ceiling_self();
	bool mine = gs_shared_owner(m) == gs_mutex_tid();
	int type = m->kind & GS_MUTEX_TYPE, before, err;
	uint32_t word, held = 0;

	if (!(m->kind & GS_MUTEX_PROTECT) || ceiling < GS_PRIORITY_LEAST ||
	    ceiling > GS_PRIORITY_MOST)
		return -EINVAL;
	if (mine && type == GS_MUTEX_ERRORCHECK)
		return -EDEADLK;
	mine = mine && type == GS_MUTEX_RECURSIVE;
	do {
		word = gs_shared_word(m);
		err = mine ? 0 : gs_ceiling_wait(self, m, word & gs_ceiling_mask,
						 CLOCK_REALTIME, NULL);
	} while (err == -EAGAIN);
	before = (int)(word >> GS_CEILING_SHIFT);
	if (mine) {
		err = me ? gs_ceiling_change(me, before, ceiling) : 0;
		if (err)
			return err;
		held = gs_shared_word(m) & ~gs_ceiling_mask;
	}
	if (old)
		*old = before;
	/* release: pairs with the acquire in gs_shared_swap. Those who wait have to look at
	   the ceiling again. */
	atomic_store_explicit(&m->lock, held | (uint32_t)ceiling << GS_CEILING_SHIFT,
			      memory_order_release);
	gs_shared_wake(m, m->kind, INT_MAX);
	return 0;
}

void gs_ceiling_adopt(struct gs_thread *main, int policy, int priority)
{
	struct gs_priority *c;
	struct sched_param param = { 0 };
	int highest;

	gs_sys2(__NR_sched_getparam, 0, &param);
	highest = param.sched_priority;
	if (highest <= priority || highest > GS_PRIORITY_MOST)
		return;
	c = gs_priority_make(main, policy, priority);
	if (!c)
		return;
	c->highest = highest;
	c->held[highest] = 1;
}
