"""What was seen: sources, archive, masks, registration, cubes, simulator.

The public names; they load when they are first asked for (PEP 562). What is not here may move.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagery.archive.store import Archive
    from imagery.cube.loading import load_cube
    from imagery.simulate import SimulationParams, simulate_site

__all__ = ["Archive", "SimulationParams", "load_cube", "simulate_site"]
_HOMES = {
    "Archive": "imagery.archive.store",
    "SimulationParams": "imagery.simulate",
    "load_cube": "imagery.cube.loading",
    "simulate_site": "imagery.simulate",
}


def __getattr__(name: str) -> Any:
    """A public name, from the module that holds it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names beside those of every module."""
    return sorted({*globals(), *__all__})
