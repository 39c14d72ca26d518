"""What a valid site may still get wrong, told without being refused."""

from __future__ import annotations

from collections.abc import Sequence

import shapely
from shapely import Point, get_coordinates

from aoi.geodesy import area_ha, box_around
from aoi.ground import shared_ground
from aoi.records import Site
from aoi.registry import MARGIN_M, suspects


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
