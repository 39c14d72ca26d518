"""What reviewers and analysts give: verdicts on findings, observations in named images, as ledger rows."""

from __future__ import annotations

import datetime as dt

from shapely.geometry.base import BaseGeometry

from detection.boundary.records import BOUNDARY
from detection.ground.records import GroundRate
from evidence.layers import (
    NO_SCENES,
    SKY,
    LayerSpec,
    Printed,
    Rows,
    Shown,
    Style,
    column,
    kept,
    record,
    same_column,
)
from evidence.quantity import Quantity

METHOD = "review/1"
SAMPLED = "sampled-rates/1"


@record
class ReviewRecord:
    """One verdict of one reviewer on one subject; restricted as a whole."""

    subject: str = column(
        "what was judged: a disturbance, pile, zone or boundary change",
        "판정 대상: 교란 구역, 더미, 구역 또는 경계 변화",
    )
    subject_kind: str = kept("disturbance, pile, zone, boundary_change or place")
    reviewed_row_id: str = column("the row that the reviewer saw", "검토자가 본 행")
    verdict: str | None = column("what the reviewer said", "검토자의 판정")
    reason_code: str | None = column("why, as a code", "이유 코드")
    likelihood: str | None = column(
        "word of estimative probability, where one was given", "가능성 표현(주어진 경우)"
    )
    cause: str | None = column(
        "of a boundary change: ground, reinterpretation or registration; two who name an image set it",
        "경계 변화의 원인: ground(지표 변화), reinterpretation(재해석), registration(정합 오차); "
        "영상을 명시한 두 검토자가 정함",
        default=None,
    )
    confidence: str | None = column(
        "high, moderate or low; never joined with the likelihood",
        "high(높음), moderate(보통), low(낮음); 가능성과 합치지 않음",
    )
    evidence_viewed: tuple[str, ...] | None = column("images that the reviewer looked at", "검토자가 본 영상")
    reviewer: str = column("a code, not a name", "이름이 아닌 코드")
    reviewed_at: str = column("when, UTC", "시각(UTC)")
    note: str | None = column("in the reviewer's words", "검토자의 말")
    blind: bool = kept("whether it was given without sight of an earlier verdict")
    reviewed_run: str = kept("the run whose map was judged")
    seen_seq: int = kept("last row of the ledger that the map showed")
    seen_until: str = kept("newest time of the rows that were judged")
    evidence_sha256: str = kept("digest of what was judged")


@record
class ManualObservationRecord:
    """What an analyst saw in one named image; restricted as a whole."""

    kind: str = column("outline, count or absent", "outline(윤곽), count(수), absent(없음)")
    label: str = column(
        "what was drawn, counted or looked for; a zone's id", "그리거나 세거나 찾은 것; 구역 id"
    )
    value: float | None = column("the count, where it is one", "수(해당하는 경우)")
    image: str = column("provider, id and date of the image", "영상의 제공자, id, 날짜")
    image_date: str = kept("date of the image")
    image_resolution_m: float = kept("resolution of the image, m")
    observer: str = column("a code, not a name", "이름이 아닌 코드")
    observed_at: str = column("when, UTC", "시각(UTC)")
    note: str = kept("in the observer's words")
    geometry: BaseGeometry | None = None


@record
class SampledRateRecord:
    """Ground newly disturbed a year, before and after a date, by a random sample that two read blind."""

    sample_id: str = column("the sample", "표본", shown=Shown.PUBLIC)
    map_date: dt.date = column(
        "day on which it was drawn from the map's strata", "지도 층에서 추출한 날", shown=Shown.PUBLIC
    )
    labels: int = column("labels on this ground that tell", "이 땅에서 판독된 표지 수", shown=Shown.PUBLIC)
    unclear: int = column(
        "points on this ground where nobody could tell",
        "이 땅에서 아무도 판단하지 못한 점의 수",
        shown=Shown.PUBLIC,
    )
    boundary_id: str | None = column(
        "version outside of which ground counts: in force on 2016-12-31, or the first; empty: all ground",
        "이 판본 밖의 땅만 셈: 2016-12-31에 유효한 것, 없으면 첫 판본; 비어 있으면 전체",
        shown=Shown.BOUNDARY,
        names=BOUNDARY,
    )
    since: dt.date = column("first day that counts", "셈의 첫날", shown=Shown.PUBLIC)
    split: dt.date = same_column(GroundRate, "split")
    until: dt.date = same_column(GroundRate, "until")
    before_ha_a_year: Quantity = same_column(GroundRate, "before_ha_a_year")
    after_ha_a_year: Quantity = same_column(GroundRate, "after_ha_a_year")
    change_ha_a_year: Quantity = column(
        "after less before; whether it goes beyond ordinary years is a question",
        "후 − 전; 평년을 넘는지는 별도의 질문",
        unit="ha/a",
        shown=Shown.BOUNDARY,
        public_decimals=3,
    )


REVIEWS = LayerSpec(
    name="reviews",
    title="Verdicts of reviewers",
    title_ko="검토자의 판정",
    record=ReviewRecord,
    method=METHOD,
    subject="{subject_kind}/{subject}/{reviewer}",
    time=("reviewed_at",),
    scenes=NO_SCENES,
    from_imagery=False,
    on_map=False,
)
MANUAL_OBSERVATIONS = LayerSpec(
    name="manual_observations",
    title="What an analyst saw in a named image",
    title_ko="분석가가 특정 영상에서 본 것",
    record=ManualObservationRecord,
    method=METHOD,
    subject="observation",
    time=("observed_at",),
    scenes=NO_SCENES,
    from_imagery=False,
    on_map=False,
    span=("observed_at", None),
    label="Manual observation: {kind}",
    style=Style(line=SKY, width_mm=0.5, height=90),
)
SAMPLED_RATES = LayerSpec(
    name="sampled_rates",
    title="Ground newly disturbed a year before and after a date, by a labelled sample: the figure to cite",
    title_ko="기준일 전후 연간 새 교란, 판독된 무작위 표본에 의함: 인용할 수치",
    record=SampledRateRecord,
    method=SAMPLED,
    subject="rates",
    time=("since", "until"),
    scenes=NO_SCENES,
    from_imagery=False,
    rows=Rows.PUBLIC,
    age="until",
    span=("since", "until"),
    label="Ground newly disturbed a year by a sample, before and after {split}",
    printed=Printed(
        caption="Ground newly disturbed a year before and after a date, by a labelled random sample",
        caption_ko="기준일 전후 연간 새 교란, 판독된 무작위 표본에 의함",
        note="Labels of two blind readers, a third where they differed; areas corrected for their errors.",
        note_ko="서로 모르는 두 판독자의 표지, 다를 때는 세 번째 판독자; 면적은 판독 오류를 보정함.",
        columns=(
            ("sample_id", "sample", "표본"),
            ("labels", "labels", "표지 수"),
            ("boundary_id", "outside version", "이 판본 밖"),
            ("split", "date", "기준일"),
            ("before_ha_a_year", "before, ha a year", "전, ha/년"),
            ("after_ha_a_year", "after, ha a year", "후, ha/년"),
            ("change_ha_a_year", "change, ha a year", "변화, ha/년"),
        ),
    ),
)
