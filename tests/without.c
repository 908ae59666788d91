/* SPDX-License-Identifier: MIT */
/*
 * without.c ERRNO PROGRAM [ARG...] - becomes PROGRAM, to which the system calls that the
 * library can do without fail, as on an older kernel (ENOSYS) or in a container that filters
 * what it does not know (EPERM).
 */
#define _GNU_SOURCE
#include "check.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MADV_GUARD = 102, NR_PIDFD_OPEN = 434, NR_CLOSE_RANGE = 436, NR_EPOLL_PWAIT2 = 441 };

static const unsigned missing[] = {
	SYS_preadv2, SYS_pwritev2, SYS_membarrier, SYS_rseq,
	NR_PIDFD_OPEN, NR_CLOSE_RANGE, NR_EPOLL_PWAIT2,
};

int main(int argc, char **argv)
{
	const unsigned n = sizeof(missing) / sizeof(missing[0]);
	struct sock_filter code[16 + sizeof(missing) / sizeof(missing[0])], *at = code;
	struct sock_fprog program = { .filter = code };
	unsigned refuse;

	CHECK(argc >= 3);
	refuse = SECCOMP_RET_ERRNO | (strcmp(argv[1], "EPERM") == 0 ? EPERM : ENOSYS);
	*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, nr));
	/* Each jumps over what is left of the list, and the next four, to the last. */
	for (unsigned i = 0; i < n; i++)
		*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, missing[i],
						     (unsigned char)(n - i - 1 + 4), 0);
	*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 2);
	*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, args[2]));
	*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MADV_GUARD, 1, 0);
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, refuse);
	program.len = (unsigned short)(at - code);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
