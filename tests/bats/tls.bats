# SPDX-License-Identifier: MIT
#
# tls.bats - what belongs to a thread stays with it, whoever runs it: errno,
# thread-local variables, locale, C++ exceptions, malloc's and stdio's own state.

load helper

@test "errno, __thread, getspecific, locale, h_errno, strerror" {
	perturbed tls_migrate
}

@test "the same on 500 threads" {
	compare tls_migrate 500 60
}

# module NAME FLAGS... - a shared object in the test's directory, its source on stdin.
module()
{
	local name=$1

	shift
	"$CC" -shared -fPIC -O2 -o "$BATS_TEST_TMPDIR/$name.so" "$@" -x c -
}

@test "objects that are loaded, closed and loaded again while threads live" {
	module tls <<-'END'
		static __thread int variable __attribute__((tls_model("initial-exec"))) = 7;
		int tls_get(void) { return variable; }
		void tls_set(int value) { variable = value; }
	END
	module code -Wl,-z,execstack <<-'END'
		int apply(int (*f)(int), int n) { return f(n); }
		int (*volatile keep)(int (*)(int), int) = apply;
		int adds(int n, int more) { int add(int x) { return x + more; } return keep(add, n); }
	END
	GS_PROCS="1 2 4" compare loaded "$BATS_TEST_TMPDIR/tls.so" "$BATS_TEST_TMPDIR/code.so"
}

@test "a program whose stacks are executable from the start" {
	"$CC" -pthread -z execstack -o "$BATS_TEST_TMPDIR/nested" -x c - <<-'END'
		#include <pthread.h>
		#include <stdio.h>
		static int apply(int (*f)(int), int n) { return f(n); }
		static void *body(void *arg)
		{
			int more = *(int *)arg;
			int add(int x) { return x + more; }

			return (void *)(long)apply(add, 1);
		}
		int main(void)
		{
			int forty = 40;
			pthread_t thread;
			void *result;

			pthread_create(&thread, NULL, body, &forty);
			pthread_join(thread, &result);
			printf("%ld\n", (long)result);
			return 0;
		}
	END
	compare "$BATS_TEST_TMPDIR/nested"
}

# 70 KB are more than a kernel thread of the library's has for its own calls, 3 MB more
# than what it measures libc's threads with.
@test "large static thread-local variables" {
	local size

	for size in 70000 3000000; do
		"$CC" -pthread -DSIZE="$size" -o "$BATS_TEST_TMPDIR/large" -x c - <<-'END'
			#include <pthread.h>
			#include <sched.h>
			#include <stdio.h>
			static __thread char large[SIZE] = { 7 };
			static void *body(void *arg)
			{
				long wrong = large[0] != 7 || large[SIZE - 1] != 0;

				for (int i = 0; i < SIZE; i++)
					large[i] = (char)(long)arg;
				for (int k = 0; k < 10; k++) {
					sched_yield();
					for (int i = 0; i < SIZE; i++)
						wrong += large[i] != (char)(long)arg;
				}
				return (void *)wrong;
			}
			int main(void)
			{
				pthread_t threads[8];
				long wrong = (long)body((void *)9L);

				for (long i = 0; i < 8; i++)
					pthread_create(&threads[i], NULL, body, (void *)i);
				for (int i = 0; i < 8; i++) {
					void *result;

					pthread_join(threads[i], &result);
					wrong += (long)result;
				}
				printf("%d %ld\n", large[SIZE - 1], wrong);
				return 0;
			}
		END
		compare "$BATS_TEST_TMPDIR/large"
		assert_equal "$(cat "$BATS_TEST_TMPDIR/shim.err")" ""
	done
}

@test "C++: thread_local, exceptions, call_once, futures, atomics" {
	[ -x "$GS_BUILD/tests/tls_cxx" ] || skip "built without a C++ compiler"
	perturbed tls_cxx
}

@test "malloc and free across threads" {
	perturbed malloc_stress
}

@test "stdio: whole lines, flockfile, blocked in fgets and fwrite, popen, system" {
	perturbed stdio_locks
}

@test "getaddrinfo and relatives on many threads" {
	perturbed getaddrinfo_many
}
