# ruff: noqa: E501 - texts are read whole
"""What the figures support of the three claims, by a fixed printed rubric.

A, coal production went up, has no direct measure and is never above "consistent with". B is in two parts: B1
traced perimeters, with a verdict only where both versions were traced blind by two people under one criterion;
B2 disturbed and built ground against one fixed reference version, never called boundary. C, coal lay in
visible stockpiles, is presence. Ground that two sites share is counted once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.geodesy import area_m2
from aoi.records import Site
from campwatch.language import KOREAN, told
from campwatch.questions.records import ANSWERS
from campwatch.reports.content import Count, Source, Value
from campwatch.reviews.records import SAMPLED_RATES
from detection.answers.activity import FLOOR_HA, Presence, judge_presence
from detection.answers.judgement import Verdict
from detection.answers.sentences import VERDICTS, number
from detection.boundary.records import BOUNDARY_CHANGES
from detection.coal.records import STOCKPILE_AREAS
from detection.ground.landsat_records import LANDSAT_RATES
from detection.ground.records import FOOTPRINTS, GROUND_RATES
from evidence.quantity import Quantity
from evidence.rows import StoredRow

M2_PER_HA = 10_000.0
RATE_COLUMNS = ("before_ha_a_year", "after_ha_a_year", "change_ha_a_year")
"""Of every layer of rates."""
CLAIMS = {
    "C": ("C, coal lay in visible stockpiles", "C. 석탄이 보이는 저탄장에 쌓여 있었다"),
    "A": ("A, coal production went up", "A. 석탄 생산이 늘었다"),
    "B1": ("B1, traced perimeters expanded", "B1. 추적된 경계가 확장되었다"),
    "B2": ("B2, disturbed ground expanded", "B2. 교란된 땅이 늘었다"),
}
RUBRIC = (
    (
        "C: seen where more looks of the newest complete year show coal in a stockyard zone than chance would (interval above nought and area above the floor); not seen where none does; else cannot be told.",
        "C: 가장 최근 1년의 관측 중 우연보다 많은 관측에서 석탄이 보이면(구간이 0보다 크고 면적이 하한보다 큼) 보임; 하나도 없으면 보이지 않음; 그 밖에는 판단할 수 없음.",
    ),
    (
        "A: no direct measure. Consistent with, where a declared stockpile question was answered increased; not consistent with, where it was answered decreased; else cannot be told. Never above consistent with. At an underground mine spoil that grows and piles that turn over would respond to production; they are named where measured.",
        "A: 직접 측정 수단이 없음. 선언된 저탄 질문의 답이 증가이면 부합함, 감소이면 부합하지 않음, 그 밖에는 판단할 수 없음. 부합함보다 높은 등급은 없음. 지하 탄광에서는 폐석의 증가와 더미의 회전이 생산에 반응하며, 측정된 경우 명시한다.",
    ),
    (
        "B1: a verdict only where both versions were traced blind by two people under one criterion and a declared boundary question was answered; else cannot be told.",
        "B1: 두 판본을 두 사람이 같은 기준으로 서로 모른 채 추적하고 선언된 경계 질문에 답한 경우에만 판정; 그 밖에는 판단할 수 없음.",
    ),
    (
        "B2: increased, decreased or no change where a declared ground question was answered so, beyond ordinary years; a difference between looks alone is printed and claims nothing. Never called boundary.",
        "B2: 선언된 땅 질문의 답이 평년을 넘어 그러한 경우에만 증가·감소·변화 없음; 관측 사이의 차이는 적되 주장이 아님. 경계라고 부르지 않음.",
    ),
)
"""Printed with every sheet: English, Korean."""
CONSISTENT = ("consistent with", "부합함")
NOT_CONSISTENT = ("not consistent with", "부합하지 않음")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimLine:
    """One claim on the sheet, each text in English and Korean."""

    claim: str
    """C, A, B1 or B2."""
    finding: tuple[str, str]
    text: tuple[str, str]
    """With its interval."""
    supports: tuple[tuple[str, str], ...] = ()
    against: tuple[tuple[str, str], ...] = ()
    not_assessable: tuple[tuple[str, str], ...] = ()
    rows: tuple[str, ...] = ()
    """Ids of the rows that it rests on."""
    values: tuple[Source, ...] = ()
    """Its figures, and the cells of the release that they are from."""

    def line(self, language: str) -> str:
        """The judgement in one line."""
        k = int(language == "ko")
        return f"{CLAIMS[self.claim][k]}: {self.finding[k]}. {self.text[k]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSheet:
    """What the figures of a site support of the three claims."""

    site_id: str
    lines: tuple[ClaimLine, ...]
    questions: int
    """Questions of change that were answered."""
    comparison_places: tuple[str, ...] = ()
    shared_ha: float = 0.0
    """Of the site's ground, what a site named before it holds too: counted there."""
    presence: Mapping[str, Presence] = field(default_factory=dict)

    @property
    def expected_false(self) -> float:
        """Claims of change to be expected from questions where nothing happened, at 5 % each."""
        return 0.05 * self.questions


