"""From a site's cube to ledger rows: the list of measurements, and from what and how each row came."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import asdict, replace
from typing import Any

import xarray as xr

from aoi.records import Site
from campwatch.identity import inputs_digest
from campwatch.run.inputs import Inputs, Overrides, with_overrides
from campwatch.run.stopwatch import Stopwatch
from detection.boundary import change as boundary_change
from detection.coal import measure as stockpiles
from detection.ground import landsat
from detection.ground import measure as ground
from detection.ground.records import DISTURBANCES
from evidence.arrays import Room, in_memory
from evidence.hashing import sha256_json
from evidence.rows import Row, carried_row, plain
from imagery.cube import observations
from imagery.cube.observations import OBSERVATIONS
from imagery.measurement import Measured, Measurement, Work

MEASUREMENTS = (
    observations.MEASUREMENT,
    ground.MEASUREMENT,
    landsat.MEASUREMENT,
    boundary_change.MEASUREMENT,
    stockpiles.MEASUREMENT,
)
"""Every measurement of a site, in the order of a run."""


def measured_rows(
    cube: xr.Dataset,
    site: Site,
    inputs: Inputs,
    *,
    watch: Stopwatch | None = None,
    memory: MutableMapping[str, bytes] | None = None,
    others: Mapping[str, Callable[[], xr.Dataset]] | None = None,
    room: Room = in_memory,
) -> list[Row]:
    """Every row that the cube of a site yields.

    Args:
        cube: the site's scenes; with `memory` it may be one whose pixels are read as they are used.
        site: measured.
        inputs: digests of what it is measured from, and what the settings change.
        watch: where to book the time.
        memory: parts that were computed before; the rows are the same with and without.
        others: cubes of other instruments, by sensor.
        room: where large arrays are put.
    """
    watch = watch or Stopwatch()
    work = _work(cube, site, inputs, memory, others, room)
    rows: list[Row] = []
    for measurement in MEASUREMENTS:
        params = _params(measurement, inputs.overrides)
        with watch.stage(measurement.stage):
            found = measurement.measure(replace(work, params=params))
        with watch.stage("rows"):
            rows += [row for one in found for row in _rows(one, site, inputs, _params_hash(params))]
    return rows


def measure_ahead(
    cube: xr.Dataset,
    site: Site,
    inputs: Inputs,
    *,
    memory: MutableMapping[str, bytes],
    part: int,
    parts: int,
    others: Mapping[str, Callable[[], xr.Dataset]] | None = None,
    room: Room = in_memory,
) -> None:
    """Compute a part of what `measured_rows` will find remembered; arguments as there.

    Args:
        cube: the site's scenes.
        site: to be measured.
        inputs: what it is measured from.
        memory: extended.
        part: from 0. The first ones are measurements that cannot be divided; the others share the rest.
        parts: so many in all, more than measurements that cannot be divided.
        others: cubes of other instruments.
        room: where large arrays are put.
    """
    ahead = [(one, one.ahead) for one in MEASUREMENTS if one.ahead is not None]
    whole = [pair for pair in ahead if not pair[1].divisible]
    if part < len(whole):
        mine, share, shares = whole[part : part + 1], 0, 1
    else:
        mine = [pair for pair in ahead if pair[1].divisible]
        share, shares = part - len(whole), parts - len(whole)
    work = _work(cube, site, inputs, memory, others, room)
    for measurement, its in mine:
        its.compute(replace(work, params=_params(measurement, inputs.overrides)), share, shares)


def _work(
    cube: xr.Dataset,
    site: Site,
    inputs: Inputs,
    memory: MutableMapping[str, bytes] | None,
    others: Mapping[str, Callable[[], xr.Dataset]] | None,
    room: Room,
) -> Work:
    return Work(
        cube=cube,
        site=site,
        site_digest=inputs.site,
        memory=memory,
        earlier={DISTURBANCES.name: inputs.earlier, OBSERVATIONS.name: inputs.gaps},
        others=others or {},
        room=room,
    )


def known_parameters(overrides: Overrides) -> dict[str, dict[str, Any]]:
    """The values of every method's parameters, by the digest that rows carry."""
    held = [_params(measurement, overrides) for measurement in MEASUREMENTS if measurement.params]
    return {_params_hash(params): plain(asdict(params)) for params in held}


def _params(measurement: Measurement, overrides: Overrides) -> Any:
    """The parameters of a measurement as the settings have them."""
    if measurement.params is None:
        return None
    told: Mapping[str, Any] = overrides.get(measurement.settings, {}) if measurement.settings else {}
    return with_overrides(measurement.params(), told, where=f"measure.{measurement.settings}")


def _params_hash(params: Any) -> str:
    return sha256_json(plain(asdict(params)) if params is not None else {})


def _rows(made: Measured, site: Site, inputs: Inputs, params_hash: str) -> Iterator[Row]:
    for record in made.records:
        used = made.layer.scenes_of(record)
        # A figure of all scenes that one more leaves as it was is no other figure: custody names the scenes.
        row = made.layer.row(
            record,
            site_id=site.id,
            params_hash=params_hash,
            inputs_hash=inputs_digest(inputs.site, inputs.scenes, () if used is None else used),
            validated_on=made.validated_on,
        )
        yield carried_row(row)
