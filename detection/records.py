"""What measurements of ground return: footprints, disturbances, ground changes, and the layers of their rows.

Records become ledger rows through their `LayerSpec`; a `Quantity` field ``area_ha`` becomes the columns
``area_ha, area_ha_low, area_ha_high``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from shapely.geometry.base import BaseGeometry

from detection.boundary.records import BOUNDARY
from evidence.layers import (
    Column,
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

RELATION = "inside, crossing, outside or no_boundary"
RELATION_KO = "inside(안), crossing(걸침), outside(밖), no_boundary(경계 없음)"
DISTURBANCE = "disturbance"


@record
class Footprint:
    """Disturbed ground of one epoch, split by the boundary version in force."""

    epoch_start: dt.date = column("first day", "첫날", shown=Shown.PUBLIC)
    epoch_end: dt.date = column("first day after", "마지막 날의 다음 날", shown=Shown.PUBLIC)
    boundary_id: str | None = column(
        "boundary version in force; empty where there was none", "유효한 경계 버전; 없었으면 비어 있음",
        shown=Shown.BOUNDARY, names=BOUNDARY, judged=True,
    )  # fmt: skip
    area_ha: Quantity = column(
        "ground bare all season within the first boundary, or newly bare since the first season",
        "첫 경계 안에서 계절 내내 드러난 땅 또는 첫 계절 이후 새로 드러난 땅",
        unit="ha", shown=Shown.PUBLIC, public_decimals=3, judged=True,
    )  # fmt: skip
    inside_ha: Quantity = column(
        "of it inside the boundary", "그중 경계 안", unit="ha", shown=Shown.BOUNDARY, public_decimals=3
    )
    outside_ha: Quantity = column(
        "of it outside the boundary", "그중 경계 밖", unit="ha", shown=Shown.BOUNDARY, public_decimals=3
    )
    valid_fraction: float = column(
        "share of the aoi with enough looks", "관측이 충분한 면적의 비율", unit="1", shown=Shown.PUBLIC
    )
    scene_ids: tuple[str, ...] = column(
        "scenes that the figure rests on", "산출에 쓰인 영상", shown=Shown.PUBLIC
    )
    geometry: BaseGeometry | None
    """Polygons of disturbed ground, EPSG:4326."""


@record
class Disturbance:
    """A patch of newly disturbed ground whose id persists through time."""

    disturbance_id: str = column(
        "kept through time", "시간이 지나도 유지되는 id", shown=Shown.PUBLIC, names=DISTURBANCE
    )
    parents: tuple[str, ...] = column(
        "patches that it came from by split or merge", "나뉘거나 합쳐지기 전의 구역",
        shown=Shown.PUBLIC, names=DISTURBANCE,
    )  # fmt: skip
    kind: str = column("what the ground became", "바뀐 뒤의 지표", shown=Shown.PUBLIC)
    first_seen: dt.date = column("best date", "최적 추정일", shown=Shown.PUBLIC)
    first_seen_low: dt.date = column("not before", "가장 이른 날", shown=Shown.PUBLIC)
    first_seen_high: dt.date = column("not after", "가장 늦은 날", shown=Shown.PUBLIC)
    persistent_since: dt.date | None = column(
        "when enough later looks agreed", "이후 관측이 충분히 일치한 날", shown=Shown.PUBLIC
    )
    machine_status: str = column(
        "provisional, persistent or withdrawn", "provisional(잠정), persistent(지속), withdrawn(철회)",
        shown=Shown.PUBLIC, judged=True,
    )  # fmt: skip
    cause: str | None = column(
        "why it was withdrawn, or what it waits for", "철회한 이유 또는 기다리는 것",
        shown=Shown.PUBLIC, judged=True,
    )  # fmt: skip
    boundary_id: str | None = column(
        "boundary version in force when it was first seen", "처음 보였을 때 유효한 경계 버전",
        shown=Shown.BOUNDARY, names=BOUNDARY, judged=True,
    )  # fmt: skip
    relation: str = column(RELATION, RELATION_KO, shown=Shown.BOUNDARY, judged=True)
    area_ha: Quantity = column("area", "면적", unit="ha", shown=Shown.PUBLIC, public_decimals=3, judged=True)
    outside_ha: Quantity = column(
        "of it outside the boundary", "그중 경계 밖", unit="ha", shown=Shown.BOUNDARY, public_decimals=3
    )
    advance_m: Quantity = column(
        "farthest reach beyond the boundary", "경계를 넘어 가장 멀리 나간 거리",
        unit="m", shown=Shown.BOUNDARY, public_decimals=1,
    )  # fmt: skip
    bearing_deg: float | None = column(
        "direction of that reach, clockwise from north", "그 방향(북에서 시계 방향)",
        unit="degrees", shown=Shown.BOUNDARY,
    )  # fmt: skip
    sector_advances: Mapping[str, Any] | None = column(
        "reach beyond the boundary by compass sector, with its interval; sectors without one are absent",
        "방위별로 경계를 넘은 거리와 그 구간; 없는 방위는 생략",
        unit="m", kind=Kind.SECTORS, shown=Shown.BOUNDARY, default=None,
    )  # fmt: skip
    scene_ids: tuple[str, ...] = column(
        "scenes that the figure rests on", "산출에 쓰인 영상", shown=Shown.PUBLIC
    )
    geometry: BaseGeometry


@record
class GroundChange:
    """What happened to a patch of ground, judged from all dates before and after."""

    change_id: str = column("patch and direction of the change", "구역과 변화의 방향", shown=Shown.PUBLIC)
    kind: str = column(
        "what the ground became: vegetation_loss, soil_spoil, built, coal, water; recovery where it grew "
        "over again",
        "바뀐 뒤의 지표: vegetation_loss, soil_spoil, built, coal, water; 다시 자랐으면 recovery",
        shown=Shown.PUBLIC,
    )  # fmt: skip
    changed_on: dt.date = column("best date", "최적 추정일", shown=Shown.PUBLIC)
    changed_on_low: dt.date = column("earliest date", "가장 이른 날", shown=Shown.PUBLIC)
    changed_on_high: dt.date = column("latest date", "가장 늦은 날", shown=Shown.PUBLIC)
    boundary_id: str | None = column(
        "boundary version in force on that date", "그날 유효한 경계 버전",
        shown=Shown.BOUNDARY, names=BOUNDARY,
    )  # fmt: skip
    relation: str = column(RELATION, RELATION_KO, shown=Shown.BOUNDARY)
    area_ha: Quantity = column("area", "면적", unit="ha", shown=Shown.PUBLIC, public_decimals=3)
    bareness_before: float = column(
        "mean of (BSI − NDVI)/2 over the year before", "변화 전 한 해의 (BSI − NDVI)/2 평균",
        shown=Shown.PUBLIC,
    )  # fmt: skip
    bareness_after: float = column(
        "mean of (BSI − NDVI)/2 over the year after", "변화 후 한 해의 (BSI − NDVI)/2 평균",
        shown=Shown.PUBLIC,
    )  # fmt: skip
    scene_ids: tuple[str, ...] = column(
        "scenes within the interval of the date", "날짜 구간 안의 영상", shown=Shown.PUBLIC
    )
    geometry: BaseGeometry


FOOTPRINTS = LayerSpec(
    name="footprints",
    title="Disturbed ground per epoch, inside and outside the boundary version in force",
    title_ko="시기별 교란된 땅, 유효한 경계 버전의 안과 밖",
    record=Footprint,
    method="footprint-bare-3",
    subject="{boundary_id}",
    absent="no_boundary",
    time=("epoch_start", "epoch_end"),
    scenes="scene_ids",
    measured=True,
    references=ReferenceKind.LABELS,
    rows=Rows.PUBLIC,
    age="epoch_end",
    span=("epoch_start", "epoch_end"),
    finding="boundary_id",
    label="Disturbed ground {epoch_start} to {epoch_end}",
    style=Style(line="#E69F00", width_mm=0.3, fill_opacity=0.35, height=20),
    printed=Printed(
        caption="Disturbed ground per epoch, inside and outside the boundary version in force",
        caption_ko="시기별 교란된 땅, 유효한 경계 버전의 안과 밖",
        columns=(
            ("epoch_start", "from", "부터"),
            ("epoch_end", "until (not included)", "까지(그날 제외)"),
            ("boundary_id", "boundary version", "경계 버전"),
            ("area_ha", "disturbed, ha", "교란, ha"),
            ("inside_ha", "inside, ha", "안, ha"),
            ("outside_ha", "outside, ha", "밖, ha"),
            ("scene_ids", "looks", "관측 수"),
        ),
    ),
)
DISTURBANCES = LayerSpec(
    name="disturbances",
    title="Newly disturbed patches with ids that persist",
    title_ko="새로 교란된 구역(id 유지)",
    record=Disturbance,
    method="disturbances-monitor-6",
    subject="{disturbance_id}",
    scenes="scene_ids",
    measured=True,
    references=ReferenceKind.LABELS,
    rows=Rows.PUBLIC,
    age="first_seen",
    span=("first_seen", None),
    finding="disturbance_id",
    reviewed_as=DISTURBANCE,
    label="Disturbance {disturbance_id}, first seen {first_seen}",
    style=Style(line="#CC79A7", width_mm=0.6, fill_opacity=0.25, height=70, shown_at_first=True),
    printed=Printed(
        caption="Newly disturbed ground relative to the boundary version in force",
        caption_ko="유효한 경계 버전에 대한 새로 교란된 땅",
        columns=(
            ("disturbance_id", "disturbance", "교란 구역"),
            ("kind", "kind", "종류"),
            ("first_seen", "first seen", "처음 보인 날"),
            ("machine_status", "status", "상태"),
            ("relation", "relation to boundary", "경계와의 관계"),
            ("area_ha", "area, ha", "면적, ha"),
            ("outside_ha", "outside, ha", "밖, ha"),
        ),
        note="A sensor that agrees with itself later is persistent, not confirmed.",
        note_ko="센서가 이후에도 스스로와 일치하면 '지속'이며 '확인'은 아님.",
        sorted_by=("first_seen", "disturbance_id"),
    ),
    added=(
        Column(
            name="review_status",
            kind=Kind.TEXT,
            meaning="what a reviewer said, if any",
            meaning_ko="검토자의 판정(있는 경우)",
        ),
    ),
)
GROUND_CHANGES = LayerSpec(
    name="ground_changes",
    title="What happened since the first look, dated from the looks before and after",
    title_ko="첫 관측 이후 일어난 변화(전후 관측으로 날짜 추정)",
    record=GroundChange,
    method="ground-changes-3",
    subject="{change_id}",
    scenes="scene_ids",
    measured=True,
    references=ReferenceKind.LABELS,
    rows=Rows.PUBLIC,
    age="changed_on",
    span=("changed_on", None),
    finding="change_id",
    label="Ground changed on {changed_on}: {kind}",
    style=Style(line="#CC79A7", width_mm=0.3, fill_opacity=0.1, dashed=True, height=60),
    printed=Printed(
        caption="What happened since the first look, in closed years, dated from the looks before and after",
        caption_ko="첫 관측 이후 일어난 변화(마감된 연도, 전후 관측으로 날짜 추정)",
        columns=(
            ("change_id", "change", "변화"),
            ("kind", "kind", "종류"),
            ("changed_on_low", "not before", "가장 이른 날"),
            ("changed_on", "best date", "최적 추정일"),
            ("changed_on_high", "not after", "가장 늦은 날"),
            ("relation", "relation to boundary", "경계와의 관계"),
            ("area_ha", "area, ha", "면적, ha"),
        ),
        sorted_by=("changed_on", "change_id"),
    ),
)
