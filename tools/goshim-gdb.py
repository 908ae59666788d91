# SPDX-License-Identifier: MIT
#
# goshim-gdb.py - gdb commands for programs that run on libgoshim's green threads,
# live or from a core:
#
#     goshim threads              the green threads, one line each
#     goshim bt N [OPTION...]     backtrace of green thread N; options as for bt
#     goshim apply N|all COMMAND  COMMAND in green thread N, or in each of them
#     goshim select N             frames 1 and up of this gdb thread become N's;
#                                 goshim select off undoes it
#
# Load it with `source goshim-gdb.py'. It reads the library's descriptor
# (shim/runtime/layout.h) and needs no debugging information of the library.
#
# A parked green thread is no thread of gdb's. Its frames are shown through an
# unwinder: while it is armed, it says of the innermost frame of the selected gdb
# thread that its caller is where the green thread parked. Neither registers nor
# memory of the program are written.

import os
import re
import struct
import time

import gdb
import gdb.unwinder

MAGIC = 0x314D494853474F
VERSION = 1
REGISTERS = ("rbx", "rbp", "r12", "r13", "r14", "r15")
ADDRESS, NOTHING, DESCRIPTOR, THREAD = range(4)
LOWEST_ADDRESS = 65536


def read(address, size):
    return gdb.selected_inferior().read_memory(address, size).tobytes()


def number(address, size):
    return int.from_bytes(read(address, size), "little")


def text(raw):
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")


class Layout:
    """The library's table of names and values, and what it leads to."""

    def __init__(self):
        try:
            at = int(gdb.parse_and_eval("(long)&goshim_layout"))
            magic, version, size, entries_at, entry_size = struct.unpack(
                "<QIIII", read(at, 24)
            )
        except (gdb.error, gdb.MemoryError):
            raise gdb.GdbError("libgoshim.so is not loaded in this program")
        if magic != MAGIC or version != VERSION:
            raise gdb.GdbError("this libgoshim.so is of another version")
        self.values = {}
        raw = read(at, size)
        for i in range(entries_at, size - entry_size + 1, entry_size):
            name = text(raw[i : i + entry_size - 8])
            if not name:
                break
            self.values[name] = struct.unpack_from("<Q", raw, i + entry_size - 8)[0]
        if number(self["procs"], 8) == 0:
            raise gdb.GdbError("the library is not turned on: no thread was made yet")
        self.states = self.words("states")
        self.reasons = self.words("reasons")
        self.objects = read(self["objects"], len(self.reasons))

    def __getitem__(self, name):
        try:
            return self.values[name]
        except KeyError:
            raise gdb.GdbError("this libgoshim.so says nothing of " + name)

    def words(self, name):
        at, count = self[name], self[name + ".count"]
        return [
            gdb.Value(number(at + i * 8, 8))
            .cast(gdb.lookup_type("char").pointer())
            .string()
            for i in range(count)
        ]

    def records(self):
        """(address, bytes) of every record of a green thread."""
        chunk = number(self["thread_chunks"], 8)
        size, kind = self["thread.size"], self["thread.kind"]
        while chunk:
            count = number(chunk + self["chunk.n"], 8)
            raw = read(chunk + self["chunk.threads"], count * 8)
            for (at,) in struct.iter_unpack("<Q", raw):
                record = read(at, size)
                if record[kind] == self["kind.green"]:
                    yield at, record
            chunk = number(chunk + self["chunk.next"], 8)

    def threads(self):
        return sorted((Thread(self, *r) for r in self.records()), key=lambda t: t.id)

    def thread(self, id):
        for thread in self.threads():
            if thread.id == id:
                return thread
        raise gdb.GdbError("there is no green thread %d" % id)

    def age(self, since):
        """Seconds since the cycle counter stood at since, or None."""

        def moment(which):
            at = self["clock"] + self["clock." + which]
            return (
                number(at + self["moment.cycles"], 8),
                number(at + self["moment.ns"], 8),
            )

        (c0, n0), (c1, n1) = moment("first"), moment("last")
        if since == 0 or c1 <= c0:
            return None
        now = n1
        pid = gdb.selected_inferior().pid
        # A process of this machine, or else a core: then the monitor's last look is now.
        if os.path.exists("/proc/%d/task" % pid) and not is_core():
            now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        then = n0 + (since - c0) * (n1 - n0) / (c1 - c0)
        return max(0, (now - then) / 1e9)


def is_core():
    connection = getattr(gdb.selected_inferior(), "connection", None)
    return connection is None or connection.type != "native"


