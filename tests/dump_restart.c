/* SPDX-License-Identifier: MIT */
/*
 * dump_restart.c - threads that compute, and now and then make a system call of the
 * few that end with EINTR when their thread is stopped and goes on. Prints its process
 * number, goes on until standard input ends, and says how often that was seen. The
 * call is an instruction of its own: nothing but the kernel gets between.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static atomic_long calls, interrupted, failed;
static atomic_int stop;
static int set;

static long wait_in_kernel(void)
{
	struct sembuf op = { .sem_num = 0, .sem_op = -1 };
	struct timespec limit = { .tv_nsec = 50000 };
	register struct timespec *r10 __asm__("r10") = &limit;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(SYS_semtimedop), "D"(set), "S"(&op), "d"(1L), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

static void *run(void *arg)
{
	volatile int n = 0;

	(void)arg;
	while (!stop) {
		long result;

		for (int i = 0; i < 3000; i++)
			n++;
		result = wait_in_kernel();
		calls++;
		if (result == -EINTR)
			interrupted++;
		else if (result != -EAGAIN)
			failed++;
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[3];
	char c;

	set = semget(IPC_PRIVATE, 1, 0600);
	if (set < 0) {
		perror("semget");
		return 1;
	}
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, run, NULL);
	printf("%d\n", (int)getpid());
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	semctl(set, 0, IPC_RMID);
	printf("%s, %ld interrupted, %ld failed\n", calls > 100 ? "many calls" : "few calls",
	       (long)interrupted, (long)failed);
	return 0;
}
