/* SPDX-License-Identifier: MIT */
/*
 * block_calls.c - calls that block, one after the other, each in a thread of its own,
 * while two others pass a token to and fro and only then do what ends the call. Prints
 * what each returned.
 *
 *	block_calls [CASE...]
 */
#define _GNU_SOURCE
#include "check.h"

#include <aio.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pty.h>
#include <resolv.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* What the blocked thread works on, and what it found. */
static int fds[2], other, made;
static pid_t child;
static FILE *stream;
static char text[4096], path[64], dir[] = "/tmp/block_calls.XXXXXX";
static long result;
static int error;

#define RESULT(call)              \
	do {                      \
		errno = 0;        \
		result = (call);  \
		error = errno;    \
	} while (0)

/* ---- the others ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static int turn, begun;

enum { TURNS = 50 };

static void *partner(void *arg)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < TURNS; i++) {
		while (turn % 2 == 0)
			pthread_cond_wait(&turned, &lock);
		turn++;
		pthread_cond_broadcast(&turned);
	}
	pthread_mutex_unlock(&lock);
	return arg;
}

/* Others run, and some time passes, in which the blocked thread gets to its call. */
static void others_run(void)
{
	pthread_t t;

	CHECK(pthread_create(&t, NULL, partner, NULL) == 0);
	pthread_mutex_lock(&lock);
	while (!begun)
		pthread_cond_wait(&turned, &lock);
	turn = 0;
	for (int i = 0; i < TURNS; i++) {
		turn++;
		pthread_cond_broadcast(&turned);
		while (turn % 2)
			pthread_cond_wait(&turned, &lock);
		if (i % 10 == 0) {
			pthread_mutex_unlock(&lock);
			usleep(500);
			pthread_mutex_lock(&lock);
		}
	}
	pthread_mutex_unlock(&lock);
	pthread_join(t, NULL);
}

/* ---- sockets and pipes ---- */

static void make_sockets(void)
{
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
}

static void make_pipe(void)
{
	CHECK(pipe(fds) == 0);
}

/* No room, but for what PIPE_BUF leaves. */
static void make_full_pipe(void)
{
	CHECK(pipe(fds) == 0 && fcntl(fds[1], F_SETPIPE_SZ, 4096) > 0);
	memset(text, 'x', sizeof(text));
	CHECK(write(fds[1], text, 4096) == 4096);
}

static void make_full_socket(void)
{
	char block[1024] = { 0 };

	make_sockets();
	while (send(fds[1], block, sizeof(block), MSG_DONTWAIT) > 0)
		;
}

static void feed(void)
{
	CHECK(write(fds[1], "one line\n", 9) == 9);
}

static void drain(void)
{
	char block[4096];
	ssize_t n, sum = 0;

	while ((n = recv(fds[0], block, sizeof(block), MSG_DONTWAIT)) > 0 ||
	       (n < 0 && errno == ENOTSOCK && (n = read(fds[0], block, sizeof(block))) > 0)) {
		sum += n;
		if (sum >= 4096 && strcmp(text, "more"))
			break;
	}
}

static void close_both(void)
{
	close(fds[0]);
	close(fds[1]);
}

static void do_fgets(void)
{
	stream = fdopen(dup(fds[0]), "r");
	CHECK(stream);
	RESULT(fgets(text, sizeof(text), stream) != NULL);
	printf("  %s", text);
	fclose(stream);
}

static void do_fread(void)
{
	stream = fdopen(dup(fds[0]), "r");
	CHECK(stream);
	RESULT((long)fread(text, 1, 9, stream));
	fclose(stream);
}

static void do_getline(void)
{
	char *line = NULL;
	size_t room = 0;

	stream = fdopen(dup(fds[0]), "r");
	CHECK(stream);
	RESULT(getline(&line, &room, stream));
	printf("  %s", line);
	free(line);
	fclose(stream);
}

static void do_fprintf(void)
{
	stream = fdopen(dup(fds[1]), "w");
	CHECK(stream);
	setvbuf(stream, NULL, _IONBF, 0);
	RESULT(fprintf(stream, "%s %d\n", "a line for a full pipe", 7));
	fclose(stream);
}

