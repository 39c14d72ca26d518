"""Where we look: sites, dated boundaries, zones, geodesy, grids.

The public names; they load when they are first asked for (PEP 562). What is not here may move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from aoi.grid import site_grid
    from aoi.pixels import coverage, to_degrees
    from aoi.records import Site
    from aoi.site_file import read_site


__all__ = ["Site", "coverage", "read_site", "site_grid", "to_degrees"]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "grid": ["site_grid"],
        "pixels": ["coverage", "to_degrees"],
        "records": ["Site"],
        "site_file": ["read_site"],
    },
)