class Thread:
    """A copy of a green thread's record."""

    def __init__(self, layout, address, record):
        self.layout, self.address, self.record = layout, address, record
        self.id = self.field("id", 8)
        self.tid = self.field("tid", 4)
        self.state = self.field("state", 1)
        name = layout["thread.name"]
        self.name = text(record[name : name + layout["thread.name.size"]])

    def field(self, name, size):
        at = self.layout["thread." + name]
        return int.from_bytes(self.record[at : at + size], "little")

    def is_in(self, *states):
        return any(self.state == self.layout["state." + s] for s in states)

    def state_name(self):
        names = self.layout.states
        return names[self.state] if self.state < len(names) else "?"

    def wait(self):
        """What it waits for, in words."""
        if not self.is_in("waiting"):
            return ""
        reason, obj = self.field("reason", 1), self.field("wait_obj", 8)
        if reason >= len(self.layout.reasons):
            return "?"
        words, kind = self.layout.reasons[reason], self.layout.objects[reason]
        if kind == DESCRIPTOR or (kind == ADDRESS and 0 < obj < LOWEST_ADDRESS):
            words += " on descriptor %d" % obj
        elif kind == THREAD:
            words += " of thread 0x%x" % obj
        elif kind == ADDRESS and obj:
            words += " on 0x%x" % obj
        return words

    def started(self):
        return self.field("since", 8) != 0 or self.field("start", 8) == 0

    def registers(self):
        """Where a thread that is off its stack goes on, or None."""
        if not self.is_in("runnable", "waiting") or not self.started():
            return None
        ctx = self.field("ctx", 8)
        regs = {r: number(ctx + self.layout["frame." + r], 8) for r in REGISTERS}
        regs["rip"] = number(ctx + self.layout["frame.pc"], 8)
        regs["rsp"] = ctx + self.layout["frame.size"]
        return regs

    def kernel_thread(self):
        """gdb's thread that runs it, or None."""
        worker = self.field("worker", 8)
        if not worker or not self.is_in("running", "region"):
            return None
        ktid = number(worker + self.layout["worker.ktid"], 4)
        for thread in gdb.selected_inferior().threads():
            if thread.ptid[1] == ktid:
                return thread
        return None


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class ParkedUnwinder(gdb.unwinder.Unwinder):
    """When armed, puts a parked thread's frames behind the innermost one."""

    def __init__(self):
        super().__init__("goshim")
        self.registers = None
        self.at = None

    def __call__(self, pending):
        if not self.registers:
            return None
        here = (
            int(pending.read_register("rsp")) & (2**64 - 1),
            int(pending.read_register("rip")) & (2**64 - 1),
        )
        if here != self.at:
            return None
        kind = gdb.lookup_type("unsigned long")
        values = {n: gdb.Value(v).cast(kind) for n, v in self.registers.items()}
        # gdb wants a caller's stack to be above: a place just below it will do.
        info = pending.create_unwind_info(
            FrameId(values["rsp"] - 8, gdb.Value(here[1]).cast(kind))
        )
        for name, value in values.items():
            info.add_saved_register(name, value)
        return info

    def arm(self, registers):
        self.disarm()
        frame = gdb.newest_frame()
        mask = 2**64 - 1
        self.at = (
            int(frame.read_register("rsp")) & mask,
            int(frame.read_register("rip")) & mask,
        )
        self.registers = registers
        gdb.invalidate_cached_frames()

    def disarm(self, *ignored):
        if self.registers:
            self.registers = None
            gdb.invalidate_cached_frames()


def parked_frame():
    """The first frame that the armed unwinder has put there."""
    frame = gdb.newest_frame()
    while frame and frame.type() == gdb.INLINE_FRAME:
        frame = frame.older()
    return frame.older() if frame else None


unwinder = ParkedUnwinder()
gdb.unwinder.register_unwinder(None, unwinder, replace=True)
# Once the program runs, what was parked is parked elsewhere.
gdb.events.cont.connect(unwinder.disarm)


class Within:
    """gdb's selection stands in a green thread, as far as that is possible."""

    def __init__(self, thread):
        self.thread = thread

    def __enter__(self):
        self.before = gdb.selected_thread()
        self.before_frame = gdb.selected_frame().level() if self.before else 0
        registers = self.thread.registers()
        kernel = self.thread.kernel_thread()
        if registers:
            unwinder.arm(registers)
            frame = parked_frame()
            if frame:
                frame.select()
        elif kernel:
            kernel.switch()
            gdb.newest_frame().select()
        else:
            return None
        return "parked" if registers else "running"

    def __exit__(self, *ignored):
        unwinder.disarm()
        if self.before and self.before.is_valid():
            self.before.switch()
            frame = gdb.newest_frame()
            while frame and frame.level() < self.before_frame:
                frame = frame.older()
            if frame:
                frame.select()
        return False


def from_frame(first, output):
    """A backtrace without the frames before the first, numbered anew."""
    lines, keep = [], False
    for line in output.splitlines():
        match = re.match(r"#(\d+)\s+(.*)", line)
        if match:
            level = int(match.group(1)) - first
            keep = level >= 0
            line = "#%-3d%s" % (level, match.group(2))
        if keep:
            lines.append(line)
    return "\n".join(lines) + "\n"


def symbol_at(address):
    """ "name" for the code at address, or its number."""
    words = gdb.execute("info symbol 0x%x" % address, to_string=True)
    match = re.match(r"(\S+)", words)
    if match and not words.startswith("No symbol"):
        return match.group(1)
    return "0x%x" % address


