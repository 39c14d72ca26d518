"""What a measurement of a site works with."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from detection.ground.records import Disturbance
from evidence.errors import SettingsError
from imagery.cube.observations import Observation

Overrides = Mapping[str, Mapping[str, Any]]
"""What the settings change of the methods' parameters, by method."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Digests of what a measurement works with."""

    site: str
    scenes: Mapping[str, str]
    """By scene id."""
    gaps: tuple[Observation, ...] = ()
    """Passes that left no pixels, and why."""
    earlier: tuple[Disturbance, ...] = ()
    """Disturbances as the run before left them: what was frozen of them stays."""
    overrides: Overrides = field(default_factory=lambda: MappingProxyType({}))


Params = TypeVar("Params")


def with_overrides(params: Params, told: Mapping[str, Any], *, where: str) -> Params:
    """The parameters with what the settings say in place of the defaults.

    Args:
        params: a frozen record; records inside it are tables inside the table.
        told: by field.
        where: the table's name, for messages.

    Raises:
        SettingsError: for a key that is none, or a value of another kind.
    """
    held = {field.name: getattr(params, field.name) for field in dataclasses.fields(params)}  # type: ignore[arg-type]
    changed = {name: _value(held, name, value, where) for name, value in told.items()}
    return dataclasses.replace(params, **changed)  # type: ignore[type-var]


def _value(held: Mapping[str, Any], name: str, value: Any, where: str) -> Any:
    place = f"[{where}] {name}"
    if name not in held:
        near = difflib.get_close_matches(name, held, n=1, cutoff=0.0)
        raise SettingsError(f"{place} is not a setting; the nearest is {near[0]}")
    default = held[name]
    if dataclasses.is_dataclass(default):
        if not isinstance(value, Mapping):
            raise SettingsError(f"{place} must be a table")
        return with_overrides(default, value, where=f"{where}.{name}")
    if isinstance(default, tuple) and isinstance(value, list | tuple):
        return tuple(value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if default is not None and type(value) is not type(default):
        raise SettingsError(f"{place} is {value!r}, not a {type(default).__name__} such as {default!r}")
    return value
