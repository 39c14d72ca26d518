"""What is derived from the ledger: results, custody lines, the map of each site."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from aoi.records import Site
from campwatch import __version__
from campwatch.alerts.book import read_alerts
from campwatch.language import korean
from campwatch.layers import LAYERS
from campwatch.pages.paths import map_profile, site_page_path
from campwatch.reviews.queue import Desk
from campwatch.reviews.validation import Checks, annotation, site_checks
from campwatch.reviews.verdicts import READERS_NEEDED, ReviewState, last_reviews, map_verdict, queue
from campwatch.workspace import Workspace, readable_sites
from evidence.anchors import ANCHORED, anchor_of
from evidence.custody import WORKSPACE_CHAIN
from evidence.errors import WorkspaceError
from evidence.ledger import Ledger
from evidence.results import write_results
from evidence.runs import layer_rows
from evidence.tables import layer_frames
from imagery.cube.observations import OBSERVATIONS
from maps.records import Look, QueueItem, RaisedAlert, RandomPlace, RunInfo, SiteMapData
from maps.site_map import write_site_map


def rebuild_tables(
    workspace: Workspace, ledger: Ledger, sites: Sequence[Site], *, checks: Mapping[str, Checks] | None = None
) -> None:
    """Write `results.gpkg` anew; `checks` by site where they are known already."""
    annotate = annotation(ledger, sites, checks=checks)
    write_results(ledger, workspace.results_path, LAYERS.values(), annotate=annotate)


def current_table(workspace: Workspace, layer: str) -> pd.DataFrame:
    """The current rows of one layer with what stands behind their intervals, as `results.gpkg` has them.

    Raises:
        WorkspaceError: where there is no such layer.
    """
    spec = LAYERS.get(layer)
    if spec is None:
        raise WorkspaceError(f"no layer {layer}; there are: {', '.join(LAYERS)}")
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        annotate = annotation(ledger, readable_sites(workspace))
        return layer_frames(spec, annotate(layer_rows(ledger, spec)))[0][1]


def write_site_page(
    workspace: Workspace,
    site: Site,
    cube: xr.Dataset,
    ledger: Ledger,
    *,
    restricted: bool | None = None,
    drawn: MutableMapping[str, bytes] | None = None,
) -> Path:
    """Write the map of one site from the ledger's current rows and the cube's imagery.

    Args:
        workspace: where it goes.
        site: whose map.
        cube: its imagery.
        ledger: its measurements.
        restricted: whether to show what is restricted; as the settings say where None.
        drawn: pictures of earlier maps; extended.
    """
    profile = map_profile(workspace, site, restricted=restricted)
    checks = site_checks(ledger, site)
    annotate = annotation(ledger, [site], checks={site.id: checks})
    shown = [spec for spec in LAYERS.values() if spec.on_map]
    data = SiteMapData(
        site=site,
        run=run_info(ledger, site.id),
        cube=cube,
        drawn=drawn,
        looks=_pictureless(ledger, site.id),
        layers=LAYERS,
        rows={
            spec.name: tuple(stored.row for stored in annotate(layer_rows(ledger, spec, site_id=site.id)))
            for spec in shown
        },
        alerts=tuple(
            RaisedAlert(
                alert_id=alert.alert_id,
                rule=alert.rule,
                subject=alert.subject,
                state=alert.state,
                raised_at=dt.datetime.fromisoformat(alert.raised_at),
                detail=alert.detail,
            )
            for alert in read_alerts(ledger, site_id=site.id)
        ),
        **review_data(Desk(workspace=workspace, site=site, ledger=ledger)),
        checks=checks,
        profile=profile,
        simulated=site.kind == "simulated",
        time_zone=workspace.settings.map.time_zone,
        korean=korean,
    )
    return write_site_map(site_page_path(workspace, site, profile), data)


def review_data(desk: Desk) -> dict[str, Any]:
    """What the map needs for reviewing: verdicts that hold, the queue, random places."""
    places, states = desk.places(), desk.states()
    waiting = queue(states)
    settled = [state for state in states if state not in waiting and state.standing]
    return {
        "verdicts": tuple(map_verdict(given) for state in states for given in state.holding),
        "queue": tuple(map(_queue_item, [*waiting, *settled])),
        "last_reviews": last_reviews(states),
        "new_since": max(last_reviews(states).values(), default=None),
        "places": tuple(RandomPlace(place_id=p.place_id, geometry=p.geometry) for p in places),
    }


def _queue_item(state: ReviewState) -> QueueItem:
    return QueueItem(
        kind=state.kind,
        subject=state.subject,
        status=state.review_status,
        because=state.reopened_because,
        shown_before=len(state.standing) >= READERS_NEEDED,
    )


def _pictureless(ledger: Ledger, site_id: str) -> tuple[Look, ...]:
    """Looks that left no pixels: missing, failed, or left out for cloud before fetching."""
    rows = [stored.row.data for stored in ledger.current(OBSERVATIONS.name, site_id=site_id)]
    return tuple(
        Look(
            datetime=dt.datetime.fromisoformat(data["datetime"]),
            status=data["status"],
            detail=data["detail"] or "",
            scene_id=data["scene_id"],
        )
        for data in rows
        if data["valid_fraction"] is None
    )


def run_info(ledger: Ledger, site_id: str) -> RunInfo:
    """Which run the newest figures of a site are from."""
    last = ledger.last_entry(site_id, "measure") or ledger.custody(site_id)[-1]
    anchored = ledger.last_entry(WORKSPACE_CHAIN, ANCHORED)
    return RunInfo(
        run_id=last.run_id,
        as_of=dt.datetime.fromisoformat(last.time),
        version=__version__,
        anchor=None if anchored is None else anchor_of(anchored),
    )
