"""Puts benchmark tables into docs/expansion.md, in place of what stood there.

    python benchmarks/expansion/pair_mode.py ../shared/data/oscd > table
    python benchmarks/expansion/write_tables.py pair < table

Sections: disturbances, footprint, nrt, pair, pair-perturbed, pair-alarms, radar, romania.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "expansion.md"


def main() -> None:
    section, table = sys.argv[1], sys.stdin.read().strip()
    text = PAGE.read_text(encoding="utf-8")
    block = re.compile(rf"<!-- {section} -->\n(?:\n?(?:\|.*\n)+)*")
    if not block.search(text):
        sys.exit(f"no section {section!r} in {PAGE}")
    filled = block.sub(lambda _: f"<!-- {section} -->\n\n{table}\n", text)
    PAGE.write_text(filled, encoding="utf-8")


if __name__ == "__main__":
    main()
