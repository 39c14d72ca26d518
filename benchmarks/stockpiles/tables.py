"""Tables of the page "How stockpile area is measured", written between marks by what made them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs" / "stockpiles.md"


def write_between(name: str, lines: Sequence[str]) -> None:
    """Replace what stands between ``<!-- NAME -->`` and ``<!-- end of NAME -->``."""
    first, last = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, rest = DOCS.read_text(encoding="utf-8").split(first)
    after = rest.split(last)[1]
    text = before + first + "\n" + "\n".join(lines) + "\n" + last + after
    DOCS.write_text(text, encoding="utf-8")
