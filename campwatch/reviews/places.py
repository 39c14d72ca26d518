"""Random places without a detection, mixed into the queue: what the machine missed shows there only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from aoi.geodesy import box_around
from aoi.records import Site
from evidence.hashing import sha256_json

PLACE = "place"
HALF_SIDE_M = 50.0
"""A place is a square of one hectare: large enough to be recognised in any image."""
DEFAULT_COUNT = 10
TRIES = 4000
"""Draws of the sequence; a small site is full before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A square to be looked at although nothing was detected there."""

    place_id: str
    geometry: BaseGeometry
    """EPSG:4326."""


def random_places(
    site: Site, detections: Sequence[BaseGeometry], *, count: int = DEFAULT_COUNT
) -> list[Place]:
    """The first `count` places of the site's own random sequence that touch no detection.

    The sequence follows from the site's id and aoi alone, so that a place keeps its id from run to run; a
    place that is detected later leaves the queue, and the next one of the sequence takes its turn.
    """
    taken = shapely.union_all([g for g in detections if not g.is_empty]) if detections else None
    found = []
    for place in _sequence(site, tries=TRIES):
        if taken is None or not place.geometry.intersects(taken):
            found.append(place)
        if len(found) == count:
            break
    return found


def all_places(site: Site, *, count: int = 200) -> list[Place]:
    """The beginning of the sequence, whatever was detected since."""
    places = []
    for place in _sequence(site, tries=TRIES):
        places.append(place)
        if len(places) == count:
            break
    return places


def _sequence(site: Site, *, tries: int) -> Iterator[Place]:
    """Squares at random within the aoi, none over an earlier one."""
    seed = sha256_json({"site": site.id, "aoi": site.aoi.wkt})
    rng = np.random.default_rng(int(seed[:16], 16))
    west, south, east, north = site.bounds
    middle = box_around([site.aoi.centroid], margin_m=2 * HALF_SIDE_M).bounds
    apart = np.array([middle[2] - middle[0], middle[3] - middle[1]]) / 2
    drawn = np.empty((0, 2))
    for lon, lat in rng.uniform((west, south), (east, north), size=(tries, 2)).tolist():
        if (np.abs(drawn - (lon, lat)) < apart).all(axis=1).any():
            continue
        square = box_around([Point(lon, lat)], margin_m=HALF_SIDE_M)
        if site.aoi.contains(square):
            drawn = np.vstack([drawn, (lon, lat)])
            yield Place(place_id=f"place-{sha256_json([seed, lon, lat])[:8]}", geometry=square)
