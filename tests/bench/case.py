# SPDX-License-Identifier: MIT
"""case.py - what a row of the table is made of: its runs, its figures, what they must reach."""


class Target:
    """What shim must reach: shim / against (a contender), shim - against, or shim itself.

    noise: parity is asked for, so it is met within the range of native against native.
    limit: what was tried and what the practical limit is, in words; shown where it is missed.
    """

    def __init__(self, want, against=None, how="ratio", least=False, every=False, noise=False,
                 limit=""):
        self.want = want
        self.against = against
        self.how = how if against else "value"
        self.least = least
        self.every = every
        self.noise = noise
        self.limit = limit


def at_most(want, against=None, **more):
    return Target(want, against, **more)


def at_least(want, against=None, **more):
    return Target(want, against, least=True, **more)


class Case:
    """Lines of the table that come from the same runs."""

    def __init__(self, name, figures, runs, derive=None, twice=True, each="operation", comms=(),
                 looked=True):
        self.name = name
        self.figures = figures  # (key, title, unit, [Target...])
        self.runs = runs  # contender -> function returning {key: value}; a watch may be given
        self.derive = derive  # given a round, contender -> {key: value}, adds to it
        self.twice = twice  # native runs twice a round: its own spread is of interest
        self.each = each  # what system calls are counted per
        self.comms = comms  # names of the processes that work, when they are children
        self.looked = looked  # False: perf sees the same in a case with fewer


def threads_and(**others):
    """contender -> source, where native, shim and base are one program."""
    source = others.pop("threads")
    return {"native": source, "shim": source, "base": source, **others}


def programs(place, sources, *arguments, **more):
    """Runs of programs that end by themselves and print figures."""
    return {c: (lambda watch=None, c=c, s=s: place.figures(c, s, *arguments, watch=watch, **more))
            for c, s in sources.items() if c in place.contenders(sources)}


def native_threads():
    """How many threads a native process can have, as far as the kernel says beforehand."""
    limits = []
    for path, per_thread in (("/proc/sys/kernel/threads-max", 1), ("/proc/sys/kernel/pid_max", 1),
                             ("/proc/sys/vm/max_map_count", 2)):
        with open(path, encoding="ascii") as value:
            limits.append(int(value.read()) // per_thread)
    return min(limits) - 1500
