"""A made-up site with imagery and records, and a browser without a network that forgives nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from playwright.sync_api import Browser, Page
from rasterio.warp import transform_bounds
from shapely import Polygon, box

from aoi.records import Boundary, PublishedPoint, Sensitivity, Site, Zone, ZoneKind
from detection.boundary.records import BOUNDARY_CHANGES
from detection.coal.records import (
    SERIES,
    STOCKPILE_AREAS,
    STOCKPILES,
    SeriesPoint,
    Stockpile,
    StockpileArea,
)
from detection.ground.records import DISTURBANCES, FOOTPRINTS, Disturbance, Footprint
from evidence.layers import LayerSpec, by_name
from evidence.quantity import Quantity
from evidence.record_reading import read_record
from evidence.rows import Row
from maps.records import ImageRule, Look, Profile, RunInfo, SiteMapData, Verdict

SIDE = 60
STEP_DAYS = 45
N_LOOKS = 18
CLOUDED = 5
"""Index of the look that saw nothing."""
START = dt.datetime(2022, 3, 1, 2, 36, tzinfo=dt.UTC)
GRID = GeoBox((SIDE, SIDE), Affine(10, 0, 248_000, 0, -10, 4_384_000), "EPSG:32652")


def q(value: float, sd: float = 0.1) -> Quantity:
    return Quantity.measured(value, sd_random=sd)


def look_time(i: int) -> dt.datetime:
    return START + dt.timedelta(days=STEP_DAYS * i)


def made_cube(*, grid: GeoBox = GRID, n: int = N_LOOKS) -> xr.Dataset:
    """Green ground, a bare square that grows from the tenth look on, a cloud in each third look."""
    rng = np.random.default_rng(7)
    shape = (n, *grid.shape)
    base = {"blue": 0.03, "green": 0.06, "red": 0.04, "nir": 0.32, "swir16": 0.16}
    bare = {"blue": 0.09, "green": 0.13, "red": 0.18, "nir": 0.24, "swir16": 0.3}
    cloud = np.zeros(shape, dtype=bool)
    cloud[::3, :15, :20] = True
    cloud[CLOUDED] = True
    ground = np.zeros(shape, dtype=bool)
    for i in range(10, n):
        ground[i, 30:40, 35 : 38 + i] = True
    variables = {}
    for band, value in base.items():
        plane = np.where(ground, bare[band], value) + rng.normal(0, 0.004, shape)
        variables[band] = (("time", "y", "x"), np.where(cloud, 0.45, plane).astype(np.float32))
    dims = ("time", "y", "x")
    seen = (~cloud).mean(axis=(1, 2))
    times = np.array([look_time(i).replace(tzinfo=None) for i in range(n)], dtype="datetime64[ns]")
    cube = xr.Dataset(
        {
            **variables,
            "cloud": (dims, cloud),
            "shadow": (dims, np.zeros(shape, dtype=bool)),
            "snow": (dims, np.zeros(shape, dtype=bool)),
            "valid": (dims, ~cloud),
        },
        coords={
            "time": times,
            "scene_id": ("time", [f"SIM_{i:03d}" for i in range(n)]),
            "platform": ("time", ["sentinel-2a"] * n),
            "status": ("time", ["used" if s > 0 else "unusable" for s in seen]),
            "detail": ("time", ["" if s > 0 else "all cloud" for s in seen]),
            "valid_fraction": ("time", seen),
        },
    )
    return cube.assign_coords(xr_coords(grid))


def placed(x0: float, y0: float, x1: float, y1: float) -> Polygon:
    """A box in shares of the grid, in degrees."""
    west, south, east, north = transform_bounds("EPSG:32652", "EPSG:4326", *GRID.boundingbox.bbox)
    dx, dy = east - west, north - south
    return box(west + dx * x0, south + dy * y0, west + dx * x1, south + dy * y1)


def made_site(*, sensitivity: Sensitivity = Sensitivity.PUBLIC, name: str = "Test mine") -> Site:
    return Site(
        id="test-mine",
        name=name,
        name_ko="시험 광산",
        aliases=("Tŭkchang", "득장"),
        kind="mine",
        status="made up",
        aoi=placed(0, 0, 1, 1),
        sensitivity=sensitivity,
        boundaries=(
            Boundary(
                boundary_id="V1", geometry=placed(0.2, 0.2, 0.6, 0.7), valid_from="2015", valid_to="2023",
                sensitivity=sensitivity,
            ),
            Boundary(
                boundary_id="V2", geometry=placed(0.2, 0.2, 0.7, 0.7), valid_from="2023",
                sensitivity=sensitivity,
            ),
        ),
        zones=(
            Zone(
                id="yard", name="North yard", kind=ZoneKind.STOCKYARD, geometry=placed(0.25, 0.25, 0.4, 0.4),
                sensitivity=sensitivity,
            ),
        ),
        points=(PublishedPoint(id="pt", name="Listed", geometry=placed(0.5, 0.5, 0.6, 0.6).centroid,
            accuracy_m=900.0, sensitivity=sensitivity,
        ),),
    )  # fmt: skip


MAP_LAYERS = by_name((FOOTPRINTS, DISTURBANCES, STOCKPILE_AREAS, STOCKPILES, SERIES, BOUNDARY_CHANGES))


def rows_of(spec: LayerSpec, records: Iterable[object]) -> dict[str, tuple[Row, ...]]:
    """Rows of one layer, as a map takes them."""
    return {spec.name: tuple(spec.row(record, site_id="test-mine") for record in records)}


def records_of(data: SiteMapData, spec: LayerSpec) -> list[Any]:
    """The records that the rows of one layer were made of."""
    return [read_record(spec.record, row) for row in data.rows[spec.name]]


def with_records(data: SiteMapData, spec: LayerSpec, records: Iterable[object]) -> SiteMapData:
    """The map's data with other records of one layer."""
    return replace(data, rows={**data.rows, **rows_of(spec, records)})