Rows = Mapping[str, Sequence[StoredRow]]


def reason_in_korean(reason: str) -> str:
    """Why there is no figure, from the catalogue."""
    return told(reason, KOREAN)


def claim_sheets(sites: Sequence[Site], rows: Rows) -> list[ClaimSheet]:
    """A sheet for each site; ground that an earlier site holds is counted there.

    Args:
        sites: in the order in which they are counted.
        rows: current rows by layer.
    """
    sheets: list[ClaimSheet] = []
    earlier: BaseGeometry = shapely.Polygon()
    for site in sites:
        shared = site.aoi.intersection(earlier)
        own = {name: [s for s in held if s.row.site_id == site.id] for name, held in rows.items()}
        hectares = area_m2(shared) / M2_PER_HA if not shared.is_empty else 0.0
        sheets.append(_sheet(site, own, shared, hectares))
        earlier = shapely.union(earlier, site.aoi)
    return sheets


def _sheet(site: Site, own: Rows, shared: Any, hectares: float) -> ClaimSheet:
    answers = list(own.get(ANSWERS.name, ()))
    piles = [s for s in answers if s.row.data["about"] == "stockpile"]
    presence, presence_line = _presence(own.get(STOCKPILE_AREAS.name, ()))
    changes = [s for s in answers if s.row.data["test"] != "presence"]
    comparison = sorted({zone for s in piles for zone in s.row.data.get("zones", ())[1:]})
    return ClaimSheet(
        site_id=site.id,
        lines=(
            presence_line,
            _production(piles, own),
            _perimeters(answers, own.get(BOUNDARY_CHANGES.name, ()), site),
            ground_line(answers, own, shared),
        ),
        questions=len(changes),
        comparison_places=tuple(comparison),
        shared_ha=hectares,
        presence=presence,
    )


