"""From a site's archive to ledger rows: load the cube, measure, say from what and how."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import xarray as xr

from aoi.records import Site
from campwatch.identity import inputs_digest
from detection import boundary_change, disturbances, footprint
from detection.boundary_change import measure_boundary_changes
from detection.boundary_errors import BoundaryChangeParams
from detection.disturbances import DisturbanceParams, measure_disturbances
from detection.footprint import FootprintParams, measure_footprints
from detection.records import BoundaryChange, Disturbance, Footprint, SeriesPoint, Stockpile, StockpileArea
from detection.stockpiles import measure_stockpiles
from evidence.hashing import sha256_json
from evidence.rows import Row, iso_utc, plain, record_data, record_geometry
from imagery.observations import Observation, cube_observations

MEASURED_LAYERS = (
    "observations",
    "footprints",
    "disturbances",
    "boundary_changes",
    "stockpile_areas",
    "stockpiles",
    "series",
)
"""Layers that a measurement of a site describes completely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Digests of what a measurement works with."""

    site: str
    scenes: Mapping[str, str]
    """By scene id."""
    missed: tuple[Observation, ...] = ()
    """Passes that left no pixels, and why."""


def measured_rows(cube: xr.Dataset, site: Site, inputs: Inputs) -> list[Row]:
    """Every row that the cube of a site yields."""
    return [row for made in _measurements(cube, site, inputs) for row in _rows(made, site, inputs)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """The records of one layer, and how they came about."""

    layer: str
    records: Sequence[Any]
    method: str
    params: Any = None
    validated_on: str | None = None


def _measurements(cube: xr.Dataset, site: Site, inputs: Inputs) -> Iterator[_Measured]:
    looks = [*cube_observations(cube), *inputs.missed]
    yield _Measured(layer="observations", records=looks, method="look/1")
    footprint_params = FootprintParams()
    yield _Measured(
        layer="footprints",
        records=measure_footprints(cube, site, params=footprint_params),
        method=footprint.METHOD,
        params=footprint_params,
    )
    disturbance_params = DisturbanceParams()
    yield _Measured(
        layer="disturbances",
        records=measure_disturbances(cube, site, params=disturbance_params),
        method=disturbances.METHOD,
        params=disturbance_params,
    )
    boundary_params = BoundaryChangeParams()
    yield _Measured(
        layer="boundary_changes",
        records=measure_boundary_changes(site, params=boundary_params),
        method=boundary_change.METHOD,
        params=boundary_params,
        validated_on="simulation",
    )
    found = measure_stockpiles(cube, site)
    layers: dict[str, Sequence[Any]] = {
        "stockpile_areas": found.areas,
        "stockpiles": found.piles,
        "series": found.series,
    }
    for layer, records in layers.items():
        yield _Measured(
            layer=layer,
            records=records,
            method=found.method,
            params=found.params,
            validated_on=found.validated_on,
        )


def _rows(made: _Measured, site: Site, inputs: Inputs) -> list[Row]:
    params_hash = sha256_json(plain(asdict(made.params)) if made.params is not None else {})
    extra = {"validated_on": made.validated_on} if made.validated_on else {}
    return [
        Row(
            layer=made.layer,
            site_id=site.id,
            subject=_SUBJECTS[type(record)](record),
            time=_time(record),
            method=made.method,
            params_hash=params_hash,
            inputs_hash=inputs_digest(inputs.site, inputs.scenes, _scenes(record)),
            data=record_data(record) | extra,
            geometry=record_geometry(record),
        )
        for record in made.records
    ]


_SUBJECTS: dict[type, Callable[[Any], str]] = {
    Observation: lambda record: record.scene_id,
    Footprint: lambda record: record.boundary_id or "no_boundary",
    Disturbance: lambda record: record.disturbance_id,
    BoundaryChange: lambda record: f"{record.from_boundary_id}..{record.to_boundary_id}",
    StockpileArea: lambda record: record.zone_id,
    Stockpile: lambda record: record.pile_id,
    SeriesPoint: lambda record: f"{record.quantity}:{record.subject_kind}:{record.subject_id}",
}
"""What a record is about, within its layer and site."""


def _time(record: Any) -> str:
    if isinstance(record, Footprint):
        return f"{record.epoch_start.isoformat()}/{record.epoch_end.isoformat()}"
    if isinstance(record, BoundaryChange | Disturbance):
        return ""
    moment: dt.datetime = record.datetime
    return iso_utc(moment)


def _scenes(record: Any) -> Iterable[str] | None:
    if isinstance(record, Observation):
        return (record.scene_id,)
    if isinstance(record, BoundaryChange):
        return ()
    return getattr(record, "scene_ids", None)
