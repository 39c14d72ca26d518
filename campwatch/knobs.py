"""Parameters of the methods as the settings change them: `[measure.ground]`, `[measure.stockpile]`."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

from evidence.errors import SettingsError

Params = TypeVar("Params")


def with_knobs(params: Params, told: Mapping[str, Any], *, where: str) -> Params:
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
        return with_knobs(default, value, where=f"{where}.{name}")
    if isinstance(default, tuple) and isinstance(value, list | tuple):
        return tuple(value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if default is not None and type(value) is not type(default):
        raise SettingsError(f"{place} is {value!r}, not a {type(default).__name__} such as {default!r}")
    return value
