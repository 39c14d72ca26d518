"""What a site's cube says about coal: areas of zones, piles, smoothed series, what may have been missed."""

from __future__ import annotations

import datetime as dt
from typing import Any

from shapely.geometry.base import BaseGeometry

from evidence.layers import LayerSpec, Printed, ReferenceKind, Rows, Shown, Style, column, record
from evidence.quantity import Quantity

METHOD = "coal-family-15"
PILE, ZONE = "pile", "zone"
AREA_DECIMALS = 3
"""Of hectares that are published. A choice of notation."""
STOCKPILE_AREA = "stockpile_area_ha"
"""The quantity of the smoothed series of a stockyard."""


def _dark_ha() -> Any:
    return column(
        "plan area if the dark ground is coal; changes and series are made from it",
        "어두운 지면이 석탄일 경우의 평면 면적(변화와 시계열의 근거)",
        unit="ha", shown=Shown.PUBLIC, public_decimals=AREA_DECIMALS, default=None,
    )  # fmt: skip


def _verdict() -> Any:
    return column(
        "coal_changing, coal_unchanged, dark_not_coal, not_assessable or no_dark_ground: what the dark "
        "ground is over its whole history",
        "coal_changing(석탄형·변화), coal_unchanged(석탄형·무변화), dark_not_coal(석탄형 아님), "
        "not_assessable(평가 불가), no_dark_ground(어두운 지면 없음): 전체 이력에 따른 판정",
        shown=Shown.PUBLIC, judged=True, default=None,
    )  # fmt: skip


def _sentence(meaning: str, meaning_ko: str) -> Any:
    return column(meaning, meaning_ko, shown=Shown.PUBLIC, default=None)


def _family() -> Any:
    return column(
        "part of the coal family (rank, dust) that the dark ground looks like",
        "어두운 지면과 닮은 석탄 계열(등급, 분진)",
        shown=Shown.PUBLIC, default=None,
    )  # fmt: skip


def _family_fit() -> Any:
    return column(
        "mean square distance per band of that year's dark ground from the coal family; up to 1.2: like coal",
        "그해의 어두운 지면과 석탄 계열 사이의 밴드당 평균 제곱 거리(1.2 이하이면 석탄과 비슷함)",
        unit="1", shown=Shown.PUBLIC, default=None,
    )  # fmt: skip


@record
class StockpileArea:
    """Plan area of probable coal in one zone on one date; not volume, tonnage, production or origin."""

    zone_id: str = column("the stockyard zone", "저탄장 구역", shown=Shown.PUBLIC, names=ZONE)
    datetime: dt.datetime = column("sensing time, UTC", "촬영 시각(UTC)", shown=Shown.PUBLIC)
    area_ha: Quantity = column(
        "plan area of probable coal", "석탄으로 추정되는 평면 면적",
        unit="ha", shown=Shown.PUBLIC, public_decimals=3, judged=True,
    )  # fmt: skip
    valid_fraction: float = column(
        "share of the zone that was seen", "구역에서 관측된 비율", unit="1", shown=Shown.PUBLIC
    )
    below_floor: bool = column(
        "too little to be told from none at this resolution",
        "이 해상도에서는 없는 것과 구별할 수 없을 만큼 적음",
        shown=Shown.PUBLIC,
    )
    bands: tuple[str, ...] = column("bands that the figure rests on", "산출에 쓰인 밴드", shown=Shown.PUBLIC)
    scene_ids: tuple[str, ...] = column(
        "scenes that the figure rests on", "산출에 쓰인 영상", shown=Shown.PUBLIC
    )
    dark_ha: Quantity | None = _dark_ha()
    verdict: str | None = _verdict()
    sentence_en: str | None = _sentence("what the verdict means, in English", "판정의 뜻(영어)")
    sentence_ko: str | None = _sentence("what the verdict means, in Korean", "판정의 뜻(한국어)")
    family: str | None = _family()
    family_fit: float | None = _family_fit()

    @property
    def claimed(self) -> bool:
        """Whether the lower end of the area is that of the dark ground."""
        dark, area = self.dark_ha, self.area_ha
        return dark is None or dark.low is None or area.low is None or area.low >= dark.low


