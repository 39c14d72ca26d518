"""Questions about one site's stockpile areas: declared in custody, then answered from the ledger.

`questions/ID.toml` names site, zones, windows and test before anybody has looked; its SHA-256 enters the
site's custody chain before the answer is computed, and the answer enters it afterwards.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aoi.records import Site, ZoneKind
from aoi.site_file import read_site
from campwatch.derived import open_for_append
from campwatch.identity import Clock, system_clock
from campwatch.questions.custody import QuestionError, Standing, declare, keep_answer, standing
from campwatch.radar_looks import zone_opinions
from campwatch.reviews.validation import site_checks
from campwatch.workspace import Workspace
from detection.activity import Activity, activity
from detection.coal.records import STOCKPILE_AREAS, StockpileArea
from detection.questions import Answer, Question, answer, parse_question
from detection.radar.second_opinion import RadarOpinion
from evidence.files import write_text
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from evidence.record_reading import read_record
from evidence.rows import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question with its answer and where it was written."""

    site_id: str
    question: Question
    answer: Answer
    before: Activity
    after: Activity
    declared_at: str
    sha256: str
    """Of the question's file."""
    radar: Mapping[str, RadarOpinion]
    """What Sentinel-1 says, by zone; empty where the archive holds none."""
    calibrated: bool
    validation: str
    """What references of the site stand behind the figures."""
    standing: Standing
    """What was known when the question was declared, and how many were asked."""
    files: tuple[Path, ...]

    @property
    def document(self) -> dict[str, Any]:
        """Plain values."""
        told = {
            "site": self.site_id,
            "declared_at": self.declared_at,
            "question_sha256": self.sha256,
            "standing": self.standing.document,
            "radar": {zone: asdict(told) for zone, told in self.radar.items()},
            "calibrated": self.calibrated,
            "validation": self.validation,
            "question": asdict(self.question),
            "answer": asdict(self.answer),
            "window_before": asdict(self.before),
            "window_after": asdict(self.after),
        }
        return {name: _plain(value) for name, value in told.items()}


def question_path(workspace: Workspace, question_id: str) -> Path:
    """The file of a question.

    Raises:
        QuestionError: where there is none.
    """
    path = workspace.folder / "questions" / f"{question_id}.toml"
    if not path.is_file():
        raise QuestionError(f"there is no question {question_id}: {path} is missing")
    return path


def read_area_question(path: Path) -> tuple[str, Question]:
    """The site and the question of a file.

    Raises:
        QuestionError: where it cannot be read, or names no site.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, tomllib.TOMLDecodeError) as err:
        raise QuestionError(f"cannot read {path}: {err}") from err
    site_id = data.pop("site", None)
    if not isinstance(site_id, str):
        raise QuestionError(f"{path.name}: site is missing")
    return site_id, parse_question({"id": path.stem} | data)


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
        _require_zones(question, site, areas)
        declared = declare(ledger, path, chain=site_id, also={}, actor=actor, clock=clock)
        _require_areas(question, areas, site_id)
        asked = Asked(
            site_id=site_id,
            question=question,
            answer=answer(question, areas),
            before=activity(areas, question.zones, question.before),
            after=activity(areas, question.zones, question.after),
            declared_at=declared.time,
            sha256=declared.data["sha256"],
            standing=standing(ledger, declared, layer=STOCKPILE_AREAS.name, sites=(site_id,)),
            radar=zone_opinions(workspace, site, question.zones, areas),
            calibrated=_calibrated(ledger, site_id),
            validation=site_checks(ledger, site)[STOCKPILE_AREAS.name].text,
            files=_file_names(workspace, question_id),
        )
        keep_answer(ledger, declared, asked.document, actor=actor, clock=clock)
    _write_files(asked)
    return asked


def _areas(ledger: Ledger, site_id: str) -> list[StockpileArea]:
    return [read_record(StockpileArea, s.row) for s in ledger.current(STOCKPILE_AREAS.name, site_id=site_id)]


def _require_zones(question: Question, site: Site, areas: list[StockpileArea]) -> None:
    """Before a question is declared: a misspelt zone must not burn its name."""
    known = {zone.id for zone in site.zones_of(ZoneKind.STOCKYARD)} | {area.zone_id for area in areas}
    unknown = sorted({*question.zones, *question.comparison_zones} - known)
    if unknown or not question.zones:
        there = ", ".join(sorted(known)) or "none (the site file has no stockyard zone)"
        raise QuestionError(
            f"question {question.id}: no zone {', '.join(unknown) or 'is named'} in {site.id}; "
            f"there are: {there}; nothing was declared"
        )


def _require_areas(question: Question, areas: list[StockpileArea], site_id: str) -> None:
    unknown = sorted({*question.zones, *question.comparison_zones} - {area.zone_id for area in areas})
    if unknown:
        raise QuestionError(
            f"question {question.id} is declared; there are no areas of {', '.join(unknown)} in {site_id} "
            "yet: ask again after a run"
        )


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
    return tuple(folder / f"{question_id}.{kind}" for kind in ("json", "csv", "txt"))


def _write_files(asked: Asked) -> None:
    document, table, text = asked.files
    document.parent.mkdir(parents=True, exist_ok=True)
    write_text(document, json.dumps(asked.document, ensure_ascii=False, indent=2) + "\n")
    write_text(table, "\ufeff" + _csv(asked))
    write_text(text, "\n".join(answer_lines(asked)) + "\n")


def _quantities(asked: Asked) -> Iterator[tuple[str, str, Quantity]]:
    """(figure, unit, quantity) in the order of the table."""
    found = asked.answer
    yield from (("mean area before", "ha", found.before_ha), ("mean area after", "ha", found.after_ha))
    yield "difference", "ha", found.difference_ha
    for date, quantity in found.sensitivity:
        yield f"difference if the windows met on {date}", "ha", quantity
    if found.slope_ha_per_year is not None:
        yield "slope (Theil–Sen within months)", "ha per year", found.slope_ha_per_year
    for name, window in (("before", asked.before), ("after", asked.after)):
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
    """The answer for people."""
    found = asked.answer
    lines = [f"{asked.question.title} ({asked.site_id}: {', '.join(asked.question.zones)})"]
    lines.append(f"declared {asked.declared_at}, file SHA-256 {asked.sha256}")
    lines += asked.standing.lines
    lines.append("Plan area of probable coal; not volume, tonnage, production or origin.")
    lines.append(f"What stands behind the intervals: {asked.validation}.")
    if not asked.calibrated:
        lines.append("Not calibrated on coal at this site.")
    sides = f"looks: {found.looks_before} before, {found.looks_after} after"
    lines.append(f"{sides}; {found.looks_used} of the same season used on either side")
    lines += [f"{name}: {_told(unit, q)}" for name, unit, q in _quantities(asked)]
    if found.p_value is not None:
        lines.append(f"seasonal Mann–Kendall test: p = {found.p_value:.3f}")
    if found.test == "change_points":
        lines += [f"change between {a} and {b}" for a, b in found.changes] or ["no change point"]
    lines += [_radar_line(zone, opinion) for zone, opinion in sorted(asked.radar.items())]
    if not asked.radar:
        lines.append("Sentinel-1: none in the archive")
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
