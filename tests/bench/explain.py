# SPDX-License-Identifier: MIT
"""explain.py - where the time goes in the cases that missed a target: these once more under perf,
native's for comparison, and what the other contenders say about how far shim could come.

collect() measures; text(), markdown() and write_tsv() show what it found.
"""

import report
from contenders import Failure
from perf import ALL, KINDS, NAMED, SENDING, Calls, Samples, refusals

TITLE = "Where the time goes"
CONTENDERS = ("shim", "native")
SYMBOLS = 8
NAMES = 6
IN_WORDS = {"native": "native threads", "epoll": "a hand-written epoll loop", "go": "Go",
            "st": "State Threads", "fiber": "Boost.Fiber"}


def missed(rows):
    """The figures that missed a target, with the target."""
    return [(row, target) for row in rows for target in row["targets"] if target["met"] is False]


# ---- collecting ----

def bounds(row, target):
    """What the others reached in the same rounds, of what the target asks of shim: an epoll
    loop has nothing to do that shim could leave out. Native is of interest where shim is held
    against no contender; what is always 0 is not, it is the library's alone."""
    series, against = row["rounds"], target["against"]
    passed = {"shim", "base", "native2", against} | ({"native"} if against else set())
    found = []
    for contender in report.COLUMNS:
        if contender in passed or contender not in series:
            continue
        if target["how"] == "ratio":
            each = report.ratios(series[contender], series.get(against, []))
        else:
            each = report.less(series[contender], series.get(against) if against else None)
        if any(each):
            value, met = report.enough(each, target["limit"], target["sense"] == "at least",
                                       target["every_run"])
            found.append({"contender": contender, "value": value, "low": min(each),
                          "high": max(each), "met": met})
    return found


def look(place, case, contender, told):
    """What perf sees of one contender, by a run for the samples and one for the calls."""
    run, found = case.runs[contender], {"trouble": []}
    if not told["no_samples"]:
        samples = Samples(place, case.comms)
        try:
            run(samples)
            samples.read()
            found["samples"] = samples.total()
            if samples.lost:
                found["trouble"].append(f"perf lost {samples.lost} samples, of all processes")
            if samples.total():
                found["shares"] = samples.shares()
                found["symbols"] = samples.top(SYMBOLS)
            else:
                found["trouble"].append("perf has no samples of it: it used next to no CPU time")
        except Failure as failure:
            found["trouble"].append(f"no samples: {failure}")
        finally:
            samples.clean()
    if not told["no_calls"]:
        # By name only where a process has few kernel threads.
        calls = Calls(place, NAMED if contender == "shim" else SENDING)
        try:
            run(calls)
            per, number = ((case.each, calls.operations) if calls.operations
                           else ("second", calls.seconds))
            if not number:
                raise Failure("neither operations nor the time are known")
            names = {name: count / number for name, count in calls.counts.most_common()
                     if name != ALL and count}
            found["calls"] = {"per": per, "all": calls.counts[ALL] / number, "names": names}
        except Failure as failure:
            found["trouble"].append(f"system calls not counted: {failure}")
        finally:
            calls.clean()
    return found


def collect(place, cases, contenders, show, off=""):
    """The section as data. cases: (bench, case, its figures); contenders: of these only; show:
    is told what goes on; off: why nothing is to be measured, if so."""
    cases = [(bench, case, missed(rows)) for bench, case, rows in cases if missed(rows)]
    told = {"off": off, "missed": [case.name for _, case, _ in cases],
            "no_samples": None, "no_calls": None, "cases": []}
    if off:
        return told
    if cases:
        told["no_samples"], told["no_calls"] = refusals(place)
    for bench, case, targets in cases:
        looks = {}
        # perf has nothing to say of memory.
        timed = case.looked and any(row["unit"] != "KB" for row, _ in targets)
        for contender in CONTENDERS:
            if (timed and contender in case.runs and contender in contenders
                    and not (told["no_samples"] and told["no_calls"])):
                show(f"{case.name}: where the time goes, {contender}")
                looks[contender] = look(place, case, contender, told)
        told["cases"].append({
            "bench": bench, "case": case.name, "looks": looks,
            "missed": [{"figure": row["figure"], "noise": row["noise"], "target": target,
                        "bounds": bounds(row, target)} for row, target in targets]})
    return told