def _presence(areas: Sequence[StoredRow]) -> tuple[dict[str, Presence], ClaimLine]:
    """Claim C from the last year of looks of every zone."""
    found: dict[str, Presence] = {}
    newest = max((s.row.data["datetime"] for s in areas), default=None)
    texts: list[tuple[str, str]] = []
    rows: list[str] = []
    values: list[Source] = []
    blind: list[tuple[str, str]] = []
    last_day = dt.datetime.fromisoformat(newest).date() if newest else dt.date.max
    since = last_day - dt.timedelta(days=365)
    for zone in sorted({s.row.data["zone_id"] for s in areas}):
        own = [s for s in areas if s.row.data["zone_id"] == zone]
        looks = [(dt.datetime.fromisoformat(s.row.data["datetime"]).date(), s) for s in own]
        inside = [(day, Quantity.from_dict(s.row.data["area_ha"])) for day, s in looks if day >= since]
        one = found[zone] = judge_presence(inside, floor=FLOOR_HA)
        told, told_ko = f"zone {zone}", f"구역 {zone}"
        known = [(day, s) for day, s in looks if s.row.data["area_ha"]["value"] is not None]
        if known:
            day, last = max(known, key=lambda look: look[0])
            told += f": {quantity_text(last, 'area_ha')} on {day}, the newest figure"
            told_ko += f": 최근 수치 {day} {quantity_text(last, 'area_ha', korean=True)}"
            values += quantity_sources(last, "area_ha")
            rows.append(last.row_id)
        told += f"; on {one.seen} of {one.assessable} assessable looks since {since} the interval leaves out nought"
        told_ko += f"; {since} 이후 평가 가능한 관측 {one.assessable}회 중 구간이 0보다 큰 관측 {one.seen}회"
        values += _presence_counts(own[0].row.site_id, zone, since, one)
        if one.reason:
            told += f"; {one.reason}"
            told_ko += f"; {reason_in_korean(one.reason)}"
        texts.append((told, told_ko))
        if one.not_assessable:
            blind.append((
                f"zone {zone}: {one.not_assessable} looks since {since} gave no figure",
                f"구역 {zone}: {since} 이후 수치 없는 관측 {one.not_assessable}회",
            ))  # fmt: skip
    nothing = ("no stockyard zone was measured", "측정된 저탄장 구역 없음")
    line = ClaimLine(
        claim="C",
        finding=_presence_finding(found),
        text=_joined(texts or [nothing]),
        supports=_zones_with(found, Verdict.SEEN, "interval above nought", "구간이 0보다 큼"),
        against=_zones_with(found, Verdict.NOT_SEEN, "not seen", "보이지 않음"),
        not_assessable=tuple(blind) or (() if texts else (nothing,)),
        rows=tuple(rows),
        values=tuple(values),
    )
    return found, line


def _presence_counts(site_id: str, zone: str, since: dt.date | None, one: Presence) -> tuple[Source, Source]:
    """The looks that a presence counts, as rows of the release."""
    looks = {"site_id": [site_id], "zone_id": [zone], "datetime>=": [str(since)], "area_ha!=": [""]}
    seen = looks | {"area_ha>": [str(FLOOR_HA)], "area_ha_low>": ["0"]}
    return (
        Count(layer=STOCKPILE_AREAS.name, where=looks, printed=str(one.assessable)),
        Count(layer=STOCKPILE_AREAS.name, where=seen, printed=str(one.seen)),
    )


def _presence_finding(found: Mapping[str, Presence]) -> tuple[str, str]:
    verdicts = {one.verdict for one in found.values()}
    if Verdict.SEEN in verdicts:
        return VERDICTS[Verdict.SEEN]
    if verdicts == {Verdict.NOT_SEEN}:
        return VERDICTS[Verdict.NOT_SEEN]
    return VERDICTS[Verdict.CANNOT_BE_TOLD]


def _zones_with(
    found: Mapping[str, Presence], verdict: Verdict, said: str, said_ko: str
) -> tuple[tuple[str, str], ...]:
    return tuple(
        (
            f"zone {zone}: {said} on {one.seen or one.assessable} of {one.assessable} looks",
            f"구역 {zone}: 관측 {one.assessable}회 중 {one.seen or one.assessable}회 {said_ko}",
        )
        for zone, one in found.items()
        if one.verdict is verdict
    )


def _joined(texts: Sequence[tuple[str, str]]) -> tuple[str, str]:
    return "; ".join(t[0] for t in texts) + ".", "; ".join(t[1] for t in texts) + "."


def quantity_text(stored: StoredRow, column: str, *, korean: bool = False) -> str:
    """`0.62 ha (95 % interval 0.31 to 0.93)` of one cell, or why there is none."""
    return _interval(Quantity.from_dict(stored.row.data[column]), korean=korean)


