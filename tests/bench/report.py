# SPDX-License-Identifier: MIT
"""report.py - from the values of all rounds to medians, ratios and verdicts, and these as a table
for people, TSV, JSON, Markdown and plots."""

import json
import os
import statistics
import subprocess

COLUMNS = ["native", "shim", "base", "epoll", "go", "st", "fiber"]


def short(value):
    """Three significant digits without an exponent where a person would not write one."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    if abs(value) >= 100000:
        return f"{value:.3g}" if abs(value) >= 1e9 else f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def ratios(over, under):
    """Round by round: what ran one after the other is compared."""
    return [a / b for a, b in zip(over, under) if a is not None and b]


def less(values, under=None):
    """Round by round, minus the other's where there is another."""
    return [a - b for a, b in zip(values, under or [0] * len(values))
            if a is not None and b is not None]


def enough(each, limit, least, every):
    """The median of the rounds, and whether it (in every run: the worst of them) is enough."""
    value = statistics.median(each)
    worst = (min(each) if least else max(each)) if every else value
    return value, worst >= limit if least else worst <= limit


def judge(target, values, noise):
    """One target of one figure: what came out, its range, whether that is enough."""
    mine = values.get("shim", [])
    other = values.get(target.against, []) if target.against else []
    if target.how == "ratio":
        each = ratios(mine, other)
    else:
        each = less(mine, other if target.against else None)
    row = {"against": target.against, "how": target.how, "limit": target.want,
           "sense": "at least" if target.least else "at most", "every_run": target.every,
           "noise_counts": target.noise, "in_words": target.limit}
    if not each:
        return {**row, "value": None, "low": None, "high": None, "met": None}
    limit = max([target.want] + noise) if target.noise else target.want
    value, met = enough(each, limit, target.least, target.every)
    return {**row, "value": value, "low": min(each), "high": max(each), "met": met}


def summarise(bench, case, values):
    """The figures of a case. values: contender -> key -> list over the rounds."""
    out = []
    for key, title, unit, targets in case.figures:
        series = {c: [r.get(key) if r else None for r in rounds]
                  for c, rounds in values.items()}
        medians = {}
        for contender, each in series.items():
            known = [v for v in each if v is not None]
            if known and contender != "native2":
                medians[contender] = statistics.median(known)
        noise = ratios(series.get("native2", []), series.get("native", []))
        out.append({
            "bench": bench, "case": case.name, "figure": title, "key": key, "unit": unit,
            "median": medians, "rounds": series,
            "noise": {"low": min(noise), "median": statistics.median(noise),
                      "high": max(noise)} if noise else None,
            "targets": [judge(t, series, noise) for t in targets],
        })
    return out


def verdict(target):
    return {None: "not measured", True: "met", False: "MISSED"}[target["met"]]


def name_of(target):
    if target["how"] == "ratio":
        return f"shim / {target['against']}"
    if target["how"] == "difference":
        return f"shim - {target['against']}"
    return "shim"


def limit_of(target):
    return (f"{target['sense']} {short(target['limit'])}"
            + (" in every run" if target["every_run"] else "")
            + (" or native's spread" if target["noise_counts"] else ""))


def spread(low, high):
    return f"{short(low)} .. {short(high)}" if low is not None else "-"


def columns(rows):
    return [c for c in COLUMNS if any(c in r["median"] for r in rows)]


def table(rows):
    """The text for people; one line per figure, one more per target."""
    lines = []
    seen = None
    used = columns(rows)
    head = f"{'':<52}" + "".join(f"{c:>10}" for c in used) + "   native/native"
    for row in rows:
        if row["case"] != seen:
            seen = row["case"]
            lines += ["", seen, head]
        title = row["figure"] + (f", {row['unit']}" if row["unit"] else "")
        noise = row["noise"]
        lines.append(f"  {title:<50}" + "".join(f"{short(row['median'].get(c)):>10}" for c in used)
                     + "   " + (spread(noise["low"], noise["high"]) if noise else "-"))
        for target in row["targets"]:
            lines.append(f"    {name_of(target):<18}{short(target['value']):>8}  "
                         f"({spread(target['low'], target['high'])})".ljust(58) + "  "
                         + f"{limit_of(target):<34}{verdict(target)}")
    return "\n".join(lines[1:])


