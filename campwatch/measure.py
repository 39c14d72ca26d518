"""From a site's archive to ledger rows: load the cube, measure, say from what and how."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import xarray as xr

from aoi.records import Site
from campwatch.epochs import remembered_footprints, remembered_ground_changes
from campwatch.identity import inputs_digest
from campwatch.inputs import Inputs, Knobs
from campwatch.knobs import with_knobs
from campwatch.memory import Remembered
from campwatch.stopwatch import Stopwatch
from detection import boundary_change, disturbances, footprint, ground_changes
from detection.boundary_change import measure_boundary_changes
from detection.boundary_errors import BoundaryChangeParams
from detection.coal.years import year_bytes, year_from
from detection.disturbance_state import state_bytes, state_from
from detection.disturbances import DisturbanceParams, measure_disturbances
from detection.footprint import FootprintParams, measure_footprints
from detection.ground_changes import GroundChangeParams, measure_ground_changes
from detection.records import (
    BoundaryChange,
    Disturbance,
    Footprint,
    GroundChange,
    SeriesPoint,
    Stockpile,
    StockpileArea,
)
from detection.stockpiles import StockpileParams, measure_stockpiles
from evidence.hashing import sha256_json
from evidence.rows import Row, carried, carried_geometry, iso_utc, plain, record_data, record_geometry
from imagery.cube.observations import Observation, cube_observations


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What every layer is measured from."""

    cube: xr.Dataset
    site: Site
    inputs: Inputs
    memory: MutableMapping[str, bytes] | None


