"""Where we look: sites, dated boundaries, zones, geodesy, grids.

The public names; they load when they are first asked for (PEP 562). What is not here may move.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aoi.grid import site_grid
    from aoi.records import Site
    from aoi.site_file import read_site

__all__ = ["Site", "read_site", "site_grid"]
_HOMES = {
    "Site": "aoi.records",
    "read_site": "aoi.site_file",
    "site_grid": "aoi.grid",
}


def __getattr__(name: str) -> Any:
    """A public name, from the module that holds it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names beside those of every module."""
    return sorted({*globals(), *__all__})
