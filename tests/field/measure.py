#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""measure.py RESULT LIMIT LIBRARY COMMAND... - runs a command and writes down what it took.

The command runs in a session of its own, with LIBRARY preloaded unless that is
empty. SIGTERM sent to this script is handed to it, and it then has 20 seconds to
end; LIMIT seconds are all it ever has. Whatever it leaves running is counted and
ended: being the reaper of its orphans, this script knows every descendant.

RESULT gets lines NAME=VALUE, added up over all runs with the same RESULT:
status (last), threads and rss (kernel threads and KiB of all processes together,
at the peak), cpu and wall (seconds), left (processes left behind), late (ended by
force).
"""
import ctypes, os, resource, signal, subprocess, sys, time

PR_SET_CHILD_SUBREAPER = 36
GRACE = 20


def processes():
    """Descendants of this process that are not zombies."""
    parent = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as f:
                    rest = f.read().rsplit(")", 1)[1].split()
                parent[int(name)] = (int(rest[1]), rest[0])
            except OSError:
                pass
    found, frontier = [], {os.getpid()}
    while frontier:
        frontier = {p for p, (pp, _) in parent.items() if pp in frontier}
        found += frontier
    return [p for p in found if parent[p][1] not in "ZX"]


def sample():
    threads = rss = 0
    for pid in processes():
        try:
            with open("/proc/%d/status" % pid) as f:
                for line in f:
                    if line.startswith("Threads:"):
                        threads += int(line.split()[1])
                    elif line.startswith("VmRSS:"):
                        rss += int(line.split()[1])
        except OSError:
            pass
    return threads, rss


def diagnose(pid, result):
    """Where a command that would not end is stuck."""
    tool = os.environ.get("FIELD_TOOL", "")
    for command in ([tool, "dump", str(pid)],
                    ["gdb", "-batch", "-p", str(pid), "-ex", "thread apply all bt 12"]):
        try:
            with open(result + ".stuck", "ab") as f:
                subprocess.run(command, stdin=subprocess.DEVNULL, stdout=f, stderr=f, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            pass


def main():
    result, limit, library, command = sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4:]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    if library:
        env["LD_PRELOAD"] = library
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(time.monotonic()))
    start = time.monotonic()
    child = subprocess.Popen(command, env=env, start_new_session=True)
    with open(result + ".pid", "w") as f:
        f.write("%d\n" % child.pid)
    threads = rss = late = 0
    told = False
    pause = 0.01
    while child.poll() is None:
        t, r = sample()
        threads, rss = max(threads, t), max(rss, r)
        now = time.monotonic()
        if asked and not told:
            told = True
            child.send_signal(signal.SIGTERM)
        if now - start > limit or (asked and now - asked[0] > GRACE):
            late = 1
            diagnose(child.pid, result)
            for pid in processes():
                os.kill(pid, signal.SIGKILL)
            child.wait()
            break
        try:
            child.wait(pause)
        except subprocess.TimeoutExpired:
            pass
        pause = min(pause * 1.5, 0.1)
    wall = time.monotonic() - start
    end = time.monotonic() + 2
    while processes() and time.monotonic() < end:
        reap()
        time.sleep(0.05)
    left = processes()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    while reap():
        pass
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    old = {}
    if os.path.exists(result):
        with open(result) as f:
            old = dict(line.split("=") for line in f.read().split())
    new = {
        "status": child.returncode,
        "threads": max(threads, int(old.get("threads", 0))),
        "rss": max(rss, int(old.get("rss", 0))),
        "cpu": round(usage.ru_utime + usage.ru_stime + float(old.get("cpu", 0)), 3),
        "wall": round(wall + float(old.get("wall", 0)), 3),
        "left": len(left) + int(old.get("left", 0)),
        "late": late + int(old.get("late", 0)),
    }
    with open(result, "w") as f:
        f.writelines("%s=%s\n" % item for item in new.items())
    status = child.returncode
    sys.exit(128 - status if status < 0 else status)


def reap():
    """Collects one orphan that has ended."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


main()
