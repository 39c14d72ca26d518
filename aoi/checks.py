"""What valid sites may still get wrong, told without being refused; ground that several of them claim.

Each piece of shared ground belongs to one site in totals, and is marked as shared. The rule: ground of
overlapping aois belongs to the site whose box somebody stands behind (not derived) before one that was
derived by rule; then to the smaller aoi, which says more about its place; then by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import shapely
from shapely import MultiPolygon, Point, Polygon, get_coordinates
from shapely.geometry.base import BaseGeometry

from aoi.geodesy import area_ha, area_m2, box_around, parts
from aoi.records import Site
from aoi.registry import MARGIN_M, suspects
from aoi.rings import SLIVER_M2


def site_findings(site: Site) -> list[str]:
    """Findings about one site, one line each."""
    found = [line for b in site.boundaries for line in _margin(site, b.boundary_id, b.geometry)]
    found += [
        f"zone {zone.id}: {area_ha(shapely.difference(zone.geometry, site.aoi)):.2f} ha of it outside the aoi"
        for zone in site.zones
        if not shapely.covers(site.aoi, zone.geometry)
    ]
    shapes = [("the aoi", site.aoi), *((f"boundary {b.boundary_id}", b.geometry) for b in site.boundaries)]
    shapes += [(f"zone {zone.id}", zone.geometry) for zone in site.zones]
    found += [
        f"{label} looks like {entry.name}. {entry.reason}" for label, g in shapes for entry in suspects(g)
    ]
    found += [
        f"boundary {boundary.boundary_id}: no accuracy is stated, so its changes are not assessable"
        for boundary in site.boundaries
        if boundary.accuracy_m is None
    ]
    if not site.accepted:
        found.append("the derived aoi is not accepted: nothing is ordered for it")
    return found


def _margin(site: Site, name: str, geometry: shapely.geometry.base.BaseGeometry) -> list[str]:
    if not shapely.covers(site.aoi, geometry):
        return [f"boundary {name}: reaches outside the aoi, where nothing is measured"]
    wide = box_around([Point(*xy) for xy in get_coordinates(geometry.envelope)], margin_m=MARGIN_M)
    if not shapely.covers(site.aoi.buffer(1e-6), wide):
        return [f"boundary {name}: the aoi reaches less than 2 km beyond it"]
    return []


def registry_findings(sites: Sequence[Site]) -> list[str]:
    """Findings about sites together: repeated ids, shared ground."""
    ids = [site.id for site in sites]
    repeated = sorted({name for name in ids if ids.count(name) > 1})
    found = [f"two site files have the id {name}" for name in repeated]
    found += [
        f"{one.owner} and {one.other} share {one.area_ha:.0f} ha: counted for {one.owner} in totals"
        for one in shared_ground(sites)
    ]
    return found


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
