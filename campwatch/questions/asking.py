"""Questions about one site: declared in custody, answered from the ledger, kept as rows and files.

`questions/ID.toml` names site, windows, margin and test before anybody has looked; its SHA-256 enters the
site's custody chain before the answer is computed, and the answer enters it afterwards, with a row of the
layer `answers`.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import shapely

from aoi.records import Site, ZoneKind
from aoi.site_file import read_site
from campwatch.identity import Clock, system_clock
from campwatch.language import KOREAN, spoken
from campwatch.language import told as read_in
from campwatch.questions.answers import comparison_document, comparison_lines
from campwatch.questions.comparison import answer as answer_comparison
from campwatch.questions.comparison import declare_comparison, is_comparison, read_question
from campwatch.questions.custody import (
    ANSWERED,
    DECLARED,
    QuestionError,
    Standing,
    declare,
    keep_answer,
    standing,
)
from campwatch.questions.radar_looks import zone_opinions
from campwatch.questions.records import ANSWERS, AnswerRecord
from campwatch.reviews.validation import all_checks, site_checks
from campwatch.run.derived import open_for_append
from campwatch.workspace import Workspace, readable_sites
from detection.answers.activity import Activity, activity
from detection.answers.questions import (
    About,
    Answer,
    Question,
    answer,
    answer_boundary,
    answer_ground,
    correct_together,
    parse_question,
)
from detection.answers.sentences import VERDICTS, sentences, years_text
from detection.boundary.records import BOUNDARY_CHANGES
from detection.coal.records import STOCKPILE_AREAS, StockpileArea
from detection.ground.records import DISTURBANCES, FOOTPRINTS
from detection.radar.second_opinion import RadarOpinion
from detection.sampling.references import SiteCheck
from evidence.errors import MeasurementError
from evidence.files import below, write_text
from evidence.hashing import sha256_json
from evidence.ledger import Ledger
from evidence.quantity import Quantity, difference
from evidence.record_reading import read_record
from evidence.rows import plain

DISTURBED = {
    "total": ("disturbed_ha", "area_ha"),
    "inside": ("disturbed_inside_ha", "inside_ha"),
    "outside": ("disturbed_outside_ha", "outside_ha"),
}
"""Columns of `footprints` with disturbed ground, the first that a row has."""
OPENED = {"total": ("opened_ha",), "inside": ("opened_inside_ha",), "outside": ("opened_outside_ha",)}
"""Columns with ground newly disturbed in the epoch; where a row has none, the difference of states."""
LAYER_OF = {
    About.STOCKPILE: STOCKPILE_AREAS.name,
    About.GROUND: FOOTPRINTS.name,
    About.BOUNDARY: BOUNDARY_CHANGES.name,
}
"""The layer whose rows a question asks about."""
NOTES = {
    About.STOCKPILE: "Plan area of probable coal; not volume, tonnage, production or origin.",
    About.GROUND: "Disturbed ground of one fixed reading; never called a boundary.",
    About.BOUNDARY: "Traced perimeters; a verdict needs two blind traces of either version.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question with its answer and where it was written."""

    site_id: str
    question: Question
    answer: Answer
    before: Activity | None
    """Of stockpile questions."""
    after: Activity | None
    declared_at: str
    sha256: str
    """Of the question's file."""
    asked_together: int
    """Questions of the same rows that Holm's correction was made for."""
    radar: Mapping[str, RadarOpinion]
    """What Sentinel-1 says, by zone; empty where the archive holds none."""
    calibrated: bool
    validation: str
    """What references of the site stand behind the figures."""
    standing: Standing
    """What was known when the question was declared, and how many were asked."""
    files: tuple[Path, ...]

    @property
    def sentences(self) -> tuple[str, str]:
        """English and Korean."""
        return sentences(self.question, self.answer, korean=partial(read_in, language=KOREAN))

    @property
    def document(self) -> dict[str, Any]:
        """Plain values."""
        english, korean = self.sentences
        told = {
            "site": self.site_id,
            "declared_at": self.declared_at,
            "question_sha256": self.sha256,
            "standing": self.standing.document,
            "verdict": self.answer.verdict.value,
            "sentence_en": english,
            "sentence_ko": korean,
            "asked_together": self.asked_together,
            "radar": {zone: asdict(told) for zone, told in self.radar.items()},
            "calibrated": self.calibrated,
            "validation": self.validation,
            "question": asdict(self.question),
            "answer": asdict(self.answer),
            "window_before": None if self.before is None else asdict(self.before),
            "window_after": None if self.after is None else asdict(self.after),
        }
        return {name: _plain(value) for name, value in told.items()}

    @property
    def record(self) -> AnswerRecord:
        """The row of the layer `answers`."""
        found, asked = self.answer, self.question
        english, korean = self.sentences
        judged = found.judgement
        return AnswerRecord(
            question_id=asked.id,
            title=asked.title,
            about=asked.about,
            test=asked.test,
            declared_at=self.declared_at,
            question_sha256=self.sha256,
            verdict=found.verdict.value,
            why_not=found.reason,
            value=found.change,
            between=found.difference_ha,
            percent=found.percent,
            margin_ha=asked.margin_ha,
            looks_before=found.looks_before,
            looks_after=found.looks_after,
            seen=found.presence.seen if found.presence else None,
            reference_years=judged.reference_years if judged else (),
            placebos=tuple(f"{year}:{value:+.2f}" for year, value in judged.placebos) if judged else (),
            questions_of_these_rows=self.asked_together,
            zones=(*asked.zones, *asked.comparison_zones),
            boundaries=tuple(filter(None, (asked.from_boundary, asked.to_boundary))),
            sentence_en=english,
            sentence_ko=korean,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What came of a comparison with other places, and where it was written."""

    lines: tuple[str, ...]
    document: dict[str, Any]
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One question that was declared, or waits to be."""

    question_id: str
    site_id: str | None
    declared_at: str | None
    verdict: str | None
    sentence_en: str | None
    sentence_ko: str | None


def question_path(workspace: Workspace, question_id: str) -> Path:
    """The file of a question.

    Raises:
        QuestionError: where there is none.
    """
    path = below(workspace.folder / "questions", f"{question_id}.toml")
    if not path.is_file():
        there = ", ".join(sorted(one.stem for one in path.parent.glob("*.toml"))) or "none"
        raise QuestionError(
            f"there is no question {question_id}: {path} is missing; there are: {there} "
            "(campwatch question new makes one)"
        )
    return path


def read_area_question(path: Path) -> tuple[str, Question]:
    """The site and the question of a file.

    Raises:
        QuestionError: where it cannot be read, or names no site.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise QuestionError(f"cannot read {path}: {err}") from err
    site_id = data.pop("site", None)
    if not isinstance(site_id, str):
        raise QuestionError(f"{path.name}: site is missing")
    return site_id, parse_question({"id": path.stem} | data)


def asked_questions(workspace: Workspace) -> list[Listed]:
    """Every declared question with its newest answer, and question files that nobody has asked yet."""
    listed: dict[str, Listed] = {}
    if workspace.ledger_path.is_file():
        with Ledger(workspace.ledger_path, read_only=True) as ledger:
            for entry in ledger.custody():
                if entry.action == DECLARED:
                    name = entry.data["question"]
                    listed[name] = Listed(
                        question_id=name, site_id=entry.chain, declared_at=entry.time,
                        verdict=None, sentence_en=None, sentence_ko=None,
                    )  # fmt: skip
                elif entry.action == ANSWERED and entry.data["question"] in listed:
                    known, told = listed[entry.data["question"]], entry.data["answer"]
                    listed[known.question_id] = Listed(
                        question_id=known.question_id, site_id=known.site_id, declared_at=known.declared_at,
                        verdict=told.get("verdict"), sentence_en=told.get("sentence_en"),
                        sentence_ko=told.get("sentence_ko"),
                    )  # fmt: skip
    for path in sorted((workspace.folder / "questions").glob("*.toml")):
        if path.stem not in listed:
            listed[path.stem] = Listed(
                question_id=path.stem, site_id=None, declared_at=None,
                verdict=None, sentence_en=None, sentence_ko=None,
            )  # fmt: skip
    return list(listed.values())


def ask(
    workspace: Workspace, question_id: str, *, actor: str = "campwatch", clock: Clock = system_clock
) -> Asked:
    """Declare a question where it is new, answer it from the ledger, keep the answer in custody and in files.

    Raises:
        QuestionError: where it cannot be read, was declared with other words, or names unknown zones.
    """
    path = question_path(workspace, question_id)
    site_id, question = read_area_question(path)
    (site_path,) = workspace.chosen_paths((site_id,))
    site = read_site(site_path)
    with open_for_append(workspace) as ledger:
        areas = _areas(ledger, site_id)
        _require_known(question, areas, site)
        declared = declare(ledger, path, chain=site_id, also={}, actor=actor, clock=clock)
        _require_areas(question, areas, site_id)
        together = _asked_of_the_same_rows(workspace, ledger, site_id, question)
        answers = correct_together([_answered(one, ledger, site, areas) for one in together])
        found = answers[[one.id for one in together].index(question.id)]
        piles = question.about == About.STOCKPILE
        asked = Asked(
            site_id=site_id,
            question=question,
            answer=found,
            before=activity(areas, question.zones, question.before) if piles else None,
            after=activity(areas, question.zones, question.after) if piles else None,
            declared_at=declared.time,
            sha256=declared.data["sha256"],
            asked_together=len(together),
            radar=zone_opinions(workspace, site, question.zones, areas) if piles else {},
            calibrated=_calibrated(ledger, site_id),
            validation=_validation(ledger, site, question),
            standing=standing(ledger, declared, layer=LAYER_OF[About(question.about)], sites=(site_id,)),
            files=_file_names(workspace, question_id),
        )
        row = ANSWERS.row(
            asked.record,
            site_id=site_id,
            params_hash=sha256_json(_plain(asdict(question))),
            inputs_hash=asked.sha256,
        )
        keep_answer(ledger, declared, asked.document, actor=actor, clock=clock, rows=[row])
    _write_files(asked)
    return asked


def _asked_of_the_same_rows(
    workspace: Workspace, ledger: Ledger, site_id: str, question: Question
) -> list[Question]:
    """This question and the others that were declared of the same site and kind of row, this one last."""
    names = [e.data["question"] for e in ledger.custody(site_id) if e.action == DECLARED]
    out = []
    for name in names:
        path = workspace.folder / "questions" / f"{name}.toml"
        if name == question.id or not path.is_file() or is_comparison(path):
            continue
        try:
            _, other = read_area_question(path)
        except (QuestionError, MeasurementError):
            continue
        if other.about == question.about and other.test != "presence" != question.test:
            out.append(other)
    return [*out, question]


def _answered(question: Question, ledger: Ledger, site: Site, areas: Sequence[StockpileArea]) -> Answer:
    if question.about == About.GROUND:
        states, opened = ground_figures(ledger, site, question)
        return answer_ground(question, states, opened)
    if question.about == About.BOUNDARY:
        net = _net_of_boundaries(ledger, site.id, question)
        versions = (question.from_boundary, question.to_boundary)
        return answer_boundary(question, net, blind=all(traced_blind(site, one) for one in versions))
    return answer(question, areas)


def ground_figures(
    ledger: Ledger, site: Site, question: Question
) -> tuple[list[tuple[dt.date, Quantity]], list[tuple[int, Quantity]]]:
    """(last day, disturbed ground) of every epoch, and (year, ground newly disturbed in it)."""
    rows = [stored.row.data for stored in ledger.current(FOOTPRINTS.name, site_id=site.id)]
    epochs = sorted(
        (dt.date.fromisoformat(row["epoch_start"]), dt.date.fromisoformat(row["epoch_end"]), row)
        for row in rows
    )
    states = [
        (end - dt.timedelta(days=1), _first_quantity(row, DISTURBED[question.part])) for _, end, row in epochs
    ]
    if question.zones:
        return states, _opened_in_zones(ledger, site, question.zones, epochs)
    opened: dict[int, Quantity] = {}
    for k, (start, _, row) in enumerate(epochs):
        told = next((row[name] for name in OPENED[question.part] if name in row), None)
        if told is not None:
            opened[start.year] = Quantity.from_dict(told)
        elif k:
            opened[start.year] = difference(states[k][1], states[k - 1][1])
    return states, sorted(opened.items())


def _first_quantity(row: Mapping[str, Any], names: Sequence[str]) -> Quantity:
    told = next((row[name] for name in names if name in row), None)
    return Quantity.not_assessable(f"no column {names[0]}") if told is None else Quantity.from_dict(told)


def _opened_in_zones(
    ledger: Ledger,
    site: Site,
    zones: Sequence[str],
    epochs: Sequence[tuple[dt.date, dt.date, Mapping[str, Any]]],
) -> list[tuple[int, Quantity]]:
    """(year, ground newly disturbed within zones): events of the year by the share of them inside."""
    shape = shapely.union_all([zone.geometry for zone in site.zones if zone.id in zones])
    seen = {
        start.year: _first_quantity(row, DISTURBED["total"]).value is not None for start, _, row in epochs
    }
    total = {year: 0.0 for year, known in seen.items() if known}
    variance = dict.fromkeys(total, 0.0)
    for stored in ledger.current(DISTURBANCES.name, site_id=site.id):
        row, year = stored.row, int(stored.row.data["first_seen"][:4])
        area = Quantity.from_dict(row.data["area_ha"])
        if year not in total or row.geometry is None or area.value is None:
            continue
        outline = shapely.from_wkb(row.geometry)
        share = outline.intersection(shape).area / outline.area if outline.area else 0.0
        total[year] += share * area.value
        variance[year] += (share * area.sd) ** 2
    return [(year, Quantity.measured(total[year], sd_random=variance[year] ** 0.5)) for year in sorted(total)]


def _net_of_boundaries(ledger: Ledger, site_id: str, question: Question) -> Quantity:
    for stored in ledger.current(BOUNDARY_CHANGES.name, site_id=site_id):
        row = stored.row.data
        if (row["from_boundary_id"], row["to_boundary_id"]) == (question.from_boundary, question.to_boundary):
            return Quantity.from_dict(row["net_ha"])
    return Quantity.not_assessable(
        f"{question.from_boundary} and {question.to_boundary} were not compared in the ledger"
    )


def traced_blind(site: Site, boundary_id: str | None) -> bool:
    """Whether two people traced this version: another of the same date and criterion by another code."""
    own = next((b for b in site.boundaries if b.boundary_id == boundary_id), None)
    if own is None or own.digitised_by is None or _criterion(own) is None:
        return False
    return any(
        other.boundary_id != boundary_id
        and other.valid_from == own.valid_from
        and _criterion(other) == _criterion(own)
        and other.digitised_by not in {None, own.digitised_by}
        for other in site.boundaries
    )


def _criterion(boundary: Any) -> str | None:
    """Under which criterion a version was traced; a field of its own, or kept by name."""
    told = getattr(boundary, "criterion", None) or boundary.extra.get("criterion")
    return None if told is None else str(told)


def _areas(ledger: Ledger, site_id: str) -> list[StockpileArea]:
    return [read_record(StockpileArea, s.row) for s in ledger.current(STOCKPILE_AREAS.name, site_id=site_id)]


def _require_known(question: Question, areas: Sequence[StockpileArea], site: Site) -> None:
    """Before a question is declared: a misspelt zone or version must not burn its name."""
    if question.about == About.BOUNDARY:
        there = {boundary.boundary_id for boundary in site.boundaries}
        asked, what = {question.from_boundary or "", question.to_boundary or ""}, "boundary"
    elif question.about == About.GROUND:
        there, asked, what = {zone.id for zone in site.zones}, set(question.zones), "zone"
    else:
        there = {zone.id for zone in site.zones_of(ZoneKind.STOCKYARD)} | {area.zone_id for area in areas}
        asked, what = {*question.zones, *question.comparison_zones}, "zone"
    unknown = sorted(asked - there)
    if unknown or (question.about == About.STOCKPILE and not question.zones):
        names = ", ".join(sorted(there)) or f"none (the site file has no {what})"
        raise QuestionError(
            f"question {question.id}: no {what} {', '.join(unknown) or 'is named'} in {site.id}; "
            f"there are: {names}; nothing was declared"
        )


def _require_areas(question: Question, areas: Sequence[StockpileArea], site_id: str) -> None:
    asked = {*question.zones, *question.comparison_zones} if question.about == About.STOCKPILE else set()
    unknown = sorted(asked - {area.zone_id for area in areas})
    if unknown:
        raise QuestionError(
            f"question {question.id} is declared; there are no areas of {', '.join(unknown)} in {site_id} "
            "yet: ask again after a run"
        )


def _validation(ledger: Ledger, site: Site, question: Question) -> str:
    return site_checks(ledger, site).get(LAYER_OF[About(question.about)], SiteCheck()).text


def _calibrated(ledger: Ledger, site_id: str) -> bool:
    """Whether the site file of the newest measurement holds a spectrum that was measured on marked coal."""
    entry = ledger.last_entry(site_id, "measure")
    if entry is None:
        return False
    features = entry.data["site_file"].get("features", ())
    extra = [(f.get("properties") or {}).get("extra") or {} for f in features]
    return any("coal_spectrum" in told for told in extra)


def _file_names(workspace: Workspace, question_id: str) -> tuple[Path, ...]:
    folder = workspace.exports_folder / "questions"
    return tuple(below(folder, f"{question_id}.{kind}") for kind in ("json", "csv", "txt"))


def _write_files(asked: Asked) -> None:
    document, table, text = asked.files
    document.parent.mkdir(parents=True, exist_ok=True)
    write_text(document, json.dumps(asked.document, ensure_ascii=False, indent=2) + "\n")
    write_text(table, "\ufeff" + _csv(asked))
    write_text(text, "\n".join(answer_lines(asked)) + "\n")


def _quantities(asked: Asked) -> Iterator[tuple[str, str, Quantity]]:
    """(figure, unit, quantity) in the order of the table."""
    found = asked.answer
    if found.judgement is not None:
        yield "change beyond ordinary years", "ha", found.change
        if found.judgement.annual is not None:
            yield "the same by annual means (Student's t)", "ha", found.judgement.annual
    if asked.question.test == "before_after":
        yield "difference between these looks", "ha", found.difference_ha
        yield from (("mean before", "ha", found.before_ha), ("mean after", "ha", found.after_ha))
    for date, quantity in found.sensitivity:
        yield f"change if the windows met on {date}", "ha", quantity
    if found.slope_ha_per_year is not None:
        yield "slope of these looks (Theil–Sen within months)", "ha per year", found.slope_ha_per_year
    for step in found.steps:
        yield f"step between {step.earliest} and {step.latest}", "ha", step.size
    for name, window in (("before", asked.before), ("after", asked.after)):
        if window is not None:
            yield f"share of looks with coal, {name}", "1", window.share_with_coal
            yield f"pile-days, {name}", "days", window.pile_days
            yield f"turnover (lower bound), {name}", "ha", window.turnover_ha


def _csv(asked: Asked) -> str:
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(("figure", "unit", "value", "low", "high", "level", "validation", "reason"))
    for name, unit, q in _quantities(asked):
        table.writerow((name, unit, q.value, q.low, q.high, q.level, asked.validation, q.reason or ""))
    return out.getvalue()


def answer_lines(asked: Asked) -> list[str]:
    """The answer for people: verdict and sentences first."""
    found, question = asked.answer, asked.question
    lines = [f"{question.title} ({asked.site_id}{': ' if question.zones else ''}{', '.join(question.zones)})"]
    lines.append(f"VERDICT: {VERDICTS[found.verdict][0]}" + (f" ({found.reason})" if found.reason else ""))
    lines += (
        [asked.sentences[1]]
        if spoken() == KOREAN
        else [asked.sentences[0], f"[ko, DRAFT] {asked.sentences[1]}"]
    )
    lines.append(
        f"declared {asked.declared_at} by the clock of the computer that declared it, "
        f"file SHA-256 {asked.sha256}"
    )
    lines += asked.standing.lines
    lines.append(f"questions asked of these rows: {asked.asked_together} (Holm's correction made for all)")
    lines.append(NOTES[About(question.about)])
    lines.append(f"What stands behind the intervals: {asked.validation}.")
    if question.about == About.STOCKPILE and not asked.calibrated:
        lines.append("Not calibrated on coal at this site.")
    if question.about == About.STOCKPILE and question.test == "before_after":
        sides = f"looks: {found.looks_before} before, {found.looks_after} after"
        lines.append(f"{sides}; {found.looks_used} of the same season used on either side")
    lines += _ordinary_lines(found)
    lines += [f"{name}: {_told(unit, q)}" for name, unit, q in _quantities(asked)]
    if found.p_value is not None:
        lines.append(
            f"seasonal Mann–Kendall test of these looks, which takes years for independent: "
            f"p = {found.p_value:.3f}"
        )
    if question.about == About.STOCKPILE:
        lines += [_radar_line(zone, opinion) for zone, opinion in sorted(asked.radar.items())]
        if not asked.radar:
            lines.append("Sentinel-1: none in the archive")
    lines.append("Likelihood and confidence (ICD 203): set by a reviewer, empty until then.")
    return lines


def _ordinary_lines(found: Answer) -> list[str]:
    """The years that the change was judged against."""
    judged = found.judgement
    if judged is None or not judged.reference_years:
        return []
    lines = [f"complete years outside the asked window: {years_text(judged.reference_years)}"]
    if judged.placebos:
        told = ", ".join(f"{year} {value:+.2f}" for year, value in judged.placebos)
        lines.append(f"ordinary years against each other, ha: {told}")
        lines.append(
            f"as far as the asked window ({judged.contrast or 0.0:+.2f} ha): "
            f"{judged.larger_placebos} of {len(judged.placebos)}"
        )
    if judged.memory_days is not None:
        lines.append(f"memory of the series: about {judged.memory_days:.0f} days")
    return lines


def _radar_line(zone: str, told: RadarOpinion) -> str:
    said = f"Sentinel-1 on {zone}: {told.verdict} ({told.pairs} pairs of looks in {told.orbits} orbits"
    return f"{said})" if told.correlation is None else f"{said}, rank correlation {told.correlation:+.2f})"


def _told(unit: str, q: Quantity) -> str:
    if q.value is None:
        return f"not assessable ({q.reason})"
    name = "" if unit == "1" else f" {unit}"
    return f"{q.value:.2f}{name} [{q.low:.2f} to {q.high:.2f}, {q.level:.0%}]"


def _plain(value: Any) -> Any:
    """Dates as text all the way down, the rest as `evidence.rows.plain` has it."""
    if isinstance(value, dict):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value.isoformat() if isinstance(value, dt.date) else plain(value)


def ask_comparison(
    workspace: Workspace, path: Path, *, actor: str = "campwatch", clock: Clock = system_clock
) -> Compared:
    """Declare the question in `path` where it is new, then answer it from the ledger.

    Raises:
        QuestionError: where it cannot be read, was declared with other words, or names no known place.
    """
    question, sites = read_question(path), readable_sites(workspace)
    with open_for_append(workspace) as ledger:
        declared = declare_comparison(ledger, path, actor=actor, clock=clock, sites=sites)
        digest = declared.data["sha256"]
        found, checks = answer_comparison(ledger, path), all_checks(ledger, sites)
        sites_asked = {name.partition("/")[0] for name in declared.data.get("comparisons", ())}
        known = standing(ledger, declared, layer=STOCKPILE_AREAS.name, sites=sites_asked)
        document = comparison_document(found, question=question, checks=checks)
        document |= {"question_sha256": digest, "standing": known.document}
        keep_answer(ledger, declared, document, actor=actor, clock=clock)
    told = comparison_lines(found, question=question, checks=checks)
    lines = (*told, *known.lines, f"question file SHA-256 {digest}")
    folder = workspace.exports_folder / "questions"
    files = (folder / f"{path.stem}.json", folder / f"{path.stem}.txt")
    folder.mkdir(parents=True, exist_ok=True)
    write_text(files[0], json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    write_text(files[1], "\n".join(lines) + "\n")
    return Compared(lines=lines, document=document, files=files)
