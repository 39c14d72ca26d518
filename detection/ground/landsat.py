"""Ground at 30 m by Landsat 8 and 9: one instrument through 2016, for the question what came after it.

The engine is that of 10 m (`detection.ground.measure`); only the pixels are larger. Every year is compared
with one fixed boundary version, so that a new tracing moves nothing.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from aoi.pixels import pixel_size_m
from aoi.records import Site
from detection.ground.landsat_records import LANDSAT_GROUND, LANDSAT_RATES, NO_PAIRS, LandsatGround
from detection.ground.measure import fixed_version, measure_ground
from detection.ground.params import GroundParams
from detection.ground.rates import not_negative, with_narrow
from detection.ground.records import Footprint, GroundRate
from evidence.quantity import Quantity
from imagery.cube.landsat import SENSOR, coarsened
from imagery.measurement import Measured, Measurement, Work
from imagery.radiometry.sensors import PairParams, sensor_residuals

PAIRED = ("red", "nir08")
"""Bands whose difference says how the instruments agree: those of NDVI."""


def measure_landsat(
    cube: xr.Dataset,
    site: Site,
    *,
    params: GroundParams | None = None,
    sentinel: xr.Dataset | None = None,
    memory: MutableMapping[str, bytes] | None = None,
) -> tuple[list[LandsatGround], tuple[GroundRate, ...]]:
    """Yearly accounts of a site's ground from Landsat alone, and rates before and after 2016.

    Args:
        cube: (time, y, x) at 30 m, as `load_cube` gives it on `landsat_grid`; bands as `measure_ground`
            takes them.
        site: with its aoi and boundary versions.
        params: of the ground history.
        sentinel: the site's cube at 10 m, to hold the instruments against each other.
        memory: what was learnt before.
    """
    pairs, (red, nir) = (0, (NO_PAIRS, NO_PAIRS)) if sentinel is None else differences(sentinel, cube)
    fixed = fixed_version(site)
    wanted = None if fixed is None else fixed.boundary_id
    size = pixel_size_m(cube.odc.geobox)
    years = cube["time"].dt.year.to_numpy()
    rows = measure_ground(cube, site, params=params, sensor=SENSOR, memory=memory)
    found = rows.footprints
    chosen = {one.epoch_start: one for one in found if one.boundary_id == wanted or one.area_ha.value is None}
    accounts = [
        replace(
            _account(one, wanted, size, int((years == one.epoch_start.year).sum())),
            pairs=pairs,
            red_difference=red,
            nir_difference=nir,
        )
        for one in chosen.values()
    ]
    return accounts, rows.rates


def differences(sentinel: xr.Dataset, landsat: xr.Dataset) -> tuple[int, tuple[Quantity, ...]]:
    """Pairs of looks within three days, and Landsat less Sentinel-2 in each band of `PAIRED`.

    Args:
        sentinel: (time, y, x) at 10 m.
        landsat: (time, y, x) at 30 m.

    Returns:
        how many pairs, and the median difference of reflectance with the standard error of its pairs.
    """
    none = 0, (NO_PAIRS,) * len(PAIRED)
    gap_days = np.abs(sentinel.time.values[:, None] - landsat.time.values[None, :]) / np.timedelta64(1, "D")
    near = (gap_days <= PairParams().days).any(axis=1)
    if not near.any() or any(band not in cube for band in PAIRED for cube in (sentinel, landsat)):
        return none
    close = sentinel[[*PAIRED, "valid", "snow"]].isel(time=np.flatnonzero(near))
    found = sensor_residuals(coarsened(close, landsat.odc.geobox), landsat, PAIRED)
    if found[0].pairs <= 1:
        return none
    return found[0].pairs, tuple(
        Quantity.measured(one.median, sd_random=one.spread / float(np.sqrt(one.pairs))) for one in found
    )


def _account(one: Footprint, boundary_id: str | None, size_m: float, looks: int) -> LandsatGround:
    return LandsatGround(
        epoch_start=one.epoch_start,
        epoch_end=one.epoch_end,
        account_date=one.account_date,
        boundary_id=boundary_id,
        sensor=SENSOR,
        resolution_m=size_m,
        looks=looks,
        area_ha=not_negative(with_narrow(one.area_ha, size_m)),
        inside_ha=not_negative(with_narrow(one.inside_ha, size_m)),
        outside_ha=not_negative(with_narrow(one.outside_ha, size_m)),
        opened_ha=not_negative(with_narrow(one.opened_ha, size_m)),
        bare_at_start_ha=one.bare_at_start_ha,
        scene_ids=tuple(one.scene_ids),
    )


def _measure(work: Work) -> Sequence[Measured]:
    cube = work.cube_of(SENSOR)
    if cube is None:
        return ()
    found, rates = measure_landsat(
        cube, work.site, params=work.params, sentinel=work.cube, memory=work.memory
    )
    return (
        Measured(layer=LANDSAT_GROUND, records=found),
        Measured(layer=LANDSAT_RATES, records=rates),
    )


MEASUREMENT = Measurement(
    layers=(LANDSAT_GROUND, LANDSAT_RATES),
    stage="ground at 30 m",
    measure=_measure,
    params=GroundParams,
    settings="ground",
)