@record
class Stockpile:
    """One tracked pile on one date."""

    pile_id: str = column("kept through time", "시간이 지나도 유지되는 id", shown=Shown.PUBLIC, names=PILE)
    parents: tuple[str, ...] = column(
        "piles that it came from by split or merge", "나뉘거나 합쳐지기 전의 더미",
        shown=Shown.PUBLIC, names=PILE,
    )  # fmt: skip
    datetime: dt.datetime = column("sensing time, UTC", "촬영 시각(UTC)", shown=Shown.PUBLIC)
    area_ha: Quantity = column(
        "plan area of probable coal", "석탄으로 추정되는 평면 면적",
        unit="ha", shown=Shown.PUBLIC, public_decimals=3, judged=True,
    )  # fmt: skip
    first_seen: dt.date = column(
        "date of the first look that shows it", "처음 보인 관측일", shown=Shown.PUBLIC
    )
    last_seen: dt.date = column(
        "date of the last look that shows it", "마지막으로 보인 관측일", shown=Shown.PUBLIC
    )
    geometry: BaseGeometry
    dark_ha: Quantity | None = _dark_ha()
    verdict: str | None = _verdict()
    sentence_en: str | None = _sentence("what the verdict means, in English", "판정의 뜻(영어)")
    sentence_ko: str | None = _sentence("what the verdict means, in Korean", "판정의 뜻(한국어)")
    family: str | None = _family()
    family_fit: float | None = _family_fit()


@record
class SeriesPoint:
    """A smoothed value on one date; null where nobody looked."""

    quantity: str = column("what is smoothed", "평활한 값의 종류", shown=Shown.PUBLIC)
    subject_kind: str = column("zone, pile or site", "구역, 더미 또는 대상지", shown=Shown.PUBLIC)
    subject_id: str = column("which one", "그 대상의 id", shown=Shown.PUBLIC, names_by="subject_kind")
    datetime: dt.datetime = column("date of the value, UTC", "값의 날짜(UTC)", shown=Shown.PUBLIC)
    value: Quantity = column("smoothed value", "평활한 값", unit="ha", shown=Shown.PUBLIC, public_decimals=3)
    n_looks: int = column("looks that the value rests on", "값의 근거가 된 관측 수", shown=Shown.PUBLIC)


STOCKPILE_AREAS = LayerSpec(
    name="stockpile_areas",
    title="Plan area of probable coal per zone and date; not volume, tonnage, production or origin",
    title_ko="구역·날짜별 석탄 추정 평면 면적(부피, 톤수, 생산량, 출처가 아님)",
    record=StockpileArea,
    method=METHOD,
    subject="{zone_id}",
    time=("datetime",),
    scenes="scene_ids",
    measured=True,
    references=ReferenceKind.OUTLINES,
    rows=Rows.PUBLIC,
    age="datetime",
    moment="datetime",
    finding="zone_id",
    reviewed_as=ZONE,
    label="Zone {zone_id} on {datetime}",
    printed=Printed(
        caption="Plan area of probable coal, the newest assessable look of each zone and year, if any",
        caption_ko="석탄 추정 평면 면적: 구역·연도별로 평가할 수 있는 가장 최근 관측",
        columns=(
            ("zone_id", "zone", "구역"),
            ("datetime", "look (UTC)", "관측(UTC)"),
            ("area_ha", "plan area, ha", "평면 면적, ha"),
            ("verdict", "verdict", "판정"),
            ("valid_fraction", "share of zone seen", "관측된 비율"),
            ("below_floor", "below floor", "검출 한계 미만"),
        ),
        note="Not volume, tonnage, production or origin. All looks are in the CSV export. "
        "Below floor: cannot be told from none. coal_unchanged: asphalt or a dark roof would look the same.",
        note_ko="부피, 톤수, 생산량, 출처가 아님. 모든 관측은 CSV 내보내기에 있음. "
        "검출 한계 미만: 없는 것과 구별할 수 없음. coal_unchanged: 아스팔트나 어두운 지붕도 같게 보임.",
        sorted_by=("zone_id", "datetime"),
        newest_by="zone_id",
    ),
)
STOCKPILES = LayerSpec(
    name="stockpiles",
    title="Tracked piles of probable coal per date",
    title_ko="날짜별로 추적한 석탄 추정 더미",
    record=Stockpile,
    method=METHOD,
    subject="{pile_id}",
    time=("datetime",),
    measured=True,
    references=ReferenceKind.OUTLINES,
    rows=Rows.OUTSIDE_RESTRICTED_ZONES,
    age="datetime",
    moment="datetime",
    finding="pile_id",
    reviewed_as=PILE,
    label="Probable coal {pile_id} on {datetime}",
    style=Style(line="#000000", width_mm=0.4, fill_opacity=0.4, height=80),
)
SERIES = LayerSpec(
    name="series",
    title="Smoothed series; null where nobody looked",
    title_ko="평활 시계열(관측이 없으면 빈 값)",
    record=SeriesPoint,
    method=METHOD,
    subject="{quantity}:{subject_kind}:{subject_id}",
    time=("datetime",),
    references=ReferenceKind.OUTLINES,
    rows=Rows.PUBLIC,
    age="datetime",
    label="{quantity} of {subject_id} on {datetime}",
)


