"""Where each site stands: last look, gaps, latest figures, open alerts, review queue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from campwatch.alerts.book import Alert, read_alerts
from campwatch.reviews.records import REVIEWS
from campwatch.reviews.validation import all_checks, validation_lines
from campwatch.run.journal import Journal, RunRecord, last_run, last_search
from campwatch.workspace import Workspace, readable_sites
from detection.coal.records import COAL_SEARCH, STOCKPILE_AREAS
from detection.ground.records import DISTURBANCES, FOOTPRINTS
from evidence.ledger import Ledger, holds_ledger
from evidence.rows import StoredRow
from imagery.archive.store import Archive
from imagery.cube.observations import OBSERVATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStatus:
    """One site."""

    site_id: str
    last_used: str | None
    """Newest look that could be used, UTC."""
    last_look: str | None
    """Newest look of any kind, UTC."""
    last_detail: str | None
    """What became of it."""
    looks: int
    used: int
    gaps: int
    footprint: dict[str, Any] | None
    """Newest epoch with a figure."""
    stockpiles: dict[str, dict[str, Any]]
    """Newest figure by zone; of a zone without any, why there is none."""
    coal_search: dict[str, Any] | None
    """Newest year of the search for coal outside the zones."""
    disturbances: int
    """Persistent ones."""
    unreviewed: int
    """Of these, without a verdict."""
    alerts: tuple[Alert, ...]
    """Open."""
    last_run: str | None = None
    """End of the newest run that brought it up to date, UTC."""
    last_search: str | None = None
    """End of the newest run that searched every source for it, UTC."""
    validation: tuple[str, ...] = ()
    """What stands behind the intervals."""


def workspace_status(workspace: Workspace) -> list[SiteStatus]:
    """Every site that has a file, measured or not."""
    ids, runs = workspace.site_ids(), Journal(workspace.logs_folder).runs()
    if not holds_ledger(workspace.ledger_path):
        archive = Archive(workspace.archive_folder)
        return [_with_runs(_site_status(site_id, (), (), archive), runs) for site_id in ids]
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        archive = Archive(workspace.archive_folder)
        checks = all_checks(ledger, readable_sites(workspace))
        return [
            replace(
                _with_runs(
                    _site_status(
                        site_id,
                        ledger.current(site_id=site_id),
                        read_alerts(ledger, site_id=site_id),
                        archive,
                    ),
                    runs,
                ),
                validation=tuple(validation_lines(checks.get(site_id, {}))),
            )
            for site_id in ids
        ]


def _with_runs(status: SiteStatus, runs: Sequence[RunRecord]) -> SiteStatus:
    site_id = status.site_id
    return replace(status, last_run=last_run(runs, site_id), last_search=last_search(runs, site_id))


def _site_status(
    site_id: str, rows: Sequence[StoredRow], alerts: Sequence[Alert], archive: Archive
) -> SiteStatus:
    looks = sorted(_data(rows, OBSERVATIONS.name), key=lambda look: str(look["datetime"]))
    used = [look for look in looks if look["status"] == "used"]
    footprints = [data for data in _data(rows, FOOTPRINTS.name) if data["area_ha"]["value"] is not None]
    reviewed = {str(data.get("subject")) for data in _data(rows, REVIEWS.name)}
    persistent = [d for d in _data(rows, DISTURBANCES.name) if d["machine_status"] == "persistent"]
    return SiteStatus(
        site_id=site_id,
        last_used=used[-1]["datetime"] if used else None,
        last_look=looks[-1]["datetime"] if looks else None,
        last_detail=_detail(looks[-1]) if looks else None,
        looks=len(looks),
        used=len(used),
        gaps=len(archive.gaps(site_id)),
        footprint=max(footprints, key=lambda data: str(data["epoch_end"])) if footprints else None,
        stockpiles=newest_stockpiles(_data(rows, STOCKPILE_AREAS.name)),
        coal_search=max(_data(rows, COAL_SEARCH.name), key=lambda data: int(data["year"]), default=None),
        disturbances=len(persistent),
        unreviewed=sum(str(d["disturbance_id"]) not in reviewed for d in persistent),
        alerts=tuple(alert for alert in alerts if alert.state == "open"),
    )


def _data(rows: Sequence[StoredRow], layer: str) -> list[dict[str, Any]]:
    return [dict(stored.row.data) for stored in rows if stored.row.layer == layer]


def _detail(look: dict[str, Any]) -> str:
    return str(look["status"]) + (f": {look['detail']}" if look.get("detail") else "")


def newest_stockpiles(areas: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of every zone the newest row with a figure or ends; of one that has none, the newest with its reason.

    Args:
        areas: rows of `stockpile_areas` of one site.
    """

    def worth(data: dict[str, Any]) -> tuple[bool, str]:
        return data["area_ha"]["high"] is not None, str(data["datetime"])

    newest = {str(data["zone_id"]): data for data in sorted(areas, key=worth)}
    return dict(sorted(newest.items()))


def days_since(moment: str | None, today: dt.date) -> int | None:
    """Days between an ISO 8601 moment and today."""
    return None if moment is None else (today - dt.datetime.fromisoformat(moment).date()).days
