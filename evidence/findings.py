"""What a check finds: one thing that is not as it was written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it was written."""

    where: str
    """File, chain or row."""
    what: str
    """What is wrong with it, in one line, with the values that differ."""
