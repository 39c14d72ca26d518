"""What a measurement of a site works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from detection.records import Disturbance
from imagery.cube.observations import Observation

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
    earlier: tuple[Disturbance, ...] = ()
    """Disturbances as the run before left them: what was frozen of them stays."""
    knobs: Knobs = field(default_factory=lambda: MappingProxyType({}))
