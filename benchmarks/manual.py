"""Places in the manual that a benchmark writes itself, between two marks that bear a name.

    python -m benchmarks.expansion.pair_mode ../shared/data/oscd > table
    python -m benchmarks.manual expansion.md pair < table

A page holds ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->``; what stands between them is replaced whole.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def marks(name: str) -> tuple[str, str]:
    """What begins and ends the place of this name."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def parts(text: str, name: str) -> tuple[str, str, str]:
    """Before the place of this name, in it, and after it.

    Raises:
        ValueError: the page has not exactly one such place.
    """
    begin, end = marks(name)
    if text.count(begin) != 1 or text.count(end) != 1:
        message = f"a page must have {begin} and {end} once each"
        raise ValueError(message)
    before, rest = text.split(begin)
    inside, after = rest.split(end)
    return before, inside, after


def write_between(page: str, name: str, made: str | Sequence[str]) -> None:
    """Put Markdown into the place `name` of a page of docs/.

    Raises:
        ValueError: the page has no such place, or several.
    """
    path = DOCS / page
    before, _, after = parts(path.read_text(encoding="utf-8"), name)
    begin, end = marks(name)
    text = (made if isinstance(made, str) else "\n".join(made)).strip("\n")
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write_between(sys.argv[1], sys.argv[2], sys.stdin.read())