static void do_fclose(void)
{
	stream = fdopen(dup(fds[1]), "w");
	CHECK(stream && fputs("buffered until the end\n", stream) >= 0);
	RESULT(fclose(stream));
}

static void do_splice(void)
{
	int to[2];

	CHECK(pipe(to) == 0);
	RESULT(splice(fds[0], NULL, to[1], NULL, 100, 0));
	close(to[0]);
	close(to[1]);
}

static void do_tee(void)
{
	int to[2];

	CHECK(pipe(to) == 0);
	RESULT(tee(fds[0], to[1], 100, 0));
	close(to[0]);
	close(to[1]);
}

static void do_sendfile(void)
{
	int file = open(path, O_RDONLY);

	RESULT(sendfile(fds[1], file, NULL, 100));
	close(file);
}

static void make_sendfile(void)
{
	int file;

	make_full_socket();
	snprintf(path, sizeof(path), "%s/file", dir);
	file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(file >= 0 && ftruncate(file, 1000) == 0);
	close(file);
	strcpy(text, "more");
}

/* ---- names ---- */

static struct sockaddr_in server;

static void make_server(void)
{
	socklen_t len = sizeof(server);

	other = socket(AF_INET, SOCK_DGRAM, 0);
	memset(&server, 0, sizeof(server));
	server.sin_family = AF_INET;
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(other, (struct sockaddr *)&server, sizeof(server)) == 0);
	CHECK(getsockname(other, (struct sockaddr *)&server, &len) == 0);
}

/* The calling thread's own resolver asks our server, and waits longer than any test. */
static void use_server(void)
{
	CHECK(res_init() == 0);
	_res.nscount = 1;
	_res.nsaddr_list[0] = server;
	_res.retrans = 60;
	_res.retry = 1;
	_res.options &= ~(unsigned long)(RES_DNSRCH | RES_DEFNAMES);
}

/* Answers one question with one record. */
static void answer(void)
{
	static const unsigned char address[] = { 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4,
						 10, 1, 2, 3 };
	static const unsigned char name[] = { 0xc0, 0x0c, 0, 12, 0, 1, 0, 0, 0, 60, 0, 14, 4, 'h',
					      'o', 's', 't', 7, 'e', 'x', 'a', 'm', 'p', 'l',
					      'e', 0 };
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	unsigned char b[600];
	ssize_t n = recvfrom(other, b, 512, 0, (struct sockaddr *)&from, &len);
	bool reverse;

	CHECK(n > 12);
	for (n = 12; b[n]; n += b[n] + 1)
		;
	n += 5;
	reverse = b[n - 3] == 12;
	b[2] |= 0x80;
	b[3] = 0x80;
	b[7] = 1;
	b[9] = b[11] = 0;
	memcpy(b + n, reverse ? name : address, reverse ? sizeof(name) : sizeof(address));
	n += (ssize_t)(reverse ? sizeof(name) : sizeof(address));
	CHECK(sendto(other, b, (size_t)n, 0, (struct sockaddr *)&from, len) == n);
}

static void close_server(void)
{
	close(other);
}

static void do_getaddrinfo(void)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list = NULL;

	use_server();
	RESULT(getaddrinfo("host.example", "80", &hints, &list));
	error = 0;
	if (list) {
		inet_ntop(AF_INET, &((struct sockaddr_in *)list->ai_addr)->sin_addr, text, 64);
		printf("  %s\n", text);
		freeaddrinfo(list);
	}
}

static void do_gethostbyname(void)
{
	struct hostent he, *found = NULL;
	int why = 0;

	use_server();
	RESULT(gethostbyname_r("host.example", &he, text, sizeof(text), &found, &why));
	error = 0;
	printf("  %s %d\n", found ? found->h_name : "none", why);
}

static void do_getnameinfo(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a010203) };

	use_server();
	RESULT(getnameinfo((struct sockaddr *)&a, sizeof(a), text, sizeof(text), NULL, 0, 0));
	error = 0;
	printf("  %s\n", text);
}

