# SPDX-License-Identifier: MIT
"""perf.py - what perf sees of a contender: whose code its CPU time is spent in (Samples), and the
system calls it makes (Calls).

Both are watches. A run that is given one is looked at instead of measured: a program from its
start to its end, a server for a while under its load. Each wants a run of its own, for either
makes system calls slower.
"""

import collections
import functools
import os
import re
import subprocess

from contenders import Failure, Missing

# Not a divisor of the periods that timers have, so as not to run in step with them.
HERTZ = "3989"
# An answer of a server is one of these.
SENDING = ("write", "writev", "pwritev2", "sendto", "sendmsg")
# Counted by name where the process has few kernel threads: each of them takes a descriptor for
# each name.
NAMED = SENDING + (
    "read", "readv", "preadv2", "recvfrom", "recvmsg", "accept", "accept4", "connect", "socket",
    "close", "lseek", "poll", "ppoll", "select", "epoll_wait", "epoll_pwait", "epoll_pwait2",
    "epoll_ctl", "io_uring_enter", "futex", "futex_waitv", "sched_yield", "nanosleep",
    "clock_nanosleep", "timerfd_settime", "mmap", "munmap", "mprotect", "madvise", "membarrier",
    "clone", "clone3", "vfork", "wait4", "exit", "rseq", "set_robust_list", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "tgkill", "fcntl", "gettid")
ALL = "raw_syscalls:sys_enter"
# The kernel leaves a system call with interrupts off: a sample that falls due on the way out is
# taken at the program's first instruction afterwards. (x86-64)
SYSCALL = b"\x0f\x05"
WAY_OUT = (True, "[kernel.kallsyms]", "the way out of system calls")
MAPPED = re.compile(r"MMAP2? (\d+)/\d+: \[0x(\w+)\(0x(\w+)\) @ (\w+) .*: r.xp (/.*)$")
SAMPLED = re.compile(r"^\s*(\d+)\s+(\w+) (.+) \((/.*)\)$")
KINDS = ("kernel", "libgoshim", "libc", "program", "elsewhere")


