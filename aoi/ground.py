"""Ground that several sites claim: each piece belongs to one of them in totals, and is marked as shared.

The rule: ground of overlapping aois belongs to the site whose box somebody stands behind (not derived) before
one that was derived by rule; then to the smaller aoi, which says more about its place; then by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from aoi.geodesy import area_ha, area_m2, parts
from aoi.records import Site
from aoi.rings import SLIVER_M2


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedGround:
    """Ground that two sites look at."""

    owner: str
    """Id of the site that counts it."""
    other: str
    area_ha: float
    geometry: BaseGeometry


def precedence(site: Site) -> tuple[bool, float, str]:
    """Smaller comes first."""
    return site.derived, area_m2(site.aoi), site.id


def shared_ground(sites: Sequence[Site]) -> list[SharedGround]:
    """Every pair of sites whose aois overlap by more than one pixel."""
    found = []
    for owner, other in combinations(sorted(sites, key=precedence), 2):
        overlap = _polygons(shapely.intersection(owner.aoi, other.aoi))
        if area_m2(overlap) >= SLIVER_M2:
            found.append(
                SharedGround(owner=owner.id, other=other.id, area_ha=area_ha(overlap), geometry=overlap)
            )
    return found


def ground_of(sites: Sequence[Site]) -> dict[str, BaseGeometry]:
    """What each site counts in totals over all of `sites`: no ground is in two of them."""
    taken: BaseGeometry = Polygon()
    own: dict[str, BaseGeometry] = {}
    for site in sorted(sites, key=precedence):
        own[site.id] = _polygons(shapely.difference(site.aoi, taken))
        taken = shapely.union(taken, site.aoi)
    return own


def _polygons(geometry: BaseGeometry) -> MultiPolygon:
    return MultiPolygon([part for part in parts(geometry) if isinstance(part, Polygon)])
