"""Looks: one record per scene, whether it could be used or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from evidence.layers import LayerSpec, Rows, Shown, column, record
from imagery.archive.gaps import Gap, GapKind
from imagery.measurement import Measured, Measurement, Work
from imagery.scenes import scene_id

if TYPE_CHECKING:
    import xarray as xr  # loads slowly, and gaps are told without a cube

PYONGYANG = ZoneInfo("Asia/Pyongyang")
"""UTC+9, and UTC+8:30 from 2015-08-15 to 2018-05-04."""


@record
class Observation:
    """What became of one scene over one site."""

    scene_id: str = column("platform and datatake", "위성과 촬영(datatake)", shown=Shown.PUBLIC)
    datetime: dt.datetime = column("sensing time, UTC", "촬영 시각(UTC)", shown=Shown.PUBLIC)
    local_date: dt.date = column(
        "the date on the ground in Korea, UTC+9", "현지(한국) 날짜, UTC+9", shown=Shown.PUBLIC
    )
    sensor: str = column("platform", "위성", shown=Shown.PUBLIC)
    relative_orbit: int | None = column("relative orbit", "상대 궤도", shown=Shown.PUBLIC)
    status: str = column(
        "used, unusable, no_data, missing or failed",
        "used(사용), unusable(사용 불가), no_data(자료 없음), missing(없음), failed(실패)",
        shown=Shown.PUBLIC,
    )  # fmt: skip
    detail: str | None = column("why it was not used", "사용하지 않은 이유", shown=Shown.PUBLIC)
    valid_fraction: float | None = column(
        "share of the aoi that was seen clearly", "맑게 관측된 면적의 비율", unit="1", shown=Shown.PUBLIC
    )
    snow_fraction: float | None = column(
        "share of the seen aoi under snow", "관측된 면적 가운데 눈에 덮인 비율", unit="1", shown=Shown.PUBLIC
    )
    dx_m: float | None = column(
        "shift to the east that was measured and taken out", "측정하여 보정한 동쪽 이동량",
        unit="m", shown=Shown.PUBLIC,
    )  # fmt: skip
    dy_m: float | None = column(
        "shift to the north that was measured and taken out", "측정하여 보정한 북쪽 이동량",
        unit="m", shown=Shown.PUBLIC,
    )  # fmt: skip
    residual_px: float | None = column(
        "what the registration could not take out", "정합으로 보정하지 못한 잔차",
        unit="10 m pixels", shown=Shown.PUBLIC,
    )  # fmt: skip
    offset_applied: float | None = column(
        "radiometric offset that was applied", "적용한 복사 오프셋", unit="reflectance", shown=Shown.PUBLIC
    )
    baseline: str | None = column("processing baseline", "처리 베이스라인", shown=Shown.PUBLIC)


OBSERVATIONS = LayerSpec(
    name="observations",
    title="Looks: every scene, usable or not",
    title_ko="관측: 사용 여부와 관계없이 모든 영상",
    record=Observation,
    method="look/1",
    subject="{scene_id}",
    time=("datetime",),
    scenes="scene_id",
    measured=True,
    rows=Rows.PUBLIC,
    age="datetime",
    on_map=False,
    label="Look of {datetime}",
)


def cube_observations(cube: xr.Dataset) -> list[Observation]:
    """One observation per time step of a cube, in the order of time."""
    told = told_of_looks(cube)
    return [
        _observation({name: values[look] for name, values in told.items()})
        for look in range(cube.sizes["time"])
    ]


def told_of_looks(cube: xr.Dataset) -> dict[str, NDArray[Any]]:
    """What a cube says of each look beside its pixels, by name: (time,) each."""
    return {str(name): held.to_numpy() for name, held in cube.coords.items() if held.dims == ("time",)}


def _measure(work: Work) -> list[Measured]:
    return [
        Measured(
            layer=OBSERVATIONS,
            records=[*cube_observations(work.cube), *work.earlier.get(OBSERVATIONS.name, ())],
        )
    ]


MEASUREMENT = Measurement(layers=(OBSERVATIONS,), stage="looks", measure=_measure)

_STATUS_OF_GAP = {
    GapKind.CLOUD: "unusable",
    GapKind.ERROR: "failed",
    GapKind.QUOTA: "failed",
    GapKind.NO_DATA: "no_data",
    GapKind.NO_SCENE: "missing",
    GapKind.UNEXPLAINED: "missing",
}


def gap_observations(gaps: Iterable[Gap], *, known: Iterable[str]) -> list[Observation]:
    """One observation per pass that left no pixels, for passes that are not among the scenes `known`.

    Where several gaps belong to one pass (tiles, sources), the newest word counts; that a tile has no data
    counts where nothing else is known.
    """
    seen = set(known)
    found: dict[str, Observation] = {}
    told = [gap for gap in gaps if gap.kind is not GapKind.BANDS]  # a look was made
    for gap in sorted(told, key=lambda gap: (gap.kind is not GapKind.NO_DATA, gap.recorded or gap.datetime)):
        identifier = scene_id([gap.as_product()])
        if identifier not in seen:
            found[identifier] = _gap_observation(identifier, gap)
    return sorted(found.values(), key=lambda look: (look.datetime, look.scene_id))


def _gap_observation(identifier: str, gap: Gap) -> Observation:
    return Observation(
        scene_id=identifier,
        datetime=gap.datetime,
        local_date=gap.datetime.astimezone(PYONGYANG).date(),
        sensor=gap.platform or gap.sensor,
        relative_orbit=None,
        status=_STATUS_OF_GAP[gap.kind],
        detail=gap.detail,
        valid_fraction=None,
        snow_fraction=None,
        dx_m=None,
        dy_m=None,
        residual_px=None,
        offset_applied=None,
        baseline=gap.baseline,
    )


def sensing_time(value: np.datetime64) -> dt.datetime:
    """A cube's time as an aware datetime, to the millisecond."""
    milliseconds = int(value.astype("datetime64[ms]").astype(np.int64))
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)


def _observation(step: Mapping[str, Any]) -> Observation:
    moment = sensing_time(step["time"])
    orbit = _number(step, "relative_orbit")
    return Observation(
        scene_id=str(step["scene_id"]),
        datetime=moment,
        local_date=moment.astimezone(PYONGYANG).date(),
        sensor=str(step["platform"]),
        relative_orbit=None if orbit is None or orbit <= 0 else int(orbit),
        status=str(step["status"]),
        detail=_text(step, "detail"),
        valid_fraction=_number(step, "valid_fraction"),
        snow_fraction=_number(step, "snow_fraction"),
        dx_m=_number(step, "dx_m"),
        dy_m=_number(step, "dy_m"),
        residual_px=_number(step, "residual_px"),
        offset_applied=_number(step, "offset_applied"),
        baseline=_text(step, "baseline"),
    )


def _number(step: Mapping[str, Any], name: str) -> float | None:
    if name not in step:
        return None
    value = float(step[name])
    return value if np.isfinite(value) else None


def _text(step: Mapping[str, Any], name: str) -> str | None:
    if name not in step:
        return None
    value = str(step[name])
    return value or None