static void do_res_search(void)
{
	use_server();
	RESULT(res_search("host.example", ns_c_in, ns_t_a, (unsigned char *)text, sizeof(text)));
	error = 0;
}

/* ---- processes ---- */

static void make_child(void)
{
	char c;

	make_pipe();
	child = fork();
	if (child == 0) {
		close(fds[1]);
		_exit(read(fds[0], &c, 1) == 1 ? 7 : 8);
	}
}

static void do_wait(void)
{
	int status = 0;

	RESULT(wait(&status) == child);
	printf("  status %#x\n", (unsigned)status);
}

static void do_waitpid(void)
{
	int status = 0;

	RESULT(waitpid(child, &status, 0) == child);
	printf("  status %#x, then %d\n", (unsigned)status, (int)waitpid(child, &status, 0));
}

static void do_waitid(void)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	RESULT(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
	printf("  status %d, %d\n", info.si_status, info.si_pid == child);
	RESULT(waitid(P_PID, (id_t)child, &info, WEXITED));
	printf("  status %d, then %d\n", info.si_status,
	       waitid(P_PID, (id_t)child, &info, WEXITED));
}

static void do_waitpid_stopped(void)
{
	int status = 0;

	RESULT(waitpid(child, &status, WUNTRACED) == child);
	printf("  status %#x\n", (unsigned)status);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
}

static void stop_child(void)
{
	kill(child, SIGSTOP);
}

static void make_fifo(void)
{
	snprintf(path, sizeof(path), "%s/fifo", dir);
	unlink(path);
	CHECK(mkfifo(path, 0600) == 0);
}

static void do_system(void)
{
	char command[128];

	snprintf(command, sizeof(command), "read line <%s; exit 3", path);
	RESULT(system(command));
}

static void feed_fifo(void)
{
	int fd = open(path, O_WRONLY);

	CHECK(fd >= 0 && write(fd, "line\n", 5) == 5);
	close(fd);
}

static void do_popen(void)
{
	char command[128];

	snprintf(command, sizeof(command), "read line <%s; echo $line", path);
	stream = popen(command, "r");
	CHECK(stream);
	RESULT(fgets(text, sizeof(text), stream) != NULL);
	printf("  %s", text);
	pclose(stream);
}

static void do_pclose(void)
{
	char command[128];

	snprintf(command, sizeof(command), "read line <%s; exit 5", path);
	stream = popen(command, "r");
	CHECK(stream);
	RESULT(pclose(stream));
}

static void do_open(void)
{
	int fd;

	RESULT((fd = open(path, O_RDONLY)) >= 0);
	printf("  %d\n", (int)read(fd, text, 5));
	close(fd);
}

static void do_fopen(void)
{
	stream = fopen(path, "r");
	RESULT(stream && fgets(text, sizeof(text), stream));
	fclose(stream);
}

/* Without a terminal of its own a process is asked on standard input. */
static void make_input(void)
{
	make_pipe();
	other = dup(0);
	CHECK(dup2(fds[0], 0) == 0);
}

static void do_getpass(void)
{
	char *answered;

	RESULT((answered = getpass("")) != NULL);
	error = 0;
	printf("  %s\n", answered);
}

static void close_input(void)
{
	__fpurge(stdin);
	clearerr(stdin);
	CHECK(dup2(other, 0) == 0);
	close(other);
	close_both();
}

/* ---- locks on files ---- */

static void make_file(void)
{
	snprintf(path, sizeof(path), "%s/lock", dir);
	fds[0] = open(path, O_RDWR | O_CREAT, 0600);
	fds[1] = open(path, O_RDWR | O_CREAT, 0600);
	CHECK(fds[0] >= 0 && fds[1] >= 0);
}

static void make_flocked(void)
{
	make_file();
	CHECK(flock(fds[1], LOCK_EX) == 0);
}

static void do_flock(void)
{
	RESULT(flock(fds[0], LOCK_EX));
}

static void undo_flock(void)
{
	CHECK(flock(fds[1], LOCK_UN) == 0);
}

/* Another process holds the lock, until it is told. */
static int hold[2];