def top_function(thread):
    """The innermost function that is not the library's."""
    if not thread.started():
        return "not started: " + symbol_at(thread.field("start", 8))
    with Within(thread) as how:
        if not how:
            return ""
        frame = parked_frame() if how == "parked" else gdb.newest_frame()
        while frame and frame.pc() != 0:
            library = gdb.solib_name(frame.pc()) or ""
            if "libgoshim" not in os.path.basename(library):
                sal = frame.find_sal()
                words = (frame.name() or "0x%x" % frame.pc()) + " ()"
                if sal and sal.symtab and sal.line:
                    words += " at %s:%d" % (sal.symtab.filename, sal.line)
                return words
            frame = frame.older()
    return ""


def headline(thread):
    words = "Green thread %d (tid %d" % (thread.id, thread.tid)
    if thread.name:
        words += ', "%s"' % thread.name
    words += ") " + thread.state_name()
    wait = thread.wait()
    if wait:
        words += ": " + wait
    age = thread.layout.age(thread.field("since", 8))
    if age is not None:
        words += ", for %.3f s" % age
    return words


def backtrace(thread, options):
    if not thread.started():
        gdb.write("not started: %s\n" % symbol_at(thread.field("start", 8)))
        return
    with Within(thread) as how:
        if not how:
            gdb.write("its stack cannot be shown\n")
            return
        output = gdb.execute("bt " + options, to_string=True)
        if how == "parked":
            frame = parked_frame()
            output = from_frame(frame.level() if frame else 0, output)
        gdb.write(output)


def thread_number(word):
    try:
        return int(word)
    except ValueError:
        raise gdb.GdbError("the number of a green thread is wanted, not `%s'" % word)


class Prefix(gdb.Command):
    """Green threads of libgoshim."""

    def __init__(self):
        super().__init__("goshim", gdb.COMMAND_STACK, prefix=True)


class Threads(gdb.Command):
    """List the green threads."""

    def __init__(self):
        super().__init__("goshim threads", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        layout = Layout()
        gdb.write(
            "%5s %9s %-9s %10s %-16s %s\n"
            % ("Id", "Tid", "State", "Since (s)", "Name", "Waits for; function")
        )
        for thread in layout.threads():
            age = layout.age(thread.field("since", 8))
            words = [w for w in (thread.wait(), top_function(thread)) if w]
            gdb.write(
                "%5d %9d %-9s %10s %-16s %s\n"
                % (
                    thread.id,
                    thread.tid,
                    thread.state_name(),
                    "" if age is None else "%.3f" % age,
                    thread.name,
                    "; ".join(words),
                )
            )


class Backtrace(gdb.Command):
    """Print the backtrace of a green thread.
    Usage: goshim bt N [OPTION...], with the options of bt."""

    def __init__(self):
        super().__init__("goshim bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = argument.split(None, 1)
        if not words:
            raise gdb.GdbError("goshim bt N: which green thread? See goshim threads")
        thread = Layout().thread(thread_number(words[0]))
        gdb.write(headline(thread) + "\n")
        backtrace(thread, words[1] if len(words) > 1 else "")


class Apply(gdb.Command):
    """Run a command in a green thread, or in all of them.
    Usage: goshim apply N|all COMMAND. What is selected is the frame that the
    library was left in; bt, up and info locals are its callers'."""

    def __init__(self):
        super().__init__("goshim apply", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = argument.split(None, 1)
        if not words:
            raise gdb.GdbError("goshim apply N|all COMMAND")
        command = words[1] if len(words) > 1 else "bt"
        layout = Layout()
        if words[0] == "all":
            threads = layout.threads()
        else:
            threads = [layout.thread(thread_number(words[0]))]
        for thread in threads:
            gdb.write("\n" + headline(thread) + "\n")
            if re.match(r"(bt|backtrace|where)\b", command):
                backtrace(thread, command.partition(" ")[2])
                continue
            with Within(thread) as how:
                if how:
                    gdb.write(gdb.execute(command, to_string=True))
                else:
                    gdb.write("its stack cannot be shown\n")


class Select(gdb.Command):
    """Make a parked green thread's frames those of the selected gdb thread,
    from frame 1 on, until the program runs or another one is selected.
    Usage: goshim select N|off"""

    def __init__(self):
        super().__init__("goshim select", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        if argument.strip() == "off":
            unwinder.disarm()
            return
        thread = Layout().thread(thread_number(argument.strip()))
        registers, kernel = thread.registers(), thread.kernel_thread()
        unwinder.disarm()
        if registers:
            unwinder.arm(registers)
            parked_frame().select()
            gdb.write(headline(thread) + "\n")
            gdb.execute("frame")
        elif kernel:
            kernel.switch()
            gdb.execute("frame")
        else:
            raise gdb.GdbError("green thread %d has no stack to be shown" % thread.id)


Prefix()
Threads()
Backtrace()
Apply()
Select()