def perf(place, *arguments, bound=60):
    """What perf says, on whichever stream."""
    process = place.spawn("load", ["perf", *map(str, arguments)], place.load_cpus,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    try:
        out, _ = process.communicate(timeout=bound)
    except subprocess.TimeoutExpired:
        raise Failure("perf did not end") from None
    finally:
        place.end(process)
    if process.returncode:
        lines = [line.strip() for line in out.splitlines() if line.strip(" \t:").lower() != "error"]
        raise Failure("perf: " + (next(filter(None, lines), f"status {process.returncode}")))
    return out


class Watch:
    """What the two have in common: perf's file, and a program as a part of perf's command."""

    def __init__(self, place):
        self.place = place
        # Two watches may look at the same run.
        self.data = os.path.join(place.build, f"perf.{os.getpid()}.{type(self).__name__}.data")

    def words(self):
        """perf's own arguments."""
        raise NotImplementedError

    def command(self, contender, command):
        """The command that runs a program as this contender, with perf looking. The shell says
        which process it becomes; the library is for the program alone, not for perf."""
        plain = self.place.environ("load")
        settings = [f"{name}={value}" for name, value in self.place.environ(contender).items()
                    if plain.get(name) != value]
        return ["perf", *self.words(), "--", "sh", "-c", 'echo "pid $$"; exec env "$@"', "sh",
                *settings, *command]

    def clean(self):
        if os.path.exists(self.data):
            os.unlink(self.data)


class Samples(Watch):
    """Where the CPU time goes, by samples of all CPUs. Not of the process alone: an event that
    is handed on to every new thread begins its period anew there, and who makes threads that do
    little has next to no samples then."""

    def __init__(self, place, comms=()):
        super().__init__(place)
        self.comms = comms  # by these names instead of the process id: its children count too
        self.programs = set()
        self.counts = collections.Counter()  # (whether kernel, object, symbol) -> samples
        self.wanted = []
        self.lost = 0

    def words(self):
        # Room for what comes while perf does not: it may be a busy machine.
        return ["record", "-q", "-B", "-N", "-m", "4M", "-C", ",".join(map(str, self.place.cpus)),
                "-e", "cpu-clock", "-F", HERTZ, "-o", self.data]

    def command(self, contender, command):
        self.programs.add(os.path.basename(command[0]))
        return super().command(contender, command)

    def ended(self, found):
        """A program's run came to its end, with these figures."""
        self.wanted = [int(found["pid"])]
        self.read()

    def attach(self, pids, seconds=0.7):
        self.programs |= {os.path.basename(os.readlink(f"/proc/{pid}/exe")) for pid in pids}
        self.wanted = list(pids)
        perf(self.place, *self.words(), "--", "sleep", seconds)

    def read(self):
        """Adds what was recorded last, if anything was. Not while a server runs: perf looks up
        each of its threads."""
        if not self.wanted:
            return
        who = (["--comm", ",".join(self.comms)] if self.comms
               else ["--pid", ",".join(map(str, self.wanted))])
        self.wanted = []
        try:
            out = perf(self.place, "report", "-i", self.data, *who, "--stdio",
                       "-F", "sample,dso,sym", "-t", "\t", bound=120)
            each = perf(self.place, "script", "-i", self.data, *who, "--show-mmap-events",
                        "-F", "pid,ip,sym,dso", bound=120)
        finally:
            self.clean()
        for line in out.splitlines():
            if line.startswith("# Total Lost Samples:"):
                self.lost += int(line.split()[-1])
            words = [word.strip() for word in line.split("\t")]
            if len(words) == 3 and words[0].isdigit():
                mark, _, symbol = words[2].partition(" ")
                self.counts[mark == "[k]", words[1], symbol.strip()] += int(words[0])
        for name, symbol in on_the_way_out(each):
            if self.counts[False, name, symbol] > 0:
                self.counts[False, name, symbol] -= 1
                self.counts[WAY_OUT] += 1

    def total(self):
        return sum(self.counts.values())

    def kind(self, kernel, name):
        own = {os.path.basename(path) for library in (self.place.library, self.place.base)
               if library for path in (library, os.path.realpath(library))}
        if kernel:
            return "kernel"
        if name in own or "goshim" in name:
            return "libgoshim"
        if name.startswith(("libc.so", "libc-2", "libpthread", "ld-linux", "ld-2")):
            return "libc"  # with the dynamic linker, which finds thread-local variables
        return "program" if name in self.programs else "elsewhere"

    def shares(self):
        """Kind of code -> percentage of the samples."""
        found = dict.fromkeys(KINDS, 0.0)
        for (kernel, name, _), count in self.counts.items():
            found[self.kind(kernel, name)] += 100 * count / self.total()
        return found

    def top(self, most):
        """The symbols with the most samples: (symbol, object, percentage)."""
        return [(symbol, name.replace("[kernel.kallsyms]", "kernel"), 100 * count / self.total())
                for (_, name, symbol), count in self.counts.most_common(most)]


def on_the_way_out(lines):
    """Of what perf script shows, the samples at an instruction that follows a system call:
    (object, symbol) for each."""
    mapped, files = collections.defaultdict(list), {}
    for line in lines.splitlines():
        found = MAPPED.search(line)
        if found:
            start, size, offset = (int(text, 16) for text in found.group(2, 3, 4))
            mapped[found.group(1)].append((start, size, offset, found.group(5)))
            continue
        found = SAMPLED.match(line)
        if not found:
            continue
        pid, at, symbol, path = found.groups()
        for start, size, offset, name in mapped[pid]:
            where = int(at, 16) - start
            if name == path and 0 <= where < size:
                if path not in files and os.path.exists(path):
                    with open(path, "rb") as file:
                        files[path] = file.read()
                end = where + offset
                if files.get(path, b"")[end - len(SYSCALL):end] == SYSCALL:
                    yield os.path.basename(path), symbol
                break


class Calls(Watch):
    """System calls: all of them, and those of some names."""

    def __init__(self, place, names=SENDING):
        super().__init__(place)
        self.names = names
        self.counts = collections.Counter()  # name, or ALL -> calls
        self.operations = 0  # 0: unknown
        self.seconds = 0

    def events(self):
        known = known_calls(self.place)
        return [ALL] + [f"syscalls:sys_enter_{name}" for name in self.names if name in known]

    def words(self, more=()):
        """more: what follows each event."""
        return ["stat", "-x", ";", "-o", self.data] + [
            word for event in self.events() for word in ("-e", event, *more)]

    def ended(self, found):
        self.operations += found.get("operations", 0)
        self.read()

    def attach(self, pids, seconds=0.5):
        words = [*self.words(), "-p", ",".join(map(str, pids))]
        threads = sum(len(os.listdir(f"/proc/{pid}/task")) for pid in pids)
        if threads * len(self.events()) > self.place.descriptors // 2:
            # One by one they are too many: whatever has the program's name.
            self.names = SENDING
            with open(f"/proc/{pids[0]}/comm", encoding="utf-8") as comm:
                words = [*self.words(["--filter", f'comm == "{comm.read().strip()}"']), "-a"]
        perf(self.place, *words, "--", "sleep", seconds)
        self.seconds += seconds
        self.read()
        self.operations = sum(self.counts[name] for name in SENDING)

    def read(self):
        try:
            with open(self.data, encoding="utf-8") as lines:
                rows = [line.split(";") for line in lines]
        except FileNotFoundError:
            rows = []
        finally:
            self.clean()
        found = {words[2]: int(words[0]) for words in rows
                 if len(words) > 2 and words[0].isdigit()}
        if ALL not in found:
            raise Failure("perf counts no system calls")
        for event, count in found.items():
            self.counts[event.replace("syscalls:sys_enter_", "")] += count


@functools.lru_cache(maxsize=None)
def known_calls(place):
    """The names of system calls that can be counted here."""
    return {line.split()[0].replace("syscalls:sys_enter_", "")
            for line in perf(place, "list", "syscalls:sys_enter_*").splitlines()
            if line.strip().startswith("syscalls:sys_enter_")}


def refusals(place):
    """Why there can be no samples, why no counts; None where nothing is against it."""
    busy = ["sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"]
    samples, calls = Samples(place), Calls(place, ())
    reasons = []
    for watch in (samples, calls):
        reason = None
        try:
            perf(place, *watch.words(), "--", *busy)
            if watch is samples:
                samples.comms, samples.wanted = ("sh",), [0]
            watch.read()
            if watch is samples and not samples.total():
                reason = "perf has no samples"
        except (Missing, Failure) as failure:
            reason = str(failure)
        finally:
            watch.clean()
        reasons.append(reason)
    return reasons
