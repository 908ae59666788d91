/* SPDX-License-Identifier: MIT */
/*
 * stage.h - threads of a test take turns: one announces that a stage is reached,
 * others wait for it. lock also serves the test itself.
 */
#ifndef STAGE_H
#define STAGE_H

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int stage;

static void to_stage(int n)
{
	pthread_mutex_lock(&lock);
	stage = n;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
}

static void await_stage(int n)
{
	pthread_mutex_lock(&lock);
	while (stage < n)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
}

#endif
