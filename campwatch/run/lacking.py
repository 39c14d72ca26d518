"""What a site still lacks, what is not measured without it, and how to get it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from aoi.geodesy import area_m2
from aoi.records import Site, ZoneKind
from imagery.archive.listing import BYTES_PER_SECOND, bytes_of_one_look

REVISIT_DAYS = 5
"""Between passes of Sentinel-2 over Korea since the end of 2017 (documented); before, about ten."""
CLOUDED = 0.5
"""Share of products of which only the classes are read, because the site is under cloud (assumed)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """One thing that a site lacks."""

    site_id: str
    what: str
    """A boundary, a stockyard, an accepted box."""
    without: str
    """What is not said as long as it lacks."""
    remedy: str
    """The command that ends it, after `campwatch -C DIR`."""

    def line(self) -> str:
        """In one line."""
        return f"{self.site_id} lacks {self.what}: {self.without} ({self.remedy})"


def site_lacks(site: Site) -> list[Lack]:
    """What a site lacks for the figures that it is watched for, in the order of its file."""
    lacks = []
    if not site.accepted:
        lacks.append(
            Lack(
                site_id=site.id,
                what="an accepted box",
                without="its ordering box is derived from published points, and nothing is ordered for it",
                remedy=f"sites accept {site.id}",
            )
        )
    if not site.boundaries:
        lacks.append(
            Lack(
                site_id=site.id,
                what="a boundary",
                without="no inside and no outside, no change of a perimeter",
                remedy=f"trace one, then sites add fence.kml --to {site.id} --accuracy METRES",
            )
        )
    if not any(zone.kind is ZoneKind.STOCKYARD for zone in site.zones):
        lacks.append(
            Lack(
                site_id=site.id,
                what="a stockyard",
                without="no coal figure; only piles that the search finds, and what it may have missed",
                remedy=f"draw one, then sites add yard.kml --to {site.id}",
            )
        )
    return lacks


def fetching_cost(site: Site, since: dt.date, until: dt.date) -> str:
    """What fetching a site's years would take, in words, before anybody is asked; `search` counts exactly."""
    years = max((until - since).days, 0) / 365.25
    passes = round(years * 365.25 / REVISIT_DAYS)
    read = passes * bytes_of_one_look(site.bounds) * (1 - CLOUDED)
    hours = read / BYTES_PER_SECOND / 3600
    return (
        f"{site.id}: {area_m2(site.aoi) / 1e6:.0f} km2 since {since}: at most {passes} passes, roughly "
        f"{read / 1e9:.0f} GB to read, {hours:.0f} hours at 20 Mbit/s; search counts, --since shortens it"
    )


def lines_of(sites: Sequence[Site]) -> list[str]:
    """A line for everything that the sites lack."""
    return [lack.line() for site in sites for lack in site_lacks(site)]
