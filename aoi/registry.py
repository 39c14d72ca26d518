"""The shipped registry: what is publicly known about where to look, and how far it can be trusted.

No public boundary of any of these places exists: every aoi here is an ordering box. A box that stands around
published points only is `derived` (accuracy + 2 km) and not `accepted`: nothing is ordered for it until
somebody says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import shapely
from shapely import Polygon

from aoi.geodesy import area_m2, box_around
from aoi.names import hangul_key, name_keys
from aoi.records import PublishedPoint, Site
from aoi.site_file import site_of
from evidence.errors import AoiError

MARGIN_M = 2000.0
"""What a derived box adds to each point's accuracy."""
UNKNOWN_ACCURACY_M = 5000.0
"""For points that state none: what the least accurate mine of the registry has."""
SHORTEST_KEY = 3
"""Shorter keys find a name only when they are the whole of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A published feature that is in no site, and why."""

    id: str
    name: str
    reason: str
    source: str
    bounds: tuple[float, float, float, float]
    area_km2: float
    suspect: bool
    """Whether its use for statistics would mislead."""


def _document(name: str) -> Any:
    return json.loads((files("aoi") / "shipped" / name).read_text(encoding="utf-8"))


@cache
def shipped_sites() -> tuple[Site, ...]:
    """The sites that come with the package, ordered by id."""
    folder = files("aoi") / "shipped"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".geojson"))
    sites = [site_of(_document(name), name=name.removesuffix(".geojson")).site for name in names]
    return tuple(sorted(sites, key=lambda site: site.id))


def shipped_site(site_id: str) -> Site:
    """One shipped site.

    Raises:
        AoiError: where there is none of that name.
    """
    for site in shipped_sites():
        if site.id == site_id:
            return site
    raise AoiError(f"no shipped site is called {site_id!r}")


@cache
def left_out() -> tuple[LeftOut, ...]:
    """Published features that are in no site, with the reason."""
    return tuple(
        LeftOut(**{**entry, "bounds": tuple(entry["bounds"])})
        for entry in _document("left_out.json")["features"]
    )


def derived_box(points: Iterable[PublishedPoint]) -> Polygon:
    """The ordering box around published points: each one's accuracy and 2 km."""
    places = list(points)
    margins = [(point.accuracy_m or UNKNOWN_ACCURACY_M) + MARGIN_M for point in places]
    return box_around([point.geometry for point in places], margin_m=margins)


def names_of(site: Site) -> tuple[str, ...]:
    """Everything that a site is called."""
    points = (point.name for point in site.points)
    known = (site.id, site.name, site.name_ko, *site.aliases, *points)
    return tuple(dict.fromkeys(name for name in known if name))


def search(query: str, sites: Sequence[Site]) -> list[Site]:
    """The sites that answer to a name in any spelling, exact matches first."""
    wanted = name_keys(query)
    exact = [site for site in sites if any(wanted & name_keys(name) for name in names_of(site))]
    long_enough = [key for key in wanted if len(key) >= SHORTEST_KEY or not key.isascii()]
    partial = [
        site
        for site in sites
        if site not in exact
        and any(key in own for key in long_enough for name in names_of(site) for own in name_keys(name))
    ]
    return exact + partial or _word_by_word(query, sites)


def _word_by_word(query: str, sites: Sequence[Site]) -> list[Site]:
    """The sites among whose names every word of a query stands, in whatever order."""
    words = [
        keys - {hangul_key(word)} if any(sign.isdigit() for sign in word) else keys
        for word in query.split()
        if (keys := name_keys(word))
    ]
    if len(words) < 2:  # noqa: PLR2004 - one word has been looked for
        return []

    def answers(site: Site) -> bool:
        own = [key for name in names_of(site) for key in name_keys(name)]
        return all(any(key in known for key in keys for known in own) for keys in words)

    return [site for site in sites if answers(site)]


def suspects(geometry: shapely.geometry.base.BaseGeometry) -> list[LeftOut]:
    """The published polygons known to mislead that `geometry` looks like: same bounds, same area, to 5 %."""
    area_km2 = area_m2(geometry) / 1e6
    own = shapely.box(*geometry.bounds)
    found = []
    for entry in left_out():
        other = shapely.box(*entry.bounds)
        overlap = shapely.intersection(own, other).area / max(shapely.union(own, other).area, 1e-12)
        if entry.suspect and overlap > 0.95 and abs(area_km2 / entry.area_km2 - 1.0) < 0.05:  # noqa: PLR2004
            found.append(entry)
    return found
