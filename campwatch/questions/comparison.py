"""Questions with comparison places: questions/ID.toml, who is compared with whom, and the answer."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aoi.geodesy import distance_m
from aoi.records import Site, ZoneKind
from campwatch.identity import Clock
from campwatch.questions.custody import QuestionError, declaration, declare, required_declaration
from campwatch.settings import fault_words
from detection.answers.comparison import Comparison, ComparisonParams, Observation, compare
from detection.coal.records import STOCKPILE_AREAS
from evidence.custody import CustodyEntry
from evidence.ledger import Ledger
from evidence.quantity import Quantity


class Subject(BaseModel):
    """A zone of a site."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    site: str
    zone: str

    @property
    def name(self) -> str:
        """As tables and figures call it."""
        return f"{self.site}/{self.zone}"


class Matched(BaseModel):
    """Comparison places by what the registry says of them; declaring the question fixes who they are."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: Annotated[tuple[str, ...], Field(min_length=1)]
    """Of the site files: coal_mine, coal_mine_candidate, …"""
    within_km: Annotated[float, Field(gt=0)] = 300.0
    """Of the subject: the same railways, weather and offices."""
    most: Annotated[int, Field(ge=3)] = 10
    """The nearest so many."""


class Question(BaseModel):
    """What is compared with what, around which date."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    question: Annotated[str, Field(min_length=10)]
    """In words."""
    subject: Subject
    comparisons: tuple[Subject, ...] = ()
    """Comparison places by name: civilian mines that the event did not concern."""
    matched: Matched | None = None
    """Or by what the registry says of them."""
    coal_free: tuple[Subject, ...] = ()
    """Zones on ground without coal: a change there would be the method's own."""
    event: dt.date
    placebos: tuple[dt.date, ...] = ()
    """Dates when nothing is known to have happened."""
    window_days: Annotated[int, Field(ge=90, le=1500)] = 365
    why_comparable: Annotated[str, Field(min_length=10)]

    @model_validator(mode="after")
    def _has_comparisons(self) -> Question:
        """One way of naming comparison places; the subject is none of them."""
        if bool(self.comparisons) == (self.matched is not None):
            raise ValueError("either comparisons or matched names the comparison places")
        if self.subject in (*self.comparisons, *self.coal_free):
            raise ValueError(f"{self.subject.name} is compared with itself")
        return self


def read_question(path: Path) -> Question:
    """Read `questions/ID.toml`.

    Raises:
        QuestionError: where it is not one.
    """
    try:
        return Question.model_validate(_document(path))
    except ValidationError as err:
        faults = [
            f"{'.'.join(str(part) for part in fault['loc']) or 'file'}: {fault_words(fault)}"
            for fault in err.errors(include_url=False)
        ]
        raise QuestionError(f"{path.name}: {'; '.join(faults)}") from err


def _document(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise QuestionError(f"cannot read {path}: {err}") from err


def is_comparison(path: Path) -> bool:
    """Whether a question file asks for comparison places.

    Raises:
        QuestionError: where it cannot be read.
    """
    return bool({"comparisons", "matched"} & set(_document(path)))


def comparison_places(question: Question, sites: Sequence[Site]) -> tuple[Subject, ...]:
    """The comparison places: as named, or stockyards of sites of the wanted kinds, nearest first.

    Raises:
        QuestionError: where the registry holds none.
    """
    if question.matched is None:
        return question.comparisons
    own = next((site for site in sites if site.id == question.subject.site), None)
    if own is None:
        raise QuestionError(f"no site {question.subject.site} in this workspace")
    found = sorted(
        (distance_m(own.aoi.centroid, site.aoi.centroid) / 1000, site.id, zone.id)
        for site in sites
        if site.kind in question.matched.kinds and site.id != own.id
        for zone in site.zones_of(ZoneKind.STOCKYARD)
    )
    near = [(site, zone) for km, site, zone in found if km <= question.matched.within_km]
    if not near:
        kinds = ", ".join(question.matched.kinds)
        raise QuestionError(
            f"no site of the kinds {kinds} within {question.matched.within_km:g} km has a stockyard zone"
        )
    return tuple(Subject(site=site, zone=zone) for site, zone in near[: question.matched.most])


def _require_places(places: Sequence[Subject], sites: Sequence[Site], ledger: Ledger) -> None:
    """Before a question is declared: a misspelt site or zone must not burn its name."""
    known = {f"{site.id}/{zone.id}" for site in sites for zone in site.zones}
    unknown = sorted(p.name for p in places if p.name not in known and not _series(ledger, p))
    if unknown:
        there = ", ".join(sorted(known)) or "none"
        raise QuestionError(f"no zone {', '.join(unknown)}; there are: {there}; nothing was declared")


def declare_comparison(
    ledger: Ledger, path: Path, *, actor: str, clock: Clock, sites: Sequence[Site] = ()
) -> CustodyEntry:
    """Put the question's hash and its comparison places into the subject's custody chain; once, they stand.

    Args:
        ledger: open for writing.
        path: of the question.
        actor: a code, not a name.
        clock: now.
        sites: of the workspace, where the registry's kinds name the comparison places.

    Raises:
        QuestionError: where it cannot be read, was declared with other words, or the registry names no place.
    """
    standing = declaration(ledger, path)
    if standing is not None:
        return standing
    question = read_question(path)
    places = comparison_places(question, sites)
    if sites:
        _require_places((question.subject, *places, *question.coal_free), sites, ledger)
    also = {"comparisons": [place.name for place in places]}
    return declare(ledger, path, chain=question.subject.site, also=also, actor=actor, clock=clock)


def answer(ledger: Ledger, path: Path) -> Comparison:
    """Compute a declared question from the ledger's stockpile areas.

    Raises:
        QuestionError: where it was never declared.
    """
    entry = required_declaration(ledger, path)
    question = read_question(path)
    places = [_subject(name) for name in entry.data.get("comparisons", ())] or question.comparisons
    return compare(
        _series(ledger, question.subject),
        {place.name: _series(ledger, place) for place in places},
        event=question.event,
        placebos=question.placebos,
        coal_free={place.name: _series(ledger, place) for place in question.coal_free},
        params=ComparisonParams(window_days=question.window_days),
    )


def _subject(name: str) -> Subject:
    site, _, zone = name.partition("/")
    return Subject(site=site, zone=zone)


def _series(ledger: Ledger, subject: Subject) -> list[Observation]:
    return [
        Observation(
            date=dt.datetime.fromisoformat(stored.row.data["datetime"]).date(),
            area_ha=Quantity.from_dict(stored.row.data["area_ha"]),
        )
        for stored in ledger.current(STOCKPILE_AREAS.name, site_id=subject.site)
        if stored.row.data["zone_id"] == subject.zone
    ]
