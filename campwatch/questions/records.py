"""Answers to declared questions as ledger rows."""

from __future__ import annotations

from detection.boundary.records import BOUNDARY
from detection.coal.records import ZONE
from evidence.layers import NO_SCENES, LayerSpec, Printed, Rows, Shown, column, record
from evidence.quantity import Quantity

METHOD = "answers-2"


@record
class AnswerRecord:
    """What a declared question was answered with, and the sentence to paste."""

    question_id: str = column("the question", "질문", shown=Shown.PUBLIC)
    title: str = column("the question in words", "질문 문장", shown=Shown.PUBLIC)
    about: str = column(
        "stockpile, ground or boundary", "stockpile(저탄), ground(땅), boundary(경계)", shown=Shown.PUBLIC
    )
    test: str = column(
        "before_after, trend, change_points or presence",
        "before_after(전후), trend(추세), change_points(변화점), presence(존재)",
        shown=Shown.PUBLIC,
    )
    declared_at: str = column(
        "when the question's hash entered custody, by the clock of the declaring computer, UTC",
        "질문의 해시가 보관 기록에 들어간 시각(선언한 컴퓨터의 시계, UTC)",
        shown=Shown.PUBLIC,
    )
    question_sha256: str = column("of the question's file", "질문 파일의 SHA-256", shown=Shown.PUBLIC)
    verdict: str = column(
        "increased, decreased, no_change, seen, not_seen or cannot_be_told",
        "increased(증가), decreased(감소), no_change(변화 없음), seen(보임), not_seen(보이지 않음), "
        "cannot_be_told(판단할 수 없음)",
        shown=Shown.PUBLIC,
    )
    why_not: str | None = column("why it cannot be told", "판단할 수 없는 이유", shown=Shown.PUBLIC)
    value: Quantity = column(
        "change beyond what this place does in ordinary years, ha (a year, for trends and ground)",
        "평년 변동을 넘는 변화, ha(추세와 땅은 연간)",
        unit="ha", shown=Shown.PUBLIC, public_decimals=2,
    )  # fmt: skip
    between: Quantity = column(
        "difference between these looks alone, which claims nothing",
        "이 관측들 사이만의 차이(주장이 아님)",
        unit="ha", shown=Shown.PUBLIC, public_decimals=2,
    )  # fmt: skip
    percent: float | None = column(
        "of the level before", "이전 수준에 대한 비율", unit="%", shown=Shown.PUBLIC
    )
    margin_ha: float | None = column(
        "change that would matter, as declared", "미리 정한 한계", unit="ha", shown=Shown.PUBLIC
    )
    looks_before: int = column("usable looks before", "이전의 사용 가능한 관측 수", shown=Shown.PUBLIC)
    looks_after: int = column("usable looks after", "이후의 사용 가능한 관측 수", shown=Shown.PUBLIC)
    seen: int | None = column("looks on which it was seen", "보인 관측 수", shown=Shown.PUBLIC)
    reference_years: tuple[str, ...] = column(
        "complete years outside the asked window", "질문 기간 밖의 완전한 연도", shown=Shown.PUBLIC
    )
    placebos: tuple[str, ...] = column(
        "how far each ordinary year lies from the others, year:hectares",
        "각 평년이 다른 평년들에서 벗어난 정도(연도:ha)",
        shown=Shown.PUBLIC,
    )
    questions_of_these_rows: int = column(
        "questions asked of one set of rows, for which Holm's correction was made",
        "같은 자료에 던진 질문의 수(홀름 보정)",
        shown=Shown.PUBLIC,
    )
    zones: tuple[str, ...] = column("zones asked about", "질문한 구역", shown=Shown.PUBLIC, names=ZONE)
    boundaries: tuple[str, ...] = column(
        "boundary versions asked about", "질문한 경계 판본", shown=Shown.PUBLIC, names=BOUNDARY
    )
    sentence_en: str = column("to paste, English", "인용 문장(영어)", shown=Shown.PUBLIC)
    sentence_ko: str = column("to paste, Korean (draft)", "인용 문장(한국어, 초안)", shown=Shown.PUBLIC)


ANSWERS = LayerSpec(
    name="answers",
    title="Answers to declared questions; only the change beyond ordinary years may be claimed",
    title_ko="선언된 질문에 대한 답(평년 변동을 넘는 변화만 주장할 수 있음)",
    record=AnswerRecord,
    method=METHOD,
    subject="{question_id}",
    scenes=NO_SCENES,
    rows=Rows.PUBLIC,
    finding="question_id",
    label="Question {question_id}: {verdict}",
    printed=Printed(
        caption="Declared questions and their answers",
        caption_ko="선언된 질문과 답",
        columns=(
            ("question_id", "question", "질문"),
            ("declared_at", "declared (UTC)", "선언(UTC)"),
            ("verdict", "verdict", "판정"),
            ("value", "change beyond ordinary years, ha", "평년을 넘는 변화, ha"),
            ("percent", "%", "%"),
            ("sentence_en", "sentence", "문장"),
        ),
        note="Cannot be told: evidence neither of change nor of its absence.",
        note_ko="판단할 수 없음: 변화의 증거도, 변화가 없다는 증거도 아니다.",
    ),
)
