"""What reviewers and analysts give: verdicts on findings, observations in named images, as ledger rows."""

from __future__ import annotations

from shapely.geometry.base import BaseGeometry

from evidence.layers import NO_SCENES, SKY, LayerSpec, Style, column, kept, record

METHOD = "review/1"


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
