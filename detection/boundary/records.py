"""What the difference of two dated perimeters amounts to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shapely.geometry.base import BaseGeometry

from evidence.layers import (
    GREEN,
    NO_SCENES,
    Kind,
    LayerSpec,
    Printed,
    ReferenceKind,
    Rows,
    Shown,
    Style,
    column,
    record,
)
from evidence.quantity import Quantity

METHOD = "boundary-change-1"
BOUNDARY = "boundary"


@record
class BoundaryChange:
    """What the difference of two dated perimeters amounts to, beyond what their errors explain.

    Quantities speak of the stretches where the difference is larger than error alone makes it anywhere on the
    perimeter; elsewhere the perimeter is taken to have stayed, and the upper ends hold what could hide there.
    """

    from_boundary_id: str = column("the earlier version", "이전 판본", shown=Shown.PUBLIC, names=BOUNDARY)
    to_boundary_id: str = column("the later version", "이후 판본", shown=Shown.PUBLIC, names=BOUNDARY)
    cause: str = column(
        "undetermined, ground, reinterpretation or registration; undetermined until a reviewer says",
        "undetermined(미정: 검토자가 정하기 전), ground(지표 변화), reinterpretation(재해석), "
        "registration(정합 오차)",
        shown=Shown.PUBLIC, judged=True,
    )  # fmt: skip
    extent: str = column(
        "complete, or partial where only stretches that both versions trace could be compared",
        "complete(전체 비교) 또는 partial(두 판본이 모두 그린 구간만 비교)",
        shown=Shown.PUBLIC, judged=True,
    )  # fmt: skip
    gained_ha: Quantity = column(
        "ground that only the later version encloses", "이후 판본만 둘러싸는 땅",
        unit="ha", shown=Shown.PUBLIC, public_decimals=3, judged=True,
    )  # fmt: skip
    lost_ha: Quantity = column(
        "ground that only the earlier version encloses", "이전 판본만 둘러싸는 땅",
        unit="ha", shown=Shown.PUBLIC, public_decimals=3, judged=True,
    )  # fmt: skip
    net_ha: Quantity = column(
        "gained less lost", "늘어난 면적에서 줄어든 면적을 뺀 값",
        unit="ha", shown=Shown.PUBLIC, public_decimals=3,
    )  # fmt: skip
    max_advance_m: Quantity = column(
        "largest advance of any bearing sector (gained area by sector length), with a simultaneous interval",
        "방위 구간 가운데 가장 큰 전진 거리(늘어난 면적 ÷ 구간 길이), 동시 신뢰구간",
        unit="m", shown=Shown.PUBLIC, public_decimals=1, judged=True,
    )  # fmt: skip
    bearing_deg: float | None = column(
        "middle of that sector from the earlier perimeter's centre, clockwise from north; "
        "empty where nothing was gained",
        "이전 경계의 중심에서 본 그 구간의 가운데 방위(북에서 시계 방향); 늘어난 땅이 없으면 비어 있음",
        unit="degrees", shown=Shown.PUBLIC, default=None,
    )  # fmt: skip
    overlay_gained_ha: float | None = column(
        "gained as drawn: the plain difference of the polygons, errors and all",
        "그린 그대로 늘어난 면적(오차를 포함한 도형의 단순 차이)",
        unit="ha", shown=Shown.PUBLIC, public_decimals=3,
    )  # fmt: skip
    overlay_lost_ha: float | None = column(
        "lost as drawn", "그린 그대로 줄어든 면적", unit="ha", shown=Shown.PUBLIC, public_decimals=3
    )
    shift_east_m: float | None = column(
        "how far east the later trace lies of the earlier one where the perimeter stayed",
        "경계가 그대로인 곳에서 이후 선이 동쪽으로 어긋난 거리",
        unit="m", shown=Shown.PUBLIC, public_decimals=1, default=None,
    )  # fmt: skip
    shift_north_m: float | None = column(
        "how far north", "북쪽으로 어긋난 거리", unit="m", shown=Shown.PUBLIC, public_decimals=1, default=None
    )
    offset_m: float | None = column(
        "how far outside the earlier trace the later one was drawn where the perimeter stayed",
        "경계가 그대로인 곳에서 이후 선이 바깥으로 그려진 거리",
        unit="m", shown=Shown.PUBLIC, public_decimals=1, default=None,
    )  # fmt: skip
    threshold_m: float | None = column(
        "depth that error alone reaches nowhere on the perimeter, with the level's probability",
        "오차만으로는 경계 어디에서도 넘지 않는 깊이(해당 확률 수준)",
        unit="m", shown=Shown.PUBLIC, public_decimals=1, default=None,
    )  # fmt: skip
    compared_m: float = column(
        "length of the earlier perimeter that was compared", "비교한 이전 경계의 길이",
        unit="m", shown=Shown.PUBLIC, public_decimals=0, default=0.0,
    )  # fmt: skip
    stable_fraction: float | None = column(
        "part of it where the versions agree within error", "그중 두 판본이 오차 안에서 일치하는 비율",
        unit="1", shown=Shown.PUBLIC, default=None,
    )  # fmt: skip
    geometry: BaseGeometry | None = None
    """Ground gained beyond error, EPSG:4326, in the frame of the earlier version."""
    lost_geojson: Mapping[str, Any] | None = column(
        "ground lost beyond error, in the frame of the earlier version",
        "오차를 넘어 줄어든 땅(이전 판본의 좌표 기준)",
        kind=Kind.OUTLINE, shown=Shown.PUBLIC, default=None,
        title="Ground that only the earlier of two boundary versions encloses, beyond their errors",
        title_ko="두 경계 판본 가운데 이전 판본만 둘러싸는 땅(오차를 넘는 것)",
    )  # fmt: skip


BOUNDARY_CHANGES = LayerSpec(
    name="boundary_changes",
    title="What two dated boundary versions differ by, beyond what their errors explain",
    title_ko="날짜가 있는 두 경계 판본의 차이(오차로 설명되지 않는 부분)",
    record=BoundaryChange,
    method=METHOD,
    subject="{from_boundary_id}..{to_boundary_id}",
    scenes=NO_SCENES,
    from_imagery=False,
    measured=True,
    references=ReferenceKind.NONE,
    rows=Rows.PUBLIC,
    finding="to_boundary_id",
    reviewed_as="boundary_change",
    label="Boundary {from_boundary_id} to {to_boundary_id} ({extent} comparison)",
    style=Style(line=GREEN, width_mm=0.5, fill_opacity=0.3, height=50),
    printed=Printed(
        caption="Differences between dated boundary versions, beyond their errors",
        caption_ko="날짜가 있는 경계 판본 사이의 차이(오차를 넘는 것)",
        columns=(
            ("from_boundary_id", "earlier version", "이전 판본"),
            ("to_boundary_id", "later version", "이후 판본"),
            ("extent", "extent compared", "비교 범위"),
            ("cause", "cause", "원인"),
            ("gained_ha", "gained, ha", "늘어남, ha"),
            ("lost_ha", "lost, ha", "줄어듦, ha"),
            ("max_advance_m", "largest advance, m", "최대 전진, m"),
        ),
        note="A partial comparison speaks only of stretches that both versions trace.",
        note_ko="부분 비교(partial)는 두 판본이 모두 그린 구간만을 말함.",
    ),
)
