# SPDX-License-Identifier: MIT
"""bench.py - the driver of the benchmarks; tests/bench/run starts it.

Every case runs its contenders in turn, round after round, native twice in each round: the second
native run says how much of a difference is noise. rows.py and servers.py have the benches,
contenders.py runs them, report.py makes the tables, explain.py what follows from a missed target.
"""

import argparse
import datetime
import os
import platform
import signal
import subprocess
import sys
import time

import earlier
import explain
import report
import rows
from contenders import TOP, Failure, Missing, Place


EXPLAINED = """Where the time goes: each case that missed a target is run again under perf, as
shim and as native. This gives the shares of the CPU time in the kernel, in libgoshim, in libc
(with the dynamic linker), in the program and elsewhere (the vDSO, other libraries), the symbols
with most of shim's samples, and system calls per operation. A server is looked at under its load,
any other program from its start to its end. Beside each missed target stands what the other
contenders reached of it in the same rounds (an epoll loop by hand does only what shim cannot leave
out) and what else is known of the limit. perf must be allowed to sample all CPUs and the kernel,
and to count system calls: root is. What cannot be measured is said in a line."""


class Options(argparse.ArgumentParser):
    def error(self, message):
        print(f"bench: {message}; see --help", file=sys.stderr)
        sys.exit(2)


def options():
    parser = Options(prog="tests/bench/run", allow_abbrev=False,
                     description="Runs the benchmarks and prints a table; exits with 1 when a "
                     "target was missed or a run failed, with 2 for a wrong option.",
                     epilog=EXPLAINED)
    parser.add_argument("-b", dest="benches", action="append", metavar="NAME[,NAME...]",
                        help="only these (see --list)")
    parser.add_argument("-q", dest="quick", action="store_true",
                        help="smaller sizes, shorter runs, three rounds: under three minutes")
    parser.add_argument("-n", dest="rounds", type=int, metavar="ROUNDS",
                        help="rounds per case (5; 3 with -q)")
    parser.add_argument("-c", dest="contenders", metavar="NAME[,NAME...]",
                        help="only these contenders: " + " ".join(report.COLUMNS))
    parser.add_argument("-o", dest="out", metavar="DIR",
                        help="where results.tsv, results.json, explain.tsv and plots go "
                        "(BUILD/bench)")
    parser.add_argument("-B", dest="build", metavar="DIR", default=os.path.join(TOP, "build"),
                        help="build directory of the library (build)")
    parser.add_argument("-l", dest="library", metavar="FILE",
                        help="the library to measure (BUILD/libgoshim.so)")
    parser.add_argument("--base", metavar="FILE",
                        help="another build of the library, measured beside it as \"base\"")
    parser.add_argument("-e", dest="environment", action="append", default=[],
                        metavar="NAME=VALUE", help="set for the runs with the library")
    parser.add_argument("--pin", choices=["split", "none"], default="split",
                        help="servers on one half of the CPUs and their load on the other "
                        "(split, the default), or both on all")
    parser.add_argument("--explain", action=argparse.BooleanOptionalAction,
                        help="show where the time goes in the cases that missed a target, with "
                        "perf (unless -q)")
    parser.add_argument("--plot", action="store_true", help="PNGs too (gnuplot)")
    parser.add_argument("--markdown", metavar="FILE", help="write BENCHMARKS.md there")
    parser.add_argument("--earlier", action="append", default=[], metavar="FILE",
                        help="results.json of another run: the Markdown tells in how many of all "
                        "these runs each target was met")
    parser.add_argument("--no-setup", action="store_true",
                        help="neither install packages nor build the library")
    parser.add_argument("--list", action="store_true", help="the benches, and end")
    given = parser.parse_args()
    if given.explain is None:
        given.explain = not given.quick
    given.benches = [n for part in given.benches or [] for n in part.split(",")]
    for name in given.benches:
        if name not in rows.BENCHES:
            parser.error(f"no bench is called {name!r}")
    given.contenders = given.contenders.split(",") if given.contenders else report.COLUMNS
    for name in given.contenders:
        if name not in report.COLUMNS:
            parser.error(f"no contender is called {name!r}")
    if given.rounds is not None and given.rounds < 1:
        parser.error("-n takes a number from 1 on")
    for pair in given.environment:
        if "=" not in pair:
            parser.error(f"-e {pair}: NAME=VALUE is wanted")
    for path in (given.library, given.base):
        if path and not os.path.exists(path):
            parser.error(f"there is no {path}")
    try:
        given.earlier = earlier.load(given.earlier)
    except earlier.Unreadable as trouble:
        parser.error(str(trouble))
    return given


def prepare(given):
    """The library, and where everything runs."""
    library = given.library or os.path.join(given.build, "libgoshim.so")
    if not given.library and not given.no_setup:
        done = subprocess.run(["sh", "-c", '. "$1/tools/setup.sh"; setup_build "$2"',
                               os.path.join(TOP, "tools", "bench"), TOP, given.build], check=False)
        if done.returncode:
            sys.exit("bench: the library does not build")
    if not os.path.exists(library):
        print(f"bench: {library} is missing; build the library first", file=sys.stderr)
        sys.exit(2)
    out = given.out or os.path.join(given.build, "bench")
    os.makedirs(out, exist_ok=True)
    given.out = out
    environment = dict(pair.split("=", 1) for pair in given.environment)
    return Place(os.path.join(os.path.abspath(given.build), "bench"), os.path.abspath(library),
                 os.path.abspath(given.base) if given.base else None, environment, given.pin)


