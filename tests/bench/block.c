/* SPDX-License-Identifier: MIT */
/*
 * block.c - what a blocking region costs a call that does not block: calls through libc's
 * names and the same ones by an instruction, in turn, on a second thread. The least of many
 * short batches counts. Lines of "name<TAB>value<TAB>unit".
 *
 *	block [FILE]
 *	block -c THREADS        no figures: as many threads compute a fixed amount
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { BATCHES = 600, CALLS = 300, SIZE = 4096, WAITS = 8 /* RWF_NOWAIT */ };

static const char *path = "/tmp/block.bench";
static char buf[SIZE];
static struct iovec vec = { buf, SIZE };
static int null_fd, file_fd;

static long direct(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* One call of each kind. */
static void ioctl_direct(void) { direct(SYS_ioctl, null_fd, 0x1234, 0, 0, 0, 0); }
static void ioctl_hooked(void) { ioctl(null_fd, 0x1234, 0); }
static void pread_direct(void) { direct(SYS_pread64, file_fd, (long)buf, SIZE, 0, 0, 0); }
static void pread_nowait(void) { direct(SYS_preadv2, file_fd, (long)&vec, 1, 0, 0, WAITS); }
static void pread_hooked(void) { (void)!pread(file_fd, buf, SIZE, 0); }
static void seek(void) { direct(SYS_lseek, file_fd, 0, SEEK_SET, 0, 0, 0); }
static void read_direct(void) { seek(), direct(SYS_read, file_fd, (long)buf, SIZE, 0, 0, 0); }
static void read_nowait(void) { seek(), direct(SYS_preadv2, file_fd, (long)&vec, 1, -1, 0, WAITS); }
static void read_hooked(void) { seek(), (void)!read(file_fd, buf, SIZE); }
static void readv_direct(void) { seek(), direct(SYS_readv, file_fd, (long)&vec, 1, 0, 0, 0); }
static void readv_hooked(void) { seek(), (void)!readv(file_fd, &vec, 1); }
static void pwrite_direct(void) { direct(SYS_pwrite64, file_fd, (long)buf, SIZE, 0, 0, 0); }
static void pwrite_hooked(void) { (void)!pwrite(file_fd, buf, SIZE, 0); }

static const struct way {
	const char *name;
	void (*call)(void);
} ways[] = {
	{ "ioctl direct", ioctl_direct },
	{ "ioctl", ioctl_hooked },
	{ "pread direct", pread_direct },
	{ "pread RWF_NOWAIT", pread_nowait },
	{ "pread", pread_hooked },
	{ "read direct", read_direct },
	{ "read RWF_NOWAIT", read_nowait },
	{ "read", read_hooked },
	{ "readv direct", readv_direct },
	{ "readv", readv_hooked },
	{ "pwrite direct", pwrite_direct },
	{ "pwrite", pwrite_hooked },
};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static void *measure(void *arg)
{
	double least[WAYS];

	for (int w = 0; w < WAYS; w++)
		least[w] = 1e18;
	for (int b = 0; b < BATCHES; b++)
		for (int w = 0; w < WAYS; w++) {
			double t = now();

			for (int i = 0; i < CALLS; i++)
				ways[w].call();
			t = (now() - t) / CALLS;
			least[w] = t < least[w] ? t : least[w];
		}
	for (int w = 0; w < WAYS; w++)
		printf("%s\t%.1f\tns\n", ways[w].name, least[w]);
	printf("region\t%.1f\tns\n", least[1] - least[0]);
	return arg;
}

static void *compute(void *arg)
{
	unsigned long x = 88172645463325252UL;

	for (long i = 0; i < 300000000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return x == 0 ? NULL : arg;
}

static int compute_all(int n)
{
	pthread_t t[64];

	if (n < 1 || n > 64)
		return 2;
	for (int i = 0; i < n; i++)
		pthread_create(&t[i], NULL, compute, NULL);
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t t;

	if (argc > 2 && strcmp(argv[1], "-c") == 0)
		return compute_all(atoi(argv[2]));
	if (argc > 1)
		path = argv[1];
	null_fd = open("/dev/null", O_RDWR);
	file_fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (null_fd < 0 || file_fd < 0 || write(file_fd, buf, SIZE) != SIZE) {
		perror(path);
		return 1;
	}
	pthread_create(&t, NULL, measure, NULL);
	pthread_join(t, NULL);
	unlink(path);
	return 0;
}