static void make_locked(void)
{
	int ready[2];
	char c;

	make_file();
	CHECK(pipe(hold) == 0 && pipe(ready) == 0);
	child = fork();
	if (child == 0) {
		struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

		close(hold[1]);
		CHECK(fcntl(fds[1], F_SETLK, &l) == 0 && write(ready[1], "", 1) == 1);
		_exit(read(hold[0], &c, 1) != 0);
	}
	CHECK(read(ready[0], &c, 1) == 1);
	close(ready[0]);
	close(ready[1]);
}

static void do_lockf(void)
{
	RESULT(lockf(fds[0], F_TEST, 0));
	printf("  %ld %s\n", result, strerrorname_np(error));
	RESULT(lockf(fds[0], F_TLOCK, 0));
	printf("  %ld %s\n", result, strerrorname_np(error));
	RESULT(lockf(fds[0], F_LOCK, 0));
	printf("  %d\n", lockf(fds[0], F_ULOCK, 0));
	lseek(fds[0], 0, SEEK_SET);
}

static void do_setlkw(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	RESULT(fcntl(fds[0], F_SETLKW, &l));
}

static void do_ofd(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	RESULT(fcntl(fds[0], F_OFD_SETLKW, &l));
}

static void undo_lock(void)
{
	close(hold[1]);
	close(hold[0]);
	CHECK(waitpid(child, NULL, 0) == child);
}

/* ---- queues ---- */

struct message {
	long type;
	char body[64];
};

static void make_msg(void)
{
	made = msgget(IPC_PRIVATE, 0600);
	CHECK(made >= 0);
}

static void do_msgrcv(void)
{
	struct message m;

	RESULT(msgrcv(made, &m, sizeof(m.body), 3, 0));
}

static void do_msgsnd(void)
{
	struct message m = { .type = 3 };

	RESULT(msgsnd(made, &m, 50, 0));
}

static void put_msg(void)
{
	struct message m = { .type = 3 };

	CHECK(msgsnd(made, &m, 12, 0) == 0);
}

static void take_msg(void)
{
	struct message m;

	CHECK(msgrcv(made, &m, sizeof(m.body), 0, 0) >= 0);
}

static void make_full_msg(void)
{
	struct message m = { .type = 3 };

	make_msg();
	while (msgsnd(made, &m, 60, IPC_NOWAIT) == 0)
		;
}

static void close_msg(void)
{
	msgctl(made, IPC_RMID, NULL);
}

static void do_msgrcv_gone(void)
{
	struct message m;

	RESULT(msgrcv(made, &m, sizeof(m.body), 3, 0));
}

static void make_mq(void)
{
	struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 64 };

	snprintf(path, sizeof(path), "/block_calls.%d", (int)getpid());
	made = mq_open(path, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	CHECK(made >= 0 && mq_unlink(path) == 0);
}

static void make_full_mq(void)
{
	make_mq();
	CHECK(mq_send(made, "a", 1, 0) == 0 && mq_send(made, "b", 1, 0) == 0);
}

static void do_mq_receive(void)
{
	unsigned prio = 0;

	RESULT(mq_receive(made, text, 64, &prio));
	printf("  priority %u\n", prio);
}

static void do_mq_send(void)
{
	RESULT(mq_send(made, "more", 4, 1));
}

/* The answers that need no waiting. */
static void do_mq_errors(void)
{
	struct timespec past = { 1, 0 }, wrong = { 1, 2000000000 }, soon;
	struct mq_attr attr = { .mq_flags = O_NONBLOCK }, old;

	RESULT(mq_timedreceive(made, text, 64, NULL, &past));
	printf("  %ld %s\n", result, strerrorname_np(error));
	RESULT(mq_timedreceive(made, text, 64, NULL, &wrong));
	printf("  %ld %s\n", result, strerrorname_np(error));
	RESULT(mq_receive(made, text, 1, NULL));
	printf("  %ld %s\n", result, strerrorname_np(error));
	RESULT(mq_receive(-1, text, 64, NULL));
	printf("  %ld %s\n", result, strerrorname_np(error));
	RESULT(mq_receive(0, text, 64, NULL));
	printf("  %ld %s\n", result, strerrorname_np(error));
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 2000000;
	if (soon.tv_nsec >= 1000000000) {
		soon.tv_nsec -= 1000000000;
		soon.tv_sec++;
	}
	RESULT(mq_timedreceive(made, text, 64, NULL, &soon));
	printf("  %ld %s\n", result, strerrorname_np(error));
	RESULT(mq_setattr(made, &attr, &old));
	printf("  %ld, flags %#lx, then", result, (unsigned long)old.mq_flags);
	CHECK(mq_getattr(made, &old) == 0);
	printf(" %#lx\n", (unsigned long)old.mq_flags);
	RESULT(mq_receive(made, text, 64, NULL));
	printf("  %ld %s\n", result, strerrorname_np(error));
	RESULT(mq_open("nameless", O_RDONLY));
	printf("  %ld %s\n", result, strerrorname_np(error));
	RESULT(mq_open("/not there at all", O_RDONLY));
}

