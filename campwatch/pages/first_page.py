"""The first page: one line a site, from the ledger's current rows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from aoi.records import Site, ZoneKind
from campwatch.alerts.book import read_alerts
from campwatch.language import korean
from campwatch.layers import LAYERS
from campwatch.pages.paths import map_profile, site_page_path
from campwatch.reviews.validation import Checks
from campwatch.reviews.verdicts import last_reviews, review_states
from campwatch.run.rebuild import run_info
from campwatch.settings import shows_restricted
from campwatch.workspace import Workspace
from detection.answers.trends import seasonal_mann_kendall, seasonal_slope
from detection.coal.records import STOCKPILE_AREAS
from detection.ground.records import DISTURBANCES, FOOTPRINTS
from evidence.ledger import Ledger
from evidence.quantity import Quantity, total
from evidence.rows import StoredRow
from imagery.cube.observations import OBSERVATIONS
from maps.disclosure import Disclosure, is_public
from maps.overview import write_overview
from maps.records import Profile, SiteSummary

TREND_SPAN_YEARS = 3
"""Years of figures that a direction is told of at least: two pairs of every season (assumed)."""
IN_FORCE = "in_force"
"""Of the two rows of a year the one for the boundary that was in force; the other compares years."""
TREND_P = 0.05
"""Probability of such a trend by chance from which none is told."""
TOGETHER_DAYS = 30
"""Zones whose newest figures lie farther apart than this are not added up (assumed)."""


def write_first_page(
    workspace: Workspace,
    ledger: Ledger,
    sites: Sequence[Site],
    *,
    checks: Mapping[str, Checks],
    restricted: bool | None = None,
) -> Path:
    """Write the first page over `sites`; `checks` say what stands behind the figures of each."""
    shown = shows_restricted(restricted, workspace.settings.map, sites)
    settings = workspace.settings.map
    profile = Profile(
        restricted=shown,
        coordinate_decimals=None if shown else settings.coordinate_decimals,
        delay_days=0 if shown else settings.delay_days,
    )
    chains = ledger.heads()
    measured = [site for site in sites if site.id in chains]
    return write_overview(
        workspace.maps_folder / "index.html",
        [site_summary(workspace, ledger, site, checks=checks[site.id], profile=profile) for site in sites],
        run=run_info(ledger, measured[0].id) if measured else None,
        profile=profile,
        time_zone=settings.time_zone,
        simulated=bool(sites) and all(site.kind == "simulated" for site in sites),
        korean=korean,
    )


def site_summary(
    workspace: Workspace, ledger: Ledger, site: Site, *, checks: Checks, profile: Profile
) -> SiteSummary:
    """The line of one site: newest figures, last look, and on restricted pages what waits."""
    rows = _shown_rows(ledger, site, profile)
    page = site_page_path(
        workspace, site, map_profile(workspace, site, restricted=profile.restricted or None)
    )
    looks = sorted(_data(rows, OBSERVATIONS.name), key=lambda look: str(look["datetime"]))
    used = [look for look in looks if look["status"] == "used"]
    yards = site.zones_of(ZoneKind.STOCKYARD)
    zones = [zone for zone in yards if profile.restricted or is_public(zone)]
    areas = _data(rows, STOCKPILE_AREAS.name)
    newest = [(zone.name or zone.id, _newest([a for a in areas if a["zone_id"] == zone.id], "datetime"))
              for zone in zones]  # fmt: skip
    whole, day = _sum_of_zones([row for _, row in newest])
    in_force = [row for row in _data(rows, FOOTPRINTS.name) if row.get("boundary_role", IN_FORCE) == IN_FORCE]
    footprint = _newest(in_force, "epoch_end")
    last = looks[-1] if looks else None
    trend, test = _trend(areas, [zone.id for zone in zones])
    return SiteSummary(
        site=site,
        map_path=page.name if page.exists() else None,
        last_look=_moment(used[-1]["datetime"]) if used else None,
        last_attempt=_moment(last["datetime"]) if last else None,
        not_seen_reason=None
        if last is None or last["status"] == "used"
        else str(last["detail"] or last["status"]),
        stockpile_ha=whole,
        stockpile_date=day,
        stockpile_zones=tuple(
            (name, *((_area(row), _moment(row["datetime"]).date()) if row else (None, None)))
            for name, row in newest
        ),
        stockpile_hidden=len(zones) < len(yards),
        footprint_ha=_area(footprint) if footprint else None,
        footprint_epoch=f"{footprint['epoch_start']}/{footprint['epoch_end']}" if footprint else None,
        outside_ha=Quantity.from_dict(footprint["outside_ha"]) if footprint else None,
        stockpile_check=checks[STOCKPILE_AREAS.name],
        footprint_check=checks[FOOTPRINTS.name],
        trend=trend,
        trend_test=test,
        **(_waiting(ledger, site, rows) if profile.restricted else {}),
    )


def _shown_rows(ledger: Ledger, site: Site, profile: Profile) -> dict[str, list[StoredRow]]:
    """The site's rows that a page of this profile may show, by layer."""
    by_layer: dict[str, list[StoredRow]] = {name: [] for name in LAYERS}
    for stored in ledger.current(site_id=site.id):
        by_layer.get(stored.row.layer, []).append(stored)
    if profile.restricted or not is_public(site):
        return by_layer
    last = ledger.last_entry(site.id, "measure")
    delay = dt.timedelta(days=profile.delay_days)
    newest = _moment(last.time) - delay if last is not None and profile.delay_days else None
    rows = {name: [stored.row for stored in held] for name, held in by_layer.items()}
    disclosure = Disclosure(site, LAYERS, rows, newest=newest, decimals=profile.coordinate_decimals)
    return {
        name: [
            replace(stored, row=row)
            for stored in held
            if (row := disclosure.public_row(stored.row)) is not None
        ]
        for name, held in by_layer.items()
    }


