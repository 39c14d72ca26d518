"""One label per unit from two blind readers and a third who decides."""

from __future__ import annotations

from collections.abc import Mapping


def resolve_labels(
    first: Mapping[str, str], second: Mapping[str, str], third: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """One label per unit from two blind readers and a third where they differ.

    Returns:
        The resolved labels, and the units that still wait for the third.
    """
    both = sorted(set(first) & set(second))
    resolved = {unit: first[unit] for unit in both if first[unit] == second[unit]}
    resolved |= {unit: third[unit] for unit in both if unit not in resolved and unit in third}
    return resolved, [unit for unit in both if unit not in resolved]
