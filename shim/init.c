/* SPDX-License-Identifier: MIT */
/*
 * init.c - start-up, in two steps: the constructor, which looks up libc's functions,
 * reads the options, recognises programs to leave alone and registers the handlers of
 * fork, and activation at the first thread, which does the rest.
 *
 * Invariants: until activation succeeds gs_self is NULL on every thread, so every
 * hook does what libc would. Activation happens once, on the process's first
 * thread, while the program has no other.
 * Called from: the dynamic linker; hooks/pthread.c.
 */
#include "init.h"

#include "conf.h"
#include "objection.h"
#include "real.h"
#include "redirect.h"
#include "runtime/cancel.h"
#include "runtime/ceiling.h"
#include "runtime/child.h"
#include "runtime/context.h"
#include "runtime/dump.h"
#include "runtime/fd.h"
#include "runtime/host.h"
#include "runtime/inherit.h"
#include "runtime/life.h"
#include "runtime/loaded.h"
#include "runtime/log.h"
#include "runtime/monitor.h"
#include "runtime/netpoll.h"
#include "runtime/preempt.h"
#include "runtime/report.h"
#include "runtime/robust.h"
#include "runtime/sched.h"
#include "runtime/signal.h"
#include "runtime/sys.h"
#include "runtime/tcb.h"
#include "runtime/wire.h"
#include "runtime/wired.h"
#include "runtime/worker.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/auxv.h>

enum gs_init_state {
	GS_INIT_OFF,   /* stay inert for ever */
	GS_INIT_READY, /* may be activated */
	GS_INIT_ON,
};

enum {
	GS_INIT_MAX_PROCS = 1024,
	GS_INIT_MEMBARRIER_REGISTER = 16, /* MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED */
};

extern void *__dso_handle __attribute__((visibility("hidden")));
char **gs_init_environ;
static enum gs_init_state gs_init_state;
static const char *gs_init_why = "the constructor has not run";

static uint32_t gs_init_cpus(void)
{
	unsigned long mask[GS_INIT_MAX_PROCS / (8 * sizeof(long))] = { 0 };
	long n = gs_sys3(__NR_sched_getaffinity, 0, sizeof(mask), mask);
	uint32_t cpus = 0;

	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(long); i++)
		cpus += (uint32_t)__builtin_popcountl(mask[i]);
	return cpus ? cpus : 1;
}

static int gs_init_options(const char **why)
{
	gs_conf_load(gs_init_environ);
	return 0;
}

static int gs_init_processor(const char **why)
{
	gs_context_init(getauxval(AT_HWCAP2));
	gs_sys3(__NR_membarrier, GS_INIT_MEMBARRIER_REGISTER, 0, 0);
	return 0;
}

static int gs_init_threads(const char **why)
{
	gs_loaded_init(); /* before: what comes in between is seen again */
	return gs_tcb_init(why);
}

static int gs_init_poller(const char **why)
{
	int err = gs_netpoll_init();

	*why = "no epoll instance";
	return err;
}

/* A program that has started under a real-time policy may hold priority ceilings. */
static void gs_init_priority(struct gs_thread *main)
{
	struct sched_param param;
	int policy = (int)gs_sys1(__NR_sched_getscheduler, 0);

	if ((policy == SCHED_FIFO || policy == SCHED_RR) &&
	    gs_real.pthread_getschedparam(pthread_self(), &policy, &param) == 0)
		gs_ceiling_adopt(main, policy, param.sched_priority);
}

static int gs_init_main(const char **why)
{
	struct gs_thread *t = gs_life_adopt_main();
	uint32_t procs = gs_conf.maxprocs ? (uint32_t)gs_conf.maxprocs : gs_init_cpus();

	gs_robust_init();
	if (t)
		gs_init_priority(t);
	*why = "no memory";
	if (!t || gs_worker_init(t, GS_MIN(procs, (uint32_t)GS_INIT_MAX_PROCS)) != 0)
		return -ENOMEM;
	gs_sched_ops.dead = gs_life_dead;
	gs_sched_ops.attend = gs_signal_attend;
	gs_sched_ops.started = gs_signal_worker_started;
	gs_lock_give_way = gs_child_give_way;
	gs_sched_ops.cancellable = gs_cancel_due;
	gs_sched_ops.cancel = gs_cancel_asynchronous;
	gs_fd_init();
	gs_wired_init();
	t->inrt = 1;
	gs_self = t;
	gs_sched_on = true;
	if (gs_inherit_early)
		gs_wire_thread(t);
	return 0;
}

/* The kernel writes the CPU number into the area the C library registered in
   main's thread block; main will run on other kernel threads too. */
static int gs_init_rseq(const char **why)
{
	enum { unregister = 1, signature = 0x53053053, failed = -2 };
	char *area;

	if (!gs_host.rseq_offset || !gs_host.rseq_size || *gs_host.rseq_size == 0)
		return 0;
	area = (char *)gs_arch_thread_pointer() + *gs_host.rseq_offset;
	if (gs_sys4(__NR_rseq, area, 32, unregister, signature) == 0)
		((int32_t *)area)[1] = failed;
	return 0;
}

static int gs_init_preempt(const char **why)
{
	*why = "no signal handler for preemption";
	return gs_preempt_init();
}

static int gs_init_doors(const char **why)
{
	gs_redirect_install();
	return 0;
}

static int gs_init_dump(const char **why)
{
	gs_dump_init();
	return 0;
}

