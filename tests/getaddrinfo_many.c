/* SPDX-License-Identifier: MIT */
/*
 * getaddrinfo_many.c - name look-ups from many threads at once: numeric ones,
 * localhost from /etc/hosts, service names, reverse look-ups, users and groups;
 * all through libc's thread-local resolver state.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { THREADS = 50, ROUNDS = 40 };

static unsigned long wrong_numeric, wrong_local, wrong_reverse, wrong_none, wrong_user, wrong_herrno;
static char local_answer[512];

static void count(unsigned long *counter, int bad)
{
	if (bad)
		__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static void look_up(const char *node, const char *service, int family, int flags, char *text,
		    size_t size)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags };
	struct addrinfo *list = NULL;
	int err = getaddrinfo(node, service, &hints, &list);
	size_t used = 0;

	text[0] = '\0';
	if (err) {
		snprintf(text, size, "error %s", gai_strerror(err));
		return;
	}
	for (struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		char host[64], port[16];

		getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof(host), port, sizeof(port),
			    NI_NUMERICHOST | NI_NUMERICSERV);
		used += (size_t)snprintf(text + used, size - used, "[%s]:%s ", host, port);
	}
	freeaddrinfo(list);
}

static void *body(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;
	char text[512], node[64], want[128];

	for (unsigned i = 0; i < ROUNDS; i++) {
		snprintf(node, sizeof(node), "10.%u.%u.7", id, i);
		snprintf(want, sizeof(want), "[%s]:8080 ", node);
		look_up(node, "8080", AF_INET, AI_NUMERICHOST | AI_NUMERICSERV, text, sizeof(text));
		count(&wrong_numeric, strcmp(text, want) != 0);

		snprintf(node, sizeof(node), "fd00::%x:%x", id + 1, i + 1);
		snprintf(want, sizeof(want), "[%s]:443 ", node);
		look_up(node, "443", AF_INET6, AI_NUMERICHOST | AI_NUMERICSERV, text, sizeof(text));
		count(&wrong_numeric, strcmp(text, want) != 0);

		look_up("localhost", "80", AF_INET, AI_NUMERICSERV, text, sizeof(text));
		count(&wrong_local, strcmp(text, local_answer) != 0);
		sched_yield();

		look_up("not a name", NULL, AF_INET, AI_NUMERICHOST, text, sizeof(text));
		count(&wrong_none, strncmp(text, "error ", 6) != 0);

		struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(1),
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

		count(&wrong_reverse, getnameinfo((struct sockaddr *)&sa, sizeof(sa), node, sizeof(node),
						  NULL, 0, 0) != 0);
		count(&wrong_reverse, strcmp(node, "localhost") != 0);

		struct hostent he, *found = NULL;
		char buffer[1024];
		int herr = 0;

		count(&wrong_local, gethostbyname_r("localhost", &he, buffer, sizeof(buffer), &found, &herr) ||
		      !found || *(uint32_t *)found->h_addr_list[0] != htonl(INADDR_LOOPBACK));

		h_errno = (int)(id * 100 + i);
		struct passwd pw, *user = NULL;

		count(&wrong_user, getpwuid_r(0, &pw, buffer, sizeof(buffer), &user) != 0 || !user ||
		      strcmp(user->pw_name, "root") != 0);
		sched_yield();
		count(&wrong_herrno, h_errno != (int)(id * 100 + i));
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];

	look_up("localhost", "80", AF_INET, AI_NUMERICSERV, local_answer, sizeof(local_answer));
	printf("localhost: %s\n", local_answer);
	for (unsigned i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, body, (void *)(uintptr_t)i) != 0)
			abort();
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("numeric %lu wrong, localhost %lu wrong, reverse %lu wrong, no such name %lu wrong\n",
	       wrong_numeric, wrong_local, wrong_reverse, wrong_none);
	printf("user %lu wrong, h_errno %lu wrong\n", wrong_user, wrong_herrno);
	return 0;
}
