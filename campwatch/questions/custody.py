"""A question's words and its answer in the custody chain, each once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campwatch.identity import Clock, code_identity, new_run_id, timestamp
from evidence.custody import CustodyEntry
from evidence.errors import WatchError
from evidence.hashing import sha256_bytes, sha256_json
from evidence.ledger import Ledger
from evidence.rows import Row
from evidence.runs import MEASURED

DECLARED = "declare"
ANSWERED = "answer"


class QuestionError(WatchError):
    """A question that cannot be asked, or was changed after it had been declared."""


def declaration(ledger: Ledger, path: Path) -> CustodyEntry | None:
    """The custody entry that declares this file as it is, None where there is none.

    Raises:
        QuestionError: where another wording was declared under the same name.
    """
    told = [e for e in ledger.custody() if e.action == DECLARED and e.data["question"] == path.stem]
    if told and told[0].data["sha256"] != sha256_bytes(path.read_bytes()):
        raise QuestionError(
            f"{path.name} was declared on {told[0].time} with other words; ask under a new name"
        )
    return told[0] if told else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What was known when a question was declared, and how many were asked of the same site."""

    declared_at: str
    figures_before: int
    """Rows of the measured layer of these sites that the ledger held before the declaration."""
    measured_before: tuple[str, ...]
    """Runs that had measured these sites by then, oldest first."""
    asked: tuple[str, ...]
    """Every question declared for the site, in the order of declaration."""
    own: str
    """This one."""

    @property
    def lines(self) -> list[str]:
        """The same for people."""
        if self.figures_before:
            blind = (
                f"asked with figures in hand: when it was declared on {self.declared_at} the ledger held "
                f"{self.figures_before} of them, last measured by run {self.measured_before[-1]}"
            )
        else:
            blind = f"declared on {self.declared_at}, before the ledger held any figure that it asks about"
        others = [name for name in self.asked if name != self.own]
        number, n = self.asked.index(self.own) + 1, len(self.asked)
        told = f"question {number} of {n} declared for this site"
        return [blind, f"{told} (the others: {', '.join(others)})" if others else told]

    @property
    def document(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "declared_at": self.declared_at,
            "figures_before": self.figures_before,
            "measured_before": list(self.measured_before),
            "questions_of_site": list(self.asked),
        }


def standing(ledger: Ledger, declared: CustodyEntry, *, layer: str, sites: Iterable[str]) -> Standing:
    """What the ledger held when a question was declared; told from custody, whoever asks and when.

    Args:
        ledger: open for reading.
        declared: the entry that declares the question.
        layer: whose rows it asks about.
        sites: whose rows it asks about.
    """
    chains = {declared.chain, *sites}
    asked: list[str] = []
    runs: list[str] = []
    figures = 0
    until: int | None = None
    for seq, entry, _ in ledger.custody_stream():
        if entry.action == DECLARED and entry.chain == declared.chain:
            asked.append(str(entry.data["question"]))
            until = seq if entry.position == declared.position else until
        elif until is None and entry.action == MEASURED and entry.chain in chains:
            runs.append(entry.run_id)
            figures += sum(
                row.row.layer == layer and not row.row.retired for row in ledger.rows_of_entry(seq)
            )
    return Standing(
        declared_at=declared.time,
        figures_before=figures,
        measured_before=tuple(dict.fromkeys(runs)),
        asked=tuple(asked),
        own=str(declared.data["question"]),
    )


def required_declaration(ledger: Ledger, path: Path) -> CustodyEntry:
    """The custody entry that declares this file as it is.

    Raises:
        QuestionError: where it was never declared, or with other words.
    """
    entry = declaration(ledger, path)
    if entry is None:
        raise QuestionError(
            f"{path.name} has not been declared: its hash must be in custody before it is answered"
        )
    return entry


def declare(
    ledger: Ledger, path: Path, *, chain: str, also: Mapping[str, Any], actor: str, clock: Clock
) -> CustodyEntry:
    """Put the question's SHA-256 into custody; declared once, it stands. Returns the entry that declares it.

    Args:
        ledger: open for writing.
        path: of the question's file.
        chain: the custody chain, which is the site's.
        also: what else the declaration fixes.
        actor: a code, not a name.
        clock: now.

    Raises:
        QuestionError: where another wording was declared under the same name.
    """
    if declaration(ledger, path) is None:
        details = {"question": path.stem, "sha256": sha256_bytes(path.read_bytes()), **also}
        _append(ledger, chain, DECLARED, details, actor=actor, clock=clock)
    return required_declaration(ledger, path)


def keep_answer(
    ledger: Ledger,
    declared: CustodyEntry,
    document: Mapping[str, Any],
    *,
    actor: str,
    clock: Clock,
    rows: Sequence[Row] = (),
) -> None:
    """The answer into custody beside its declaration, with its row, unless it stands there already.

    What was asked since (`Standing`, and how many were asked together) makes no new answer.
    """
    told = {name: value for name, value in document.items() if name not in {"standing", "asked_together"}}
    digest = sha256_json(told)
    kept = (e.data for e in ledger.custody(declared.chain) if e.action == ANSWERED)
    if any(data["answer_sha256"] == digest for data in kept):
        return
    question = {name: declared.data[name] for name in ("question", "sha256")}
    details = question | {"code": code_identity(), "answer": document, "answer_sha256": digest}
    _append(ledger, declared.chain, ANSWERED, details, actor=actor, clock=clock, rows=rows)


def _append(
    ledger: Ledger,
    chain: str,
    action: str,
    details: Mapping[str, Any],
    *,
    actor: str,
    clock: Clock,
    rows: Sequence[Row] = (),
) -> None:
    ledger.append(
        rows,
        chain=chain,
        run_id=new_run_id(clock),
        time=timestamp(clock),
        actor=actor,
        action=action,
        details=details,
    )
