"""What people see: site pages, the first page, offline.

The public names; they load when they are first asked for (PEP 562). What is not here may move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from maps.overview import write_overview
    from maps.records import SiteMapData
    from maps.site_map import write_site_map


__all__ = ["SiteMapData", "write_overview", "write_site_map"]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "overview": ["write_overview"],
        "records": ["SiteMapData"],
        "site_map": ["write_site_map"],
    },
)
