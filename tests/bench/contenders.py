# SPDX-License-Identifier: MIT
"""contenders.py - builds the benchmark programs and runs them as one contender or another.

A contender is a way to run the same job: "native" (a pthread program, bare), "shim" (the very
same binary with the library), "base" (the same with another build of the library, for
comparing two), "epoll", "go", "st" (State Threads), "fiber" (Boost.Fiber).
"""

import copy
import ctypes
import os
import resource
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class Failure(Exception):
    """A run that did not come to its figures; the text is for people."""


class Missing(Failure):
    """A contender that cannot run here, for want of a package."""


class Place:
    """Where things are and run: build directory, libraries, CPUs."""

    def __init__(self, build, library, base, environment, pin):
        self.build = build
        self.library = library
        self.base = base
        self.environment = environment
        self.cpus = sorted(os.sched_getaffinity(0))
        half = max(1, len(self.cpus) // 2)
        together = pin == "none" or len(self.cpus) == 1
        self.server_cpus = self.cpus if together else self.cpus[:half]
        self.load_cpus = self.cpus if together else self.cpus[half:]
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.descriptors = hard if hard != resource.RLIM_INFINITY else 1 << 20
        self.alive = []
        self.unbuilt = {}
        os.makedirs(build, exist_ok=True)

    def together(self):
        """The same place with servers and load on all CPUs."""
        other = copy.copy(self)
        other.server_cpus = other.load_cpus = self.cpus
        return other

    def contenders(self, wanted):
        """Those of the list that can run here; base only when asked for."""
        return [c for c in wanted if c != "base" or self.base]

    # ---- building ----

    def binary(self, source):
        """The program of a source file, built when it is older; Failure when it cannot be."""
        path = os.path.join(HERE, source)
        stem, kind = os.path.splitext(source)
        out = os.path.join(self.build, stem + ("_go" if kind == ".go" else ""))
        if source in self.unbuilt:
            raise Missing(self.unbuilt[source])
        headers = [os.path.join(HERE, h) for h in os.listdir(HERE)
                   if h.endswith(".h") or h == "measure.go"]
        newest = max(os.path.getmtime(f) for f in [path] + headers)
        if os.path.exists(out) and os.path.getmtime(out) > newest:
            return out
        environment = dict(os.environ)
        if kind == ".go":
            environment["GO111MODULE"] = "off"
            environment.setdefault("GOCACHE", os.path.join(self.build, "go-cache"))
            command = ["go", "build", "-o", out, path, os.path.join(HERE, "measure.go")]
        elif kind == ".cc":
            command = ["g++", "-O2", "-pthread", "-o", out, path,
                       "-lboost_fiber", "-lboost_context"]
        else:
            command = ["cc", "-O2", "-pthread", "-o", out, path]
            if stem.endswith("_st"):
                command.append("-lst")
        try:
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, check=False)
            trouble = done.stdout.strip() if done.returncode else ""
        except FileNotFoundError:
            trouble = f"{command[0]} is not installed"
        if trouble:
            self.unbuilt[source] = f"{source} does not build: {trouble.splitlines()[0]}"
            raise Missing(self.unbuilt[source])
        return out

    # ---- running ----

    def environ(self, contender):
        """The environment of a contender: nothing of the caller's own use of the library."""
        env = {k: v for k, v in os.environ.items()
               if not k.startswith("GOSHIM") and k != "LD_PRELOAD"}
        if contender == "shim":
            env["LD_PRELOAD"] = self.library
            env.update(self.environment)
        elif contender == "base":
            env["LD_PRELOAD"] = self.base
            env.update(self.environment)
        return env

    def spawn(self, contender, command, cpus, **more):
        """A process of its own session on the given CPUs, ended at the latest by reap()."""
        def prepare():
            os.sched_setaffinity(0, cpus)
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

        try:
            process = subprocess.Popen(command, env=self.environ(contender), text=True,
                                       start_new_session=True, preexec_fn=prepare, **more)
        except FileNotFoundError:
            raise Missing(f"{command[0]} is not installed") from None
        self.alive.append(process)
        return process

    def end(self, process):
        """Kills what is left of a spawned process and those it made."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
        if process in self.alive:
            self.alive.remove(process)

    def reap(self):
        """Ends everything; for the way out."""
        for process in list(self.alive):
            self.end(process)

    def figures(self, contender, source, *arguments, cpus=None, bound=120, watch=None):
        """Runs a program to its end: the figures it printed. A watch (perf.py) looks at it."""
        command = [self.binary(source), *map(str, arguments)]
        if watch:
            contender, command = "load", watch.command(contender, command)
        process = self.spawn(contender, command, cpus or self.cpus,
                             stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=bound)
        except subprocess.TimeoutExpired:
            raise Failure(f"not done after {bound} seconds") from None
        finally:
            self.end(process)
        if process.returncode:
            said = err.strip().splitlines()
            raise Failure(f"status {process.returncode}" + (f": {said[-1]}" if said else ""))
        found = read_figures(out)
        if watch:
            watch.ended(found)
        return found


def read_figures(text):
    """Lines "NAME VALUE" as a dictionary."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2:
            try:
                found[words[0]] = float(words[1])
            except ValueError:
                pass
    return found


class Server:
    """A server that printed its port (and pids, when it is several processes)."""

    def __init__(self, place, contender, source, *arguments, cpus=None):
        self.place = place
        self.process = place.spawn(contender, [place.binary(source), *map(str, arguments)],
                                   cpus or place.server_cpus, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE)
        self.contender = contender
        self.port = self.word("port")
        self.pids = [self.process.pid]
        if contender == "st" and len(place.server_cpus) > 1:
            self.pids = [self.word("pid") for _ in place.server_cpus]

    def word(self, name):
        line = self.process.stdout.readline().split()
        if len(line) != 2 or line[0] != name:
            self.place.end(self.process)
            raise Failure("the server did not start")
        return int(line[1])

    def cpu(self):
        """CPU time of the server so far, seconds."""
        return sum(time.clock_gettime(process_clock(pid)) for pid in self.pids)

    def status(self, field):
        """A number of /proc/PID/status, summed."""
        return sum(proc_number(f"/proc/{pid}/status", field) for pid in self.pids)

    def resident(self):
        """What the processes have of memory for themselves, page tables included, in KB."""
        return (sum(proc_number(f"/proc/{pid}/smaps_rollup", "Pss") for pid in self.pids)
                + self.status("VmPTE"))

    def settle(self):
        """Waits until it has used no CPU for a second and a quarter (or for seven in all): what has
        to be done once after activity is not what an idle server costs."""
        used, quiet = self.cpu(), 0
        for _ in range(70):
            time.sleep(0.1)
            before, used = used, self.cpu()
            quiet = quiet + 1 if used - before < 2e-5 else 0
            if quiet == 12:
                return

    def idle(self, seconds):
        """CPU seconds per second while nothing happens."""
        used, begin = self.cpu(), time.monotonic()
        time.sleep(seconds)
        return (self.cpu() - used) / (time.monotonic() - begin)

    def end(self):
        self.place.end(self.process)


def process_clock(pid):
    """The kernel's number of a process's CPU clock (CPUCLOCK_SCHED)."""
    return (~pid << 3) | 2


def proc_number(path, field):
    with open(path, encoding="ascii") as lines:
        for line in lines:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    return 0
