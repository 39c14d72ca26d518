"""What people see: site pages, the first page, offline.

The public names; they load when they are first asked for (PEP 562). What is not here may move.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maps.overview import write_overview
    from maps.records import SiteMapData
    from maps.site_map import write_site_map

__all__ = ["SiteMapData", "write_overview", "write_site_map"]
_HOMES = {
    "SiteMapData": "maps.records",
    "write_overview": "maps.overview",
    "write_site_map": "maps.site_map",
}


def __getattr__(name: str) -> Any:
    """A public name, from the module that holds it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names beside those of every module."""
    return sorted({*globals(), *__all__})
