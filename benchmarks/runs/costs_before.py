"""What earlier code cost on the same two simulated sites: the tables of this manual, as its history has them.

    python -m benchmarks.runs.costs_before [--write]

Reads every version of docs/running.md that git knows and takes the last line of its tables of costs. A table
is that of the code at its commit, on the machine of its day: shares and ratios say more than seconds.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from collections.abc import Iterator

from benchmarks.manual import ROOT, parts, write_table

PAGE = "docs/running.md"
SITES = {"new-scene": "0.6 km, ten years", "speed": "1.6 km, two years"}
"""Places of the tables, and what they are of."""
NOTHING = re.compile(r"Nothing new: ([\d.]+)(?: to [\d.]+)? s")
HEADS = (
    "site",
    "table made",
    "with",
    "backfill, s",
    "/ reading",
    "new scene, s",
    "of the backfill",
    "nothing new, s",
)


def versions() -> Iterator[tuple[str, str, str]]:
    """Day, subject and text of every version of the page, oldest first."""
    for line in git("log", "--reverse", "--format=%h %cs %s", "--", PAGE).splitlines():
        commit, day, subject = line.split(" ", maxsplit=2)
        yield day, subject, git("show", f"{commit}:{PAGE}")


def git(*words: str) -> str:
    return subprocess.run(("git", *words), cwd=ROOT, check=True, capture_output=True, text=True).stdout


def costs() -> list[tuple[str, ...]]:
    """A row for each table that says something new."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for day, subject, text in versions():
        for place, site in SITES.items():
            try:
                _, table, _ = parts(text, place)
            except ValueError:  # the page had no such table yet
                continue
            line = next((one for one in table.splitlines() if one.startswith("| **all**")), None)
            if line is None:
                continue
            cells = [cell.strip(" *").split("*")[0] for cell in line.strip("|").split("|")[1:]]
            ratio = cells.pop(1) if "aim 20" in line else "–"
            nothing = NOTHING.search(table) or NOTHING.search(text)
            told = (site, cells[0], ratio, cells[1], cells[2], nothing[1] if nothing else "–")
            found.setdefault(told, (site, day, subject, *told[1:]))
    return sorted(found.values(), key=lambda row: row[0])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    lines = ["| " + " | ".join(HEADS) + " |", "|" + "---|" * len(HEADS)]
    lines += ["| " + " | ".join(row) + " |" for row in costs()]
    print("\n".join(lines))
    if asked.write:
        write_table("running.md", "costs before", lines, method=["run_workspace"], seeds="seed 9001")


if __name__ == "__main__":
    main()
