"""What the history of the ground returns: accounts, disturbances, growth and revisions, with their layers.

Records become ledger rows through their `LayerSpec`; a `Quantity` field ``area_ha`` becomes the columns
``area_ha, area_ha_low, area_ha_high``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from shapely.geometry.base import BaseGeometry

from detection.boundary.records import BOUNDARY
from detection.ground.params import METHOD
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
    kept,
    record,
)
from evidence.quantity import Quantity

EARLIER = Quantity.not_assessable("measured by an earlier method")
RELATION = "inside, crossing, outside or no_boundary"
RELATION_KO = "inside(안), crossing(걸침), outside(밖), no_boundary(경계 없음)"
DISTURBANCE = "disturbance"


@record
class BareAtStart:
    """Ground that was bare when a site was first seen."""

    first_look: dt.date = column("first look that counts", "셈에 든 첫 관측", shown=Shown.PUBLIC)
    last_look: dt.date = column("last look", "마지막 관측", shown=Shown.PUBLIC)
    area_ha: Quantity = column(
        "bare when first seen: never counted as new",
        "처음 관측 때 이미 드러나 있던 땅: 새것으로 세지 않음",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=3,
    )
    geometry: BaseGeometry | None
    """Polygons, EPSG:4326; None where there is none."""


TWO_FIGURES = (
    "Disturbed counts whole pixels of ground that lost what was expected there, thinned ground included; "
    "open is the part of it that was bare on the day. Ground bare when it was first seen is in neither."
)
TWO_FIGURES_KO = (
    "'교란'은 예상 식생을 잃은 화소 전체(솎아낸 땅 포함), '개방'은 그중 그날 드러나 있던 몫이다. "
    "처음 관측 때 이미 드러나 있던 땅은 어느 쪽에도 들지 않는다."
)
"""One sentence that tells the two figures apart, wherever they are printed."""


@record
class Footprint:
    """Accounts of the ground on one day of a year, for one boundary version.

    Disturbed ground counts whole pixels of events, open ground their bare share. Each stock is that of
    the year before with what came and went: ``area = before + opened − closed`` and ``open = open_before +
    open_opened + deepened − regrown − open_closed``, each term summed from its own cells. What a new boundary
    version moves between inside and outside is `revised_ha`.
    """

    epoch_start: dt.date = column("first day", "첫날", shown=Shown.PUBLIC)
    epoch_end: dt.date = column("first day after", "마지막 날의 다음 날", shown=Shown.PUBLIC)
    account_date: dt.date | None = column(
        "day for which the stocks stand; flows count from that day of the year before",
        "잔액의 기준일; 증감은 전년 같은 날부터",
        shown=Shown.PUBLIC,
        default=None,
    )
    boundary_id: str | None = column(
        "boundary version that the parts refer to; empty where there was none",
        "기준이 된 경계 판본; 없었으면 비어 있음",
        shown=Shown.BOUNDARY,
        names=BOUNDARY,
        judged=True,
    )
    boundary_role: str = column(
        "in_force on the day, or fixed: the one version that all years are compared with",
        "in_force(그날 유효) 또는 fixed(모든 해를 비교하는 고정 판본)",
        shown=Shown.PUBLIC,
        default="in_force",
    )
    area_ha: Quantity = column(
        "disturbed: whole pixels of ground that was disturbed after it was first seen and is so still",
        "교란: 처음 관측된 뒤 교란되어 그 상태인 땅(화소 전체)",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=3,
        judged=True,
    )
    inside_ha: Quantity = column(
        "of it inside the boundary",
        "그중 경계 안",
        unit="ha",
        shown=Shown.BOUNDARY,
        public_decimals=3,
    )
    outside_ha: Quantity = column(
        "of it outside the boundary",
        "그중 경계 밖",
        unit="ha",
        shown=Shown.BOUNDARY,
        public_decimals=3,
    )
    before_ha: Quantity = column(
        "disturbed on the account day before",
        "전 기준일의 교란 면적",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=3,
        default=EARLIER,
    )
    opened_ha: Quantity = column(
        "newly disturbed since",
        "그 뒤 새로 교란",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=3,
        default=EARLIER,
    )
    closed_ha: Quantity = column(
        "no longer disturbed",
        "더는 교란 아님",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=3,
        default=EARLIER,
    )
    revised_ha: Quantity = column(
        "moved between parts by a new boundary version; nought for the whole",
        "경계 판본 변경으로 옮겨진 면적; 전체는 0",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=3,
        default=EARLIER,
    )
    open_ha: Quantity = column(
        "open: bare share of the disturbed ground",
        "개방: 교란된 땅 중 드러난 몫",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=3,
        judged=True,
        default=EARLIER,
    )
    open_inside_ha: Quantity = column(
        "of it inside the boundary",
        "그중 경계 안",
        unit="ha",
        shown=Shown.BOUNDARY,
        public_decimals=3,
        default=EARLIER,
    )
    open_outside_ha: Quantity = column(
        "of it outside the boundary",
        "그중 경계 밖",
        unit="ha",
        shown=Shown.BOUNDARY,
        public_decimals=3,
        default=EARLIER,
    )
    open_before_ha: Quantity = column(
        "open on the account day before",
        "전 기준일의 개방 면적",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=3,
        default=EARLIER,
    )
    open_opened_ha: Quantity = column(
        "open on ground newly disturbed since",
        "새로 교란된 땅의 개방 면적",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=3,
        default=EARLIER,
    )
    deepened_ha: Quantity = column(
        "more open on ground disturbed before",
        "전부터 교란된 땅에서 늘어난 개방 면적",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=3,
        default=EARLIER,
    )
    regrown_ha: Quantity = column(
        "less open on it",
        "그 땅에서 줄어든 개방 면적",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=3,
        default=EARLIER,
    )
    open_closed_ha: Quantity = column(
        "open before on ground no longer disturbed",
        "더는 교란 아닌 땅의 이전 개방 면적",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=3,
        default=EARLIER,
    )
    waiting_ha: Quantity = column(
        "shows loss until the last look, not counted: perhaps a fallow field, or opened in the first year",
        "마지막 관측까지 식생이 줄었으나 세지 않은 땅: 휴경지이거나 첫해에 개간되었을 수 있음",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=3,
        default=EARLIER,
    )
    waiting_outside_ha: Quantity = column(
        "of it outside the boundary",
        "그중 경계 밖",
        unit="ha",
        shown=Shown.BOUNDARY,
        public_decimals=3,
        default=EARLIER,
    )
    bare_at_start_ha: Quantity = column(
        "bare when first seen: never counted as new",
        "처음 관측 때 이미 드러나 있던 땅: 새것으로 세지 않음",
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=3,
        default=EARLIER,
    )
    bare_at_start_inside_ha: Quantity = column(
        "of it inside the boundary",
        "그중 경계 안",
        unit="ha",
        shown=Shown.BOUNDARY,
        public_decimals=3,
        default=EARLIER,
    )
    bare_at_start_outside_ha: Quantity = column(
        "of it outside the boundary",
        "그중 경계 밖",
        unit="ha",
        shown=Shown.BOUNDARY,
        public_decimals=3,
        default=EARLIER,
    )
    valid_fraction: float = column(
        "share of the aoi seen clearly about the day",
        "기준일 전후로 맑게 관측된 면적의 비율",
        unit="1",
        shown=Shown.PUBLIC,
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
    method_epoch: str = column(
        "method and baseline under which id and first sight are frozen",
        "id와 처음 본 날이 고정된 방법과 기준",
        default="",
        shown=Shown.PUBLIC,
    )
    frozen_on: dt.date | None = column(
        "day of the last look when id, founding cells and first sight were frozen; empty before",
        "id, 최초 화소, 처음 본 날이 고정된 때의 마지막 관측일; 그 전에는 비어 있음",
        default=None,
        shown=Shown.PUBLIC,
    )
    founding_cells: tuple[str, ...] = kept(
        "corners of the founding cells on the site's grid, metres", default=()
    )
    open_ha: Quantity = column(
        "bare share of it on the last looks",
        "최근 관측의 드러난 몫",
        default=EARLIER,
        unit="ha",
        shown=Shown.PUBLIC,
        public_decimals=3,
    )
    likelihood: float | None = column(
        "probability, given all looks, that the patch was disturbed",
        "모든 관측으로 본 교란 확률",
        default=None,
        unit="1",
        shown=Shown.PUBLIC,
    )
    parents: tuple[str, ...] = column(
        "patches that it came from by split or merge",
        "나뉘거나 합쳐지기 전의 구역",
        shown=Shown.PUBLIC,
        names=DISTURBANCE,
    )
    kind: str = column("what the ground became", "바뀐 뒤의 지표", shown=Shown.PUBLIC)
    first_seen: dt.date = column("best date", "최적 추정일", shown=Shown.PUBLIC)
    first_seen_low: dt.date = column("not before", "가장 이른 날", shown=Shown.PUBLIC)
    first_seen_high: dt.date = column("not after", "가장 늦은 날", shown=Shown.PUBLIC)
    persistent_since: dt.date | None = column(
        "when enough later looks agreed", "이후 관측이 충분히 일치한 날", shown=Shown.PUBLIC
    )
    closed_on: dt.date | None = column(
        "look from which nearly all of it was as expected again; empty while it is open",
        "거의 모두 회복된 것으로 보인 관측일; 열려 있으면 비어 있음",
        default=None,
        shown=Shown.PUBLIC,
    )
    machine_status: str = column(
        "provisional, persistent, closed (as expected again), merged (part of another) or withdrawn",
        "provisional(잠정), persistent(지속), closed(회복), merged(통합), withdrawn(철회)",
        shown=Shown.PUBLIC,
        judged=True,
    )
    cause: str | None = column(
        "why it was withdrawn, or what it waits for",
        "철회한 이유 또는 기다리는 것",
        shown=Shown.PUBLIC,
        judged=True,
    )
    boundary_id: str | None = column(
        "boundary version in force when it was first seen",
        "처음 보였을 때 유효한 경계 판본",
        shown=Shown.BOUNDARY,
        names=BOUNDARY,
        judged=True,
    )
    relation: str = column(RELATION, RELATION_KO, shown=Shown.BOUNDARY, judged=True)
    area_ha: Quantity = column("area", "면적", unit="ha", shown=Shown.PUBLIC, public_decimals=3, judged=True)
    outside_ha: Quantity = column(
        "of it outside the boundary", "그중 경계 밖", unit="ha", shown=Shown.BOUNDARY, public_decimals=3
    )
    advance_m: Quantity = column(
        "farthest reach beyond the boundary",
        "경계를 넘어 가장 멀리 나간 거리",
        unit="m",
        shown=Shown.BOUNDARY,
        public_decimals=1,
    )
    bearing_deg: float | None = column(
        "direction of that reach, clockwise from north",
        "그 방향(북에서 시계 방향)",
        unit="degrees",
        shown=Shown.BOUNDARY,
    )
    sector_advances: Mapping[str, Any] | None = column(
        "reach beyond the boundary by compass sector, with its interval; sectors without one are absent",
        "방위별로 경계를 넘은 거리와 그 구간; 없는 방위는 생략",
        unit="m",
        kind=Kind.SECTORS,
        shown=Shown.BOUNDARY,
        default=None,
    )
    scene_ids: tuple[str, ...] = column(
        "scenes that the figure rests on", "산출에 쓰인 영상", shown=Shown.PUBLIC
    )
    geometry: BaseGeometry


@record
class DisturbanceGrowth:
    """What later looks added to an event, and what closed, in one year."""

    disturbance_id: str = column("the event", "교란 구역", shown=Shown.PUBLIC, names=DISTURBANCE)
    epoch_start: dt.date = column("first day", "첫날", shown=Shown.PUBLIC)
    epoch_end: dt.date = column("first day after", "마지막 날의 다음 날", shown=Shown.PUBLIC)
    added_ha: Quantity = column(
        "ground that became part of it", "새로 더해진 땅", unit="ha", shown=Shown.PUBLIC, public_decimals=3
    )
    closed_ha: Quantity = column(
        "ground that is as expected again", "회복된 땅", unit="ha", shown=Shown.PUBLIC, public_decimals=3
    )
    bearing_deg: float | None = column(
        "direction of the added ground from what was there before, clockwise from north",
        "이전 땅에서 더해진 땅의 방향(북에서 시계 방향)",
        unit="degrees",
        shown=Shown.PUBLIC,
    )


@record
class DisturbanceRevision:
    """What later looks say otherwise of a frozen event; shown beside it, never instead."""

    disturbance_id: str = column("the event", "교란 구역", shown=Shown.PUBLIC, names=DISTURBANCE)
    revision: str = column(
        "smoothed (another date), withdrawn, merged, closed or reopened",
        "smoothed(다른 날짜), withdrawn(철회), merged(통합), closed(회복), reopened(재교란)",
        shown=Shown.PUBLIC,
    )
    first_seen: dt.date = column("as it was frozen", "고정된 처음 본 날", shown=Shown.PUBLIC)
    revised_to: dt.date | None = column(
        "date that looks now say", "지금 관측이 말하는 날짜", shown=Shown.PUBLIC
    )
    detail: str = column("in words", "설명", shown=Shown.PUBLIC)


@record
class GroundRate:
    """Ground newly disturbed a year, before and after a date, outside one fixed boundary version."""

    sensor: str = column("instrument", "센서", shown=Shown.PUBLIC)
    resolution_m: float = column(
        "side of a pixel", "화소 한 변", unit="m", shown=Shown.PUBLIC, public_decimals=0
    )
    boundary_id: str | None = column(
        "version outside of which ground counts: in force on 2016-12-31, or the first; empty: all ground, or "
        "the version in force on each event's day",
        "이 판본 밖의 땅만 셈: 2016-12-31에 유효한 것, 없으면 첫 판본; 비어 있으면 전체, 또는 사건마다 그날 "
        "유효한 판본",
        shown=Shown.BOUNDARY,
        names=BOUNDARY,
    )
    boundary_role: str = column(
        "fixed: outside one version; in_force: outside the version in force when each event was first seen",
        "fixed: 하나의 고정 판본 밖; in_force: 사건마다 처음 본 날 유효한 판본 밖",
        shown=Shown.PUBLIC,
    )
    since: dt.date = column(
        "first day that counts: what was opened before belongs to the state at start",
        "셈의 첫날; 그 전의 교란은 처음 상태에 속함",
        shown=Shown.PUBLIC,
    )
    split: dt.date = column("the date", "기준일", shown=Shown.PUBLIC)
    until: dt.date = column("day after the last", "마지막 날의 다음 날", shown=Shown.PUBLIC)
    before_ha_a_year: Quantity = column(
        "newly disturbed a year before the date",
        "기준일 전 연간 새 교란",
        unit="ha/a",
        shown=Shown.BOUNDARY,
        public_decimals=3,
    )
    after_ha_a_year: Quantity = column(
        "newly disturbed a year after it",
        "기준일 후 연간 새 교란",
        unit="ha/a",
        shown=Shown.BOUNDARY,
        public_decimals=3,
    )
    change_ha_a_year: Quantity = column(
        "after less before, between these looks; whether it goes beyond ordinary years is a question",
        "후 − 전(이 관측들 사이); 평년을 넘는지는 별도의 질문",
        unit="ha/a",
        shown=Shown.BOUNDARY,
        public_decimals=3,
    )
    events_before: int = column("events first seen before", "그 전에 처음 본 사건 수", shown=Shown.BOUNDARY)
    events_after: int = column("events first seen after", "그 뒤에 처음 본 사건 수", shown=Shown.BOUNDARY)
    events_unsure: int = column(
        "events whose interval of first seen holds the date",
        "처음 본 날의 구간이 기준일을 포함하는 사건 수",
        shown=Shown.BOUNDARY,
    )
    events_false: Quantity = column(
        "events to be expected in this area and time where nothing is opened, from simulated quiet sites",
        "아무것도 개간되지 않아도 이 면적과 기간에 예상되는 사건 수(모의 대상지에서 측정)",
        unit="1",
        shown=Shown.PUBLIC,
        public_decimals=1,
    )


FOOTPRINTS = LayerSpec(
    name="footprints",
    title="Accounts of the ground per year: disturbed, open and bare at start",
    title_ko="연도별 땅의 계정: 교란, 개방, 처음부터 드러남, 경계 판본의 안과 밖",
    record=Footprint,
    method=METHOD,
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
        caption="Ground disturbed and open on 1 August, inside and outside a boundary version",
        caption_ko="8월 1일의 교란 및 개방 면적, 경계 판본의 안과 밖",
        note=TWO_FIGURES,
        note_ko=TWO_FIGURES_KO,
        columns=(
            ("epoch_start", "from", "부터"),
            ("epoch_end", "until (not included)", "까지(그날 제외)"),
            ("boundary_id", "boundary version", "경계 판본"),
            ("area_ha", "disturbed, ha", "교란, ha"),
            ("open_ha", "open, ha", "개방, ha"),
            ("inside_ha", "disturbed inside, ha", "교란(안), ha"),
            ("outside_ha", "disturbed outside, ha", "교란(밖), ha"),
            ("opened_ha", "newly disturbed, ha", "새 교란, ha"),
            ("bare_at_start_ha", "bare at start, ha", "처음부터 드러남, ha"),
            ("scene_ids", "looks", "관측 수"),
        ),
    ),
)
DISTURBANCES = LayerSpec(
    name="disturbances",
    title="Newly disturbed patches with ids that persist",
    title_ko="새로 교란된 구역(id 유지)",
    record=Disturbance,
    method=METHOD,
    subject="{disturbance_id}",
    scenes="scene_ids",
    measured=True,
    references=ReferenceKind.LABELS,
    rows=Rows.PUBLIC,
    age="first_seen",
    span=("first_seen", "closed_on"),
    finding="disturbance_id",
    reviewed_as=DISTURBANCE,
    label="Disturbance {disturbance_id}, first seen {first_seen}",
    style=Style(line="#CC79A7", width_mm=0.6, fill_opacity=0.25, height=70, shown_at_first=True),
    printed=Printed(
        caption="Newly disturbed ground relative to the boundary version in force",
        caption_ko="유효한 경계 판본에 대한 새로 교란된 땅",
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
DISTURBANCE_GROWTH = LayerSpec(
    name="disturbance_growth",
    title="Growth of disturbed patches by year and direction",
    title_ko="교란 구역의 연도별, 방향별 확장",
    record=DisturbanceGrowth,
    method=METHOD,
    subject="{disturbance_id}",
    time=("epoch_start", "epoch_end"),
    measured=True,
    references=ReferenceKind.NONE,
    rows=Rows.PUBLIC,
    age="epoch_end",
    span=("epoch_start", "epoch_end"),
)
DISTURBANCE_REVISIONS = LayerSpec(
    name="disturbance_revisions",
    title="What later looks say otherwise of a disturbance, beside the frozen row",
    title_ko="이후 관측이 교란 구역에 대해 달리 말하는 것(고정된 행과 나란히)",
    record=DisturbanceRevision,
    method=METHOD,
    subject="{disturbance_id}:{revision}",
    rows=Rows.PUBLIC,
    age="first_seen",
)
GROUND_RATES = LayerSpec(
    name="ground_rates",
    title="Ground newly disturbed a year before and after a date, outside one boundary version",
    title_ko="기준일 전후 연간 새 교란, 하나의 경계 판본 밖",
    record=GroundRate,
    method=METHOD,
    subject="{sensor} {boundary_role}",
    time=("since", "until"),
    measured=True,
    references=ReferenceKind.NONE,
    rows=Rows.PUBLIC,
    age="until",
    span=("since", "until"),
    label="Ground newly disturbed a year, before and after {split}",
    style=Style(line="#D55E00", width_mm=0.3, fill_opacity=0.2, height=20),
    printed=Printed(
        caption="Ground newly disturbed a year before and after a date, outside one boundary version",
        caption_ko="기준일 전후 연간 새 교란, 하나의 경계 판본 밖",
        note="A difference between looks; it claims nothing beyond ordinary years.",
        note_ko="관측 사이의 차이이며 평년을 넘는다는 주장이 아니다.",
        columns=(
            ("sensor", "instrument", "센서"),
            ("boundary_id", "outside version", "이 판본 밖"),
            ("boundary_role", "fixed or in force", "고정 또는 그날 유효"),
            ("split", "date", "기준일"),
            ("before_ha_a_year", "before, ha a year", "전, ha/년"),
            ("after_ha_a_year", "after, ha a year", "후, ha/년"),
            ("change_ha_a_year", "change, ha a year", "변화, ha/년"),
        ),
    ),
)
BARE_AT_START = LayerSpec(
    name="bare_at_start",
    title="Ground that was bare when the site was first seen",
    title_ko="처음 관측 때 이미 드러나 있던 땅",
    record=BareAtStart,
    method=METHOD,
    subject="{first_look}",
    time=("first_look", "last_look"),
    measured=True,
    references=ReferenceKind.NONE,
    rows=Rows.PUBLIC,
    age="last_look",
    span=("first_look", "last_look"),
    label="Ground bare when first seen, {first_look}",
    style=Style(line="#8C6D46", width_mm=0.3, fill_opacity=0.2, height=10),
)