def quantity_sources(stored: StoredRow, column: str) -> tuple[Source, ...]:
    """The three cells that `quantity_text` prints."""
    q = Quantity.from_dict(stored.row.data[column])
    ends = (("", q.value), ("_low", q.low), ("_high", q.high))
    return tuple(
        Value(row_id=stored.row_id, column=f"{column}{end}", printed=number(value))
        for end, value in ends
        if value is not None
    )


def _interval(q: Quantity, *, korean: bool = False) -> str:
    if q.value is None or q.low is None or q.high is None:
        return f"수치 없음 ({reason_in_korean(q.reason or '')})" if korean else f"no figure ({q.reason})"
    ends = f"{number(q.low)}~{number(q.high)}" if korean else f"{number(q.low)} to {number(q.high)}"
    return f"{number(q.value)} ha ({q.level:.0%} {'구간' if korean else 'interval'} {ends})"


def _told(stored: StoredRow, k: int) -> str:
    """Id, verdict and either the change or the reason, of one answer."""
    data = stored.row.data
    verdict = VERDICTS[Verdict(data["verdict"])][k]
    text = f"{data['question_id']}: {verdict}"
    if data["value"]["value"] is not None:
        text += f", {quantity_text(stored, 'value', korean=bool(k))}"
    why = data["why_not"]
    if why:
        text += f" – {reason_in_korean(why) if k else why}"
    return text


def _pairs(stored: Sequence[StoredRow]) -> tuple[tuple[str, str], ...]:
    return tuple((_told(s, 0), _told(s, 1)) for s in stored)


def _short(stored: Sequence[StoredRow]) -> tuple[str, str]:
    """Change with interval of each answer, or why there is none, in a line."""
    return _joined(_pairs(stored)) if stored else ("", "")


def _answer_sources(stored: Sequence[StoredRow]) -> tuple[Source, ...]:
    return tuple(source for s in stored for source in quantity_sources(s, "value"))


def _sorted_by_verdict(
    stored: Sequence[StoredRow],
) -> tuple[list[StoredRow], list[StoredRow], list[StoredRow]]:
    """(increased, decreased or unchanged, cannot be told)."""
    up = [s for s in stored if s.row.data["verdict"] == Verdict.INCREASED]
    down = [s for s in stored if s.row.data["verdict"] in {Verdict.DECREASED, Verdict.NO_CHANGE}]
    return up, down, [s for s in stored if s not in up and s not in down]


def _production(piles: Sequence[StoredRow], own: Rows) -> ClaimLine:
    changes = [s for s in piles if s.row.data["test"] != "presence"]
    up, down, untold = _sorted_by_verdict(changes)
    finding = (
        CONSISTENT
        if up and not down
        else NOT_CONSISTENT
        if down and not up
        else VERDICTS[Verdict.CANNOT_BE_TOLD]
    )
    responds = (
        "spoil growth and pile turnover respond to production at an underground mine: ",
        "지하 탄광의 생산에 반응하는 폐석 증가와 더미 회전: ",
    )
    measured = (
        "disturbed ground is measured (B2), turnover stands with each stockpile answer"
        if own.get(FOOTPRINTS.name)
        else "not measured",
        "교란된 땅은 B2에서, 회전은 저탄 질문의 답에 있음" if own.get(FOOTPRINTS.name) else "측정되지 않음",
    )
    short = _short(changes)
    nothing = ("No stockpile question was declared.", "선언된 저탄 질문 없음.")
    return ClaimLine(
        claim="A",
        finding=finding,
        text=(
            f"No direct measure. {short[0] or nothing[0]}",
            f"직접 측정 수단 없음. {short[1] or nothing[1]}",
        ),
        supports=_pairs(up),
        against=(
            *_pairs(down),
            (
                "fewer shipments or blocked exports make piles grow as well",
                "출하 감소나 수출 차단도 더미를 키운다",
            ),
        ),
        not_assessable=(*_pairs(untold), (responds[0] + measured[0], responds[1] + measured[1])),
        rows=tuple(s.row_id for s in changes),
        values=_answer_sources(changes),
    )