static void put_mq(void)
{
	CHECK(mq_send(made, "abc", 3, 5) == 0);
}

static void take_mq(void)
{
	char b[64];

	CHECK(mq_receive(made, b, 64, NULL) == 1);
}

static void close_mq(void)
{
	CHECK(mq_close(made) == 0 && mq_close(made) == -1);
}

static void make_sem(void)
{
	made = semget(IPC_PRIVATE, 2, 0600);
	CHECK(made >= 0);
}

static void do_semop(void)
{
	struct sembuf take = { .sem_op = -1 };

	RESULT(semop(made, &take, 1));
}

static void do_semtimedop(void)
{
	struct sembuf take = { .sem_op = -1 }, never = { .sem_num = 1, .sem_op = -1 };
	struct timespec brief = { 0, 3000000 }, wrong = { 0, -1 }, ample = { 600, 0 };

	RESULT(semtimedop(made, &never, 1, &brief));
	printf("  %ld %s\n", result, strerrorname_np(error));
	RESULT(semtimedop(made, &never, 1, &wrong));
	printf("  %ld %s\n", result, strerrorname_np(error));
	RESULT(semtimedop(made, &take, 1, &ample));
}

static void put_sem(void)
{
	struct sembuf give = { .sem_op = 1 };

	CHECK(semop(made, &give, 1) == 0);
}

static void close_sem(void)
{
	semctl(made, 0, IPC_RMID);
}

/* ---- asynchronous ---- */

static struct aiocb cb;

static void do_aio_suspend(void)
{
	const struct aiocb *list[] = { &cb };

	memset(&cb, 0, sizeof(cb));
	cb.aio_fildes = fds[0];
	cb.aio_buf = text;
	cb.aio_nbytes = 9;
	CHECK(aio_read(&cb) == 0);
	RESULT(aio_suspend(list, 1, NULL));
	printf("  %d %d\n", aio_error(&cb), (int)aio_return(&cb));
}

static void do_lio_listio(void)
{
	struct aiocb *list[] = { &cb };

	memset(&cb, 0, sizeof(cb));
	cb.aio_fildes = fds[0];
	cb.aio_buf = text;
	cb.aio_nbytes = 9;
	cb.aio_lio_opcode = LIO_READ;
	RESULT(lio_listio(LIO_WAIT, list, 1, NULL));
	printf("  %d %d\n", aio_error(&cb), (int)aio_return(&cb));
}

static void do_getaddrinfo_a(void)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_flags = AI_NUMERICHOST };
	struct gaicb one = { .ar_name = "10.0.0.1", .ar_request = &hints }, *list[] = { &one };
	const struct gaicb *all[] = { &one };

	RESULT(getaddrinfo_a(GAI_WAIT, list, 1, NULL));
	error = 0;
	printf("  %d", gai_error(&one));
	freeaddrinfo(one.ar_result);
	CHECK(getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) == 0);
	while (gai_error(&one) == EAI_INPROGRESS)
		gai_suspend(all, 1, NULL);
	printf(" %d\n", gai_error(&one));
	freeaddrinfo(one.ar_result);
}

/* ---- answers of calls that wait for disks and devices ---- */

static void make_data(void)
{
	make_file();
	CHECK(write(fds[0], "some data\n", 10) == 10);
}

