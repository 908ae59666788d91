/* SPDX-License-Identifier: MIT */
/*
 * pthread.c - thread creation, exit, join, detach, attributes read back, names,
 * thread-specific keys, and the C11 names for the same.
 *
 * A pthread_t that is none of ours (a kernel thread of libc's own, or one made
 * while the library was off) goes to libc.
 */
#include "gate.h"
#include "init.h"
#include "real.h"
#include "runtime/cancel.h"
#include "runtime/key.h"
#include "runtime/life.h"
#include "runtime/stack.h"
#include "runtime/wired.h"
#include "sched.h"

#include <limits.h>
#include <sched.h>
#include <string.h>
#include <threads.h>

/* The program has called pthread_setattr_default_np: threads without attributes are
   made by what libc says. */
static bool gs_pthread_has_default;

GS_EXPORT int pthread_setattr_default_np(const pthread_attr_t *attr)
{
	int err = gs_real.pthread_setattr_default_np(attr);

	if (err == 0)
		gs_pthread_has_default = true;
	return err;
}

/* Reads what a program put into its attribute object. Returns 0 or an error number. */
static int gs_pthread_read_attr(const pthread_attr_t *attr, struct gs_life_attr *out)
{
	size_t size, guard;
	sigset_t mask;
	void *base;
	int detach, inherit;

	*out = (struct gs_life_attr){ .guard = GS_PAGE };
	if (!attr)
		return 0;
	/* With no address given libc answers NULL - size. */
	pthread_attr_getstack(attr, &base, &size);
	pthread_attr_getguardsize(attr, &guard);
	pthread_attr_getdetachstate(attr, &detach);
	pthread_attr_getinheritsched(attr, &inherit);
	out->own_policy = inherit == PTHREAD_EXPLICIT_SCHED;
	out->has_mask = pthread_attr_getsigmask_np(attr, &mask) == 0;
	if (out->has_mask)
		memcpy(&out->mask, &mask, sizeof(out->mask));
	out->detached = detach == PTHREAD_CREATE_DETACHED;
	out->guard = GS_ALIGN_UP(guard, GS_PAGE);
	if ((uintptr_t)base + size != 0) {
		out->stack = base;
		out->stack_size = size;
	} else {
		/* Here a size that was never set is 0. */
		out->stack_size = size;
		if (size == 0)
			pthread_attr_getstacksize(attr, &size);
		/* As glibc: the two are added, and the sum must not overflow. */
		if (out->guard < guard || size + out->guard < size)
			return EINVAL;
	}
	return 0;
}

static int gs_pthread_create(struct gs_thread *self, pthread_t *thread,
			     const pthread_attr_t *attr, void *(*start)(void *), void *arg,
			     bool c11)
{
	struct gs_life_attr a;
	int err = gs_pthread_read_attr(attr, &a);

	a.c11 = c11;
	if (err == 0 && (attr || self->wired))
		err = gs_sched_birth(self, attr, &a.home);
	if (err != 0)
		return err;
	err = gs_life_create(self, &a, start, arg, thread);
	if (err != 0 && a.home)
		gs_wired_discard(a.home);
	return -err;
}

/* As the program's own defaults have it. */
static int gs_pthread_create_default(struct gs_thread *self, pthread_t *thread,
				     void *(*start)(void *), void *arg, bool c11)
{
	pthread_attr_t attr;
	int err = pthread_getattr_default_np(&attr);

	if (err)
		return err;
	err = gs_pthread_create(self, thread, &attr, start, arg, c11);
	pthread_attr_destroy(&attr);
	return err;
}

GS_EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			     void *(*start)(void *), void *arg)
{
	struct gs_thread *self;

	if (!gs_init_activate())
		return gs_init_lacks_thread() ? EAGAIN : gs_real.pthread_create(thread, attr, start, arg);
	self = gs_gate();
	if (!self)
		return gs_real.pthread_create(thread, attr, start, arg);
	if (GS_UNLIKELY(!attr && gs_pthread_has_default))
		return gs_pthread_create_default(self, thread, start, arg, false);
	return gs_pthread_create(self, thread, attr, start, arg, false);
}

GS_EXPORT void pthread_exit(void *result)
{
	struct gs_thread *self = gs_gate();

	if (self)
		gs_life_set_result(self, result);
	gs_real.pthread_exit(result);
	__builtin_unreachable();
}

/* Absolute deadline on a clock to one on CLOCK_MONOTONIC. As in glibc, who gives a time
   that is none waits for ever. */
static uint64_t gs_pthread_deadline(clockid_t clock, const struct timespec *abs)
{
	struct timespec now;
	int64_t left;

	if (!abs || abs->tv_nsec < 0 || abs->tv_nsec >= (long)GS_NSEC)
		return GS_NEVER;
	clock_gettime(clock, &now);
	if (abs->tv_sec > now.tv_sec + (1L << 32))
		return GS_NEVER;
	if (abs->tv_sec < now.tv_sec - 1)
		return 1;
	left = (abs->tv_sec - now.tv_sec) * (int64_t)GS_NSEC + (abs->tv_nsec - now.tv_nsec);
	return left <= 0 ? 1 : gs_now() + (uint64_t)left;
}

static int gs_pthread_join(struct gs_thread *t, clockid_t clock, const struct timespec *abs,
			   void **result)
{
	struct gs_thread *self = gs_gate();
	uint64_t deadline = gs_pthread_deadline(clock, abs);
	int err;

	while ((err = gs_life_join(self, t, deadline, result)) == -EINTR)
		gs_cancel_point(self);
	return -err;
}

GS_EXPORT int pthread_join(pthread_t thread, void **result)
{
	struct gs_thread *t = gs_thread_of((void *)thread);

	return t ? gs_pthread_join(t, CLOCK_REALTIME, NULL, result)
		 : gs_real.pthread_join(thread, result);
}

