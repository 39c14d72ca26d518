"""Content removed from a ledger that otherwise only grows: what it was stays provable, what it said is gone.

A redaction replaces texts in rows, in custody entries or in the long texts that these name by a mark. The
custody entry that tells of it keeps why, the digest of what was written, and of what stands since: `verify`
takes the first for what was sworn to and holds the second against the file, and says what was redacted.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence.custody import CustodyEntry, entry_hash, row_digest
from evidence.custody_table import REDACTED, SINCE, CustodyTable, Stored
from evidence.errors import LedgerError
from evidence.hashing import canonical_json, sha256_bytes
from evidence.ledger_schema import READ_COLUMNS, unguarded
from evidence.row_packing import RowPacking
from evidence.rows import StoredRow

ACTION = "redact"
"""Of the custody entry that tells of a redaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place of a ledger whose content is to go, or is found to hold a text."""

    kind: str
    """`row`, `entry` (of custody) or `text` (a long text that entries name)."""
    subject: str
    """Row id; chain and position, as in `camp-14#7`; SHA-256 of the text."""


class Redactions:
    """What was redacted, by row and by text, as custody tells it."""

    def __init__(self, links: Iterable[Stored]) -> None:
        """Read the entries that tell of redactions."""
        self._rows: dict[int, tuple[str, str]] = {}
        self._entries: dict[tuple[str, int], str] = {}
        self.texts: dict[str, str] = {}
        for _, entry, _ in links:
            if entry.action == ACTION:
                for told in entry.data["removed"]:
                    if told["kind"] == "row":
                        before = self._rows.get(told["seq"], (told["before"], ""))[0]
                        self._rows[told["seq"]] = before, told["after"]
                    elif told["kind"] == "entry":
                        self._entries[told["chain"], told["position"]] = told["after"]
                    else:
                        self.texts[told["sha256"]] = told["after"]

    def of_row(self, seq: int) -> tuple[str, str] | None:
        """(digest as it was written, digest since) of a row; None where nothing of it was removed."""
        return self._rows.get(seq)

    def of_entry(self, entry: CustodyEntry) -> str | None:
        """Digest since of a custody entry; None where nothing of it was removed."""
        return self._entries.get((entry.chain, entry.position))


def without(value: Any, wanted: str) -> Any:
    """A plain value with every text that holds `wanted`, without regard to case, replaced by the mark."""
    if isinstance(value, str):
        return REDACTED if wanted.casefold() in value.casefold() else value
    if isinstance(value, list):
        return [without(item, wanted) for item in value]
    return (
        {name: without(item, wanted) for name, item in value.items()} if isinstance(value, Mapping) else value
    )


def remove(db: sqlite3.Connection, places: Sequence[Place], wanted: str) -> list[dict[str, Any]]:
    """Replace texts that hold `wanted` within the caller's transaction; returns what custody tells of it.

    Raises:
        LedgerError: where a place is not in the ledger.
    """
    told: list[dict[str, Any]] = []
    with unguarded(db):
        _open_dictionaries(db, wanted)
        for place in places:
            told += _REMOVERS[place.kind](db, place, wanted)
    return told


def _open_dictionaries(db: sqlite3.Connection, wanted: str) -> None:
    """Lay out as text what was packed against a text that holds `wanted`, and forget that text."""
    packing = RowPacking(db)
    for layer, text in packing.dictionaries().items():
        if wanted.casefold() in text.casefold():
            query = f"SELECT {READ_COLUMNS} FROM rows WHERE layer = ? AND typeof(data) = 'blob'"  # noqa: S608
            for values in db.execute(query, (layer,)).fetchall():
                packing.replace(packing.row(values))
            packing.empty_dictionary(layer)


def _remove_row(db: sqlite3.Connection, place: Place, wanted: str) -> Iterator[dict[str, Any]]:
    query = f"SELECT {READ_COLUMNS} FROM rows WHERE row_id = ?"  # noqa: S608 - constants
    packing = RowPacking(db)
    held = [packing.row(values) for values in db.execute(query, (place.subject,)).fetchall()]
    if not held:
        raise LedgerError(f"no row {place.subject}")
    for stored in held:
        after = _with(stored, without(stored.row.data, wanted))
        packing.replace(after)
        yield {
            "kind": "row",
            "seq": stored.seq,
            "row_id": stored.row_id,
            "before": row_digest(stored),
            "after": row_digest(after),
        }


def _remove_text(db: sqlite3.Connection, place: Place, wanted: str) -> Iterator[dict[str, Any]]:
    text = CustodyTable(db).text(place.subject)
    if text is None:
        raise LedgerError(f"no text {place.subject} in custody")
    after = canonical_json(without(json.loads(text), wanted))
    db.execute("UPDATE texts SET text = ? WHERE sha256 = ?", (after, place.subject))
    yield {"kind": "text", "sha256": place.subject, "after": sha256_bytes(after.encode())}


def _remove_entry(db: sqlite3.Connection, place: Place, wanted: str) -> Iterator[dict[str, Any]]:
    chain, _, position = place.subject.rpartition("#")
    own = "WHERE chain = ? AND position = ?"
    held = CustodyTable(db).stored(own, (chain, int(position) if position.isdigit() else -1))
    if not held:
        raise LedgerError(f"no custody entry {place.subject}")
    (_, entry, digest) = held[0]
    if any(SINCE in other.data for _, other, _ in CustodyTable(db).stored("WHERE chain = ?", (chain,))):
        raise LedgerError(f"{place.subject}: entries of this chain are told as differences by version 1")
    after = dataclasses.replace(entry, data=without(entry.data, wanted))
    db.execute(f"UPDATE custody SET data = ? {own}", (canonical_json(after.data), chain, entry.position))  # noqa: S608
    yield {
        "kind": "entry",
        "chain": chain,
        "position": entry.position,
        "before": digest,
        "after": entry_hash(after),
    }


_REMOVERS = {"row": _remove_row, "entry": _remove_entry, "text": _remove_text}


def _with(stored: StoredRow, data: Mapping[str, Any]) -> StoredRow:
    return dataclasses.replace(stored, row=dataclasses.replace(stored.row, data=data))


def sworn_digest(stored: StoredRow, redactions: Redactions) -> str:
    """Digest of a row as it was written: its own, or, where content was removed since, the one kept of it.

    A redacted row that was changed in any other way has a digest that fits nothing.
    """
    own = row_digest(stored)
    removed = redactions.of_row(stored.seq)
    if removed is None:
        return own
    return removed[0] if own == removed[1] else sha256_bytes(f"changed {own}".encode())


def places_of(
    rows: Iterable[StoredRow], links: Iterable[Stored], texts: Iterable[tuple[str, str]], wanted: str
) -> list[Place]:
    """Where a text stands in rows, custody entries and the long texts that these name.

    Args:
        rows: every row ever appended.
        links: custody as written.
        texts: the long texts with their digests.
        wanted: looked for without regard to case.
    """
    small = wanted.casefold()
    held = [("row", stored.row_id, stored.row.data) for stored in rows]
    held += [("entry", f"{entry.chain}#{entry.position}", entry.data) for _, entry, _ in links]
    found = [
        Place(kind=kind, subject=subject)
        for kind, subject, data in held
        if small in canonical_json(data).casefold()
    ]
    found += [Place(kind="text", subject=digest) for digest, text in texts if small in text.casefold()]
    return list(dict.fromkeys(found))