static void do_disk(void)
{
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
	int p[2];

	CHECK(map != MAP_FAILED && pipe(p) == 0);
	printf("  %d %d %d %d %d", fsync(fds[0]), fdatasync(fds[0]), syncfs(fds[0]),
	       sync_file_range(fds[0], 0, 4096, SYNC_FILE_RANGE_WRITE), msync(map, 4096, MS_SYNC));
	sync();
	munmap(map, 4096);
	printf(" %d %d %d %d", fallocate(fds[0], 0, 0, 8192), posix_fallocate(fds[0], 0, 10000),
	       ftruncate(fds[0], 20), truncate(path, 10));
	RESULT(copy_file_range(fds[0], &(off64_t){ 0 }, fds[1], &(off64_t){ 4096 }, 10, 0));
	printf(" %ld\n", result);
	RESULT(fsync(p[0]));
	printf("  %ld %s", result, strerrorname_np(error));
	RESULT(fdatasync(-1));
	printf(" %ld %s", result, strerrorname_np(error));
	RESULT(posix_fallocate(p[0], 0, 10));
	printf(" %s %d", strerrorname_np((int)result), error);
	RESULT(lockf(fds[0], 99, 0));
	printf(" %ld %s", result, strerrorname_np(error));
	RESULT(flock(-1, LOCK_SH));
	printf(" %ld %s", result, strerrorname_np(error));
	RESULT(ftruncate(fds[0], -1));
	printf(" %ld %s\n", result, strerrorname_np(error));
	close(p[0]);
	close(p[1]);
	RESULT(ioctl(fds[0], TIOCGWINSZ, text));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void do_directory(void)
{
	struct dirent **names, *one;
	char from[128], to[128];
	int n, read_n = 0;
	DIR *d;

	for (int i = 0; i < 5; i++) {
		snprintf(from, sizeof(from), "%s/dir.%d", dir, i);
		CHECK(close(creat(from, 0600)) == 0);
	}
	snprintf(to, sizeof(to), "%s/dir.renamed", dir);
	printf("  %d", rename(from, to));
	printf(" %d", renameat(AT_FDCWD, to, AT_FDCWD, from));
	printf(" %d", renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE));
	printf(" %d", unlinkat(AT_FDCWD, to, 0));
	RESULT(unlink(to));
	printf(" %ld %s\n", result, strerrorname_np(error));
	d = opendir(dir);
	CHECK(d);
	while ((one = readdir(d)))
		read_n += strncmp(one->d_name, "dir.", 4) == 0;
	closedir(d);
	n = scandir(dir, &names, NULL, by_name);
	for (int i = 0; i < n; i++) {
		if (strncmp(names[i]->d_name, "dir.", 4) == 0)
			printf("  %s", names[i]->d_name);
		free(names[i]);
	}
	free(names);
	RESULT(read_n);
	printf("\n");
}

static void do_terminal(void)
{
	struct termios mode;
	int master, slave;

	CHECK(openpty(&master, &slave, NULL, NULL, NULL) == 0);
	CHECK(tcgetattr(slave, &mode) == 0);
	CHECK(write(slave, "text", 4) == 4);
	printf("  %d", tcdrain(slave));
	printf(" %d", tcsetattr(slave, TCSADRAIN, &mode));
	printf(" %d", tcsetattr(slave, TCSAFLUSH, &mode));
	RESULT(tcsetattr(slave, 99, &mode));
	printf(" %ld %s\n", result, strerrorname_np(error));
	close(master);
	close(slave);
	RESULT(tcdrain(fds[0]));
}

static void nothing(void)
{
}

/* ---- the list ---- */