static int gs_init_signals(const char **why)
{
	gs_signal_init(gs_self);
	return 0;
}

static int gs_init_monitor(const char **why)
{
	*why = "no kernel thread for the monitor";
	return gs_monitor_start();
}

/* Every step of activation, in order, and why it is where it is. */
static const struct {
	const char *name;
	int (*run)(const char **why);
} gs_init_steps[] = {
	{ "options", gs_init_options },     /* everything below reads gs_conf */
	{ "processor", gs_init_processor }, /* the switch needs to know about fs */
	{ "threads", gs_init_threads },     /* the self-check: nothing is changed yet */
	{ "poller", gs_init_poller },       /* may fail for want of descriptors */
	{ "main", gs_init_main },           /* the point of no return */
	{ "rseq", gs_init_rseq },
	{ "preemption", gs_init_preempt },
	{ "signals", gs_init_signals },     /* needs gs_self */
	{ "dump", gs_init_dump },           /* chains to what the program handles */
	{ "redirection", gs_init_doors },   /* while there is one thread */
	{ "monitor", gs_init_monitor },     /* last: it looks at all of the above */
};

/* The library stays out of the process; who asks learns why. */
static void gs_init_explain(void)
{
	gs_log_debug("%s: the program runs without green threads", gs_init_why);
}

/* For good. */
static void gs_init_stay_out(const char *why)
{
	gs_init_state = GS_INIT_OFF;
	gs_init_why = why;
	gs_sched_never = gs_real.pthread_mutex_lock != NULL;
}

void gs_init_step_aside(const char *why)
{
	/* Not said: the calls for that may be among those it must not make. */
	if (gs_init_state == GS_INIT_READY)
		gs_init_stay_out(why);
}

bool gs_init_activate(void)
{
	const char *why;

	if (GS_LIKELY(gs_init_state == GS_INIT_ON))
		return true;
	if (gs_init_state == GS_INIT_OFF || gs_sys_gettid() != gs_sys_getpid())
		return false;
	gs_init_state = GS_INIT_OFF;
	why = gs_objection_find();
	if (why) {
		gs_init_stay_out(why);
		gs_init_explain();
		return false;
	}
	for (size_t i = 0; i < GS_ARRAY_SIZE(gs_init_steps); i++) {
		int err;

		why = NULL;
		err = gs_init_steps[i].run(&why);
		if (err == 0)
			continue;
		/* RLIMIT_NPROC, or the like. A monitor is started later (life.c). */
		if (err == -EAGAIN) {
			gs_log_debug("%s: %s", gs_init_steps[i].name, why);
			if (gs_sched_on)
				continue;
			gs_init_state = GS_INIT_READY;
			return false;
		}
		why = why ? why : "failed";
		if (!gs_sched_on) {
			gs_log_line("%s: %s; the program runs on kernel threads, without green "
				    "threads", gs_init_steps[i].name, why);
			gs_init_stay_out(why);
			return false;
		}
		gs_log_line("%s: %s; green threads do without it", gs_init_steps[i].name, why);
	}
	gs_init_state = GS_INIT_ON;
	gs_self->inrt = 0;
	return true;
}

bool gs_init_lacks_thread(void)
{
	return gs_init_state == GS_INIT_READY;
}

/* Reasons to stay out of a process altogether. */
static const char *gs_init_objection(void)
{
	const char *missing;

	/* First: the hooks use what it finds even if the library stays out. */
	missing = gs_real_resolve();
	if (getauxval(AT_SECURE))
		return "the program is setuid, setgid or has capabilities";
	gs_conf_peek(gs_init_environ);
	if (missing)
		return missing;
	if (!gs_conf.enable)
		return "GOSHIM=0";
	return gs_objection_find();
}

/* GOSHIM_CHILDREN=0: takes every entry that names this library out of LD_PRELOAD, in
   place, so that programs started from here run without it. */
static void gs_init_strip(char **envp)
{
	static const char name[] = "LD_PRELOAD=", ours[] = "goshim";

	for (; *envp; envp++) {
		char *in, *out;

		if (strncmp(*envp, name, sizeof(name) - 1) != 0)
			continue;
		in = out = *envp + sizeof(name) - 1;
		while (*in) {
			size_t n = strcspn(in, " :");
			char *hit = memmem(in, n, ours, sizeof(ours) - 1);

			if (n > 0 && !hit) {
				if (out > *envp + sizeof(name) - 1)
					*out++ = ':';
				memmove(out, in, n);
				out += n;
			}
			in += n + (in[n] != '\0');
		}
		*out = '\0';
	}
}

__attribute__((destructor)) static void gs_init_farewell(void)
{
	if (gs_sched_on && gs_conf.stats)
		gs_report_print();
}

__attribute__((constructor)) static void gs_init_constructor(int argc, char **argv, char **envp)
{
	const char *why;

	gs_init_environ = envp;
	why = gs_init_objection();
	if (why) {
		gs_init_stay_out(why);
		gs_init_explain();
		return;
	}
	gs_init_state = GS_INIT_READY;
	if (!gs_conf.children)
		gs_init_strip(envp);
	/* First of all registrations: see runtime/child.h. Not by pthread_atfork: what that calls
	   may be the program's (Firefox runs what it is told when it calls clone, too). */
	gs_real_register_atfork(gs_child_prepare, gs_child_parent, gs_child_fresh, &__dso_handle);
}
