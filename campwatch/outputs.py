"""What is derived from the ledger: results, custody lines, the map of each site."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TypeVar

import xarray as xr
from maps.records import RunInfo, SiteMapData
from maps.site_map import write_site_map

from aoi.records import Site
from campwatch import __version__
from campwatch.workspace import Workspace
from detection.records import Footprint, SeriesPoint, Stockpile, StockpileArea
from evidence.ledger import Ledger
from evidence.record_reading import read_record
from evidence.results import write_custody, write_results

Record = TypeVar("Record")


def rebuild_tables(workspace: Workspace, ledger: Ledger) -> None:
    """Write `results.gpkg` and `custody.jsonl` anew."""
    write_results(ledger, workspace.results_path)
    write_custody(ledger, workspace.custody_path)


def write_site_page(workspace: Workspace, site: Site, cube: xr.Dataset, ledger: Ledger) -> Path:
    """Write the map of one site from the ledger's current rows and the cube's imagery."""
    data = SiteMapData(
        site=site,
        run=_run_info(ledger, site.id),
        cube=cube,
        footprints=_records(ledger, "footprints", site.id, Footprint),
        stockpile_areas=_records(ledger, "stockpile_areas", site.id, StockpileArea),
        stockpiles=_records(ledger, "stockpiles", site.id, Stockpile),
        series=_records(ledger, "series", site.id, SeriesPoint),
    )
    return write_site_map(site_page_path(workspace, site.id), data)


def site_page_path(workspace: Workspace, site_id: str) -> Path:
    """Where the map of a site is."""
    return workspace.maps_folder / f"{site_id}.html"


def _records(ledger: Ledger, layer: str, site_id: str, kind: type[Record]) -> tuple[Record, ...]:
    return tuple(read_record(kind, stored.row) for stored in ledger.current(layer, site_id=site_id))


def _run_info(ledger: Ledger, site_id: str) -> RunInfo:
    last = ledger.custody(site_id)[-1]
    return RunInfo(run_id=last.run_id, as_of=dt.datetime.fromisoformat(last.time), version=__version__)
