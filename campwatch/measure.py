"""From a site's archive to ledger rows: load the cube, measure, say from what and how."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import xarray as xr

from aoi.records import Site
from campwatch.identity import inputs_digest
from detection.footprint import FootprintParams, measure_footprints
from detection.records import Footprint, SeriesPoint, Stockpile, StockpileArea
from detection.stockpiles import StockpileParams, measure_stockpiles
from evidence.hashing import sha256_json
from evidence.rows import Row, iso_utc, plain, record_data, record_geometry
from imagery.observations import Observation, cube_observations

MEASURED_LAYERS = ("observations", "footprints", "stockpile_areas", "stockpiles", "series")
"""Layers that a measurement of a site describes completely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Digests of what a measurement works with."""

    site: str
    scenes: Mapping[str, str]
    """By scene id."""


def measured_rows(cube: xr.Dataset, site: Site, inputs: Inputs) -> list[Row]:
    """Every row that the cube of a site yields."""
    footprint_params, stockpile_params = FootprintParams(), StockpileParams()
    footprints = measure_footprints(cube, site, params=footprint_params)
    stockpiles = measure_stockpiles(cube, site, params=stockpile_params)
    rows = [
        *_rows("observations", cube_observations(cube), site, inputs, method="look/1", params=None),
        *_rows("footprints", footprints, site, inputs, method=FOOTPRINT_METHOD, params=footprint_params),
    ]
    for layer, records in (
        ("stockpile_areas", stockpiles.areas),
        ("stockpiles", stockpiles.piles),
        ("series", stockpiles.series),
    ):
        rows += _rows(layer, records, site, inputs, method=STOCKPILE_METHOD, params=stockpile_params)
    return rows


FOOTPRINT_METHOD = "footprint/1"
STOCKPILE_METHOD = "stockpile/1"


def _rows(
    layer: str, records: Sequence[Any], site: Site, inputs: Inputs, *, method: str, params: Any
) -> list[Row]:
    params_hash = sha256_json(plain(asdict(params)) if params is not None else {})
    return [
        Row(
            layer=layer,
            site_id=site.id,
            subject=_subject(record),
            time=_time(record),
            method=method,
            params_hash=params_hash,
            inputs_hash=inputs_digest(inputs.site, inputs.scenes, _scenes(record)),
            data=record_data(record),
            geometry=record_geometry(record),
        )
        for record in records
    ]


def _subject(record: Any) -> str:
    match record:
        case Observation():
            return record.scene_id
        case Footprint():
            return record.boundary_id or "no_boundary"
        case StockpileArea():
            return record.zone_id
        case Stockpile():
            return record.pile_id
        case SeriesPoint():
            return f"{record.quantity}:{record.subject_kind}:{record.subject_id}"
        case _:
            raise TypeError(f"{type(record).__name__} has no layer")


def _time(record: Any) -> str:
    if isinstance(record, Footprint):
        return f"{record.epoch_start.isoformat()}/{record.epoch_end.isoformat()}"
    moment: dt.datetime = record.datetime
    return iso_utc(moment)


def _scenes(record: Any) -> Iterable[str] | None:
    if isinstance(record, Observation):
        return (record.scene_id,)
    return getattr(record, "scene_ids", None)