def measured_rows(
    cube: xr.Dataset,
    site: Site,
    inputs: Inputs,
    *,
    watch: Stopwatch | None = None,
    memory: MutableMapping[str, bytes] | None = None,
) -> list[Row]:
    """Every row that the cube of a site yields.

    Args:
        cube: the site's scenes; with `memory` it may be one whose pixels are read as they are used.
        site: measured.
        inputs: digests of what it is measured from, and what the settings change.
        watch: where to book the time.
        memory: parts that were computed before; the rows are the same with and without.
    """
    watch = watch or Stopwatch()
    made = _measurements(_Work(cube=cube, site=site, inputs=inputs, memory=memory), watch)
    with watch.stage("rows"):
        return [row for one in made for row in _rows(one, site, inputs)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """The records of one layer, and how they came about."""

    layer: str
    records: Sequence[Any]
    method: str
    params: Any = None
    validated_on: str | None = None


def _measurements(work: _Work, watch: Stopwatch) -> list[_Measured]:
    with watch.stage("observations"):
        looks = [*cube_observations(work.cube), *work.inputs.missed]
    made = [_Measured(layer="observations", records=looks, method="look/1")]
    for stage, measure in _LAYERS.items():
        with watch.stage(stage):
            made += measure(work)
    return made


def _footprints(work: _Work) -> list[_Measured]:
    params = _footprint_params(work.inputs.knobs)
    if work.memory is None:
        records = measure_footprints(work.cube, work.site, params=params)
    else:
        digest = work.inputs.site
        records = remembered_footprints(
            work.cube, work.site, site_digest=digest, params=params, memory=work.memory
        )
    return [_Measured(layer="footprints", records=records, method=footprint.METHOD, params=params)]


def _disturbances(work: _Work) -> list[_Measured]:
    params = DisturbanceParams()
    states = (
        None if work.memory is None else Remembered(held=work.memory, encode=state_bytes, decode=state_from)
    )
    records = measure_disturbances(work.cube, work.site, params=params, checkpoints=states)
    return [_Measured(layer="disturbances", records=records, method=disturbances.METHOD, params=params)]


def _ground_changes(work: _Work) -> list[_Measured]:
    params = GroundChangeParams()
    if work.memory is None:
        records = measure_ground_changes(work.cube, work.site, params=params)
    else:
        records = remembered_ground_changes(
            work.cube, work.site, site_digest=work.inputs.site, params=params, memory=work.memory
        )
    return [_Measured(layer="ground_changes", records=records, method=ground_changes.METHOD, params=params)]


def _boundary_changes(work: _Work) -> list[_Measured]:
    params = BoundaryChangeParams()
    records = measure_boundary_changes(work.site, params=params)
    return [
        _Measured(
            layer="boundary_changes",
            records=records,
            method=boundary_change.METHOD,
            params=params,
            validated_on="simulation",
        )
    ]


def _stockpiles(work: _Work) -> list[_Measured]:
    params = _stockpile_params(work.inputs.knobs)
    years = None if work.memory is None else Remembered(held=work.memory, encode=year_bytes, decode=year_from)
    found = measure_stockpiles(work.cube, work.site, params=params, years=years)
    layers = {"stockpile_areas": found.areas, "stockpiles": found.piles, "series": found.series}
    return [
        _Measured(
            layer=layer,
            records=records,
            method=found.method,
            params=found.params,
            validated_on=found.validated_on,
        )
        for layer, records in layers.items()
    ]


_LAYERS: dict[str, Callable[[_Work], list[_Measured]]] = {
    "footprints": _footprints,
    "disturbances": _disturbances,
    "ground_changes": _ground_changes,
    "boundary_changes": _boundary_changes,
    "stockpiles": _stockpiles,
}
"""By stage of the run."""


def known_parameters(knobs: Knobs) -> dict[str, dict[str, Any]]:
    """The values of every method's knobs, by the digest that rows carry."""
    held = (
        _footprint_params(knobs),
        DisturbanceParams(),
        GroundChangeParams(),
        BoundaryChangeParams(),
        _stockpile_params(knobs),
    )
    return {_params_hash(params): plain(asdict(params)) for params in held}


def _footprint_params(knobs: Knobs) -> FootprintParams:
    return with_knobs(FootprintParams(), knobs.get("footprint", {}), where="measure.footprint")


def _stockpile_params(knobs: Knobs) -> StockpileParams:
    return with_knobs(StockpileParams(), knobs.get("stockpile", {}), where="measure.stockpile")


def _params_hash(params: Any) -> str:
    return sha256_json(plain(asdict(params)) if params is not None else {})


def _rows(made: _Measured, site: Site, inputs: Inputs) -> list[Row]:
    params_hash = _params_hash(made.params)
    everything = inputs_digest(inputs.site, inputs.scenes)
    extra = {"validated_on": made.validated_on} if made.validated_on else {}
    return [
        Row(
            layer=made.layer,
            site_id=site.id,
            subject=_SUBJECTS[type(record)](record),
            time=_time(record),
            method=made.method,
            params_hash=params_hash,
            inputs_hash=everything if used is None else inputs_digest(inputs.site, inputs.scenes, used),
            data=carried(record_data(record)) | extra,
            geometry=carried_geometry(record_geometry(record)),
        )
        for record, used in ((record, _scenes(record)) for record in made.records)
    ]


_SUBJECTS: dict[type, Callable[[Any], str]] = {
    Observation: lambda record: record.scene_id,
    Footprint: lambda record: record.boundary_id or "no_boundary",
    Disturbance: lambda record: record.disturbance_id,
    GroundChange: lambda record: record.change_id,
    BoundaryChange: lambda record: f"{record.from_boundary_id}..{record.to_boundary_id}",
    StockpileArea: lambda record: record.zone_id,
    Stockpile: lambda record: record.pile_id,
    SeriesPoint: lambda record: f"{record.quantity}:{record.subject_kind}:{record.subject_id}",
}
"""What a record is about, within its layer and site."""


def _time(record: Any) -> str:
    if isinstance(record, Footprint):
        return f"{record.epoch_start.isoformat()}/{record.epoch_end.isoformat()}"
    if isinstance(record, BoundaryChange | Disturbance | GroundChange):
        return ""
    moment: dt.datetime = record.datetime
    return iso_utc(moment)


def _scenes(record: Any) -> Iterable[str] | None:
    """The scenes that a record says it was made from; None for all."""
    if isinstance(record, Observation):
        return (record.scene_id,)
    if isinstance(record, BoundaryChange):
        return ()
    return getattr(record, "scene_ids", None)
