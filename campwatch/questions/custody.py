"""A question's words and its answer in the custody chain, each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from campwatch.identity import Clock, code_identity, new_run_id, timestamp
from evidence.custody import CustodyEntry
from evidence.errors import WatchError
from evidence.hashing import sha256_bytes, sha256_json
from evidence.ledger import Ledger
from evidence.rows import Row

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
    """The answer into custody beside its declaration, with its row, unless it stands there already."""
    digest = sha256_json(document)
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