def _perimeters(answers: Sequence[StoredRow], changes: Sequence[StoredRow], site: Site) -> ClaimLine:
    asked = [s for s in answers if s.row.data["about"] == "boundary"]
    up, down, untold = _sorted_by_verdict(asked)
    finding = VERDICTS[Verdict(asked[-1].row.data["verdict"])] if asked else VERDICTS[Verdict.CANNOT_BE_TOLD]
    order = {version.boundary_id: k for k, version in enumerate(site.boundaries)}
    widest = max(
        changes,
        key=lambda s: (
            order.get(s.row.data["to_boundary_id"], 0) - order.get(s.row.data["from_boundary_id"], 0)
        ),
        default=None,
    )
    text, values = ("No two traced versions.", "비교할 두 판본 없음."), _answer_sources(asked)
    if widest is not None:
        data = widest.row.data
        text = (
            f"Version {data['from_boundary_id']} to {data['to_boundary_id']}: net {quantity_text(widest, 'net_ha')}; an overlay of two drawings, which claims nothing by itself.",
            f"{data['from_boundary_id']}→{data['to_boundary_id']}: 순 변화 {quantity_text(widest, 'net_ha', korean=True)}; 두 도면의 중첩으로, 그 자체로는 주장이 아님.",
        )
        values += quantity_sources(widest, "net_ha")
    lack = (
        "no declared boundary question with two blind traces of either version",
        "두 판본 모두 두 사람의 블라인드 추적이 있는 선언된 경계 질문 없음",
    )
    return ClaimLine(
        claim="B1", finding=finding, text=text, supports=_pairs(up),
        against=(*_pairs(down), ("two hands read the same ground differently", "같은 지형도 사람마다 다르게 읽는다")),
        not_assessable=_pairs(untold) or (() if asked else (lack,)),
        rows=(*([widest.row_id] if widest else []), *(s.row_id for s in asked)), values=values,
    )  # fmt: skip


def _sampled_text(s: StoredRow) -> tuple[str, str]:
    """Rates by the site's random sample, which go before what the map counts."""
    data = s.row.data
    version, day, sample, n = data["boundary_id"], data["split"][:10], data["sample_id"], data["labels"]
    english, korean = ([quantity_text(s, column, korean=k) for column in RATE_COLUMNS] for k in (False, True))
    where = f"outside the fixed version {version} " if version else ""
    where_ko = f"고정 판본 {version} 밖 " if version else ""
    return (
        f"by the random sample {sample}, the figure to cite ({n} labels): newly disturbed {where}a year {english[0]} before {day}, {english[1]} after; after less before {english[2]}",
        f"무작위 표본 {sample}에 의한 인용할 수치(표지 {n}개): {where_ko}연간 새 교란 {day} 전 {korean[0]}, 후 {korean[1]}; 후 − 전 {korean[2]}",
    )


def reference_epochs(footprints: Sequence[StoredRow]) -> list[StoredRow]:
    """Accounts against one fixed boundary version, one for each epoch, oldest first."""
    fixed = [s for s in footprints if s.row.data.get("boundary_role") == "fixed"]
    versions = [s.row.data["boundary_id"] for s in fixed or footprints]
    if not versions:
        return []
    own = [s for s in footprints if s.row.data["boundary_id"] == versions[0]]
    by_epoch = {s.row.data["epoch_start"]: s for s in own}
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]


