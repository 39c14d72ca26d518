"""Removing what must not stay: a name in a note. The digest and the reason are kept, and copies are named.

Reviewers and observers are codes; where the key to the codes is kept is outside the workspace, and the
workspace must not say where.
"""

from __future__ import annotations

import html
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campwatch.identity import Clock, new_run_id, system_clock, timestamp
from campwatch.run.derived import open_for_append
from campwatch.workspace import Workspace
from evidence.errors import LedgerError
from evidence.ledger import Ledger
from evidence.redaction import Place, places_of

SHORTEST = 4
"""Characters of a text that is to go."""
_PIXELS = frozenset({".tif", ".png", ".webp", ".npy", ".blosc"})
_OPAQUE = frozenset({".gz", ".xz", ".zst", ".7z", ".age", ".gpg", ".enc", ".pdf"})
"""What cannot be looked into: compressed or encrypted."""
_ZIPPED = frozenset({".zip", ".docx", ".xlsx", ".kmz", ".gqgz", ".qgz"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """What was removed, and where it may still be read."""

    removed: tuple[Mapping[str, Any], ...]
    drawn_anew: tuple[str, ...]
    """Maps that showed it and were deleted; the next run draws them."""
    still_in: tuple[str, ...]
    """Files that still hold it: delete or replace them."""
    not_looked_into: tuple[str, ...]
    """Files that may hold it and cannot be read here."""
    copies_made: tuple[str, ...]
    """Releases and backups made while it stood, as custody tells."""


def find_places(workspace: Workspace, wanted: str) -> list[Place]:
    """Where a text stands in the ledger."""
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        return places_of(ledger.rows(), ledger.custody_stream(), ledger.texts(), wanted)


def redact(
    workspace: Workspace,
    wanted: str,
    *,
    reason: str,
    actor: str,
    places: Sequence[Place] = (),
    look_in: Iterable[Path] = (),
    clock: Clock = system_clock,
) -> Redacted:
    """Remove content from the ledger, rebuild what is derived from it, and name the copies that remain.

    Args:
        workspace: whose.
        wanted: every text that holds this goes, whole, wherever in the ledger it stands.
        reason: why; it stays for ever and must not repeat what goes.
        actor: a code, not a name.
        places: only at these; everywhere where empty.
        look_in: folders and files outside that may hold copies: backups, what was handed over.
        clock: now.

    Raises:
        LedgerError: where it is nowhere, is too short to tell apart, or the reason repeats it.
    """
    if len(wanted) < SHORTEST:
        raise LedgerError(
            f"{len(wanted)} characters are too few to tell what is meant: {SHORTEST} are needed"
        )
    if wanted.casefold() in reason.casefold():
        raise LedgerError("the reason repeats what is to be removed; it would stay for ever")
    places = places or find_places(workspace, wanted)
    if not places:
        raise LedgerError("nothing in the ledger holds this text")
    with open_for_append(workspace, create=False) as ledger:
        copies = [
            f"{entry.action} {entry.data.get('release') or entry.data.get('to') or ''} of {entry.time}"
            for _, entry, _ in ledger.custody_stream()
            if entry.action in {"release", "backup"}
        ]
        removed = ledger.redact(
            places, wanted, reason=reason, run_id=new_run_id(clock), time=timestamp(clock), actor=actor
        )
    maps = [path for path in sorted(workspace.maps_folder.rglob("*.html")) if _holds(path, wanted)]
    for path in maps:
        path.unlink()
    still, opaque = _copies([workspace.folder, *look_in], wanted)
    return Redacted(
        removed=tuple(removed),
        drawn_anew=tuple(map(str, maps)),
        still_in=tuple(still),
        not_looked_into=tuple(opaque),
        copies_made=tuple(copies),
    )


def _copies(places: Iterable[Path], wanted: str) -> tuple[list[str], list[str]]:
    """(files that hold the text, files that cannot be looked into)."""
    still, opaque = [], []
    files = (path for place in places for path in ([place] if place.is_file() else sorted(place.rglob("*"))))
    for path in files:
        if not path.is_file() or path.suffix in _PIXELS:
            continue
        if path.suffix in _OPAQUE:
            opaque.append(str(path))
        elif _holds(path, wanted):
            still.append(str(path))
    return still, opaque


def _holds(path: Path, wanted: str) -> bool:
    try:
        return _bytes_hold(path.read_bytes(), wanted, zipped=path.suffix in _ZIPPED)
    except OSError:
        return False


def _bytes_hold(data: bytes, wanted: str, *, zipped: bool) -> bool:
    if zipped:
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return any(
                    _bytes_hold(archive.read(name), wanted, zipped=Path(name).suffix in _ZIPPED)
                    for name in archive.namelist()
                )
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
            pass
    small = data.lower()
    return any(spelt in small for spelt in _spellings(wanted.lower()))


def _spellings(text: str) -> set[bytes]:
    """How files of the kinds that are written here spell a text, in small letters."""
    forms = {text, html.escape(text), html.escape(text, quote=False), json.dumps(text)[1:-1]}
    forms.add(json.dumps(text, ensure_ascii=False)[1:-1])
    return {form.encode().lower() for form in forms} | {text.encode("utf-16-le").lower()}