def about(given, place, rounds):
    model = "unknown"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            model = next(l.split(":", 1)[1].strip() for l in lines if l.startswith("model name"))
    except (OSError, StopIteration):
        pass
    version = subprocess.run(["git", "-C", TOP, "rev-parse", "--short", "HEAD"],
                             capture_output=True, text=True, check=False).stdout.strip()
    # Where things are on this machine is nobody's business.
    command = ["tests/bench/run"] + [os.path.basename(a) if os.path.isabs(a) else a
                                     for a in sys.argv[1:]]
    return {
        "machine": f"{model}, {len(place.cpus)} CPUs",
        "system": f"Linux {platform.release()}, {' '.join(platform.libc_ver())}",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": version or "unknown",
        "command": "`" + " ".join(command) + "`",
        "rounds": str(rounds),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "descriptors": f"at most {place.descriptors} in a process, so no more connections",
        "servers and load": "on separate CPUs" if place.server_cpus != place.cpus
                            else "on all CPUs together",
    }


class Progress:
    """One line that overwrites itself, for whoever watches."""

    def __init__(self):
        self.tty = sys.stderr.isatty()

    def show(self, text):
        if self.tty:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def say(self, text):
        self.show("")
        print(text, file=sys.stderr, flush=True)


def run_case(case, given, rounds, progress, trouble):
    """All rounds of a case: contender -> list of dictionaries, None where a run failed."""
    order = [c for c in report.COLUMNS if c in case.runs and c in given.contenders]
    if "native" in order and case.twice:
        order.append("native2")
    values = {c: [] for c in order}
    broken = set()
    for number in range(rounds):
        for contender in order:
            who = "native" if contender == "native2" else contender
            progress.show(f"{case.name}: round {number + 1} of {rounds}, {who}")
            result = None
            if who not in broken:
                try:
                    result = case.runs[who]()
                except Failure as failure:
                    broken.add(who)
                    text = f"{case.name}, {who}: {failure}"
                    if not isinstance(failure, Missing):
                        trouble.append(text)
                    progress.say("bench: " + text)
            values[contender].append(result)
        if case.derive:
            case.derive({c: values[c][-1] for c in order})
    progress.show("")
    return values


def main():
    given = options()
    if given.list:
        for name, (_, title) in rows.BENCHES.items():
            print(f"{name:<12} {title}")
        return 0
    place = prepare(given)
    rounds = given.rounds or (3 if given.quick else 5)
    progress, trouble, figures, cases = Progress(), [], [], []
    facts = about(given, place, rounds)
    facts["seconds"] = {}
    begin = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for name in given.benches or rows.BENCHES:
            since = time.monotonic()
            for case in rows.BENCHES[name][0](place, given.quick):
                new = report.summarise(name, case, run_case(case, given, rounds, progress, trouble))
                figures += new
                cases.append((name, case, new))
                print(report.table(new), end="\n\n", flush=True)
            facts["seconds"][name] = round(time.monotonic() - since, 1)
        since = time.monotonic()
        told = explain.collect(place, cases, given.contenders, progress.show,
                               "" if given.explain else "not asked for; --explain measures it")
        facts["seconds"][explain.TITLE.lower()] = round(time.monotonic() - since, 1)
    except KeyboardInterrupt:
        progress.say("bench: interrupted; the results so far are kept")
        trouble.append("interrupted")
        told = explain.collect(place, cases, given.contenders, progress.show, "interrupted")
    finally:
        place.reap()
        progress.show("")
    section = explain.text(told)
    if section:
        print(section, end="\n\n")
    seconds = facts.pop("seconds")
    facts["took"] = f"{time.monotonic() - begin:.0f} s: " + ", ".join(
        f"{name} {took}" for name, took in seconds.items())
    if given.earlier:
        facts["earlier runs"] = earlier.about(given.earlier)
    report.write_tsv(figures, os.path.join(given.out, "results.tsv"))
    report.write_json(figures, facts, trouble, told, os.path.join(given.out, "results.json"))
    explain.write_tsv(told, os.path.join(given.out, "explain.tsv"))
    if given.markdown:
        with open(given.markdown, "w", encoding="utf-8") as out:
            out.write(report.markdown(
                figures, facts,
                explain.markdown(told, earlier.missed_only_there(given.earlier, figures)),
                lambda row, target: earlier.verdict(given.earlier, row, target)))
    if given.plot:
        try:
            for image in report.plot(figures, given.out):
                progress.say(f"bench: {image}")
        except FileNotFoundError:
            progress.say("bench: no plots, gnuplot is not installed")
    for line in [f"{k}: {v}" for k, v in facts.items()]:
        print(line)
    verdicts = [t["met"] for f in figures for t in f["targets"]]
    print(f"targets: {verdicts.count(True)} met, {verdicts.count(False)} missed, "
          f"{verdicts.count(None)} not measured; failed runs: {len(trouble)}")
    return 1 if trouble or False in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