def _sum_of_zones(newest: Sequence[dict[str, Any] | None]) -> tuple[Quantity | None, dt.date | None]:
    """Coal of all zones, each at its newest figure, where all have one of about the same time."""
    rows = [row for row in newest if row is not None]
    if not rows or len(rows) < len(newest):
        return None, None
    days = [_moment(row["datetime"]).date() for row in rows]
    if (max(days) - min(days)).days > TOGETHER_DAYS:
        return None, None
    whole = total([_area(row) for row in rows]) if len(rows) > 1 else _area(rows[0])
    if whole.value is None or whole.low is None or whole.high is None:
        return None, None
    floored = replace(whole, value=max(whole.value, 0.0), low=max(whole.low, 0.0), high=max(whole.high, 0.0))
    return floored, max(days)


def _trend(areas: Sequence[dict[str, Any]], zones: Sequence[str]) -> tuple[str | None, str | None]:
    """Direction of the sum over the zones, on looks that measured all of them, with its test."""
    by_look: dict[str, dict[str, float]] = {}
    for area in areas:
        if area["zone_id"] in zones and area["area_ha"]["value"] is not None:
            by_look.setdefault(str(area["datetime"]), {})[area["zone_id"]] = float(area["area_ha"]["value"])
    sums = {when: sum(told.values()) for when, told in sorted(by_look.items()) if len(told) == len(zones)}
    days = [_moment(when).date() for when in sums]
    if not days or (days[-1] - days[0]).days < TREND_SPAN_YEARS * 365:
        return None, None
    values = np.array(list(sums.values()))
    p, slope = seasonal_mann_kendall(days, values), seasonal_slope(days, values)
    direction = "none" if p >= TREND_P or not slope.value else "rising" if slope.value > 0 else "falling"
    span = f"{days[0].year}–{days[-1].year}, {len(days)} looks"
    return direction, f"seasonal Mann-Kendall, p = {p:.2g}, {span}"


def _waiting(ledger: Ledger, site: Site, rows: Mapping[str, Sequence[StoredRow]]) -> dict[str, Any]:
    """What waits for reviewers, what is new to each of them, alerts."""
    states = review_states(ledger, site.id)
    waiting = Counter(s.review_status for s in states if s.machine_status in {None, "persistent"})
    last = last_reviews(states)
    came = [
        dt.date.fromisoformat(
            str(found.get("persistent_since") or found.get("first_seen_high") or found["first_seen"])[:10]
        )
        for found in _data(rows, DISTURBANCES.name)
        if found["machine_status"] == "persistent"
    ]
    since = max(last.values(), default=None)
    return {
        "new_findings": sum(since is None or day > since.date() for day in came),
        "new_since": since,
        "new_all": len(came),
        "new_by": {code: sum(day > when.date() for day in came) for code, when in last.items()},
        "awaiting_first_review": waiting["awaiting_first"] + waiting["reopened"],
        "awaiting_second_review": waiting["awaiting_second"],
        "open_alerts": sum(alert.state == "open" for alert in read_alerts(ledger, site_id=site.id)),
    }


def _area(row: Mapping[str, Any]) -> Quantity:
    return Quantity.from_dict(row["area_ha"])


def _data(rows: Mapping[str, Sequence[StoredRow]], layer: str) -> list[dict[str, Any]]:
    return [dict(stored.row.data) for stored in rows.get(layer, ())]


def _newest(rows: Sequence[dict[str, Any]], by: str) -> dict[str, Any] | None:
    """The newest row that has a figure."""
    known = [row for row in rows if row["area_ha"]["value"] is not None]
    return max(known, key=lambda row: str(row[by])) if known else None


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