def markdown(rows, about, explained, verdict_of=lambda row, target: verdict(target)):
    used = columns(rows)
    text = ["# Benchmarks", "",
            "This file is generated by `tests/bench/run --markdown FILE`; it is not edited by hand.",
            "", "| | |", "|-|-|"]
    text += [f"| {name} | {value} |" for name, value in about.items()]
    text += ["", "Every figure is the median over the rounds; the contenders of a line ran in turn. A",
             "ratio is the median of the rounds' ratios, its range in brackets. *native/native* is the",
             "range of one native run against another in the same round: differences below it are",
             "noise. `-`: this contender has no such program, or its package is missing.", ""]
    text += ["| case | figure | " + " | ".join(used) + " | native/native |",
             "|-|-|" + "-:|" * len(used) + "-|"]
    for row in rows:
        noise = row["noise"]
        unit = f", {row['unit']}" if row["unit"] else ""
        text.append(f"| {row['case']} | {row['figure']}{unit} | "
                    + " | ".join(short(row["median"].get(c)) for c in used)
                    + f" | {spread(noise['low'], noise['high']) if noise else '-'} |")
    text += ["", "## Targets", "", "| case | figure | ratio | measured | range | must be | |",
             "|-|-|-|-:|-|-|-|"]
    for row in rows:
        for target in row["targets"]:
            text.append(f"| {row['case']} | {row['figure']} | {name_of(target)} | "
                        f"{short(target['value'])} | {spread(target['low'], target['high'])} | "
                        f"{limit_of(target)} | {verdict_of(row, target)} |")
    return "\n".join(text) + "\n" + (f"\n{explained}" if explained else "")


def write_tsv(rows, path):
    names = ["bench", "case", "figure", "unit", "contender", "round", "value"]
    with open(path, "w", encoding="utf-8") as out:
        print("\t".join(names), file=out)
        for row in rows:
            for contender, each in row["rounds"].items():
                for number, value in enumerate(each, 1):
                    print(row["bench"], row["case"], row["figure"], row["unit"], contender,
                          number, "" if value is None else f"{value:.6g}", sep="\t", file=out)


def write_json(rows, about, trouble, explained, path):
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"about": about, "figures": rows, "trouble": trouble, "explained": explained},
                  out, indent=1, ensure_ascii=False)
        out.write("\n")


def plot(rows, directory):
    """A PNG per bench: what has a target, every contender as a share of native."""
    made = []
    for bench in dict.fromkeys(r["bench"] for r in rows):
        bars = [r for r in rows if r["bench"] == bench and r["median"].get("native")
                and r["targets"]]
        used = columns(bars)
        if not bars:
            continue
        data = os.path.join(directory, f"{bench}.dat")
        image = os.path.join(directory, f"{bench}.png")
        with open(data, "w", encoding="utf-8") as out:
            for row in bars:
                label = f"{row['case']}\\n{row['figure']}"
                shares = [str(row["median"][c] / row["median"]["native"])
                          if row["median"].get(c) else "NaN" for c in used]
                print(f'"{label}"', *shares, file=out)
        clauses = [f"'{data}' using {i + 2}:xtic(1) title '{c}'" for i, c in enumerate(used)]
        script = "\n".join([
            f"set terminal pngcairo size {max(900, 160 * len(bars))},600 noenhanced font ',9'",
            f"set output '{image}'", f"set title '{bench}: figures as a share of native'",
            "set style data histogram", "set style histogram clustered gap 1",
            "set style fill solid 0.8 border -1", "set logscale y", "set grid y",
            "set xtics rotate by -25", "set key outside", "set bmargin 9",
            "plot " + ", ".join(clauses)])
        subprocess.run(["gnuplot"], input=script, text=True, check=True)
        os.unlink(data)
        made.append(image)
    return made
