"""What changed from one plain document to the next, as a document, and the next one back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PUT, DROP, INSIDE = "put", "drop", "inside"


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """What makes `new` of `old`: values put in, names dropped, and the same inside mappings that changed."""
    both = {
        name: difference(old[name], value)
        for name, value in new.items()
        if isinstance(value, Mapping) and isinstance(old.get(name), Mapping)
    }
    told = {
        PUT: {
            name: value
            for name, value in new.items()
            if name not in both and (name not in old or old[name] != value)
        },
        DROP: sorted(name for name in old if name not in new),
        INSIDE: {name: changed for name, changed in both.items() if changed},
    }
    return {part: value for part, value in told.items() if value}


def changed(old: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """The document that `difference` was told of; `old` stays as it is."""
    dropped = set(told.get(DROP, ()))
    kept = {name: value for name, value in old.items() if name not in dropped}
    inside = {name: changed(old[name], part) for name, part in told.get(INSIDE, {}).items()}
    return {**kept, **inside, **told.get(PUT, {})}
