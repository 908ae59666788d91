/* SPDX-License-Identifier: MIT */
/*
 * conf.h - the values of the options. shim/conf.def is the table they come
 * from (name, type, default, bounds, help); shim/conf.c fills this struct
 * before the first green thread exists, and nothing writes it afterwards.
 */
#ifndef GS_CONF_H
#define GS_CONF_H

#include "base.h"

struct gs_conf {
	long enable;      /* 0: stay inert */
	long maxprocs;    /* processors; 0: the CPUs this process may use */
	long maxthreads;  /* bound on kernel threads of ours */
	long stack_size;  /* bytes; 0: RLIMIT_STACK as pthreads do */
	long dump_signal; /* signal number that prints all green threads; 0: none */
	long redirect;    /* second door on or off */
	long preempt;     /* preemption of computing threads on or off */
	long children;    /* 0: strip the preload from the environment of exec'd programs */
	long stats;       /* print counters at exit */
	/* GOSHIM_DEBUG, a comma-separated list */
	long verbose;     /* say why the library stepped aside, and the like */
	long schedtrace;  /* milliseconds between scheduler lines; 0: none */
	long deadlock;    /* report when nothing can ever run again */
	long perturb;     /* seed of random yields and steals; 0: none */
};

extern struct gs_conf gs_conf;

#endif
