"""Tables of the docs, written by the scripts that made them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "running.md"


def write_table(name: str, lines: Sequence[str]) -> None:
    """Put `lines` between the markers of `name` in docs/running.md."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, rest = PAGE.read_text(encoding="utf-8").split(begin)
    _, tail = rest.split(end)
    PAGE.write_text("\n".join([head + begin, "", *lines, "", end + tail]), encoding="utf-8")