# ---- showing ----

def remarks(told):
    """What there is instead of a section, or what is lacking in it; a line each."""
    if told["off"]:
        return [told["off"]] if told["missed"] else []
    if not told["cases"]:
        return ["no target was missed, so there is nothing to explain"]
    if told["no_samples"] and told["no_samples"] == told["no_calls"]:
        return [f"neither samples nor system calls: {told['no_samples']}"]
    return ([f"no samples: {told['no_samples']}"] if told["no_samples"] else []) + (
        [f"system calls not counted: {told['no_calls']}"] if told["no_calls"] else [])


def calls_of(found):
    calls = found.get("calls")
    return f"{report.short(calls['all'])} per {calls['per']}" if calls else "-"


def names_of(found):
    """The system calls that matter, by name; nothing where hardly any operation has one."""
    calls = found.get("calls") or {"names": {}, "all": 0}
    counts = [(name, count) for name, count in calls["names"].items()
              if calls["all"] >= 0.01 and count >= calls["all"] / 100]
    return ", ".join(f"{name} {report.short(count)}" for name, count in counts[:NAMES])


def verdict_of(miss):
    target = miss["target"]
    return (f"{miss['figure']}: {report.name_of(target)} is {report.short(target['value'])} "
            f"({report.spread(target['low'], target['high'])}), must be {report.limit_of(target)}")


class Words:
    """What is known of a limit, in words: where it first matters, and later where that was."""

    def __init__(self):
        self.said = {}

    def of(self, target, case):
        words = target["in_words"]
        if not words or words not in self.said:
            self.said[words] = case
            return [words] if words else []
        where = "above" if self.said[words] == case else f"with {self.said[words]}"
        return [f"the limit is as {where}"]


def limits_of(miss, words):
    """What says how far shim could come: the others' figures, then the words of the target."""
    target, lines = miss["target"], []
    for bound in miss["bounds"]:
        name = report.name_of(target).replace("shim", bound["contender"], 1)
        lines.append(f"{IN_WORDS[bound['contender']]}: {name} is {report.short(bound['value'])} "
                     f"({report.spread(bound['low'], bound['high'])}), which "
                     + ("is within it" if bound["met"] else "misses it too"))
    if target["noise_counts"] and miss["noise"]:
        lines.append("native / native, which is noise, is "
                     + report.spread(miss["noise"]["low"], miss["noise"]["high"]))
    return lines + words


def text(told):
    """The section for people; empty when there is nothing to say."""
    lines, words = [f"{TITLE}: {remark}" for remark in remarks(told)], Words()
    for case in told["cases"]:
        lines += ["", f"{TITLE}: {case['case']}"]
        if case["looks"]:
            lines.append(f"  {'CPU time, %':<12}" + "".join(f"{kind:>11}" for kind in KINDS)
                         + f"{'samples':>11}   system calls")
        for contender, found in case["looks"].items():
            shares = found.get("shares", {})
            lines.append(f"  {contender:<12}" + "".join(
                f"{shares[kind]:>11.1f}" if shares else f"{'-':>11}" for kind in KINDS)
                + f"{found.get('samples', '-'):>11}   {calls_of(found)}")
        shim = case["looks"].get("shim", {})
        if names_of(shim):
            lines.append(f"  shim's system calls per {shim['calls']['per']}: {names_of(shim)}")
        if shim.get("symbols"):
            lines.append("  where shim's samples are:")
            lines += [f"    {share:>5.1f} %  {symbol:<44} {name}"
                      for symbol, name, share in shim["symbols"]]
        lines += [f"  {contender}: {line}" for contender, found in case["looks"].items()
                  for line in found["trouble"]]
        for miss in case["missed"]:
            lines.append(f"  MISSED {verdict_of(miss)}")
            lines += [f"    {line}"
                      for line in limits_of(miss, words.of(miss["target"], case["case"]))]
    return "\n".join(lines)


