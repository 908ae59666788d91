/* SPDX-License-Identifier: MIT */
/*
 * io_resolver.c - descriptors that libc opens, waits on and closes by itself: the
 * resolver asks a name server that is a thread of this program, while the same numbers
 * are files, pipes and sockets of the program in between. Checks the answers.
 */
#define _GNU_SOURCE
#include "check.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ASKERS = 6, ROUNDS = 25 };

static int server;
static struct sockaddr_in server_addr;

/* Answers every question with one address, the first label's length in it. */
static void *serve(void *arg)
{
	static const unsigned char tail[] = { 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0 };
	unsigned char b[600];
	struct sockaddr_in from;
	socklen_t len;
	ssize_t n;

	for (;;) {
		len = sizeof(from);
		n = recvfrom(server, b, 512, 0, (struct sockaddr *)&from, &len);
		if (n <= 12)
			return arg;
		/* The question ends 4 bytes after the root label; what follows goes. */
		for (n = 12; b[n]; n += b[n] + 1)
			;
		n += 5;
		b[2] |= 0x80;
		b[3] = 0x80;
		b[7] = 1;
		b[9] = b[11] = 0;
		memcpy(b + n, tail, sizeof(tail));
		n += (ssize_t)sizeof(tail);
		b[n++] = b[12];
		/* a slow one now and then, so that the asker waits */
		if (b[12] % 3 == 0)
			usleep(2000);
		CHECK(sendto(server, b, (size_t)n, 0, (struct sockaddr *)&from, len) == n);
	}
}

static int look_up(const char *name)
{
	struct __res_state st;
	unsigned char answer[512];
	int n;

	memset(&st, 0, sizeof(st));
	CHECK(res_ninit(&st) == 0);
	st.nscount = 1;
	st.nsaddr_list[0] = server_addr;
	st.retrans = 30; /* seconds: nothing gets lost here, but much may go on */
	st.retry = 1;
	n = res_nquery(&st, name, C_IN, T_A, answer, sizeof(answer));
	res_nclose(&st);
	/* The address ends the answer. */
	return n > 0 ? answer[n - 1] : -1;
}

static void *ask(void *arg)
{
	long wrong = 0;
	char name[64], line[256];

	for (int i = 0; i < ROUNDS; i++) {
		int label = 1 + (int)((long)arg + i) % 20, p[2];
		struct addrinfo *ai = NULL;
		FILE *f;

		memset(name, 'n', (size_t)label);
		strcpy(name + label, ".example");
		wrong += look_up(name) != label;
		f = fopen("/etc/passwd", "r");
		CHECK(f && fgets(line, sizeof(line), f));
		fclose(f);
		wrong += getaddrinfo("localhost", "80", NULL, &ai) != 0;
		if (ai)
			freeaddrinfo(ai);
		CHECK(pipe(p) == 0 && write(p[1], "x", 1) == 1 && read(p[0], line, 1) == 1);
		close(p[0]);
		close(p[1]);
		f = popen("echo out", "r");
		CHECK(f && fgets(line, sizeof(line), f) && strcmp(line, "out\n") == 0);
		CHECK(pclose(f) == 0);
	}
	return (void *)wrong;
}

int main(void)
{
	pthread_t s, t[ASKERS];
	socklen_t len = sizeof(server_addr);
	long wrong = 0;
	void *r;

	server = socket(AF_INET, SOCK_DGRAM, 0);
	server_addr.sin_family = AF_INET;
	server_addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(server, (struct sockaddr *)&server_addr, sizeof(server_addr)) == 0);
	CHECK(getsockname(server, (struct sockaddr *)&server_addr, &len) == 0);
	pthread_create(&s, NULL, serve, NULL);
	for (long i = 0; i < ASKERS; i++)
		pthread_create(&t[i], NULL, ask, (void *)i);
	for (int i = 0; i < ASKERS; i++) {
		pthread_join(t[i], &r);
		wrong += (long)r;
	}
	CHECK(sendto(server, "", 0, 0, (struct sockaddr *)&server_addr, len) == 0);
	pthread_join(s, NULL);
	printf("%d askers, %d questions each, wrong %ld\n", ASKERS, ROUNDS, wrong);
	return 0;
}
