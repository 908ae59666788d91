#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""table.py - the results of run.sh, as a line for one program or as the table of all.

    table.py one DIR NAME     prints a line; exit status 1 when the program differs
    table.py all DIR FILE     brings what is between the markers of FILE up to date
"""
import glob, os, re, statistics, sys

BEGIN, END = "<!-- field:begin -->", "<!-- field:end -->"
COLUMNS = 9


def read(path):
    try:
        with open(path, errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def numbers(path):
    return {k: float(v) for k, v in (line.split("=") for line in read(path).split() if "=" in line)}


def ratio(a, b):
    return "%.2f" % (a / b) if a and b else "-"


def median(values):
    return statistics.median(values) if values else 0


def speed(x):
    return x.get("rate") or (1 / x["wall"] if x.get("wall") else 0)


class Result:
    """All runs of one program; the first bare one's answers are what they are compared with."""

    def __init__(self, directory, name):
        base = os.path.join(directory, name)
        self.title, self.version, self.threads, few = (read(base + ".about").split("\n") + [""] * 4)[:4]
        self.date = read(base + ".date").strip()
        note = read(base + ".note").strip()
        n = 1
        while os.path.exists("%s.bare.%d" % (base, n + 1)):
            n += 1
        self.runs = n
        bare, shim = ([numbers("%s.%s.%d" % (base, m, i + 1)) for i in range(n)] for m in ("bare", "shim"))
        faults = self.faults = []
        for i in range(n):
            self.judge(read("%s.bare.1.answers" % base), "bare run", bare[i], bare[0],
                       read("%s.bare.%d.answers" % (base, i + 1)))
            self.judge(read("%s.bare.1.answers" % base), "shimmed", shim[i], bare[0],
                       read("%s.shim.%d.answers" % (base, i + 1)))
        peak = lambda key, runs: max(int(x.get(key, 0)) for x in runs)
        most = len(os.sched_getaffinity(0)) + 8
        if few == "yes" and peak("threads", shim) > most:
            faults.append("%d kernel threads, more than %d" % (peak("threads", shim), most))
        rates = [speed(x) for x in bare]
        self.spread = max(rates) / min(rates) if all(rates) else 0
        cost = [median([x.get("cpu", 0) / (x.get("work") or 1) for x in runs]) for runs in (shim, bare)]
        self.cells = [
            self.title, self.version.replace("|", " ").strip(), self.threads + (" (%s)" % note if note else ""),
            "yes" if not faults else "; ".join(dict.fromkeys(faults)),
            "%d, %d" % (peak("threads", bare), peak("threads", shim)),
            "%d, %d" % (peak("rss", bare) / 1024, peak("rss", shim) / 1024),
            ratio(median([speed(x) for x in shim]), median(rates)) + (" ±%.0f%%" % (50 * (self.spread - 1)) if n > 1 else ""),
            ratio(*cost),
        ]

    def judge(self, expected, which, result, bare, answers):
        faults = self.faults
        if "status" not in result:
            faults.append(which + " did not run")
        elif answers != expected:
            x, y = expected.splitlines(), answers.splitlines()
            first = next((i for i in range(max(len(x), len(y))) if x[i:i + 1] != y[i:i + 1]), 0)
            faults.append("bare `%s`, %s `%s`" % ((x + ["nothing"] * 99)[first][:60], which,
                                                 (y + ["nothing"] * 99)[first][:60]))
        if result.get("status") != bare.get("status"):
            faults.append("%s status %d, bare %d" % (which, result.get("status", -1), bare.get("status", -1)))
        if result.get("late"):
            faults.append(which + " had to be killed")
        if result.get("left", 0) > bare.get("left", 0):
            faults.append("%s left %d processes" % (which, result["left"]))
        if result.get("messages"):
            faults.append("message on standard error")


def one(directory, name):
    r = Result(directory, name)
    print("%-14s same: %s; kernel threads %s; MiB %s; throughput %s; CPU %s"
          % (name, r.cells[3], r.cells[4], r.cells[5], r.cells[6], r.cells[7]), flush=True)
    return 1 if r.faults else 0


def rows(text):
    """The rows that are in the table already, by program; those of before there was a column
    for it have the date of the table."""
    table = text.split(BEGIN, 1)[1].split(END, 1)[0] if BEGIN in text and END in text else ""
    date = re.search(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", table)
    cells = [line.strip().strip("|").split("|") for line in table.splitlines() if line.startswith("|")]
    return {c[0]: c if len(c) == COLUMNS else c + [date.group() if date else "never"]
            for c in cells[2:] if len(c) in (COLUMNS - 1, COLUMNS)}


def everything(directory, path):
    """Programs that have no results in the directory keep the row they have."""
    text = read(path)
    table = rows(text)
    for result in sorted(glob.glob(os.path.join(directory, "*.about"))):
        r = Result(directory, os.path.basename(result)[:-6])
        table[r.title] = r.cells + [r.date]
    lines = [BEGIN, "",
             "Written by `make check-field FIELD_TABLE=COMPATIBILITY.md`. Each program ran bare and shimmed,",
             "in turns; those with a ± in the column of throughput more than once.",
             "Kernel threads and resident memory (MiB) at the peak, of all the program's processes, bare then",
             "shimmed. Throughput and CPU time per operation: the shimmed runs' median as a ratio to the bare runs';",
             "behind it half the distance between the fastest and the slowest bare run, which is what chance does.", "",
             "|program|version|threads are for|same answers, status, nothing left|kernel threads|memory|throughput|CPU|measured|",
             "|" + "-|" * COLUMNS]
    lines += ["|" + "|".join(table[title]) + "|" for title in sorted(table, key=str.lower)]
    lines += ["", END]
    if BEGIN in text and END in text:
        head, rest = text.split(BEGIN, 1)
        text = head + "\n".join(lines) + rest.split(END, 1)[1]
    else:
        text = text.rstrip("\n") + "\n\n## Programs\n\n" + "\n".join(lines) + "\n"
    with open(path + ".new", "w") as f:
        f.write(text)
    os.replace(path + ".new", path)
    return 0


sys.exit(one(*sys.argv[2:4]) if sys.argv[1] == "one" else everything(*sys.argv[2:4]))
