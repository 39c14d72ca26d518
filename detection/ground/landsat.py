"""Ground at 30 m by Landsat 8 and 9: one instrument through 2016, for the question what came after it.

The engine is that of 10 m (`detection.ground.measure`); only the pixels are larger. Every year is compared
with one fixed boundary version, so that a new tracing moves nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from aoi.pixels import pixel_size_m
from aoi.records import Site
from detection.boundary.records import BOUNDARY
from detection.ground.measure import fixed_version, measure_ground
from detection.ground.params import GroundParams
from detection.ground.records import TWO_FIGURES, TWO_FIGURES_KO, Footprint
from evidence.layers import LayerSpec, Printed, Rows, Shown, Style, column, record
from evidence.quantity import Quantity
from imagery.cube.landsat import SENSOR, coarsened
from imagery.measurement import Measured, Measurement, Work
from imagery.radiometry.sensors import PairParams, sensor_residuals

NO_PAIRS = Quantity.not_assessable("no look of Sentinel-2 within three days of one of Landsat")
PAIRED = ("red", "nir08")
"""Bands whose difference says how the instruments agree: those of NDVI."""


@record
class LandsatGround:
    """Account of the ground of one year at 30 m, against one fixed boundary version."""

    epoch_start: dt.date = column("first day", "첫날", shown=Shown.PUBLIC)
    epoch_end: dt.date = column("first day after", "마지막 날의 다음 날", shown=Shown.PUBLIC)
    account_date: dt.date | None = column(
        "day for which the stocks stand; what opened counts from that day of the year before",
        "잔액의 기준일; 새 교란은 전년 같은 날부터",
        shown=Shown.PUBLIC,
        default=None,
    )
    boundary_id: str | None = column(
        "the one boundary version that all years are compared with: in force on 2016-12-31, or the first",
        "모든 해를 비교하는 하나의 경계 버전: 2016-12-31에 유효한 것, 없으면 첫 버전",
        shown=Shown.BOUNDARY,
        names=BOUNDARY,
    )
    sensor: str = column("instrument", "센서", shown=Shown.PUBLIC)
    resolution_m: float = column(
        "side of a pixel", "화소 한 변", unit="m", shown=Shown.PUBLIC, public_decimals=0
    )
    looks: int = column("looks of the year", "그해 관측 수", shown=Shown.PUBLIC)
    area_ha: Quantity = column(
        "disturbed: whole pixels of ground that was disturbed after it was first seen and is so still",
        "교란: 처음 관측된 뒤 교란되어 그 상태인 땅(화소 전체)",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=2,
    )
    inside_ha: Quantity = column(
        "of it inside the boundary", "그중 경계 안", unit="ha", shown=Shown.BOUNDARY, public_decimals=2
    )
    outside_ha: Quantity = column(
        "of it outside the boundary", "그중 경계 밖", unit="ha", shown=Shown.BOUNDARY, public_decimals=2
    )
    opened_ha: Quantity = column(
        "newly disturbed since the account day before",
        "전 기준일 뒤 새로 교란",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=2,
    )
    bare_at_start_ha: Quantity = column(
        "bare when it was first seen; never new",
        "처음 관측 때 이미 드러나 있던 땅; 새 교란이 아님",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=2,
    )
    pairs: int = column(
        "looks of Sentinel-2 within three days of one of Landsat, over the whole record",
        "Landsat 관측 3일 이내의 Sentinel-2 관측 쌍(전 기간)",
        shown=Shown.PUBLIC,
        default=0,
    )
    red_difference: Quantity = column(
        "Landsat less Sentinel-2 in the red, reflectance: what every difference across the change of "
        "instrument has in common at this site",
        "적색 반사율 차(Landsat − Sentinel-2): 센서 교체를 사이에 둔 모든 차이에 공통된 오차",
        unit="1",
        shown=Shown.PUBLIC,
        public_decimals=4,
        default=NO_PAIRS,
    )
    nir_difference: Quantity = column(
        "the same in the near infrared",
        "근적외선에서 같은 차이",
        unit="1",
        shown=Shown.PUBLIC,
        public_decimals=4,
        default=NO_PAIRS,
    )
    scene_ids: tuple[str, ...] = column("looks used", "사용한 관측", shown=Shown.PUBLIC)


LANDSAT_GROUND = LayerSpec(
    name="landsat_ground",
    title="Accounts of the ground per year at 30 m by Landsat, from 2013",
    title_ko="Landsat 30 m 연도별 땅의 계정(2013년부터)",
    record=LandsatGround,
    method="ground-1-30m",
    subject="{boundary_id}",
    absent="no_boundary",
    time=("epoch_start", "epoch_end"),
    scenes="scene_ids",
    measured=True,
    rows=Rows.PUBLIC,
    age="epoch_end",
    span=("epoch_start", "epoch_end"),
    label="Ground by Landsat, {epoch_start} to {epoch_end}",
    style=Style(line="#56B4E9", width_mm=0.3, fill_opacity=0.2, height=20),
    printed=Printed(
        caption="Ground disturbed on 1 August by Landsat alone (30 m), against one boundary version",
        caption_ko="Landsat만으로 본 8월 1일의 교란 면적(30 m), 하나의 경계 버전 기준",
        note=TWO_FIGURES,
        note_ko=TWO_FIGURES_KO,
        columns=(
            ("epoch_start", "from", "부터"),
            ("epoch_end", "until (not included)", "까지(그날 제외)"),
            ("boundary_id", "boundary version", "경계 버전"),
            ("area_ha", "disturbed, ha", "교란, ha"),
            ("inside_ha", "disturbed inside, ha", "교란(안), ha"),
            ("outside_ha", "disturbed outside, ha", "교란(밖), ha"),
            ("opened_ha", "newly disturbed, ha", "새 교란, ha"),
            ("looks", "looks", "관측 수"),
        ),
    ),
)


def measure_landsat(
    cube: xr.Dataset,
    site: Site,
    *,
    params: GroundParams | None = None,
    sentinel: xr.Dataset | None = None,
) -> list[LandsatGround]:
    """Yearly accounts of a site's ground from Landsat alone.

    Args:
        cube: (time, y, x) at 30 m, as `load_cube` gives it on `landsat_grid`; bands as `measure_ground`
            takes them.
        site: with its aoi and boundary versions.
        params: of the ground history.
        sentinel: the site's cube at 10 m, to hold the instruments against each other.
    """
    pairs, (red, nir) = (0, (NO_PAIRS, NO_PAIRS)) if sentinel is None else differences(sentinel, cube)
    fixed = fixed_version(site)
    wanted = None if fixed is None else fixed.boundary_id
    size = pixel_size_m(cube.odc.geobox)
    years = cube["time"].dt.year.to_numpy()
    found = measure_ground(cube, site, params=params).footprints
    chosen = {one.epoch_start: one for one in found if one.boundary_id == wanted or one.area_ha.value is None}
    return [
        replace(
            _account(one, wanted, size, int((years == one.epoch_start.year).sum())),
            pairs=pairs,
            red_difference=red,
            nir_difference=nir,
        )
        for one in chosen.values()
    ]


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
        area_ha=one.area_ha,
        inside_ha=one.inside_ha,
        outside_ha=one.outside_ha,
        opened_ha=one.opened_ha,
        bare_at_start_ha=one.bare_at_start_ha,
        scene_ids=tuple(one.scene_ids),
    )


def _measure(work: Work) -> Sequence[Measured]:
    cube = work.cube_of(SENSOR)
    if cube is None:
        return ()
    found = measure_landsat(cube, work.site, params=work.params, sentinel=work.cube)
    return (Measured(layer=LANDSAT_GROUND, records=found),)


MEASUREMENT = Measurement(
    layers=(LANDSAT_GROUND,), stage="ground at 30 m", measure=_measure, params=GroundParams, settings="ground"
)
