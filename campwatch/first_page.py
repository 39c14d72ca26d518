"""The first page: one line a site, from the ledger's current rows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aoi.records import Site
from campwatch.alerts.book import read_alerts
from campwatch.outputs import run_info
from campwatch.pages import map_profile, site_page_path
from campwatch.profile import shows_restricted
from campwatch.reviews.validation import Checks
from campwatch.reviews.verdicts import review_states
from campwatch.workspace import Workspace
from detection.coal.records import STOCKPILE_AREAS
from detection.records import FOOTPRINTS
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from evidence.rows import StoredRow
from imagery.cube.observations import OBSERVATIONS
from maps.overview import write_overview
from maps.records import Profile, SiteSummary


def write_first_page(
    workspace: Workspace, ledger: Ledger, sites: Sequence[Site], *, checks: Mapping[str, Checks]
) -> Path:
    """Write the first page over `sites`; `checks` say what stands behind the figures of each."""
    restricted = shows_restricted(None, workspace.settings.map, sites)
    settings = workspace.settings.map
    profile = Profile(
        restricted=restricted,
        coordinate_decimals=None if restricted else settings.coordinate_decimals,
        delay_days=0 if restricted else settings.delay_days,
    )
    chains = ledger.heads()
    measured = [site for site in sites if site.id in chains]
    return write_overview(
        workspace.maps_folder / "index.html",
        [site_summary(workspace, ledger, site, checks=checks[site.id]) for site in sites],
        run=run_info(ledger, measured[0].id) if measured else None,
        profile=profile,
        time_zone=settings.time_zone,
        simulated=bool(sites) and all(site.kind == "simulated" for site in sites),
    )


def site_summary(workspace: Workspace, ledger: Ledger, site: Site, *, checks: Checks) -> SiteSummary:
    """The line of one site: latest figures with their intervals, last look, what waits."""
    rows = ledger.current(site_id=site.id)
    page = site_page_path(workspace, site, map_profile(workspace, site))
    looks = sorted(_data(rows, OBSERVATIONS.name), key=lambda look: str(look["datetime"]))
    used = [look for look in looks if look["status"] == "used"]
    coal = _newest(_data(rows, STOCKPILE_AREAS.name), "datetime")
    footprint = _newest(_data(rows, FOOTPRINTS.name), "epoch_end")
    waiting = Counter(
        state.review_status
        for state in review_states(ledger, site.id)
        if state.machine_status in {None, "persistent"}
    )
    first = waiting["awaiting_first"] + waiting["reopened"]
    last = looks[-1] if looks else None
    return SiteSummary(
        site=site,
        map_path=page.name if page.exists() else None,
        last_look=_moment(used[-1]["datetime"]) if used else None,
        last_attempt=_moment(last["datetime"]) if last else None,
        not_seen_reason=None
        if last is None or last["status"] == "used"
        else str(last["detail"] or last["status"]),
        stockpile_ha=Quantity.from_dict(coal["area_ha"]) if coal else None,
        stockpile_date=_moment(coal["datetime"]).date() if coal else None,
        footprint_ha=Quantity.from_dict(footprint["area_ha"]) if footprint else None,
        footprint_epoch=f"{footprint['epoch_start']}/{footprint['epoch_end']}" if footprint else None,
        outside_ha=Quantity.from_dict(footprint["outside_ha"]) if footprint else None,
        new_findings=first,
        awaiting_first_review=first,
        awaiting_second_review=waiting["awaiting_second"],
        stockpile_check=checks[STOCKPILE_AREAS.name],
        footprint_check=checks[FOOTPRINTS.name],
        open_alerts=sum(alert.state == "open" for alert in read_alerts(ledger, site_id=site.id)),
    )


def _data(rows: Sequence[StoredRow], layer: str) -> list[dict[str, Any]]:
    return [dict(stored.row.data) for stored in rows if stored.row.layer == layer]


def _newest(rows: Sequence[dict[str, Any]], by: str) -> dict[str, Any] | None:
    """The newest row that has a figure."""
    known = [row for row in rows if row["area_ha"]["value"] is not None]
    return max(known, key=lambda row: str(row[by])) if known else None


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
