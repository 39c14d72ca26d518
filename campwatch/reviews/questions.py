"""Questions declared before they are computed: questions/ID.toml, its hash in custody, then the answer."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from campwatch.identity import Clock, new_run_id, timestamp
from detection.comparison import Comparison, ComparisonParams, Observation, compare
from evidence.custody import CustodyEntry
from evidence.errors import WatchError
from evidence.hashing import sha256_bytes
from evidence.ledger import Ledger
from evidence.quantity import Quantity

DECLARED = "declare"


class QuestionError(WatchError):
    """A question that cannot be asked, or was changed after it had been declared."""


class Subject(BaseModel):
    """A zone of a site."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    site: str
    zone: str


class Question(BaseModel):
    """What is compared with what, around which date."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    question: Annotated[str, Field(min_length=10)]
    """In words."""
    subject: Subject
    comparisons: Annotated[tuple[Subject, ...], Field(min_length=1)]
    """Matched places: civilian mines, coal-free places."""
    event: dt.date
    placebos: tuple[dt.date, ...] = ()
    """Dates when nothing is known to have happened."""
    window_days: Annotated[int, Field(ge=90, le=1500)] = 365
    why_comparable: Annotated[str, Field(min_length=10)]


def read_question(path: Path) -> Question:
    """Read `questions/ID.toml`.

    Raises:
        QuestionError: where it is not one.
    """
    try:
        return Question.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except (OSError, tomllib.TOMLDecodeError) as err:
        raise QuestionError(f"cannot read {path}: {err}") from err
    except ValidationError as err:
        fault = err.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "file"
        raise QuestionError(f"{path.name}: {where}: {fault['msg']}") from err


def declare(ledger: Ledger, path: Path, *, actor: str, clock: Clock) -> str:
    """Put the question's hash into custody; declared once, it stands. Returns the hash."""
    question, digest = read_question(path), sha256_bytes(path.read_bytes())
    if declaration(ledger, path) is None:
        ledger.append(
            [],
            chain=question.subject.site,
            run_id=new_run_id(clock),
            time=timestamp(clock),
            actor=actor,
            action=DECLARED,
            details={"question": path.stem, "sha256": digest},
        )
    return digest


def declaration(ledger: Ledger, path: Path) -> CustodyEntry | None:
    """The custody entry that declares this file as it is, None where there is none.

    Raises:
        QuestionError: where another wording was declared under the same name.
    """
    digest = sha256_bytes(path.read_bytes())
    told = [e for e in ledger.custody() if e.action == DECLARED and e.data["question"] == path.stem]
    if told and told[0].data["sha256"] != digest:
        raise QuestionError(
            f"{path.name} was declared on {told[0].time} with other words; ask under a new name"
        )
    return told[0] if told else None


def answer(ledger: Ledger, path: Path) -> Comparison:
    """Compute a declared question from the ledger's stockpile areas.

    Raises:
        QuestionError: where it was never declared.
    """
    entry = declaration(ledger, path)
    if entry is None:
        raise QuestionError(
            f"{path.name} has not been declared: its hash must be in custody before it is answered"
        )
    question = read_question(path)
    return compare(
        _series(ledger, question.subject),
        {f"{c.site}/{c.zone}": _series(ledger, c) for c in question.comparisons},
        event=question.event,
        placebos=question.placebos,
        params=ComparisonParams(window_days=question.window_days),
    )


def _series(ledger: Ledger, subject: Subject) -> list[Observation]:
    return [
        Observation(
            date=dt.datetime.fromisoformat(stored.row.data["datetime"]).date(),
            area_ha=Quantity.from_dict(stored.row.data["area_ha"]),
        )
        for stored in ledger.current("stockpile_areas", site_id=subject.site)
        if stored.row.data["zone_id"] == subject.zone
    ]