def made_disturbance(name: str, geometry: Polygon, relation: str, day: dt.date) -> Disturbance:
    return Disturbance(
        disturbance_id=name,
        parents=(),
        kind="bare_ground",
        first_seen=day,
        first_seen_low=day - dt.timedelta(days=30),
        first_seen_high=day,
        persistent_since=day + dt.timedelta(days=60),
        machine_status="persistent",
        cause=None,
        boundary_id="V2",
        relation=relation,
        area_ha=q(1.2),
        outside_ha=q(0.4),
        advance_m=q(40, 8),
        bearing_deg=90.0,
        scene_ids=("SIM_010", "SIM_011"),
        geometry=geometry,
    )


def made_verdict(subject: str, reviewer: str, verdict: str, *, note: str = "") -> Verdict:
    return Verdict(
        subject=subject,
        verdict=verdict,
        reason_code="ground_works",
        likelihood="likely",
        confidence="moderate",
        reviewer=reviewer,
        reviewed_at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        note=note,
    )


def made_data(*, restricted: bool = True, sensitivity: Sensitivity = Sensitivity.PUBLIC) -> SiteMapData:
    """Eighteen looks over two years, one pile, two disturbances, one of which awaits its second review."""
    areas, piles, series = [], [], []
    for i in range(N_LOOKS):
        value = 0.5 + 0.05 * i
        if i != CLOUDED:
            areas.append(
                StockpileArea(
                    zone_id="yard",
                    datetime=look_time(i),
                    area_ha=q(value),
                    valid_fraction=0.95,
                    below_floor=i == 0,
                    bands=("red", "nir"),
                    scene_ids=(f"SIM_{i:03d}",),
                )
            )
            piles.append(
                Stockpile(
                    pile_id="yard/p1",
                    parents=(),
                    datetime=look_time(i),
                    area_ha=q(value),
                    first_seen=START.date(),
                    last_seen=look_time(i).date(),
                    geometry=placed(0.28, 0.28, 0.33 + 0.003 * i, 0.35),
                )
            )
        unseen = Quantity.not_assessable("no look")
        series.append(SeriesPoint(
            quantity="stockpile_area_ha", subject_kind="zone", subject_id="yard", datetime=look_time(i),
            value=unseen if i == CLOUDED else q(value, 0.05), n_looks=int(i != CLOUDED),
        ))  # fmt: skip
    footprints = tuple(
        Footprint(
            epoch_start=dt.date(year, 1, 1), epoch_end=dt.date(year + 1, 1, 1), boundary_id="V1",
            area_ha=q(4 + k), inside_ha=q(3 + k), outside_ha=q(1.0), valid_fraction=0.9, scene_ids=("a", "b"),
            geometry=placed(0.5, 0.5, 0.6 + 0.1 * k, 0.65),
        )
        for k, year in enumerate((2022, 2023, 2024))
    )  # fmt: skip
    return SiteMapData(
        site=made_site(sensitivity=sensitivity),
        run=RunInfo(run_id="run-1", as_of=look_time(N_LOOKS), version="0.1"),
        cube=made_cube(),
        looks=(
            Look(
                datetime=dt.datetime(2022, 8, 1, 2, 36, tzinfo=dt.UTC),
                status="missing",
                detail="no scene listed",
            ),
            Look(datetime=dt.datetime(2022, 9, 1, 2, 36, tzinfo=dt.UTC), status="failed", detail="HTTP 500"),
        ),
        layers=MAP_LAYERS,
        rows={
            **rows_of(FOOTPRINTS, footprints),
            **rows_of(
                DISTURBANCES,
                [
                    made_disturbance("D-1", placed(0.55, 0.3, 0.75, 0.5), "crossing", dt.date(2023, 6, 1)),
                    made_disturbance("D-2", placed(0.75, 0.6, 0.85, 0.7), "outside", dt.date(2023, 9, 1)),
                ],
            ),
            **rows_of(STOCKPILE_AREAS, areas),
            **rows_of(STOCKPILES, piles),
            **rows_of(SERIES, series),
        },
        verdicts=(made_verdict("D-1", "A1", "rejected", note="first-verdict-note"),),
        new_since=dt.datetime(2023, 7, 1, tzinfo=dt.UTC),
        profile=Profile(restricted=restricted),
        simulated=True,
    )


def with_rule(data: SiteMapData, **rule: float) -> SiteMapData:
    return replace(data, rule=replace(ImageRule(), **rule))


@pytest.fixture(scope="session")
def make() -> Callable[..., SiteMapData]:
    return made_data


def _inside(url: str, folder: Path) -> bool:
    parts = urlparse(url)
    if parts.scheme in {"data", "blob"}:
        return True
    return parts.scheme == "file" and Path(unquote(parts.path)).is_relative_to(folder)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page without a network; a console error, exception or outside request fails the test."""
    faults: list[str] = []
    contexts = []

    def opened(path: Path, *, width: int = 1440, height: int = 900, fragment: str = "") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, offline=True, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        page.on(
            "console",
            lambda m: (
                faults.append(f"console {m.type}: {m.text}") if m.type in {"error", "warning"} else None
            ),
        )
        page.on("pageerror", lambda e: faults.append(f"exception: {e}"))
        page.on(
            "request", lambda r: None if _inside(r.url, path.parent) else faults.append(f"request: {r.url}")
        )
        page.goto(path.as_uri() + fragment)
        page.wait_for_selector("html[data-ready=yes]", state="attached")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults, faults
