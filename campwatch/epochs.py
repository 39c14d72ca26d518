"""What hangs on whole years: a year whose looks have not changed is remembered instead of measured again.

What a year's footprint follows from: its own looks, those of the years up to the first that could be assessed
(change is counted from there), the site and the knobs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import asdict
from typing import TypeVar

import numpy as np
import xarray as xr

from aoi.records import Site
from campwatch.memory import Remembered
from detection import ground_changes
from detection.footprint import METHOD, FootprintParams, measure_footprints
from detection.ground_changes import GroundChangeParams, ground_changes_key, measure_ground_changes
from detection.records import Footprint, GroundChange
from evidence.hashing import sha256_json
from evidence.record_reading import record_document, record_from
from evidence.rows import plain
from imagery.cube.loading import CONTENT

Record = TypeVar("Record")


def remembered_footprints(
    cube: xr.Dataset,
    site: Site,
    *,
    site_digest: str,
    params: FootprintParams,
    memory: MutableMapping[str, bytes],
) -> list[Footprint]:
    """The same as `measure_footprints`; only years whose looks are new are read.

    Args:
        cube: with the coordinate `content`.
        site: whose footprints.
        site_digest: of everything that the site's file says.
        params: knobs.
        memory: values by key; extended.
    """
    held = _remembered(Footprint, memory)
    footprints: list[Footprint] = []
    opening: list[int] = []
    opened = False
    for year in _years(cube):
        wanted = [*opening, year]
        key = _key(cube, wanted, site_digest, params)
        found = held.get(key)
        if found is None:
            found = held[key] = measure_footprints(_of_years(cube, wanted), site, params=params)[-1:]
        footprints += found
        if not opened:
            opening.append(year)
            opened = found[-1].valid_fraction >= params.min_seen
    return footprints


def _years(cube: xr.Dataset) -> list[int]:
    return sorted({int(year) for year in cube["time"].dt.year.to_numpy()})


def _of_years(cube: xr.Dataset, years: Sequence[int]) -> xr.Dataset:
    wanted = np.isin(cube["time"].dt.year.to_numpy(), years)
    return cube.isel(time=np.flatnonzero(wanted)).load()


def _key(cube: xr.Dataset, years: Sequence[int], site_digest: str, params: FootprintParams) -> str:
    content = _season(cube, years, params.season)
    return sha256_json(["footprint", METHOD, site_digest, plain(asdict(params)), list(years), content])


def _season(cube: xr.Dataset, years: Iterable[int], months: tuple[int, int]) -> list[str]:
    """What the looks of these years' seasons hold; what lies outside the season is not looked at."""
    time = cube["time"].dt
    year, month = time.year.to_numpy(), time.month.to_numpy()
    wanted = np.isin(year, list(years)) & (month >= months[0]) & (month <= months[1])
    return [str(content) for content in cube[CONTENT].to_numpy()[wanted]]


def remembered_ground_changes(
    cube: xr.Dataset,
    site: Site,
    *,
    site_digest: str,
    params: GroundChangeParams,
    memory: MutableMapping[str, bytes],
) -> list[GroundChange]:
    """The same as `measure_ground_changes`; read only where a closed year holds something new.

    Args:
        cube: with the coordinate `content`.
        site: whose ground.
        site_digest: of everything that the site's file says.
        params: knobs.
        memory: values by key; extended.
    """
    key = sha256_json(
        ["ground_changes", ground_changes.METHOD, site_digest, ground_changes_key(cube, params)]
    )
    held = _remembered(GroundChange, memory)
    found = held.get(key)
    if found is None:
        found = held[key] = measure_ground_changes(cube, site, params=params)
    return found


def _remembered(kind: type[Record], memory: MutableMapping[str, bytes]) -> Remembered[list[Record]]:
    """Lists of records of one kind, with their outlines."""
    return Remembered(
        held=memory,
        encode=lambda records: json.dumps(list(map(record_document, records)), allow_nan=False).encode(),
        decode=lambda data: [record_from(kind, told) for told in json.loads(data)],
    )