@record
class CoalSearch:
    """What the search for coal outside the zones of a site came to by the end of one year."""

    year: int = column("calendar year (UTC)", "연도(UTC)", shown=Shown.PUBLIC)
    datetime: dt.datetime = column(
        "newest look of that year, UTC", "그해의 가장 최근 관측(UTC)", shown=Shown.PUBLIC
    )
    found_ha: Quantity = column(
        "plan area of probable coal found outside the zones, every pile at its newest look of the year",
        "구역 밖에서 찾은 석탄 추정 평면 면적(더미마다 그해 가장 최근 관측)",
        unit="ha", shown=Shown.WHOLE, public_decimals=3, judged=True,
    )  # fmt: skip
    missed_ha: Quantity = column(
        "what may have been missed outside the zones: ground that its newest looks show like coal, whatever "
        "it is, and all that nobody saw",
        "구역 밖에서 놓쳤을 수 있는 면적: 최근 관측에서 석탄처럼 보이는 모든 땅과 아무도 보지 못한 땅",
        unit="ha", shown=Shown.WHOLE, public_decimals=3,
    )  # fmt: skip
    calibrated: bool = column(
        "whether the spectrum comes from coal that was marked at this site",
        "이 대상지에서 표시한 석탄으로 보정한 스펙트럼인지 여부",
        shown=Shown.PUBLIC,
    )
    spectrum: str = column(
        "name and version of the spectrum that the measurement began with",
        "측정에 쓰인 기준 스펙트럼의 이름과 버전",
        shown=Shown.PUBLIC,
    )
    notes: str = column("what a reader must know", "읽을 때 알아야 할 것", shown=Shown.WHOLE)


COAL_SEARCH = LayerSpec(
    name="coal_search",
    title="Coal outside the zones by year: what was found, and what may have been missed",
    title_ko="구역 밖 석탄(연도별): 찾은 것과 놓쳤을 수 있는 것",
    record=CoalSearch,
    method=METHOD,
    subject="site",
    time=("year",),
    measured=True,
    references=ReferenceKind.NONE,
    rows=Rows.PUBLIC,
    age="datetime",
    label="Coal outside the zones in {year}",
    printed=Printed(
        caption="Probable coal outside the zones by year, and what may have been missed",
        caption_ko="구역 밖 석탄 추정 면적(연도별)과 놓쳤을 수 있는 면적",
        columns=(
            ("year", "year", "연도"),
            ("found_ha", "found, ha", "찾음, ha"),
            ("missed_ha", "may have been missed, ha", "놓쳤을 수 있음, ha"),
            ("calibrated", "calibrated here", "현장 보정"),
            ("notes", "notes", "참고"),
        ),
        note="Not volume, tonnage, production or origin.",
        note_ko="부피, 톤수, 생산량, 출처가 아님.",
    ),
)
