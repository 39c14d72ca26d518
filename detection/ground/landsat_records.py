"""Layer of the ground at 30 m by Landsat: one row per year, against one fixed boundary version."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from detection.boundary.records import BOUNDARY
from detection.ground.params import METHOD
from detection.ground.records import GROUND_RATES, TWO_FIGURES, TWO_FIGURES_KO
from evidence.layers import LayerSpec, Printed, ReferenceKind, Rows, Shown, Style, column, record
from evidence.quantity import Quantity

NO_PAIRS = Quantity.not_assessable("no look of Sentinel-2 within three days of one of Landsat")


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
        "모든 해를 비교하는 하나의 경계 판본: 2016-12-31에 유효한 것, 없으면 첫 판본",
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
    method=f"{METHOD}-30m",
    subject="{boundary_id}",
    absent="no_boundary",
    time=("epoch_start", "epoch_end"),
    scenes="scene_ids",
    measured=True,
    references=ReferenceKind.NONE,
    rows=Rows.PUBLIC,
    age="epoch_end",
    span=("epoch_start", "epoch_end"),
    label="Ground by Landsat, {epoch_start} to {epoch_end}",
    style=Style(line="#56B4E9", width_mm=0.3, fill_opacity=0.2, height=20),
    printed=Printed(
        caption="Ground disturbed on 1 August by Landsat alone (30 m), against one boundary version",
        caption_ko="Landsat만으로 본 8월 1일의 교란 면적(30 m), 하나의 경계 판본 기준",
        note=TWO_FIGURES,
        note_ko=TWO_FIGURES_KO,
        columns=(
            ("epoch_start", "from", "부터"),
            ("epoch_end", "until (not included)", "까지(그날 제외)"),
            ("boundary_id", "boundary version", "경계 판본"),
            ("area_ha", "disturbed, ha", "교란, ha"),
            ("inside_ha", "disturbed inside, ha", "교란(안), ha"),
            ("outside_ha", "disturbed outside, ha", "교란(밖), ha"),
            ("opened_ha", "newly disturbed, ha", "새 교란, ha"),
            ("looks", "looks", "관측 수"),
        ),
    ),
)
LANDSAT_RATES = replace(
    GROUND_RATES,
    name="landsat_rates",
    title="Ground newly disturbed a year before and after a date, by Landsat (30 m)",
    title_ko="기준일 전후 연간 새 교란, Landsat(30 m)",
    method=f"{METHOD}-30m",
)
JOINED_RATES = replace(
    GROUND_RATES,
    name="joined_rates",
    title="Ground newly disturbed a year before and after a date, by Landsat and then Sentinel-2: secondary",
    title_ko="기준일 전후 연간 새 교란, Landsat 뒤에 Sentinel-2를 이음: 보조 자료",
    method=f"{METHOD}-joined",
)
"""The instrument changes at the date: what `LANDSAT_RATES` says by one instrument is the figure to cite."""
