/* SPDX-License-Identifier: MIT */
/*
 * wired_identity.c - names, namespaces, credentials and filters of one thread are its
 * own and its descendants', whatever it waits for and whoever runs in between.
 *
 *	wired_identity CASE
 */
#define _GNU_SOURCE
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int capset(struct __user_cap_header_struct *, const struct __user_cap_data_struct *);
int capget(struct __user_cap_header_struct *, struct __user_cap_data_struct *);

static void rest(void)
{
	struct timespec ts = { 0, 200000 };

	for (int i = 0; i < 10; i++) {
		sched_yield();
		nanosleep(&ts, NULL);
	}
}

static void show(const char *what, long ret)
{
	printf("%s: %ld%s%s\n", what, ret, ret == -1 ? " " : "", ret == -1 ? strerror(errno) : "");
}

/* The whole of the kernel thread's own line of status. */
static void status(const char *who, const char *key)
{
	char line[256];
	FILE *f = fopen("/proc/thread-self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
			printf("%s: %s", who, line);
	if (f)
		fclose(f);
}

/* A bystander runs all the time and says at the end what is true for it. */
static void (*look)(const char *who);

static void *bystander(void *arg)
{
	for (int i = 0; i < 20; i++)
		rest();
	await_stage(9);
	look("bystander");
	return NULL;
}

static void *descendant(void *arg)
{
	look("child");
	rest();
	look("child");
	return NULL;
}

static void (*change)(void);

static void *changes(void *arg)
{
	pthread_t t;

	look("before");
	change();
	look("after");
	rest();
	look("after a rest");
	pthread_create(&t, NULL, descendant, NULL);
	pthread_join(t, NULL);
	return NULL;
}

static void run(void (*what)(void), void (*how)(const char *))
{
	pthread_t a, b;

	stage = 0;
	change = what;
	look = how;
	pthread_create(&a, NULL, bystander, NULL);
	pthread_create(&b, NULL, changes, NULL);
	pthread_join(b, NULL);
	to_stage(9);
	pthread_join(a, NULL);
	rest();
	look("main");
	pthread_create(&a, NULL, descendant, NULL);
	pthread_join(a, NULL);
}

/* ---- */

static void look_name(const char *who)
{
	char name[16] = "?", again[16] = "?";

	prctl(PR_GET_NAME, name);
	pthread_getname_np(pthread_self(), again, sizeof(again));
	printf("%s: %s %s\n", who, name, again);
}

static void change_name(void)
{
	show("set", prctl(PR_SET_NAME, "a name that is too long"));
	look_name("long");
	show("bad address", prctl(PR_SET_NAME, (char *)16));
	show("get: bad address", prctl(PR_GET_NAME, (char *)16));
	printf("pthread: %d\n", pthread_setname_np(pthread_self(), "of its own"));
	printf("too long: %d\n", pthread_setname_np(pthread_self(), "a name that is too long"));
	printf("short buffer: %d\n", pthread_getname_np(pthread_self(), (char[4]){ 0 }, 4));
}

static void case_name(void)
{
	char line[32] = "";
	FILE *f;

	run(change_name, look_name);
	show("main", prctl(PR_SET_NAME, "renamed"));
	rest();
	look_name("main");
	f = fopen("/proc/self/comm", "r");
	if (!f || !fgets(line, sizeof(line), f))
		puts("no comm");
	printf("comm: %s", line);
	fclose(f);
	printf("pthread: %d\n", pthread_setname_np(pthread_self(), "again"));
	f = fopen("/proc/self/comm", "r");
	if (!f || !fgets(line, sizeof(line), f))
		puts("no comm");
	printf("comm: %s", line);
	fclose(f);
	run(rest, look_name);
}

static void look_nnp(const char *who)
{
	printf("%s: %d\n", who, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	status(who, "NoNewPrivs");
}

static void change_nnp(void)
{
	show("wrong", prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0));
	look_nnp("still");
	show("set", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static void look_uts(const char *who)
{
	struct utsname u;
	struct stat a, b;

	uname(&u);
	stat("/proc/1/ns/uts", &b);
	stat("/proc/thread-self/ns/uts", &a);
	stat("/proc/self/ns/uts", &b);
	printf("%s: %s %s\n", who, strcmp(u.nodename, "elsewhere") == 0 ? u.nodename : "here",
	       a.st_ino == b.st_ino ? "as the process" : "its own");
}

static void change_uts(void)
{
	int fd = open("/proc/self/ns/uts", O_RDONLY);

	show("nonsense", unshare(0x1234));
	show("unshare", unshare(CLONE_NEWUTS));
	show("name", sethostname("elsewhere", 9));
	look_uts("in there");
	rest();
	look_uts("in there");
	show("wrong kind", setns(fd, CLONE_NEWNET));
	show("back", setns(fd, CLONE_NEWUTS));
	look_uts("back");
	show("closed", setns(-1, 0));
	show("unshare", unshare(CLONE_NEWUTS));
	show("name", sethostname("elsewhere", 9));
	close(fd);
}

static void look_caps(const char *who)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, gettid() };
	struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };

	show(who, capget(&header, data));
	printf("%s: sys_time %d\n", who, !!(data[0].effective & (1u << CAP_SYS_TIME)));
	status(who, "CapEff");
}