static const struct block_case {
	const char *name;
	void (*make)(void), (*call)(void), (*end)(void), (*close)(void);
} cases[] = {
	{ "fgets", make_sockets, do_fgets, feed, close_both },
	{ "fread", make_pipe, do_fread, feed, close_both },
	{ "getline", make_pipe, do_getline, feed, close_both },
	{ "fprintf", make_full_pipe, do_fprintf, drain, close_both },
	{ "fclose", make_full_pipe, do_fclose, drain, close_both },
	{ "splice", make_pipe, do_splice, feed, close_both },
	{ "tee", make_pipe, do_tee, feed, close_both },
	{ "sendfile", make_sendfile, do_sendfile, drain, close_both },
	{ "getaddrinfo", make_server, do_getaddrinfo, answer, close_server },
	{ "gethostbyname_r", make_server, do_gethostbyname, answer, close_server },
	{ "getnameinfo", make_server, do_getnameinfo, answer, close_server },
	{ "res_search", make_server, do_res_search, answer, close_server },
	{ "wait", make_child, do_wait, feed, close_both },
	{ "waitpid", make_child, do_waitpid, feed, close_both },
	{ "waitpid stopped", make_child, do_waitpid_stopped, stop_child, close_both },
	{ "waitid", make_child, do_waitid, feed, close_both },
	{ "system", make_fifo, do_system, feed_fifo, nothing },
	{ "popen", make_fifo, do_popen, feed_fifo, nothing },
	{ "pclose", make_fifo, do_pclose, feed_fifo, nothing },
	{ "open", make_fifo, do_open, feed_fifo, nothing },
	{ "fopen", make_fifo, do_fopen, feed_fifo, nothing },
	{ "getpass", make_input, do_getpass, feed, close_input },
	{ "flock", make_flocked, do_flock, undo_flock, close_both },
	{ "lockf", make_locked, do_lockf, undo_lock, close_both },
	{ "F_SETLKW", make_locked, do_setlkw, undo_lock, close_both },
	{ "F_OFD_SETLKW", make_locked, do_ofd, undo_lock, close_both },
	{ "msgrcv", make_msg, do_msgrcv, put_msg, close_msg },
	{ "msgrcv removed", make_msg, do_msgrcv_gone, close_msg, nothing },
	{ "msgsnd", make_full_msg, do_msgsnd, take_msg, close_msg },
	{ "mq_receive", make_mq, do_mq_receive, put_mq, close_mq },
	{ "mq_send", make_full_mq, do_mq_send, take_mq, close_mq },
	{ "mq errors", make_mq, do_mq_errors, nothing, close_mq },
	{ "semop", make_sem, do_semop, put_sem, close_sem },
	{ "semop removed", make_sem, do_semop, close_sem, nothing },
	{ "semtimedop", make_sem, do_semtimedop, put_sem, close_sem },
	{ "aio_suspend", make_pipe, do_aio_suspend, feed, close_both },
	{ "lio_listio", make_pipe, do_lio_listio, feed, close_both },
	{ "getaddrinfo_a", nothing, do_getaddrinfo_a, nothing, nothing },
	{ "disk", make_data, do_disk, nothing, close_both },
	{ "directory", nothing, do_directory, nothing, nothing },
	{ "terminal", make_data, do_terminal, nothing, close_both },
};

static void *blocked(void *arg)
{
	const struct block_case *c = arg;

	pthread_mutex_lock(&lock);
	begun = 1;
	pthread_cond_broadcast(&turned);
	pthread_mutex_unlock(&lock);
	c->call();
	return NULL;
}

static void run(const struct block_case *c)
{
	pthread_t t;

	c->make();
	begun = 0;
	CHECK(pthread_create(&t, NULL, blocked, (void *)c) == 0);
	others_run();
	c->end();
	pthread_join(t, NULL);
	c->close();
	printf("%s: %ld %s\n", c->name, result, error ? strerrorname_np(error) : "-");
	fflush(stdout);
}

static bool wanted(const char *name, char **list)
{
	for (char **at = list; *at; at++)
		if (strcmp(*at, name) == 0)
			return true;
	return !*list;
}

int main(int argc, char **argv)
{
	char command[128];

	/* No controlling terminal, as in a build: for getpass. */
	if (setsid() < 0) {
		child = fork();
		CHECK(child >= 0);
		if (child) {
			int status = 0;

			waitpid(child, &status, 0);
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		}
		CHECK(setsid() > 0);
	}
	CHECK(argc > 0 && mkdtemp(dir));
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (wanted(cases[i].name, argv + 1))
			run(&cases[i]);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}
