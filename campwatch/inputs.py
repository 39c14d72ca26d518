"""What a measurement of a site works with, and which layers it describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from imagery.cube.observations import Observation

MEASURED_LAYERS = (
    "observations",
    "footprints",
    "disturbances",
    "ground_changes",
    "boundary_changes",
    "stockpile_areas",
    "stockpiles",
    "series",
)
"""Layers that a measurement of a site describes completely."""

Knobs = Mapping[str, Mapping[str, Any]]
"""What the settings change of the methods' parameters, by method."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Digests of what a measurement works with."""

    site: str
    scenes: Mapping[str, str]
    """By scene id."""
    missed: tuple[Observation, ...] = ()
    """Passes that left no pixels, and why."""
    knobs: Knobs = field(default_factory=lambda: MappingProxyType({}))