static void change_caps(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	show("get", capget(&header, data));
	data[0].effective &= ~(1u << CAP_SYS_TIME);
	header.pid = 1;
	show("somebody else's", capset(&header, data));
	header.pid = gettid();
	show("set", capset(&header, data));
	header.version = 77;
	show("version", capset(&header, data));
	printf("%#x\n", header.version);
	show("bad address", capset((void *)16, data));
}

static void look_ids(const char *who)
{
	uid_t r, e, s;

	getresuid(&r, &e, &s);
	printf("%s: %d %d %d fs %d %d\n", who, r, e, s, setfsuid((uid_t)-1), setfsgid((gid_t)-1));
	status(who, "Uid");
	status(who, "Gid");
}

static void change_fsuid(void)
{
	show("same", setfsuid(0));
	show("user", setfsuid(65534));
	show("group", setfsgid(65534));
}

static void change_raw_ids(void)
{
	show("group", syscall(SYS_setresgid, -1, 65534, -1));
	show("user", syscall(SYS_setresuid, -1, 65534, -1));
	show("file", open("/proc/1/environ", O_RDONLY));
}

static void look_persona(const char *who)
{
	printf("%s: %#x\n", who, personality(0xffffffff));
}

static void change_persona(void)
{
	printf("%#x\n", personality(ADDR_NO_RANDOMIZE));
}

static void look_filter(const char *who)
{
	status(who, "Seccomp");
	show(who, syscall(SYS_getpgid, 0) > 0 ? 1 : -1);
}

static void change_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDOM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	show("null", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL));
	show("prctl", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
	show("again", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
}

static void *after_filter(void *arg)
{
	printf("a thread: %d\n", *(int *)arg);
	return NULL;
}

/* Before there is a thread: a filter by somebody who knows what this program calls. */
static void case_harsh(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_create1, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_ctl, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };
	int seven = 7;
	pthread_t t;

	show("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	show("filter", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
	pthread_create(&t, NULL, after_filter, &seven);
	pthread_join(t, NULL);
}

static void look_slack(const char *who)
{
	printf("%s: %d\n", who, prctl(PR_GET_TIMERSLACK));
}

static void change_slack(void)
{
	show("set", prctl(PR_SET_TIMERSLACK, 12345));
}

static void look_death(const char *who)
{
	int sig = -1;

	prctl(PR_GET_PDEATHSIG, &sig);
	printf("%s: %d\n", who, sig);
}

static void change_death(void)
{
	show("wrong", prctl(PR_SET_PDEATHSIG, 99));
	show("set", prctl(PR_SET_PDEATHSIG, 10));
}

/* fork, in a thread that has changed: the child has what the thread had. */
static void look_fork(const char *who)
{
	cpu_set_t set;
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		pthread_t t;

		CPU_ZERO(&set);
		sched_getaffinity(0, sizeof(set), &set);
		look_nnp("in the child process");
		printf("CPUs %d\n", CPU_COUNT(&set) > 1);
		look = look_nnp;
		pthread_create(&t, NULL, descendant, NULL);
		pthread_join(t, NULL);
		sched_setaffinity(getpid(), sizeof(set), &set);
		show("nice", nice(1));
		rest();
		fflush(stdout);
		_exit(23);
	}
	waitpid(pid, &status, 0);
	printf("%s: exit %d\n", who, WEXITSTATUS(status));
}

static void change_nothing(void)
{
}

/* The child of a fork may do what only a process of one thread may. */
static void look_alone(const char *who)
{
	int status = -1;
	pthread_t t;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		show("user namespace", unshare(CLONE_NEWUSER));
		look_ids("in there");
		look = look_ids;
		pthread_create(&t, NULL, descendant, NULL);
		pthread_join(t, NULL);
		fflush(stdout);
		_exit(24);
	}
	waitpid(pid, &status, 0);
	printf("%s: exit %d\n", who, WEXITSTATUS(status));
}

static const struct {
	const char *name;
	void (*change)(void), (*look)(const char *);
} cases[] = {
	{ "nnp", change_nnp, look_nnp },
	{ "uts", change_uts, look_uts },
	{ "caps", change_caps, look_caps },
	{ "fsuid", change_fsuid, look_ids },
	{ "ids", change_raw_ids, look_ids },
	{ "personality", change_persona, look_persona },
	{ "filter", change_filter, look_filter },
	{ "slack", change_slack, look_slack },
	{ "death", change_death, look_death },
	{ "fork", change_nnp, look_fork },
	{ "alone", change_nothing, look_alone },
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strcmp(argv[1], "name") == 0) {
		case_name();
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "harsh") == 0) {
		case_harsh();
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(argv[1], cases[i].name) == 0) {
			run(cases[i].change, cases[i].look);
			return 0;
		}
	return 2;
}
