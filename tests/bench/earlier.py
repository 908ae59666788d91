# SPDX-License-Identifier: MIT
"""earlier.py - what other runs of the benchmarks, kept as results.json, say of the same targets: a
miss may be noise, and so may what is met once."""

import json

import report


class Unreadable(Exception):
    """A file that is no results.json; the text is for people."""


def key_of(row, target):
    return row["case"], row["figure"], report.name_of(target), report.limit_of(target)


def load(paths):
    """The runs: {"about", "targets": key -> the target as it was}."""
    runs = []
    for path in paths:
        try:
            with open(path, encoding="utf-8") as lines:
                found = json.load(lines)
            runs.append({"about": found["about"],
                         "targets": {key_of(row, target): target
                                     for row in found["figures"] for target in row["targets"]}})
        except (OSError, ValueError, KeyError, TypeError) as trouble:
            raise Unreadable(f"{path} is no results.json of a run: {trouble}") from None
    return runs


def of(runs, row, target):
    """This target in each of the other runs in which it was measured."""
    key = key_of(row, target)
    return [run["targets"][key] for run in runs
            if run["targets"].get(key, {}).get("met") is not None]


def verdict(runs, row, target):
    """That of the run at hand, and in how many of all it was met."""
    others = of(runs, row, target)
    text = report.verdict(target)
    if others and target["met"] is not None:
        met = [target["met"]] + [other["met"] for other in others]
        text += f", {met.count(True)} of {len(met)}"
    return text


def about(runs):
    """A cell that names them; empty without any."""
    return ", ".join(f"{run['about']['date']} ({run['about']['commit']})" for run in runs)


def missed_only_there(runs, rows):
    """What the run at hand has met and another one missed: (row, target, the other's target)."""
    return [(row, target, other) for row in rows for target in row["targets"] if target["met"]
            for other in of(runs, row, target) if not other["met"]]
