# SPDX-License-Identifier: MIT
#
# wired.bats - what the kernel keeps per kernel thread belongs to one thread here too:
# affinity, priority, names, namespaces, credentials, processor time.

load helper

setup()
{
	unset LD_PRELOAD GOSHIM_MAXPROCS GOSHIM_DEBUG
}

@test "a thread bound to a CPU stays there, and nobody else is bound" {
	compare wired_affinity self
}

@test "main bound: what it creates is bound too" {
	compare wired_affinity main
}

@test "threads bind each other, waiting or running" {
	compare wired_affinity other
}

@test "affinity by attribute and by inheritance, before the first instruction" {
	compare wired_affinity born
}

@test "affinity: errors and sizes" {
	compare wired_affinity errors
}

@test "policy, priority, nice and I/O priority of a thread" {
	compare wired_sched self
	compare wired_sched other
	compare wired_sched main
}

@test "policies: errors, as root and without privilege" {
	compare wired_sched errors
	[ "$(id -u)" = 0 ] || return 0
	compare wired_sched self unprivileged
	compare wired_sched other unprivileged
	compare wired_sched errors unprivileged
}

@test "policy by attribute" {
	compare wired_sched attr
	[ "$(id -u)" = 0 ] || return 0
	compare wired_sched attr unprivileged
}

@test "names of threads and of the process" {
	compare wired_identity name
}

@test "no_new_privs, timer slack, parent-death signal, personality" {
	compare wired_identity nnp
	compare wired_identity slack
	compare wired_identity death
	compare wired_identity personality
}

@test "namespaces, capabilities and user ids of one thread" {
	compare wired_identity uts
	compare wired_identity caps
	compare wired_identity fsuid
	compare wired_identity ids
}

@test "a system call filter of one thread" {
	compare wired_identity filter
	compare wired_identity harsh
}

@test "a system call filter that traps or ends, when there are threads" {
	compare filtered trap
	compare filtered kill
	compare filtered one
}

@test "fork from a thread that has changed" {
	compare wired_identity fork
	compare wired_identity alone
	compare wired_life fork
}

@test "kernel threads end with their threads" {
	compare wired_life end
}

@test "threads with kernel threads of their own wait for each other" {
	compare wired_life pingpong
	compare wired_life crowd
}

@test "the process ends from any of them; cancellation" {
	compare wired_life exit
	compare wired_life main-exits
	compare wired_life cancel
}

@test "processor time per thread" {
	compare wired_clock
}

@test "timers that send to one thread" {
	compare wired_timer
}

@test "the same with random yields" {
	local seed

	for seed in 1 2 3; do
		export GOSHIM_DEBUG=perturb=$seed
		GS_PROCS="1 3" compare wired_affinity other
		GS_PROCS="1 3" compare wired_affinity born
		GS_PROCS="2" compare wired_life crowd
		GS_PROCS="2" compare wired_identity uts
	done
}

@test "a call that changes nothing, or fails, costs no kernel thread for good" {
	cat >"$BATS_TEST_TMPDIR/noop.py" <<-'END'
	import os, threading, time

	def tasks():
	    return len(os.listdir("/proc/self/task"))

	def body():
	    for _ in range(20):
	        os.sched_setaffinity(0, os.sched_getaffinity(0))
	        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
	        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0))
	        try:
	            os.sched_setscheduler(0, 77, os.sched_param(0))
	        except OSError:
	            pass

	t = threading.Thread(target=lambda: time.sleep(0.2)); t.start()
	before = tasks()
	for _ in range(3):
	    u = threading.Thread(target=body); u.start(); u.join()
	body()
	# One that was started while another was stuck in a call ends when it has idled.
	for _ in range(200):
	    if tasks() <= before + 2:
	        break
	    time.sleep(0.1)
	print("as before" if tasks() <= before + 2 else "%d then %d" % (before, tasks()))
	t.join()
	END
	need python3
	GS_PROCS="1 2" compare "$(command -v python3)" "$BATS_TEST_TMPDIR/noop.py"
}

@test "what is made by one that is again as all others are costs no kernel threads" {
	cat >"$BATS_TEST_TMPDIR/again.py" <<-'END'
	import os, threading

	threading.Thread(target=len, args=("",)).start()
	cpus = os.sched_getaffinity(0)
	os.sched_setaffinity(0, {min(cpus)})
	os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0))
	os.sched_setaffinity(0, cpus)
	done = threading.Event()
	threads = [threading.Thread(target=done.wait) for _ in range(40)]
	for t in threads:
	    t.start()
	tasks = len(os.listdir("/proc/self/task"))
	done.set()
	for t in threads:
	    t.join()
	print("few" if tasks < 20 else "%d tasks" % tasks)
	END
	need python3
	run shim env GOSHIM_MAXPROCS=2 python3 "$BATS_TEST_TMPDIR/again.py"
	assert_output few
	assert_success
}
