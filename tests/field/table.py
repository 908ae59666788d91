#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""table.py - the results of run.sh, as a line for one program or as the table of all.

    table.py one DIR NAME     prints a line; exit status 1 when the program differs
    table.py all DIR FILE     rewrites what is between the markers of FILE
"""
import glob, os, sys

BEGIN, END = "<!-- field:begin -->", "<!-- field:end -->"


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


class Result:
    def __init__(self, directory, name):
        base = os.path.join(directory, name)
        self.title, self.version, self.threads = (read(base + ".about").split("\n") + [""] * 3)[:3]
        self.date = read(base + ".date").strip()
        bare, shim = numbers(base + ".bare"), numbers(base + ".shim")
        self.bare, self.shim = bare, shim
        faults = []
        a, b = (read("%s.%s.answers" % (base, m)) for m in ("bare", "shim"))
        if not shim or not bare:
            faults.append("did not run")
        elif a != b:
            x, y = a.splitlines(), b.splitlines()
            first = next((i for i in range(max(len(x), len(y))) if x[i:i + 1] != y[i:i + 1]), 0)
            faults.append("bare `%s`, shimmed `%s`" % tuple((l[first] if first < len(l) else "nothing")[:60]
                                                           for l in (x, y)))
        if shim.get("late"):
            faults.append("had to be killed" + ("" if not bare.get("late") else ", bare too"))
        if shim.get("left", 0) > bare.get("left", 0):
            faults.append("left %d processes" % shim["left"])
        if shim.get("messages"):
            faults.append("message on standard error")
        self.faults = faults
        if "status" in bare and bare["status"] != shim.get("status"):
            faults.append("status %d, bare %d" % (shim.get("status", -1), bare["status"]))
        speed = [x.get("rate") or (1 / x["wall"] if x.get("wall") else 0) for x in (shim, bare)]
        cost = [x.get("cpu", 0) / (x.get("work") or 1) for x in (shim, bare)]
        self.cells = [
            self.title, self.version.replace("|", " "), self.threads,
            "yes" if not faults else "; ".join(faults),
            "%d, %d" % (bare.get("threads", 0), shim.get("threads", 0)),
            "%d, %d" % (bare.get("rss", 0) / 1024, shim.get("rss", 0) / 1024),
            ratio(*speed), ratio(*cost),
        ]


def one(directory, name):
    r = Result(directory, name)
    print("%-12s same: %s; kernel threads %s; MiB %s; throughput %s; CPU %s"
          % (name, r.cells[3], r.cells[4], r.cells[5], r.cells[6], r.cells[7]), flush=True)
    return 1 if r.faults else 0


def everything(directory, path):
    results = [Result(directory, os.path.basename(p)[:-6])
               for p in sorted(glob.glob(os.path.join(directory, "*.about")))]
    lines = [BEGIN, "",
             "Written by `make check-field FIELD_TABLE=COMPATIBILITY.md`, %s." % max((r.date for r in results), default="never"),
             "Kernel threads and resident memory (MiB): at the peak, of all the program's processes, bare then",
             "shimmed. Throughput and CPU time per operation: shimmed as a ratio to bare, of the last run alone.",
             "The machine has two CPUs and had other work to do: the same program's ratio of throughput changed by a",
             "factor of two and more from one run to the next, so those columns show no more than gross faults.", "",
             "|program|version|threads are for|same answers, status, nothing left|kernel threads|memory|throughput|CPU|",
             "|-|-|-|-|-|-|-|-|"]
    lines += ["|" + "|".join(r.cells) + "|" for r in results]
    lines += ["", END]
    text = read(path)
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
