"""Who answers for the Korean words: a code that has read the catalogue as it is; a draft until then."""

from __future__ import annotations

from pathlib import Path

from campwatch.identity import Clock, new_run_id, system_clock, timestamp
from campwatch.language import DRAFT, GOVERNS, KOREAN, korean_digest, spoken, told
from campwatch.workspace import LEDGER_NAME, Workspace
from evidence.custody import WORKSPACE_CHAIN
from evidence.errors import LedgerError
from evidence.ledger import Ledger, holds_ledger

SIGNED = "sign-korean"


def korean_signer(ledger: Ledger) -> str | None:
    """The code that signed the Korean words as they are; None where they changed since, or nobody has."""
    entry = ledger.last_entry(WORKSPACE_CHAIN, SIGNED)
    return entry.actor if entry is not None and entry.data.get("catalogue") == korean_digest() else None


def korean_note(signer: str | None) -> str:
    """What stands on everything Korean, in English: whether it is a draft, and which language governs."""
    return DRAFT if signer is None else GOVERNS.format(signer=signer)


def standing(folder: Path) -> str:
    """The same for the workspace in a folder, which may be none yet."""
    path = folder / LEDGER_NAME
    if not holds_ledger(path):
        return korean_note(None)
    try:
        with Ledger(path, read_only=True) as ledger:
            return korean_note(korean_signer(ledger))
    except LedgerError:
        return korean_note(None)


def file_note(ledger: Ledger) -> str:
    """The same for a file in the language that is spoken; nothing on an English one."""
    return told(korean_note(korean_signer(ledger))) if spoken() == KOREAN else ""


def sign_korean(workspace: Workspace, *, actor: str, clock: Clock = system_clock) -> str:
    """Put into custody that this code has read the Korean words as they are; returns their digest."""
    from campwatch.run.derived import open_for_append  # noqa: PLC0415 - it writes files that ask this module

    digest = korean_digest()
    with open_for_append(workspace) as ledger:
        ledger.append(
            [], chain=WORKSPACE_CHAIN, run_id=new_run_id(clock), time=timestamp(clock), actor=actor,
            action=SIGNED, details={"catalogue": digest},
        )  # fmt: skip
    return digest