def ground_line(answers: Sequence[StoredRow], own: Rows, shared: Any) -> ClaimLine:
    """B2 of one site: its ground answers, accounts and rates; `shared` is ground counted at a site before."""
    asked = [s for s in answers if s.row.data["about"] == "ground"]
    up, down, untold = _sorted_by_verdict(asked)
    finding = VERDICTS[Verdict.CANNOT_BE_TOLD]
    if asked:
        finding = (
            VERDICTS[Verdict.INCREASED]
            if up and not down
            else VERDICTS[Verdict(asked[-1].row.data["verdict"])]
        )
    epochs = reference_epochs(own.get(FOOTPRINTS.name, ()))
    known = [s for s in epochs if s.row.data["area_ha"]["value"] is not None]
    texts, rows, values = list(_pairs(asked)), [s.row_id for s in asked], _answer_sources(asked)
    if known:
        ends = list(dict.fromkeys((0, len(known) - 1)))
        for s in (known[k] for k in ends):
            day = s.row.data["account_date"][:10]
            texts.append(
                (
                    f"disturbed {quantity_text(s, 'area_ha')} on {day}",
                    f"{day} 교란 {quantity_text(s, 'area_ha', korean=True)}",
                )
            )
            values += quantity_sources(s, "area_ha")
            rows.append(s.row_id)
        last = known[-1]
        version = last.row.data["boundary_id"]
        if version and last.row.data["outside_ha"]["value"] is not None:
            texts.append(
                (
                    f"outside the fixed version {version} {quantity_text(last, 'outside_ha')}",
                    f"고정 판본 {version} 밖 {quantity_text(last, 'outside_ha', korean=True)}",
                )
            )
            values += quantity_sources(last, "outside_ha")
    else:
        texts.append(("no epoch was assessable", "평가할 수 있는 시기 없음"))
    sampled = [
        s for s in own.get(SAMPLED_RATES.name, ()) if s.row.data["before_ha_a_year"]["value"] is not None
    ]
    texts = [*map(_sampled_text, sampled), *texts]
    for s in sampled:
        values += tuple(source for column in RATE_COLUMNS for source in quantity_sources(s, column))
        rows.append(s.row_id)
    for s in (*own.get(LANDSAT_RATES.name, ()), *own.get(GROUND_RATES.name, ())):
        if s.row.data["before_ha_a_year"]["value"] is None:
            continue
        outside = s.row.data["boundary_id"]
        where = (f"outside the fixed version {outside} ", f"고정 판본 {outside} 밖 ") if outside else ("", "")
        if s.row.data.get("boundary_role") == "in_force":
            where = ("outside the version in force on each event's day ", "사건마다 그날 유효한 판본 밖 ")
        told = [
            [quantity_text(s, name, korean=korean) for name in ("before_ha_a_year", "after_ha_a_year")]
            for korean in (False, True)
        ]
        day, sensor = s.row.data["split"][:10], f"{s.row.data['sensor']}, {s.row.data['resolution_m']:g} m"
        texts.append(
            (
                f"newly disturbed {where[0]}a year: {told[0][0]} before {day}, {told[0][1]} after ({sensor})",
                f"{where[1]}연간 새 교란: {day} 전 {told[1][0]}, 후 {told[1][1]} ({sensor})",
            )
        )
        values += (*quantity_sources(s, "before_ha_a_year"), *quantity_sources(s, "after_ha_a_year"))
        rows.append(s.row_id)
    lack = ("no ground question was declared", "선언된 땅 질문 없음")
    blind = tuple(
        (
            f"epoch to {s.row.data['epoch_end'][:10]}: {s.row.data['area_ha']['reason']}",
            f"{s.row.data['epoch_end'][:10]}까지의 시기: {reason_in_korean(str(s.row.data['area_ha']['reason']))}",
        )
        for s in epochs
        if s.row.data["area_ha"]["value"] is None
    )
    against = [("farming, logging and rivers bare ground as well", "경작, 벌목, 하천도 땅을 드러낸다")]
    if not shared.is_empty:
        against.append(
            (
                "part of this ground lies within a site named before, and is counted there",
                "이 땅의 일부는 앞의 대상지에 속하며 거기에서 센다",
            )
        )
    return ClaimLine(
        claim="B2",
        finding=finding,
        text=_joined(texts),
        supports=_pairs(up),
        against=(*_pairs(down), *against),
        not_assessable=(*_pairs(untold), *(() if asked else (lack,)), *blind),
        rows=tuple(dict.fromkeys(rows)),
        values=values,
    )
