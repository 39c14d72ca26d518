"""Features as a file has them, before anybody has said what they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shapely.geometry.base import BaseGeometry

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # noqa: SIM905 - reads better
YEAR = r"(?<!\d)((?:19|20)\d{2})"
PATTERNS = (
    re.compile(YEAR + r"[-./_](\d{1,2})[-./_](\d{1,2})(?!\d)", re.ASCII),
    re.compile(YEAR + r"(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?!\d)", re.ASCII),
    re.compile(YEAR + r"년\s*(\d{1,2})월(?:\s*(\d{1,2})일)?", re.ASCII),
    re.compile(YEAR + r"[-./_](\d{1,2})(?![\d./_-]\d|\d)", re.ASCII),
)
NAMED_MONTH = re.compile(
    r"(?:(?<!\d)(\d{1,2})\s+)?\b("
    + "|".join(MONTHS)
    + r")[a-z]*\.?\s+(?:(\d{1,2}),?\s+)?"
    + YEAR
    + r"(?!\d)",
    re.ASCII | re.IGNORECASE,
)
YEAR_ALONE = re.compile(YEAR + r"(?:년)?(?!\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One feature of a file."""

    where: str
    """How to name it in a message."""
    geometry: BaseGeometry
    """Valid, EPSG:4326."""
    name: str | None = None
    folder: tuple[str, ...] = ()
    """Folders or layer that hold it, outermost first."""
    begin: str | None = None
    """EDTF date from a time span, where the file has one."""
    end: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


def dates_in(text: str) -> tuple[str, ...]:
    """The EDTF dates that a name holds, each once, in the order of precision in which they were found."""
    found: dict[str, None] = {}
    rest = text
    for pattern in PATTERNS:
        for match in pattern.finditer(rest):
            found |= dict.fromkeys(_edtf(*match.groups()))
        rest = pattern.sub(" ", rest)
    for match in NAMED_MONTH.finditer(rest):
        month = MONTHS.index(match[2].lower()) + 1
        found |= dict.fromkeys(_edtf(match[4], str(month), match[1] or match[3]))
    rest = NAMED_MONTH.sub(" ", rest)
    found |= {match[1]: None for match in YEAR_ALONE.finditer(rest)}
    return tuple(found)


def _edtf(year: str, month: str | None = None, day: str | None = None) -> tuple[str, ...]:
    numbers = [int(part) for part in (month, day) if part]
    if numbers and not 1 <= numbers[0] <= 12:  # noqa: PLR2004 - months
        return ()
    return ("-".join([year, *(f"{number:02d}" for number in numbers)]),)