def elsewhere(others, words):
    """Lines on targets that only other runs have missed (earlier.missed_only_there)."""
    lines = ["", "### Missed in another run only", ""] if others else []
    for row, target, other in others:
        miss = {"figure": row["figure"], "target": other, "noise": None, "bounds": []}
        lines.append(f"- {row['case']}: {verdict_of(miss)}")
        lines += [f"  - {line}" for line in limits_of(miss, words.of(target, row["case"]))]
    return lines


def markdown(told, others=()):
    lines, words = [f"## {TITLE}"], Words()
    for remark in remarks(told):
        lines += ["", f"{remark[0].upper()}{remark[1:]}."]
    if not told["cases"] and not others:
        return "\n".join(lines) + "\n" if remarks(told) else ""
    if told["cases"]:
        lines += ["", "Every case that missed a target (but those of which perf sees the same with",
                  "fewer threads), once more under `perf record -e cpu-clock` and once under `perf",
                  "stat`, as shim and, to compare, as native: what share of the CPU time is spent in",
                  "whose code, and system calls per operation. Code of the kernel that runs with",
                  "interrupts off is charged to the function that allows them again; the way out of",
                  "a system call, which ends with the caller's next instruction, is the kernel's.", ""]
    looks = [(case, contender, found) for case in told["cases"]
             for contender, found in case["looks"].items()]
    if looks:
        lines += ["| case | contender | " + " | ".join(f"{kind}, %" for kind in KINDS)
                  + " | samples | system calls |", "|-|-|" + "-:|" * len(KINDS) + "-:|-|"]
    for case, contender, found in looks:
        shares = found.get("shares", {})
        lines.append(f"| {case['case']} | {contender} | "
                     + " | ".join(f"{shares[k]:.1f}" if shares else "-" for k in KINDS)
                     + f" | {found.get('samples', '-')} | {calls_of(found)} |")
    for case in told["cases"]:
        shim = case["looks"].get("shim", {})
        lines += ["", f"### {case['case']}", ""]
        if shim.get("symbols"):
            lines.append("- shim's samples: " + ", ".join(
                f"`{symbol}` ({name}) {share:.1f} %" for symbol, name, share in shim["symbols"]))
        if names_of(shim):
            lines.append(f"- shim's system calls per {shim['calls']['per']}: {names_of(shim)}")
        lines += [f"- {contender}: {line}" for contender, found in case["looks"].items()
                  for line in found["trouble"]]
        for miss in case["missed"]:
            lines.append(f"- missed: {verdict_of(miss)}")
            lines += [f"  - {line}"
                      for line in limits_of(miss, words.of(miss["target"], case["case"]))]
    return "\n".join(lines + elsewhere(others, words)) + "\n"


def write_tsv(told, path):
    """A line per value. what: remark, share (of the CPU time, %), symbol (the same), calls (by
    name, "all" first), bound (what a contender reached of shim's target), limit."""
    rows = [("", "", "", "remark", remark, "", "") for remark in remarks(told)]
    for case in told["cases"]:
        head = (case["bench"], case["case"])
        for contender, found in case["looks"].items():
            rows += [(*head, contender, "share", kind, "%", f"{share:.4g}")
                     for kind, share in found.get("shares", {}).items()]
            rows += [(*head, contender, "symbol", f"{symbol} ({name})", "%", f"{share:.4g}")
                     for symbol, name, share in found.get("symbols", [])]
            if "calls" in found:
                calls = found["calls"]
                rows += [(*head, contender, "calls", name, f"per {calls['per']}", f"{count:.6g}")
                         for name, count in [("all", calls["all"]), *calls["names"].items()]]
            rows += [(*head, contender, "remark", line, "", "") for line in found["trouble"]]
        for miss in case["missed"]:
            name = f"{miss['figure']}: {report.name_of(miss['target'])}"
            rows += [(*head, bound["contender"], "bound", name, "", f"{bound['value']:.6g}")
                     for bound in miss["bounds"]]
            if miss["target"]["in_words"]:
                rows.append((*head, "shim", "limit", name, "", miss["target"]["in_words"]))
    with open(path, "w", encoding="utf-8") as out:
        for row in [("bench", "case", "contender", "what", "name", "unit", "value"), *rows]:
            print(*(field.replace("\t", " ") for field in row), sep="\t", file=out)