GS_EXPORT int pthread_tryjoin_np(pthread_t thread, void **result)
{
	struct gs_thread *t = gs_thread_of((void *)thread);

	if (!t)
		return gs_real.pthread_tryjoin_np(thread, result);
	return gs_life_is_over(t) ? -gs_life_join(gs_gate(), t, 0, result) : EBUSY;
}

GS_EXPORT int pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *abs)
{
	struct gs_thread *t = gs_thread_of((void *)thread);

	return t ? gs_pthread_join(t, CLOCK_REALTIME, abs, result)
		 : gs_real.pthread_timedjoin_np(thread, result, abs);
}

GS_EXPORT int pthread_clockjoin_np(pthread_t thread, void **result, clockid_t clock,
				   const struct timespec *abs)
{
	struct gs_thread *t = gs_thread_of((void *)thread);

	if (t && clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return EINVAL;
	return t ? gs_pthread_join(t, clock, abs, result)
		 : gs_real.pthread_clockjoin_np(thread, result, clock, abs);
}

GS_EXPORT int pthread_detach(pthread_t thread)
{
	struct gs_thread *t = gs_thread_of((void *)thread);
	struct gs_thread *self = gs_gate();
	int err;

	if (!t)
		return gs_real.pthread_detach(thread);
	if (self)
		gs_enter(self);
	err = gs_life_detach(t);
	if (self)
		gs_leave(self);
	return -err;
}

GS_EXPORT int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr)
{
	struct gs_thread *t = gs_thread_of((void *)thread);
	cpu_set_t cpus;

	/* Main's stack is the process's: libc knows. */
	if (!t || !t->stack.base)
		return gs_real.pthread_getattr_np(thread, attr);
	pthread_attr_init(attr);
	pthread_attr_setstack(attr, (char *)t->stack.base + t->stack.guard,
			      t->stack.size - t->stack.guard);
	pthread_attr_setguardsize(attr, t->stack.guard);
	pthread_attr_setdetachstate(attr, gs_life_is_detached(t) ? PTHREAD_CREATE_DETACHED
								 : PTHREAD_CREATE_JOINABLE);
	if (pthread_getaffinity_np(thread, sizeof(cpus), &cpus) == 0)
		pthread_attr_setaffinity_np(attr, sizeof(cpus), &cpus);
	return 0;
}

GS_EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
	struct gs_thread *t = gs_thread_of((void *)thread);
	size_t n = strlen(name);

	if (!t)
		return gs_real.pthread_setname_np(thread, name);
	if (n >= sizeof(t->name))
		return ERANGE;
	if (gs_life_is_over(t)) /* libc opens a file in /proc */
		return ENOENT;
	memcpy(t->name, name, n + 1);
	gs_wired_rename(t);
	return 0;
}

GS_EXPORT int pthread_getname_np(pthread_t thread, char *name, size_t size)
{
	struct gs_thread *t = gs_thread_of((void *)thread);

	if (!t)
		return gs_real.pthread_getname_np(thread, name, size);
	if (size < sizeof(t->name))
		return ERANGE;
	if (gs_life_is_over(t))
		return ENOENT;
	memcpy(name, t->name, sizeof(t->name));
	return 0;
}

GS_EXPORT pid_t gettid(void)
{
	struct gs_thread *self = gs_self;

	return self && self->kind == GS_KIND_GREEN ? self->tid : gs_sys_gettid();
}

GS_EXPORT int pthread_key_create(pthread_key_t *key, void (*destroy)(void *))
{
	int err = gs_real.pthread_key_create(key, destroy);

	if (err == 0)
		gs_key_record(*key, destroy);
	return err;
}

GS_EXPORT int __pthread_key_create(pthread_key_t *key, void (*destroy)(void *))
{
	return pthread_key_create(key, destroy);
}

GS_EXPORT int pthread_key_delete(pthread_key_t key)
{
	int err = gs_real.pthread_key_delete(key);

	if (err == 0)
		gs_key_forget(key);
	return err;
}

GS_EXPORT int tss_create(tss_t *key, tss_dtor_t destroy)
{
	return pthread_key_create(key, destroy) == 0 ? thrd_success : thrd_error;
}

GS_EXPORT void tss_delete(tss_t key)
{
	pthread_key_delete(key);
}

GS_EXPORT int thrd_create(thrd_t *thread, thrd_start_t start, void *arg)
{
	void *(*entry)(void *) = (void *(*)(void *))(void *)start;
	struct gs_thread *self;
	int err;

	if (!gs_init_activate() || !(self = gs_gate()))
		return gs_init_lacks_thread() ? thrd_error : gs_real.thrd_create(thread, start, arg);
	err = gs_pthread_has_default ? gs_pthread_create_default(self, thread, entry, arg, true)
				     : gs_pthread_create(self, thread, NULL, entry, arg, true);
	/* EAGAIN is no lack of memory to libc. */
	return err == 0 ? thrd_success : err == ENOMEM ? thrd_nomem : thrd_error;
}

GS_EXPORT int thrd_join(thrd_t thread, int *result)
{
	struct gs_thread *t = gs_thread_of((void *)thread);
	void *value;

	if (!t)
		return gs_real.thrd_join(thread, result);
	if (gs_pthread_join(t, CLOCK_REALTIME, NULL, &value) != 0)
		return thrd_error;
	if (result)
		*result = (int)(intptr_t)value;
	return thrd_success;
}

GS_EXPORT int thrd_detach(thrd_t thread)
{
	return pthread_detach(thread) == 0 ? thrd_success : thrd_error;
}

GS_EXPORT void thrd_exit(int result)
{
	pthread_exit((void *)(intptr_t)result);
}
